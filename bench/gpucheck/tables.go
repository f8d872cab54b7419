package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"debut/bench/timing"
	"debut/bench/training"
	"debut/engine/optim"
	"debut/kernels"
	"debut/kernels/philox"
)

// tableWidth is the numbers in a row of a table.
const tableWidth = 16

// tableSets is how many different batches of ids there are, so that rows come from memory and not from a cache.
const tableSets = 8

// tables is a table with the state of Adam, and batches of ids that are looked up, whose gradients are summed by row, and whose rows are
// updated.
type tables struct {
	dev                       kernels.Device
	rows, batch, fields       int
	table                     kernels.Matrix
	plan, gather, sum, update []kernels.Kernel // one for each batch of ids
	counts                    []kernels.RowCount
	buffers                   []kernels.Buffer
}

// ids returns row numbers of a table: uniform, or by Zipf's law with exponent 1, the popular rows spread over the table.
func ids(stream uint64, n, rows int, zipf bool) []int32 {
	rnd := philox.New(7, stream)
	out := make([]int32, n)
	for i := range out {
		u := rnd.Float64()
		at := uint64(u * float64(rows))
		if zipf {
			// The distribution function of rank r is ln(r+1)/ln(rows+1).
			rank := uint64(math.Exp(u*math.Log(float64(rows+1))) - 1)
			at = rank * 2654435761
		}
		out[i] = int32(at % uint64(rows))
	}
	return out
}

func newTables(dev kernels.Device, rows, batch, fields int, zipf bool) (_ *tables, err error) {
	t := &tables{dev: dev, rows: rows, batch: batch, fields: fields}
	defer func() {
		if err != nil {
			t.release()
		}
	}()
	embedding, err := kernels.Family[kernels.Embedding](dev)
	if err != nil {
		return nil, err
	}
	optimizer, err := kernels.Family[kernels.Optimizer](dev)
	if err != nil {
		return nil, err
	}
	alloc := func(dt kernels.Dtype, rows, cols int, purpose string) kernels.Matrix {
		if err != nil {
			return kernels.Matrix{}
		}
		var b kernels.Buffer
		if b, err = dev.Alloc(dt, rows*cols, purpose); err != nil {
			return kernels.Matrix{}
		}
		t.buffers = append(t.buffers, b)
		return kernels.NewMatrix(b, rows, cols)
	}
	fill := func(m kernels.Matrix, stream uint64) {
		// The same numbers over and over: what matters is that they are no zeros.
		chunk := training.Uniform(stream, min(m.Rows*m.Cols, 1<<20))
		for at := 0; at < m.Rows*m.Cols && err == nil; at += len(chunk) {
			err = kernels.Upload(dev, m.Buf, at, chunk[:min(len(chunk), m.Rows*m.Cols-at)])
		}
	}
	t.table = alloc(kernels.Float32, rows, tableWidth, "parameters")
	m := alloc(kernels.Float32, rows, tableWidth, "optimizer state")
	v := alloc(kernels.Float32, rows, tableWidth, "optimizer state")
	hyper := alloc(kernels.Float32, 1, kernels.HyperLen, "optimizer state")
	grad := alloc(kernels.Float32, batch, fields*tableWidth, "gradients")
	out := alloc(kernels.Float32, batch, fields*tableWidth, "activations")
	if err != nil {
		return nil, err
	}
	fill(t.table, 11)
	fill(grad, 12)
	if err == nil {
		err = kernels.Upload(dev, hyper.Buf, 0, []float32{1e-3, 1, 1, 1, 0})
	}
	adam := optim.Defaults(kernels.Adam)
	most := min(batch*fields, rows)
	for set := range tableSets {
		list := alloc(kernels.Int32, batch, fields, "inputs")
		sums := alloc(kernels.Float32, most, tableWidth, "activations")
		segments := kernels.Segments{
			Unique: alloc(kernels.Int32, most, 1, "activations"), Starts: alloc(kernels.Int32, most+1, 1, "activations"),
			Places: alloc(kernels.Int32, batch*fields, 1, "activations"), Number: alloc(kernels.Int32, batch*fields, 1, "activations"),
		}
		if err != nil {
			return nil, err
		}
		if err := kernels.Upload(dev, list.Buf, 0, ids(uint64(set), batch*fields, rows, zipf)); err != nil {
			return nil, err
		}
		count, err := dev.NewRowCount(most)
		if err != nil {
			return nil, err
		}
		segments.Unique.Count, sums.Count = count, count
		plan, err := embedding.SegmentPlan(kernels.SegmentPlanArgs{IDs: list, Segments: segments, Limit: rows})
		if err != nil {
			return nil, err
		}
		gather, err := embedding.Gather(kernels.GatherArgs{Table: t.table, IDs: list, Out: out})
		if err != nil {
			return nil, err
		}
		sum, err := embedding.SegmentSum(kernels.SegmentSumArgs{Segments: segments, Grad: grad, Sums: sums})
		if err != nil {
			return nil, err
		}
		update, err := optimizer.Update(kernels.UpdateArgs{
			Kind: kernels.Adam, Param: t.table, Grad: sums, M: m, V: v, Rows: segments.Unique, Hyper: hyper,
			Beta1: adam.Beta1, Beta2: adam.Beta2, Epsilon: adam.Epsilon,
		})
		if err != nil {
			return nil, err
		}
		t.plan, t.gather, t.sum, t.update = append(t.plan, plan), append(t.gather, gather), append(t.sum, sum), append(t.update, update)
		t.counts = append(t.counts, count)
	}
	return t, err
}

