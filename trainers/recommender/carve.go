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
func (d *Data) Carve(seed uint64, users int) (*Data, bool) {
	var able []int32
	for u := range d.Train.Rows {
		if items, _ := d.Train.Row(u); len(items) > 1 {
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
			out = r.IntN(len(items))
			held.Indices, held.Values = append(held.Indices, items[out]), append(held.Values, values[out])
		}
		for k, i := range items {
			if k != out {
				left.Indices, left.Values = append(left.Indices, i), append(left.Values, values[k])
			}
		}
		left.Offsets[u+1], held.Offsets[u+1] = left.Len(), held.Len()
	}
	set := *d.Dataset
	set.Train, set.Validation, set.Test = left, held, nil
	return &Data{Dataset: &set, Ties: d.Ties, Pool: d.Pool, task: d.task, cfg: d.cfg, eval: d.eval, weights: d.weights, parts: []string{run.PartValidation}}, true
}
