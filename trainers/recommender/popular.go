package recommender

import (
	"debut/datasets/interactions"
	"debut/trainers/ranking"
)

// popular ranks items by the share of users that have them: what to recommend to whom nothing is known of.
type popular struct{ share []float32 }

func newPopular(m *interactions.Matrix) *popular {
	p := &popular{make([]float32, m.Columns)}
	for i, n := range m.ColumnCounts() {
		p.share[i] = float32(float64(n) / float64(max(1, m.Rows)))
	}
	return p
}

// Items is the number of items.
func (p *popular) Items() int { return len(p.share) }

// Concurrent says that Score may be called by several goroutines.
func (p *popular) Concurrent() {}

// Score gives everybody the same scores.
func (p *popular) Score(users []int32, out []float32) error {
	for i := range users {
		copy(out[i*len(p.share):], p.share)
	}
	return nil
}

// withPopular scores users without a history by what is popular, and others by another scorer.
type withPopular struct {
	ranking.Scorer
	histories *interactions.Matrix
	popular   *popular
}

// concurrentPopular is withPopular around a scorer that may be called by several goroutines.
type concurrentPopular struct{ withPopular }

// Concurrent says that Score may be called by several goroutines.
func (concurrentPopular) Concurrent() {}

// orPopular makes a scorer of one that only knows users with a history.
func orPopular(s ranking.Scorer, histories *interactions.Matrix) ranking.Scorer {
	w := withPopular{s, histories, newPopular(histories)}
	if _, ok := s.(ranking.Concurrent); ok {
		return concurrentPopular{w}
	}
	return w
}

// Score scores all items for each of the users.
func (w withPopular) Score(users []int32, out []float32) error {
	if err := w.Scorer.Score(users, out); err != nil {
		return err
	}
	n := w.Items()
	for k, u := range users {
		if items, _ := w.histories.Row(int(u)); len(items) == 0 {
			copy(out[k*n:(k+1)*n], w.popular.share)
		}
	}
	return nil
}
