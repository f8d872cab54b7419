package cpu

import (
	"slices"
	"unsafe"

	"debut/kernels"
)

// loops makes loops of routines: they check that slices are as long as they must be. Views have been checked when they were bound,
// and row ranges are of the batch.
func (r *routines) loops() *loops[float32] {
	l := genericLoops[float32]()
	l.routines = r
	l.dot = func(x, y []float32) float32 { return r.dot(len(x), memory(x), memory(y[:len(x)])) }
	l.axpy = func(alpha float32, x, y []float32) { r.axpy(len(x), memory(y[:len(x)]), memory(x), alpha) }
	l.sumSquares = func(x []float32) float64 { return r.sumSquares(len(x), memory(x)) }
	l.add, l.multiply = binaryLoop(r.add), binaryLoop(r.multiply)

	l.columnSum = func(sums []float32, x *view[float32], lo, hi int) {
		p, stride := rowAt(x, lo)
		r.columnSum(hi-lo, x.cols, p, stride, memory(sums[:x.cols]))
	}
	l.addBlocks = func(sums, partial []float32, stride, blocks int) {
		if len(sums) > 0 && blocks > 0 {
			_ = partial[(blocks-1)*stride+len(sums)-1]
		}
		r.addBlocks(blocks, len(sums), memory(partial), 4*stride, memory(sums))
	}
	r.setActivations(l)
	r.setNormalization(l)
	r.setUpdates(l)
	r.setLosses(l)
	r.setFactorUpdates(l)
	l.gather = func(out []float32, table *view[float32], ids []int32) {
		n := table.cols
		p, stride := rowAt(table, 0)
		r.gather(n, memory(out[:n*len(ids)]), p, stride, table.rows, unsafe.SliceData(ids), len(ids), rowsAhead(table))
	}
	l.sumSegments = func(sums, grad *view[float32], starts, places *view[int32], lo, hi int) {
		if lo >= hi || !grad.dense || starts.stride != 1 || places.stride != 1 {
			sumSegments(sums, grad, starts, places, lo, hi)
			return
		}
		to, stride := rowAt(sums, lo)
		r.sumSegments(sums.cols, to, memory(grad.data), stride, &starts.data[lo], unsafe.SliceData(places.data), hi-lo)
	}
	l.sumWeighted = func(sums, grad, weights *view[float32], starts, places *view[int32], lo, hi int) {
		if lo >= hi || starts.stride != 1 || places.stride != 1 {
			sumWeighted(sums, grad, weights, starts, places, lo, hi)
			return
		}
		to, stride := rowAt(sums, lo)
		g, gStride := rowAt(grad, 0)
		w, wStride := rowAt(weights, 0)
		r.sumWeighted(sums.cols, to, g, w, stride, gStride, wStride, &starts.data[lo], unsafe.SliceData(places.data), hi-lo, int32(weights.cols))
	}
	l.gatherSum = func(out, table *view[float32], ids *view[int32], weights *view[float32], lo, hi int) {
		if lo >= hi || ids.cols == 0 || table.cols == 0 {
			gatherSum(out, table, ids, weights, lo, hi)
			return
		}
		to, stride := rowAt(out, lo)
		rows, tableStride := rowAt(table, 0)
		w, wStride := rowAt(weights, lo)
		r.gatherSum(out.cols, to, rows, w, stride, tableStride, table.rows, wStride, &ids.data[lo*ids.stride], 4*ids.stride, ids.cols, hi-lo)
	}
	l.prefetch = func(x []float32) { prefetch(len(x), memory(x)) }
	l.prefetchRows = func(table *view[float32], ids []int32) {
		p, stride := rowAt(table, 0)
		prefetchRows(table.cols, p, stride, table.rows, unsafe.SliceData(ids), len(ids))
	}
	l.subtractRows = func(y, x []float32, stride, rows int, w []float32, wStride int) {
		if rows == 0 {
			return
		}
		_, _ = x[(rows-1)*stride+len(y)-1], w[(rows-1)*wStride]
		r.subtractRows(rows, len(y), memory(x), 4*stride, memory(y), memory(w), 4*wStride)
	}
	l.scale = func(y, x []float32, factor float32) { r.scale(len(x), memory(y[:len(x)]), memory(x), factor) }
	l.reaches = func(x []float32, floor float32) int { return r.reaches(len(x), memory(x), floor) }
	l.projectRows = func(out, p []float32, table *view[float32], ids []int32, w, t []float32) float64 {
		n, count := table.cols, len(ids)
		rows, stride := rowAt(table, 0)
		return r.projectRows(n, memory(out[:n]), memory(p[:n]), rows, stride, table.rows, unsafe.SliceData(ids), memory(w[:count]), memory(t[:count]), count)
	}
	l.fieldMoments = func(sum, square, x []float32) {
		n := len(sum)
		r.fieldMoments(len(x)/n, n, memory(x), 4*n, memory(sum), memory(square[:n]))
	}
	l.fieldGradient = func(dx, x, shift, factor []float32) {
		n := len(shift)
		r.fieldGradient(len(x)/n, n, memory(dx[:len(x)]), 4*n, memory(x), 4*n, memory(shift), memory(factor[:n]))
	}
	l.dropout = func(y, x []float32, m *mask[float32], row int) {
		r.dropout(len(x), memory(y[:len(x)]), memory(x), &m.rounds[0], uint32(row), m.low, m.high, m.threshold, m.scale)
	}
	return l
}

