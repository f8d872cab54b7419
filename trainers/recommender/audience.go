package recommender

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"debut/trainers/model"
	"debut/trainers/ranking"
)

// audienceBlock is how many users are scored at a time.
const audienceBlock = 256

// AudienceOf lists the users, at most k, to whom an item is to be shown first: by their scores of it. Those who have it already are left
// out, unless seen. Users are named in the place of items. The error of an item that the model does not know matches model.ErrUnknown.
func (m *Model) AudienceOf(ctx context.Context, item string, k int, seen bool) (_ model.List, err error) {
	if k < 1 || k > maxList {
		return model.List{}, fmt.Errorf("an audience of %d users; give a number from 1 to %d", k, maxList)
	}
	i, err := m.Item(item)
	if err != nil {
		return model.List{}, err
	}
	if m.Histories.Len() == 0 {
		return model.List{}, errForgotten
	}
	score, done, err := m.scoresOf(i)
	if err != nil {
		return model.List{}, err
	}
	defer func() { err = errors.Join(err, done()) }()
	best := ranking.NewSelector(min(k, m.Users()), ranking.NewTies(m.Users(), m.Shop.Users.ID))
	users, scores := make([]int32, 0, audienceBlock), make([]float32, audienceBlock)
	flush := func() error {
		if err := errors.Join(ctx.Err(), score(users, scores[:len(users)])); err != nil {
			return err
		}
		for j, u := range users {
			if scores[j] != scores[j] {
				return fmt.Errorf("the score of %q is no number; look at the model's training", m.Shop.Users.ID(int(u)))
			}
			if m.Weights != nil {
				ranking.Weigh(scores[j:j+1], m.Weights[i:i+1])
			}
			best.Add(u, scores[j])
		}
		users = users[:0]
		return nil
	}
	for u := range m.Users() {
		items, _ := m.Histories.Row(u)
		if _, has := slices.BinarySearch(items, i); len(items) == 0 || has && !seen {
			continue
		}
		if users = append(users, int32(u)); len(users) == audienceBlock {
			if err := flush(); err != nil {
				return model.List{}, err
			}
		}
	}
	if err := flush(); err != nil {
		return model.List{}, err
	}
	l := model.List{User: item, Known: true, Items: []string{}, Scores: []float32{}}
	for _, s := range best.Best() {
		l.Items, l.Scores = append(l.Items, m.Shop.Users.ID(int(s.Item))), append(l.Scores, s.Score)
	}
	return l, nil
}

// scoresOf returns what writes the scores that users have of an item, and what ends it. Items are scored in the tiles that lists are made
// from, so that the bits are those of the lists.
func (m *Model) scoresOf(item int32) (score func(users []int32, out []float32) error, done func() error, err error) {
	lo, hi := 0, m.Items()
	write, done := m.Scorer.Score, func() error { return nil }
	if r, ok := m.Scorer.(ranking.Ranged); ok {
		s, err := r.Range()
		if err != nil {
			return nil, nil, err
		}
		lo, hi = ranking.Tile(int(item), m.Items())
		write, done = func(users []int32, out []float32) error { return s.Score(users, lo, hi, out) }, s.Close
	}
	tile := make([]float32, audienceBlock*(hi-lo))
	return func(users []int32, out []float32) error {
		if len(users) == 0 {
			return nil
		}
		if err := write(users, tile[:len(users)*(hi-lo)]); err != nil {
			return err
		}
		for j := range users {
			out[j] = tile[j*(hi-lo)+int(item)-lo]
		}
		return nil
	}, done, nil
}
