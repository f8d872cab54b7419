package behavior

import (
	"context"
	"fmt"

	"debut/datasets"
	"debut/trainers/metrics"
)

func (s *session) train() *datasets.Part      { return s.data.Train }
func (s *session) validation() *datasets.Part { return s.data.Validation }
func (s *session) test() *datasets.Part       { return s.data.Test }

// measurePart scores a part, at most about limit of its rows where that is positive and the part is streamed.
func (m *Model) measurePart(ctx context.Context, p *datasets.Part, limit int) (*metrics.Result, error) {
	// Outputs and targets of all rows are needed for a ranking; the features of one block at a time are.
	var out []float64
	labels := new(datasets.Encoded)
	for d, err := range p.Blocks(ctx) {
		if err != nil {
			return nil, err
		}
		o, err := m.score(ctx, d)
		if err != nil {
			return nil, err
		}
		out = append(out, o...)
		if err := labels.Append(&datasets.Encoded{Rows: d.Rows, Target: d.Target, Weight: d.Weight}); err != nil {
			return nil, err
		}
		if limit > 0 && p.Streamed() && labels.Rows >= limit {
			break
		}
	}
	return measure(m.Encoder, out, labels)
}

// order is how the training rows follow one another.
func (s *session) order() datasets.Order {
	return datasets.Order{Shuffle: *s.cfg.Train.Shuffle, Seed: s.cfg.Seed, Window: s.cfg.Data.ShuffleRows}
}

// meanWeight is the mean weight of the training rows, of the first block of a part that is streamed.
func (s *session) meanWeight() (float64, error) {
	if s.data.Encoder.Weight == "" {
		return 1, nil
	}
	// An interrupted run ends at a step's boundary, not before it has begun.
	for d, err := range s.train().Blocks(context.Background()) {
		if err != nil {
			return 0, fmt.Errorf("behavior: %w", err)
		}
		return weightMean(d.Weight), nil
	}
	return 1, nil
}
