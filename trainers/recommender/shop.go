package recommender

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"sync"

	"debut/datasets/interactions"
	"debut/engine/safetensors"
	"debut/trainers/modelfolder"
	"debut/trainers/ranking"
)

// Files of a model folder that every recommender has.
const (
	usersFile     = "users.ids"
	itemsFile     = "items.ids"
	historiesFile = "histories.safetensors"
	countsFile    = "counts.safetensors"  // in its place where what users have is left out
	weightsFile   = "weights.safetensors" // where items are reweighted
)

// Shop is what a recommender knows beside its model: users, items, and what users have.
type Shop struct {
	Users, Items *interactions.Vocabulary
	Histories    *interactions.Matrix // users × items, what the model was trained on; empty where Counts are all that is left of it
	Counts       []int32              // of items: how many users have them, where histories are left out of the folder; else nil
	Kinds        []string             // of events: kind i is bit i of Histories.Events; nil: there are none
	Ties         *ranking.Ties
	Weights      []float32 // of items, that scores are multiplied by; nil: none

	once    sync.Once
	trained []bool // items; by trainedItems
}

// trainedItems says of each item whether anybody has it. It is safe for concurrent use.
func (s *Shop) trainedItems() []bool {
	s.once.Do(func() {
		s.trained = make([]bool, s.Items.Len())
		for _, i := range s.Histories.Indices {
			s.trained[i] = true
		}
	})
	return s.trained
}

// ShopOf is that of the training part of a run, with what users of a model have that it went on from.
func ShopOf(d *Data) *Shop {
	s := &Shop{Users: d.Users, Items: d.Items, Histories: d.histories(), Kinds: d.Kinds, Ties: d.Ties, Weights: d.weights}
	if d.Folder.Forgets() {
		s.Counts = s.Histories.ColumnCounts()
		s.Histories, s.Kinds = empty(d.Users.Len(), d.Items.Len()), nil
	}
	return s
}

// counts are how many users of training have each item.
func (s *Shop) counts() []int32 {
	if s.Counts != nil {
		return s.Counts
	}
	return s.Histories.ColumnCounts()
}

// Save writes the shop to a model folder.
func (s *Shop) Save(to *modelfolder.Writer) error {
	for _, f := range []struct {
		name string
		v    *interactions.Vocabulary
	}{{usersFile, s.Users}, {itemsFile, s.Items}} {
		if err := to.File(f.name, func(w io.Writer) error { _, err := f.v.WriteTo(w); return err }); err != nil {
			return err
		}
	}
	if s.Weights != nil {
		if err := to.Tensors(weightsFile, safetensors.Vector("weights", s.Weights)); err != nil {
			return err
		}
	}
	if s.Counts != nil {
		return to.Tensors(countsFile, safetensors.Vector("users", s.Counts))
	}
	m := s.Histories
	tensors := []safetensors.Source{safetensors.Vector("offsets", m.Offsets), safetensors.Vector("indices", m.Indices), safetensors.Vector("values", m.Values)}
	if s.hasKinds() {
		events := make([]int32, len(m.Events))
		for k, e := range m.Events {
			events[k] = int32(e)
		}
		tensors = append(tensors, safetensors.Vector("events", events))
	}
	return to.Tensors(historiesFile, tensors...)
}

// hasKinds says that it is known which kinds of event the histories are of.
func (s *Shop) hasKinds() bool { return len(s.Kinds) > 0 && s.Histories.Events != nil }

// Sums tell users and items of a shop from any others. model.json has them, so that histories and what else goes by the numbers of
// users and items cannot be taken for those of other ids.
type Sums struct {
	Users string `json:"users"`
	Items string `json:"items"`
	// Weighted says that the shop has weights of items.
	Weighted bool `json:"weighted,omitempty"`
	// Forgotten says that the folder has no histories.
	Forgotten bool `json:"forgotten,omitempty"`
	// Kinds are those of events in the histories, where they are kept apart.
	Kinds []string `json:"kinds,omitempty"`
}

// Sums returns those of the shop.
func (s *Shop) Sums() Sums {
	sums := Sums{Users: s.Users.Sum(), Items: s.Items.Sum(), Weighted: s.Weights != nil, Forgotten: s.Counts != nil}
	if s.hasKinds() {
		sums.Kinds = s.Kinds
	}
	return sums
}