// steps are the kernels of a step for every batch of ids.
func (t *tables) steps() []kernels.Kernel {
	var list []kernels.Kernel
	for i := range t.gather {
		list = append(list, t.plan[i], t.gather[i], t.sum[i], t.update[i])
	}
	return list
}

func (t *tables) release() {
	for _, b := range t.buffers {
		t.dev.Release(b)
	}
}

// distinct returns how many rows a batch of ids touches on average, after segments were summed.
func (t *tables) distinct() (float64, error) {
	sum := 0
	for _, c := range t.counts {
		n, err := c.Get()
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return float64(sum) / float64(len(t.counts)), nil
}

// measureTables measures looking up, summing and updating rows of a large table.
func measureTables(ctx context.Context, m *meter, args []string) error {
	var rows, batch, fields int
	if err := arguments(args, &rows, &batch, &fields); err != nil {
		return err
	}
	return with("", func(dev kernels.Device, watch *timing.Stopwatch) error {
		for _, zipf := range []bool{false, true} {
			if err := measureTable(ctx, m, dev, watch, rows, batch, fields, zipf); err != nil {
				return err
			}
		}
		return nil
	})
}

// tableCase names a case of tables.
func tableCase(rows, batch, fields int, zipf bool) string {
	return fmt.Sprintf("%d×%d ids of %d, %s", batch, fields, rows, map[bool]string{false: "uniform", true: "zipf"}[zipf])
}

func measureTable(ctx context.Context, m *meter, dev kernels.Device, watch *timing.Stopwatch, rows, batch, fields int, zipf bool) error {
	t, err := newTables(dev, rows, batch, fields, zipf)
	if err != nil {
		return err
	}
	defer t.release()
	name := tableCase(rows, batch, fields, zipf)
	whole, err := dev.Prepare(t.steps())
	if err != nil {
		return err
	}
	if err := errors.Join(whole.Run(), dev.Synchronize()); err != nil {
		return err
	}
	distinct, err := t.distinct()
	if err != nil {
		return err
	}
	m.report(name, "distinct_rows", distinct)
	// Bytes that must cross memory at least.
	n := float64(batch * fields)
	const row = 4 * tableWidth
	for _, k := range []struct {
		name  string
		list  []kernels.Kernel
		bytes float64
	}{
		{"gather", t.gather, n*(4+row) + distinct*row},
		{"plan", t.plan, n*3*4 + distinct*2*4},
		{"sum", t.sum, n*(4+row) + distinct*row},
		{"update", t.update, distinct * (4 + 7*row)},
	} {
		d, err := watch.Kernels(ctx, m.seconds/8, 6*tableSets, k.list...)
		if err != nil {
			return err
		}
		m.report(name, k.name+"_microseconds", micro(d))
		m.report(name, k.name+"_gbyte_per_second", k.bytes/d.Seconds()/1e9)
	}
	d, err := watch.Median(ctx, m.seconds/8, whole.Run)
	if err != nil {
		return err
	}
	d = max(d/tableSets, time.Nanosecond)
	m.report(name, "microseconds", micro(d))
	m.report(name, "rows_per_second", float64(batch)/d.Seconds())
	return nil
}
