package neighbors

import (
	"context"
	"log/slog"

	"debut/trainers/model"
	"debut/trainers/recommender"
	"debut/trainers/run"
)

// SamplePart reads the interactions of the run again and measures the lists of its model by a part of them.
func (c *Config) SamplePart(ctx context.Context, m model.Model, baseDir, part string, _ *slog.Logger) (*run.Sampled, error) {
	return recommender.SamplePart(ctx, &c.Header, &c.Data, m, baseDir, part)
}