// rowsAhead is how many rows ahead of its use a row of tables is asked for. Tables are larger than caches, and memory answers many requests
// at a time; but what has come must not be driven out of the nearest cache, of 32 KiB, before it is used.
func rowsAhead(tables ...*view[float32]) int {
	const line, most, least, room = 64, 48, 8, 16 << 10
	bytes := 0
	for _, t := range tables {
		bytes += (4*t.cols + line - 1) / line * line
	}
	return max(least, min(most, room/max(bytes, 1)))
}

// setActivations sets the activations that have routines; the others stay as they are in plain Go, but for sums of columns.
func (r *routines) setActivations(l *loops[float32]) {
	for a, f := range r.activate {
		if f != nil {
			l.activate[a] = activationLoop(f)
		}
	}
	for a, f := range r.activateGrad {
		if f != nil {
			l.activateGrad[a] = binaryLoop(f)
		}
	}
	for a := range l.activateGradSum {
		if a < len(r.activateGradSum) && r.activateGradSum[a] != nil {
			l.activateGradSum[a] = gradSumLoop(r.activateGradSum[a])
		} else {
			l.activateGradSum[a] = gradSum(l.activateGrad[a], l.columnSum)
		}
	}
}

func activationLoop(f func(n int, y, x *float32)) func(y, x []float32) {
	return func(y, x []float32) { f(len(x), memory(y[:len(x)]), memory(x)) }
}

func binaryLoop(f func(n int, z, x, y *float32)) func(z, x, y []float32) {
	return func(z, x, y []float32) { f(len(z), memory(z), memory(x[:len(z)]), memory(y[:len(z)])) }
}

func gradSumLoop(f func(rows, n int, dx *float32, dxStride int, y *float32, yStride int, dy *float32, dyStride int, sums *float32)) func(sums []float32, dx, y, dy *view[float32], lo, hi int) {
	return func(sums []float32, dx, y, dy *view[float32], lo, hi int) {
		to, toStride := rowAt(dx, lo)
		p, pStride := rowAt(y, lo)
		g, gStride := rowAt(dy, lo)
		f(hi-lo, dx.cols, to, toStride, p, pStride, g, gStride, memory(sums[:dx.cols]))
	}
}

// setNormalization sets the loops of batch norm.
func (r *routines) setNormalization(l *loops[float32]) {
	l.blockMoments = func(block []float32, x *view[float32], lo, hi int) {
		p, stride := rowAt(x, lo)
		n := x.cols
		r.blockMoments(hi-lo, n, p, stride, memory(block[:n]), memory(block[n:2*n]), memory(block[2*n:3*n]), 1/float32(hi-lo))
	}
	l.combineMoments = func(mean, variance, partial []float32, first, cols, rows int) {
		before := blocks(rows, rowsPerSum) - 1 // blocks before the last
		_ = partial[(3*before+2)*cols+first+len(mean)-1]
		stride := 3 * 4 * cols
		r.combineMoments(before, len(mean), memory(partial[first:]), stride, memory(partial[cols+first:]), stride, memory(partial[2*cols+first:]), stride,
			memory(mean), memory(variance[:len(mean)]), rowsPerSum, float64(rows-before*rowsPerSum), 1/float64(rows))
	}
	normalize := func(f func(rows, n int, y *float32, yStride int, x *float32, xStride int, mean, scale, shift *float32)) func(y, x *view[float32], lo, hi int, mean, scale, shift []float32) {
		return func(y, x *view[float32], lo, hi int, mean, scale, shift []float32) {
			to, toStride := rowAt(y, lo)
			p, stride := rowAt(x, lo)
			n := x.cols
			f(hi-lo, n, to, toStride, p, stride, memory(mean[:n]), memory(scale[:n]), memory(shift[:n]))
		}
	}
	l.normalize, l.normalizeReLU = normalize(r.normalize), normalize(r.normalizeReLU)
	l.normGradParams = func(sums []float32, x, dy *view[float32], lo, hi int, mean, inverse []float32) {
		p, stride := rowAt(x, lo)
		g, gStride := rowAt(dy, lo)
		n := x.cols
		r.normGradParams(hi-lo, n, p, stride, g, gStride, memory(sums[:n]), memory(sums[n:2*n]), memory(mean[:n]), memory(inverse[:n]))
	}
	l.normGradInput = func(dx, x, dy *view[float32], lo, hi int, mean, scale, shift, slope []float32) {
		to, toStride := rowAt(dx, lo)
		p, stride := rowAt(x, lo)
		g, gStride := rowAt(dy, lo)
		n := x.cols
		r.normGradInput(hi-lo, n, to, toStride, p, stride, g, gStride, memory(mean[:n]), memory(scale[:n]), memory(shift[:n]), memory(slope[:n]))
	}
}

