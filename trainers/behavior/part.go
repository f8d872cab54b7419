package behavior

import (
	"context"
	"fmt"

	"debut/datasets"
	"debut/trainers/metrics"
)

// part is one part of the data: encoded in memory, or a stream.
type part struct {
	memory *datasets.Encoded
	stream *datasets.Stream
}

func (s *session) train() part { return part{s.data.Train, s.data.Streams.Train} }
func (s *session) validation() part {
	return part{s.data.Validation, s.data.Streams.Validation}
}
func (s *session) test() part { return part{s.data.Test, s.data.Streams.Test} }

// absent reports a part without rows.
func (p part) absent() bool { return p.memory == nil && p.stream == nil }

// rows returns the number of rows, 0 of an absent part.
func (p part) rows() int {
	switch {
	case p.memory != nil:
		return p.memory.Rows
	case p.stream != nil:
		return p.stream.Rows()
	}
	return 0
}

// measurePart scores a part, at most limit of its rows where that is positive and the part is a stream.
func (m *Model) measurePart(p part, limit int) (*metrics.Result, error) {
	if p.stream == nil {
		return m.measure(p.memory)
	}
	// Outputs and targets of all rows are needed for a ranking; the features of one row group at a time are.
	var out []float64
	labels := new(datasets.Encoded)
	for g := range p.stream.Groups() {
		if limit > 0 && labels.Rows >= limit {
			break
		}
		d, err := p.stream.Read(context.Background(), []int{g})
		if err != nil {
			return nil, err
		}
		o, err := m.score(d)
		if err != nil {
			return nil, err
		}
		out = append(out, o...)
		labels.Rows += d.Rows
		labels.Target = append(labels.Target, d.Target...)
		if d.Weight != nil {
			labels.Weight = append(labels.Weight, d.Weight...)
		}
	}
	return measure(m.Encoder, out, labels)
}

// source hands out the rows of batches.
type source struct {
	data    *datasets.Encoded
	windows *datasets.Windows
}

// newSource begins to read the training rows of a session.
func (s *session) newSource() source {
	if t := s.train(); t.stream != nil {
		return source{windows: datasets.NewWindows(t.stream, s.cfg.Data.ShuffleRows, *s.cfg.Train.Shuffle, s.cfg.Seed)}
	}
	return source{data: s.data.Train}
}

func (s source) close() {
	if s.windows != nil {
		s.windows.Close()
	}
}

// weightMean is the mean weight of the training rows, of a stream's first row group.
func (s *session) meanWeight() (float64, error) {
	t := s.train()
	if t.stream == nil {
		return weightMean(t.memory.Weight), nil
	}
	if s.data.Encoder.Weight == "" {
		return 1, nil
	}
	d, err := t.stream.Read(context.Background(), []int{0})
	if err != nil {
		return 0, fmt.Errorf("behavior: %w", err)
	}
	return weightMean(d.Weight), nil
}