// ReadShop reads the shop of a model folder, which must be the one of the sums.
func ReadShop(r *modelfolder.Reader, sums Sums) (*Shop, error) {
	s := &Shop{Kinds: sums.Kinds}
	for _, f := range []struct {
		name string
		to   **interactions.Vocabulary
		sum  string
	}{{usersFile, &s.Users, sums.Users}, {itemsFile, &s.Items, sums.Items}} {
		data, err := r.Read(f.name)
		if err != nil {
			return nil, err
		}
		if *f.to, err = interactions.ReadVocabulary(bytes.NewReader(data)); err != nil {
			return nil, fmt.Errorf("model: %s: %w", r.Path(f.name), err)
		}
		if (*f.to).Sum() != f.sum {
			return nil, fmt.Errorf("model: %s has other ids than the model was trained with; copy the model again, or train anew", r.Path(f.name))
		}
	}
	if err := s.readSeen(r, sums.Forgotten); err != nil {
		return nil, err
	}
	if sums.Weighted {
		err := r.Tensors(weightsFile, func(f *safetensors.File) (err error) {
			if s.Weights, err = safetensors.ReadVector[float32](f, "weights"); err != nil {
				return err
			}
			return checkWeights(s.Weights, s.Items.Len())
		})
		if err != nil {
			return nil, err
		}
	}
	s.Ties = ranking.NewTies(s.Items.Len(), s.Items.ID)
	return s, nil
}

// readSeen reads what users have, or how many have an item where that is all there is.
func (s *Shop) readSeen(r *modelfolder.Reader, forgotten bool) error {
	if forgotten {
		s.Histories = empty(s.Users.Len(), s.Items.Len())
		return r.Tensors(countsFile, func(f *safetensors.File) (err error) {
			if s.Counts, err = safetensors.ReadVector[int32](f, "users"); err == nil && len(s.Counts) != s.Items.Len() {
				err = fmt.Errorf("%d counts of users are not those of %d items", len(s.Counts), s.Items.Len())
			}
			return err
		})
	}
	return r.Tensors(historiesFile, func(f *safetensors.File) (err error) {
		if s.Histories, err = readMatrix(f, s.Users.Len(), s.Items.Len()); err != nil || len(s.Kinds) == 0 {
			return err
		}
		s.Histories.Events, err = readEvents(f, len(s.Histories.Indices), len(s.Kinds))
		return err
	})
}

// readMatrix reads histories, which may be anybody's.
func readMatrix(f *safetensors.File, users, items int) (_ *interactions.Matrix, err error) {
	m := &interactions.Matrix{Rows: users, Columns: items}
	if m.Offsets, err = safetensors.ReadVector[int64](f, "offsets"); err != nil {
		return nil, err
	}
	if m.Indices, err = safetensors.ReadVector[int32](f, "indices"); err != nil {
		return nil, err
	}
	if m.Values, err = safetensors.ReadVector[float32](f, "values"); err != nil {
		return nil, err
	}
	return m, checkMatrix(m)
}

// readEvents reads the kinds of event of so many pairs, as bits, which may be anybody's.
func readEvents(f *safetensors.File, pairs, kinds int) ([]uint16, error) {
	bits, err := safetensors.ReadVector[int32](f, "events")
	if err != nil {
		return nil, err
	}
	if len(bits) != pairs || kinds > 16 {
		return nil, fmt.Errorf("kinds of event of %d pairs, %d in all, are not those of %d", len(bits), kinds, pairs)
	}
	events := make([]uint16, pairs)
	for k, b := range bits {
		if b < 0 || b >= 1<<kinds {
			return nil, fmt.Errorf("pair %d had the kinds of event %b; there are %d", k, b, kinds)
		}
		events[k] = uint16(b)
	}
	return events, nil
}

// checkMatrix reports what is wrong with a matrix that was read.
func checkMatrix(m *interactions.Matrix) error {
	if len(m.Offsets) != m.Rows+1 || len(m.Values) != len(m.Indices) || m.Offsets[0] != 0 || m.Offsets[m.Rows] != int64(len(m.Indices)) {
		return fmt.Errorf("%d offsets, %d items and %d values are not those of %d users", len(m.Offsets), len(m.Indices), len(m.Values), m.Rows)
	}
	for r := range m.Rows {
		lo, hi := m.Offsets[r], m.Offsets[r+1]
		if lo < 0 || hi < lo || hi > int64(len(m.Indices)) {
			return fmt.Errorf("the items of user %d begin at %d and end at %d of %d", r, lo, hi, len(m.Indices))
		}
		last := int32(-1)
		for k := lo; k < hi; k++ {
			if i := m.Indices[k]; i <= last || int(i) >= m.Columns {
				return fmt.Errorf("item %d of user %d follows %d; there are %d items, in ascending order", i, r, last, m.Columns)
			}
			if v := m.Values[k]; !(v >= 0 && v <= math.MaxFloat32) {
				return fmt.Errorf("user %d has an item with the value %v", r, m.Values[k])
			}
			last = m.Indices[k]
		}
	}
	return nil
}

// empty is a matrix of so many users without items.
func empty(users, items int) *interactions.Matrix {
	return &interactions.Matrix{Rows: users, Columns: items, Offsets: make([]int64, users+1)}
}
