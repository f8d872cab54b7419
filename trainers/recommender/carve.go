package recommender

import (
	"slices"

	"debut/datasets/interactions"
	"debut/kernels/philox"
	"debut/trainers/run"
)

// streamCarve keeps the draws of Carve apart from the other random numbers of a seed.
var streamCarve = philox.StreamOf("trainers/recommender: items held back")

// Carve returns the data with one item, drawn by chance, of each of so many users at most moved from the training part to a validation
// part of their own, to choose settings by where there is no validation part. It returns false where no user has two items.
func (d *Data) Carve(seed uint64, users int) (*Data, bool) { return d.carve(seed, users, 0) }

// carve is Carve for items with which a user had an event of one of some kinds; 0: whatever he did with them.
func (d *Data) carve(seed uint64, users int, kinds uint16) (*Data, bool) {
	var able []int32
	var of []int // places of a user's items that may be held back
	sought := func(u int) []int {
		items, _ := d.Train.Row(u)
		of = of[:0]
		for k := range items {
			if kinds == 0 || d.Train.Events[int(d.Train.Offsets[u])+k]&kinds != 0 {
				of = append(of, k)
			}
		}
		return of
	}
	for u := range d.Train.Rows {
		if items, _ := d.Train.Row(u); len(items) > 1 && len(sought(u)) > 0 {
			able = append(able, int32(u))
		}
	}
	if len(able) == 0 {
		return nil, false
	}
	r := philox.New(seed, streamCarve)
	order := r.Perm(len(able))
	chosen := make([]int32, min(users, len(able)))
	for i := range chosen {
		chosen[i] = able[order[i]]
	}
	slices.Sort(chosen)
	all := d.Train
	left := &interactions.Matrix{Rows: all.Rows, Columns: all.Columns, Offsets: make([]int64, all.Rows+1)}
	held := empty(all.Rows, all.Columns)
	for u := range all.Rows {
		items, values := all.Row(u)
		out := -1
		if len(chosen) > 0 && int(chosen[0]) == u {
			chosen = chosen[1:]
			from := sought(u)
			out = from[r.IntN(len(from))]
			held.Indices, held.Values = append(held.Indices, items[out]), append(held.Values, values[out])
		}
		for k, i := range items {
			if k != out {
				left.Indices, left.Values = append(left.Indices, i), append(left.Values, values[k])
				if all.Events != nil {
					left.Events = append(left.Events, all.Events[int(all.Offsets[u])+k])
				}
			}
		}
		left.Offsets[u+1], held.Offsets[u+1] = left.Len(), held.Len()
	}
	set := *d.Dataset
	set.Train, set.Validation, set.Test = left, held, nil
	return &Data{Dataset: &set, Ties: d.Ties, Pool: d.Pool, task: d.task, cfg: d.cfg, eval: d.eval, weights: d.weights, parts: []string{run.PartValidation}}, true
}
