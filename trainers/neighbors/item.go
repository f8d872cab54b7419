package neighbors

import (
	"context"
	"fmt"
	"slices"

	"debut/datasets/interactions"
	"debut/kernels/pool"
	"debut/trainers/ranking"
)

// Items is a model of similar items (Sarwar et al., "Item-based Collaborative Filtering Recommendation Algorithms", 2001).
// The score of an item is the sum, over those of its nearest neighbors that the user has, of his value of them times the
// similarity (Deshpande and Karypis, "Item-based Top-N Recommendation Algorithms", 2004). Each candidate has the same
// number of neighbors to be found by: were it the user's items that point at theirs, popular items would be in most lists
// and win. It needs nothing of the training data: any list of items can be scored. It is safe for concurrent use.
type Items struct {
	Graph   *Graph
	pointed *Graph // by item, those it is a neighbor of: Graph transposed
}

// NewItems makes a model of a graph, such as one read from a file.
func NewItems(g *Graph) (*Items, error) {
	if err := g.Check(g.Rows()); err != nil {
		return nil, err
	}
	return &Items{g, g.transpose()}, nil
}

// FitItems compares the items of a matrix of users × items. ties is an order of the items. An error is one of the
// configuration, or of the context.
func FitItems(ctx context.Context, train *interactions.Matrix, ties *ranking.Ties, cfg Settings, p *pool.Pool) (*Items, error) {
	cfg.SetDefaults(KindItem)
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	g, err := newSpace(&cfg, train.Transpose()).graph(ctx, ties, p)
	if err != nil {
		return nil, err
	}
	return &Items{g, g.transpose()}, nil
}

// Similar returns the items most similar to one, and their similarities.
func (m *Items) Similar(item int) ([]int32, []float32) { return m.Graph.Of(item) }

// Score writes into out, [items], the scores for a user who has the given items with the given values: one who may have
// been in training or not. Items the model does not know are an error.
func (m *Items) Score(items []int32, values, out []float32) error {
	if len(items) != len(values) || len(out) != m.Graph.Rows() {
		return fmt.Errorf("neighbors: %d items with %d values are scored into %d; there are %d", len(items), len(values), len(out), m.Graph.Rows())
	}
	clear(out)
	for k, i := range items {
		if i < 0 || int(i) >= m.Graph.Rows() {
			return fmt.Errorf("neighbors: item %d is none of the %d of the model", i, m.Graph.Rows())
		}
		x := values[k]
		near, similarity := m.pointed.Of(int(i))
		for n, j := range near {
			out[j] += x * similarity[n]
		}
	}
	return nil
}

// adds is what an item that somebody has with a value adds to the score of another.
func (m *Items) adds(has int32, value float32, item int32) float64 {
	near, similarity := m.pointed.Of(int(has))
	if k, found := slices.BinarySearch(near, item); found {
		return float64(value * similarity[k])
	}
	return 0
}

// Scorer scores the users of a matrix of users × items by their histories there.
func (m *Items) Scorer(histories *interactions.Matrix) ranking.Concurrent {
	return &historyScorer{histories, m.Graph.Rows(), m.Score}
}

// historyScorer scores users one by one by what they have.
type historyScorer struct {
	histories *interactions.Matrix
	items     int
	score     func(items []int32, values, out []float32) error
}

func (s *historyScorer) Items() int { return s.items }

func (*historyScorer) Concurrent() {}

func (s *historyScorer) Score(users []int32, out []float32) error {
	for k, u := range users {
		if u < 0 || int(u) >= s.histories.Rows {
			return fmt.Errorf("neighbors: user %d is none of the %d", u, s.histories.Rows)
		}
		items, values := s.histories.Row(int(u))
		if err := s.score(items, values, out[k*s.items:][:s.items]); err != nil {
			return err
		}
	}
	return nil
}
