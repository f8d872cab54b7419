package neighbors

import (
	"context"
	"fmt"
	"sync"

	"debut/datasets/interactions"
	"debut/kernels/pool"
	"debut/trainers/ranking"
)

// Users is a model of similar users (Resnick et al., "GroupLens: An Open Architecture for Collaborative Filtering of
// Netnews", 1994). The score of an item is the sum over a user's neighbors of their similarity times their value of it.
// It holds the training data. It is safe for concurrent use.
type Users struct {
	Graph *Graph // of the users in training
	train *interactions.Matrix
	space *space
	ties  *ranking.Ties
	free  sync.Pool // of *folding
}

// FitUsers compares the users of a matrix of users × items. ties is an order of the users. An error is one of the
// configuration, or of the context.
func FitUsers(ctx context.Context, train *interactions.Matrix, ties *ranking.Ties, cfg Settings, p *pool.Pool) (*Users, error) {
	cfg.SetDefaults(KindUser)
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := newSpace(&cfg, train)
	g, err := s.graph(ctx, ties, p)
	if err != nil {
		return nil, err
	}
	return &Users{Graph: g, train: train, space: s, ties: ties}, nil
}

// Similar returns the users most similar to one of training, and their similarities.
func (m *Users) Similar(user int) ([]int32, []float32) { return m.Graph.Of(user) }

// vote adds what a neighbor has to the scores.
func (m *Users) vote(user int32, similarity float32, out []float32) {
	items, values := m.train.Row(int(user))
	for k, i := range items {
		out[i] += similarity * values[k]
	}
}

// folding is the memory of one user folded in.
type folding struct {
	*pruner
	weights []float32
}

// Score writes into out, [items], the scores for a user who has the given items, ascending, with the given values. He is
// taken for a new one: a user of training with the same items is his neighbor. Items the model does not know are an error.
func (m *Users) Score(items []int32, values, out []float32) error {
	if len(items) != len(values) || len(out) != m.train.Columns {
		return fmt.Errorf("neighbors: %d items with %d values are scored into %d; there are %d", len(items), len(values), len(out), m.train.Columns)
	}
	for k, i := range items {
		if i < 0 || int(i) >= m.train.Columns || k > 0 && items[k-1] >= i {
			return fmt.Errorf("neighbors: item %d is none of the %d of the model, or out of order", i, m.train.Columns)
		}
	}
	f, ok := m.free.Get().(*folding)
	if !ok {
		f = &folding{pruner: m.space.pruner(m.ties)}
	}
	defer m.free.Put(f)
	f.weights = append(f.weights[:0], values...)
	length := m.space.weigh(items, values, f.weights)
	clear(out)
	for _, x := range f.nearest(m.space, items, f.weights, length, -1) {
		m.vote(x.Item, x.Score, out)
	}
	return nil
}

// Scorer scores the users of training by their neighbors in Graph.
func (m *Users) Scorer() ranking.Concurrent { return (*graphScorer)(m) }

// ScorerOf scores the users of another matrix of users × items, each folded in.
func (m *Users) ScorerOf(histories *interactions.Matrix) ranking.Concurrent {
	return &historyScorer{histories, m.train.Columns, m.Score}
}

// graphScorer scores users of training.
type graphScorer Users

func (s *graphScorer) Items() int { return s.train.Columns }

func (*graphScorer) Concurrent() {}

func (s *graphScorer) Score(users []int32, out []float32) error {
	n := s.train.Columns
	for k, u := range users {
		if u < 0 || int(u) >= s.Graph.Rows() {
			return fmt.Errorf("neighbors: user %d is none of the %d", u, s.Graph.Rows())
		}
		row := out[k*n:][:n]
		clear(row)
		near, similarity := s.Graph.Of(int(u))
		for i, v := range near {
			(*Users)(s).vote(v, similarity[i], row)
		}
	}
	return nil
}
