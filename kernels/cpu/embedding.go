package cpu

import "debut/kernels"

// Gather binds the rows of a table that ids name.
func (d *Device) Gather(a kernels.GatherArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.Table) {
		return newGather(b, d.f64, a)
	}
	return newGather(b, d.f32, a)
}

func newGather[T float](b *binder, l *loops[T], a kernels.GatherArgs) (kernels.Kernel, error) {
	table, ids, out := operand[T](b, "Table", a.Table), operand[int32](b, "IDs", a.IDs), operand[T](b, "Out", a.Out)
	k := &rowKernel{base: b.base(), batch: b.batchOf(a.IDs, a.Out), block: max(1, rowsOfPart/max(ids.cols, 1))}
	k.body = func(lo, hi int) {
		if out.dense && ids.dense {
			l.gather(out.span(lo, hi), &table, ids.span(lo, hi))
			return
		}
		for r := lo; r < hi; r++ {
			l.gather(out.row(r), &table, ids.row(r))
		}
	}
	return b.finish(k)
}

func gather[T float](out []T, table *view[T], ids []int32) {
	width := table.cols
	for i, id := range ids {
		to := out[i*width : (i+1)*width]
		if id < 0 || int(id) >= table.rows {
			clear(to)
			continue
		}
		copy(to, table.row(int(id)))
	}
}

// GatherSum binds the weighted sums of rows of a table that ids name.
func (d *Device) GatherSum(a kernels.GatherSumArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.Table) {
		return newGatherSum(b, d.f64, a)
	}
	return newGatherSum(b, d.f32, a)
}

func newGatherSum[T float](b *binder, l *loops[T], a kernels.GatherSumArgs) (kernels.Kernel, error) {
	table, ids := operand[T](b, "Table", a.Table), operand[int32](b, "IDs", a.IDs)
	weights, out := operand[T](b, "Weights", a.Weights), operand[T](b, "Out", a.Out)
	k := &rowKernel{base: b.base(), batch: b.batchOf(a.IDs, a.Weights, a.Out), block: max(1, rowsOfPart/max(ids.cols, 1))}
	k.body = func(lo, hi int) { l.gatherSum(&out, &table, &ids, &weights, lo, hi) }
	return b.finish(k)
}

// gatherSum does rows lo … hi−1 of the batch.
func gatherSum[T float](out, table *view[T], ids *view[int32], weights *view[T], lo, hi int) {
	for r := lo; r < hi; r++ {
		to, w := out.row(r), weights.row(r)
		clear(to)
		for f, id := range ids.row(r) {
			if id >= 0 && int(id) < table.rows {
				axpy(w[f], table.row(int(id)), to)
			}
		}
	}
}
