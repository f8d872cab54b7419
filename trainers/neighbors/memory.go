package neighbors

import (
	"fmt"
	"slices"

	"debut/datasets/interactions"
	"debut/trainers/run"
	"debut/trainers/spectrum"
)

// sampled is of how many rows the neighbors are counted for an estimate.
const sampled = 256

// Work is what comparing the rows of a matrix takes, counted in all rows or estimated from some of them.
type Work struct {
	// Products is the number of multiply-adds: the sum over columns of the square of their entries.
	Products int64
	// Neighbors is about how many are found in all, of which Kept are kept.
	Neighbors, Kept int64
}

// EstimateWork estimates the work of comparing the rows of a matrix, whose transpose is given too, to keep so many neighbors of each; 0 keeps
// all.
func EstimateWork(rows, columns *interactions.Matrix, keep int) Work {
	w := Work{}
	for c := range columns.Rows {
		n := columns.Offsets[c+1] - columns.Offsets[c]
		w.Products += n * n
	}
	if rows.Rows == 0 {
		return w
	}
	n := min(sampled, rows.Rows)
	last := make([]int32, rows.Rows) // the sample, from 1, in which a row was seen last
	for k := range n {
		r := int(int64(k) * int64(rows.Rows) / int64(n))
		last[r] = int32(k + 1)
		found := int64(0)
		list, _ := rows.Row(r)
		for _, c := range list {
			near, _ := columns.Row(int(c))
			for _, other := range near {
				if last[other] != int32(k+1) {
					last[other] = int32(k + 1)
					found++
				}
			}
		}
		w.Neighbors += found
		if keep > 0 {
			found = min(found, int64(keep))
		}
		w.Kept += found
	}
	scale := func(x int64) int64 { return int64(float64(x) / float64(n) * float64(rows.Rows)) }
	w.Neighbors, w.Kept = scale(w.Neighbors), scale(w.Kept)
	return w
}

// Bytes that a training holds at its height.
const (
	entryBytes = 8 // index and value of an entry of a matrix or graph
	// graphCopies: a graph is put together from blocks, whose slices have grown beyond what is in them.
	graphCopies = 2.5
)

// need is what the training takes in memory beside its data, by purpose.
func (t *training) need(threads int) map[string]int64 {
	widest := int64(slices.Max(append([]int{0}, t.cfg.Evaluation.Cutoffs...)))
	lists := int64(0)
	if len(t.Parts()) > 0 {
		lists = int64(t.Users.Len()) * widest * entryBytes
	}
	items := t.Train.Transpose()
	rows, columns := items, t.Train
	if t.cfg.Model.dense() {
		n := int64(items.Rows)
		kept := n
		if k := int64(*t.cfg.Model.Neighbors); k > 0 {
			kept = min(k, n)
		}
		need := map[string]int64{
			"a matrix of items by items": 4*n*n + n*int64(threads)*12 + 2*4*pivots*n,
			"neighbors":                  2 * n * kept * entryBytes,
			"lists to measure":           lists,
		}
		if f := t.cfg.Model.Factors; f != nil {
			width := int64(min(*f+spectrum.More, int(n)))
			need["eigenvectors"] = 4*width*(5*n+int64(columns.Rows)) + 2*t.Train.Bytes()
		}
		return need
	}
	if t.cfg.Model.Kind == KindUser {
		rows, columns = t.Train, items
	}
	keep := *t.cfg.Model.Neighbors
	if t.cfg.Model.Kind == KindSLIM {
		keep = 0 // all products are held
	}
	w := EstimateWork(rows, columns, keep)
	t.log.Info("to compare", "rows", rows.Rows, "products", w.Products, "neighbors", w.Neighbors)
	each := int64(8 + 4) // a sum and a count
	if t.cfg.Model.Similarity == Pearson {
		each = 6 * 8
	}
	need := map[string]int64{
		"neighbors":            int64(float64(w.Kept) * entryBytes * graphCopies),
		"sums while searching": each * int64(rows.Rows) * int64(threads),
		"weighted matrices":    3 * t.Train.Bytes(),
		"lists to measure":     lists,
	}
	return need
}

// checkMemory returns an error where the neighbors take more memory than is free.
func (t *training) checkMemory(env *run.Env) error {
	remedy := "fewer neighbors: model: {neighbors: 50}"
	if k := *t.cfg.Model.Neighbors; t.cfg.Model.learned() {
		remedy = fmt.Sprintf("items that are compared, which takes less: model: {kind: %s}", KindItem)
	} else if k == 0 {
		remedy = "a number of neighbors to keep, such as model: {neighbors: 200}, in the place of all"
	} else if k <= 50 {
		remedy = "data with fewer users or items, or a machine with more memory"
	}
	if err := env.CheckMemory(t.need(t.Pool.Threads()), remedy); err != nil {
		return fmt.Errorf("neighbors: %w", err)
	}
	return nil
}
