package cpu

import (
	"math"

	"debut/kernels"
)

// hyper is what a rule needs to know besides the tensors, in the kernel's own type. Assembly reads its fields in this order.
type hyper[T float] struct {
	rate, factor, correct1, correct2 T // from the Hyper operand
	momentum                         T
	beta1, beta2                     T
	oneMinus1, oneMinus2             T // 1−β, which must not be rounded through β
	epsilon, l2                      T
	keep                             T // the part of a weight that decay leaves: 1, but for AdamW
}

// rowsAhead is how many rows ahead of its use a sparse update asks for one: tables are larger than the caches.
const rowsAhead = 8

// Update binds a parameter update.
func (d *Device) Update(a kernels.UpdateArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.Param) {
		return newUpdate(b, d.f64, a)
	}
	return newUpdate(b, d.f32, a)
}

func newUpdate[T float](b *binder, l *loops[T], a kernels.UpdateArgs) (kernels.Kernel, error) {
	w, g := operand[T](b, "Param", a.Param), operand[T](b, "Grad", a.Grad)
	rows, hy := operand[int32](b, "Rows", a.Rows), operand[T](b, "Hyper", a.Hyper)
	hasM, hasV := a.Kind.States()
	k := &rowKernel{base: b.base(), block: rowsPerPart(4 * w.cols)}
	if b.err != nil {
		return b.finish(k)
	}
	var m, v view[T]
	k.batch = b.batchOf(a.Grad, a.Rows)
	if !rows.present {
		k.batch = b.batchOf(a.Param, a.Grad)
	}
	if hasM {
		m = operand[T](b, "M", a.M)
	}
	if hasV {
		v = operand[T](b, "V", a.V)
	}
	h := &hyper[T]{
		momentum: T(a.Momentum), beta1: T(a.Beta1), beta2: T(a.Beta2),
		oneMinus1: T(1 - a.Beta1), oneMinus2: T(1 - a.Beta2),
		epsilon: T(a.Epsilon), l2: T(a.L2),
	}
	decay := T(0)
	if a.Kind == kernels.AdamW {
		decay = T(a.WeightDecay)
	}
	k.begin = func() {
		now := hy.row(0)
		h.rate, h.factor = now[kernels.HyperRate], now[kernels.HyperFactor]
		h.correct1, h.correct2 = now[kernels.HyperCorrect1], now[kernels.HyperCorrect2]
		h.keep = 1 - h.rate*decay
	}
	update := l.update[a.Kind]
	// piece updates row r of the parameters, or all from r to end where they lie together, by gradients gr.
	piece := func(r, end int, gr []T) {
		var mr, vr []T
		if hasM {
			mr = rowsOf(&m, r, end)
		}
		if hasV {
			vr = rowsOf(&v, r, end)
		}
		update(h, rowsOf(&w, r, end), gr, mr, vr)
	}
	switch {
	case rows.present:
		k.body = func(lo, hi int) {
			for i := lo; i < hi; i++ {
				if ahead := i + rowsAhead; ahead < hi {
					if r := int(rows.data[ahead*rows.stride]); r >= 0 && r < w.rows {
						l.prefetch(w.row(r))
						if hasM {
							l.prefetch(m.row(r))
						}
						if hasV {
							l.prefetch(v.row(r))
						}
					}
				}
				// As in a gather, rows that are not in the table have no effect.
				if r := int(rows.data[i*rows.stride]); r >= 0 && r < w.rows {
					piece(r, r+1, g.row(i))
				}
			}
		}
	case w.dense && g.dense && (!hasM || m.dense) && (!hasV || v.dense):
		k.body = func(lo, hi int) { piece(lo, hi, g.span(lo, hi)) }
	default:
		k.body = func(lo, hi int) {
			for r := lo; r < hi; r++ {
				piece(r, r+1, g.row(r))
			}
		}
	}
	return b.finish(k)
}

// rowsOf returns rows lo … hi−1 as one slice; more than one only of a dense view.
func rowsOf[T float](v *view[T], lo, hi int) []T {
	if hi == lo+1 {
		return v.row(lo)
	}
	return v.span(lo, hi)
}

// updates returns the rules in plain Go, by OptimizerKind.
func updates[T float]() []func(h *hyper[T], w, g, m, v []T) {
	return []func(h *hyper[T], w, g, m, v []T){
		kernels.SGD: sgd[T], kernels.Momentum: momentum[T], kernels.Nesterov: nesterov[T],
		kernels.Adam: adam[T], kernels.AdamW: adam[T], kernels.Adagrad: adagrad[T],
	}
}

func sgd[T float](h *hyper[T], w, g, _, _ []T) {
	g = g[:len(w)]
	for i, p := range w {
		w[i] = p - h.rate*(h.factor*g[i]+h.l2*p)
	}
}

func momentum[T float](h *hyper[T], w, g, m, _ []T) {
	g, m = g[:len(w)], m[:len(w)]
	for i, p := range w {
		v := h.momentum*m[i] + (h.factor*g[i] + h.l2*p)
		m[i] = v
		w[i] = p - h.rate*v
	}
}

func nesterov[T float](h *hyper[T], w, g, m, _ []T) {
	g, m = g[:len(w)], m[:len(w)]
	for i, p := range w {
		d := h.factor*g[i] + h.l2*p
		v := h.momentum*m[i] + d
		m[i] = v
		w[i] = p - h.rate*(d+h.momentum*v)
	}
}

// adam is Adam, and AdamW where not all of a weight is kept.
func adam[T float](h *hyper[T], w, g, m, v []T) {
	g, m, v = g[:len(w)], m[:len(w)], v[:len(w)]
	for i, p := range w {
		d := h.factor*g[i] + h.l2*p
		p *= h.keep
		m1 := h.beta1*m[i] + h.oneMinus1*d
		v1 := h.beta2*v[i] + h.oneMinus2*(d*d)
		m[i], v[i] = m1, v1
		w[i] = p - h.rate*(m1*h.correct1)/(T(math.Sqrt(float64(v1*h.correct2)))+h.epsilon)
	}
}

func adagrad[T float](h *hyper[T], w, g, _, v []T) {
	g, v = g[:len(w)], v[:len(w)]
	for i, p := range w {
		d := h.factor*g[i] + h.l2*p
		s := v[i] + d*d
		v[i] = s
		w[i] = p - h.rate*d/(T(math.Sqrt(float64(s)))+h.epsilon)
	}
}