// setUpdates sets the rules of optimizers.
func (r *routines) setUpdates(l *loops[float32]) {
	l.update[kernels.SGD] = func(h *hyper[float32], w, g, _, _ []float32) {
		r.sgd(len(w), memory(w), memory(g[:len(w)]), &h.rate)
	}
	ofM := func(f func(n int, w, g, s, h *float32)) func(h *hyper[float32], w, g, m, v []float32) {
		return func(h *hyper[float32], w, g, m, _ []float32) {
			f(len(w), memory(w), memory(g[:len(w)]), memory(m[:len(w)]), &h.rate)
		}
	}
	l.update[kernels.Momentum], l.update[kernels.Nesterov] = ofM(r.momentum), ofM(r.nesterov)
	ofBoth := func(f func(n int, w, g, m, v, h *float32)) func(h *hyper[float32], w, g, m, v []float32) {
		return func(h *hyper[float32], w, g, m, v []float32) {
			f(len(w), memory(w), memory(g[:len(w)]), memory(m[:len(w)]), memory(v[:len(w)]), &h.rate)
		}
	}
	l.update[kernels.Adam], l.update[kernels.AdamW], l.update[kernels.FTRL] = ofBoth(r.adam), ofBoth(r.adam), ofBoth(r.ftrl)
	l.update[kernels.Adagrad] = func(h *hyper[float32], w, g, _, v []float32) {
		r.adagrad(len(w), memory(w), memory(g[:len(w)]), memory(v[:len(w)]), &h.rate)
	}
	r.setRowUpdates(l)
}

// setRowUpdates sets the rules for rows of tables.
func (r *routines) setRowUpdates(l *loops[float32]) {
	one := func(f func(n int, grad *float32, gradStride int, w *float32, wStride int, s *float32, sStride int, rows *int32, count, limit, ahead int, starts *int32, h *float32), state func(u *rowUpdate[float32]) *view[float32]) chosenRows {
		return func(u *rowUpdate[float32], n int, grad *float32, gradStride int, w *float32, wStride int, rows *int32, count, limit, ahead int, starts *int32, h *float32) {
			s, sStride := rowAt(state(u), 0)
			f(n, grad, gradStride, w, wStride, s, sStride, rows, count, limit, ahead, starts, h)
		}
	}
	both := func(f func(n int, grad *float32, gradStride int, w *float32, wStride int, m *float32, mStride int, v *float32, vStride int, rows *int32, count, limit, ahead int, starts *int32, h *float32)) chosenRows {
		return func(u *rowUpdate[float32], n int, grad *float32, gradStride int, w *float32, wStride int, rows *int32, count, limit, ahead int, starts *int32, h *float32) {
			m, mStride := rowAt(&u.m, 0)
			v, vStride := rowAt(&u.v, 0)
			f(n, grad, gradStride, w, wStride, m, mStride, v, vStride, rows, count, limit, ahead, starts, h)
		}
	}
	inM := func(u *rowUpdate[float32]) *view[float32] { return &u.m }
	inV := func(u *rowUpdate[float32]) *view[float32] { return &u.v }
	l.updateRows = byRows(l.update, map[kernels.OptimizerKind]chosenRows{
		kernels.SGD: func(_ *rowUpdate[float32], n int, grad *float32, gradStride int, w *float32, wStride int, rows *int32, count, limit, ahead int, starts *int32, h *float32) {
			r.sgdRows(n, grad, gradStride, w, wStride, rows, count, limit, ahead, starts, h)
		},
		kernels.Momentum: one(r.momentumRows, inM), kernels.Nesterov: one(r.nesterovRows, inM),
		kernels.Adam: both(r.adamRows), kernels.AdamW: both(r.adamRows), kernels.FTRL: both(r.ftrlRows),
		kernels.Adagrad: one(r.adagradRows, inV), kernels.RowwiseAdagrad: one(r.rowwiseAdagradRows, inV),
	})
}

