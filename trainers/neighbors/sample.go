package neighbors

import (
	"context"
	"fmt"
	"log/slog"

	"debut/trainers/model"
	"debut/trainers/run"
)

// SamplePart reads the interactions of the run again and measures the lists of its model by a part of them.
func (c *Config) SamplePart(ctx context.Context, m model.Model, baseDir, part string, _ *slog.Logger) (*run.Sampled, error) {
	n, ok := m.(*Model)
	if !ok {
		return nil, fmt.Errorf("neighbors: a model of the family %s", m.Family())
	}
	s, err := n.SamplePart(ctx, &c.Data, baseDir, c.Seed, part)
	return s, c.Locate(err)
}