// chosenRows calls the routine of a rule for rows of tables.
type chosenRows func(u *rowUpdate[float32], n int, grad *float32, gradStride int, w *float32, wStride int, rows *int32, count, limit, ahead int, starts *int32, h *float32)

// byRows makes the rules for rows of routines; where row numbers do not lie together, or all rows are meant, rules go row by row.
func byRows(rules []func(h *hyper[float32], w, g, m, v []float32), routines map[kernels.OptimizerKind]chosenRows) []func(h *hyper[float32], u *rowUpdate[float32], lo, hi int) {
	list := make([]func(h *hyper[float32], u *rowUpdate[float32], lo, hi int), len(rules))
	for kind, rule := range rules {
		slow, fast := byRow(rule), routines[kernels.OptimizerKind(kind)]
		list[kind] = func(h *hyper[float32], u *rowUpdate[float32], lo, hi int) {
			if lo >= hi || u.w.cols == 0 || !u.rows.present || u.rows.stride != 1 || u.starts.present && u.starts.stride != 1 {
				slow(h, u, lo, hi)
				return
			}
			var starts *int32
			if u.starts.present {
				starts = &u.starts.data[lo]
			}
			grad, gradStride := rowAt(&u.g, lo)
			w, wStride := rowAt(&u.w, 0)
			fast(u, u.w.cols, grad, gradStride, w, wStride, &u.rows.data[lo], hi-lo, u.w.rows, rowsAhead(&u.w, &u.m, &u.v), starts, &h.rate)
		}
	}
	return list
}

// setLosses sets the losses.
func (r *routines) setLosses(l *loops[float32]) {
	l.logisticRow = func(p, target, dp []float32, factor float64) float64 {
		n := len(p)
		if dp == nil {
			return average(r.logisticLoss(n, memory(p), memory(target[:n])), float64(n))
		}
		return average(r.logisticLossGrad(n, memory(p), memory(target[:n]), memory(dp[:n]), float32(factor/float64(n))), float64(n))
	}
	l.logisticColumn = func(p, target, weight, dp []float32, factor float64) float64 {
		n := len(p)
		if dp == nil {
			return r.logisticLossEach(n, memory(p), memory(target[:n]), memory(weight[:n]))
		}
		return r.logisticLossEachGrad(n, memory(p), memory(target[:n]), memory(weight[:n]), memory(dp[:n]), float32(factor))
	}
}

// preferred is the target of margins: the logistic loss of 1 is log(1 + exp(−x)).
var preferred = slices.Repeat([]float32{1}, marginsAtATime)

// setFactorUpdates sets the steps of factorizations. Samples that do not lie together have no routine.
func (r *routines) setFactorUpdates(l *loops[float32]) {
	l.ratingUpdates = func(f *factors[float32], s *factorStep[float32], samples *view[int32], ratings *view[float32], lo, hi int) float64 {
		if !samples.dense {
			return ratingUpdates(f, s, samples, ratings, lo, hi)
		}
		if lo >= hi {
			return 0
		}
		users, userStride := rowAt(&f.users, 0)
		items, itemStride := rowAt(&f.items, 0)
		values, valueStride := rowAt(ratings, lo)
		return r.ratingUpdates(f.users.cols, memory(f.userBias), memory(f.itemBias), values, valueStride, users, items,
			userStride, itemStride, f.users.rows, f.items.rows, unsafe.SliceData(samples.span(lo, hi)), hi-lo, &s.rate)
	}
	l.preferenceUpdates = func(f *factors[float32], s *factorStep[float32], samples *view[int32], margins []float32, lo, hi int) float64 {
		if !samples.dense {
			return preferenceUpdates(f, s, samples, nil, lo, hi)
		}
		users, userStride := rowAt(&f.users, 0)
		items, itemStride := rowAt(&f.items, 0)
		loss := 0.0
		for ; lo < hi; lo += marginsAtATime {
			n := min(hi-lo, marginsAtATime)
			r.preferenceUpdates(f.users.cols, memory(f.itemBias), &margins[0], users, items,
				userStride, itemStride, f.users.rows, f.items.rows, unsafe.SliceData(samples.span(lo, lo+n)), n, &s.rate)
			loss += r.logisticLoss(n, &margins[0], &preferred[0])
		}
		return loss
	}
}
