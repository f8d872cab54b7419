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
	share, l1, beta                  T
}

// rowUpdate is what an update of chosen rows works on. State that the rule does not keep is absent.
type rowUpdate[T float] struct {
	w, g, m, v   view[T]
	rows, starts view[int32] // absent: all rows; the same L2 for all
	ofPart       []hyper[T]  // with starts: what a part of rowsOfPart rows knows, with the L2 of the row at hand
}

// rowsOfPart is how many rows a part of a sparse update does, so that those at its beginning, which nobody has asked for, are few among them.
const rowsOfPart = 1024

// Update binds a parameter update.
func (d *Device) Update(a kernels.UpdateArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.Param) {
		return newUpdate(b, d.f64, a)
	}
	return newUpdate(b, d.f32, a)
}

func newUpdate[T float](b *binder, l *loops[T], a kernels.UpdateArgs) (kernels.Kernel, error) {
	u := &rowUpdate[T]{
		w: operand[T](b, "Param", a.Param), g: operand[T](b, "Grad", a.Grad),
		rows: operand[int32](b, "Rows", a.Rows), starts: operand[int32](b, "Starts", a.Starts),
	}
	hy := operand[T](b, "Hyper", a.Hyper)
	hasM, hasV := a.Kind.States()
	k := &rowKernel{base: b.base(), block: rowsPerPart(4 * u.w.cols)}
	if b.err != nil {
		return b.finish(k)
	}
	k.batch = b.batchOf(a.Grad, a.Rows)
	if u.rows.present {
		k.block = rowsOfPart
	} else {
		k.batch = b.batchOf(a.Param, a.Grad)
	}
	if hasM {
		u.m = operand[T](b, "M", a.M)
	}
	if hasV {
		u.v = operand[T](b, "V", a.V)
	}
	if u.starts.present {
		u.ofPart = make([]hyper[T], blocks(u.g.rows, rowsOfPart))
	}
	h := &hyper[T]{
		momentum: T(a.Momentum), beta1: T(a.Beta1), beta2: T(a.Beta2),
		oneMinus1: T(1 - a.Beta1), oneMinus2: T(1 - a.Beta2),
		epsilon: T(a.Epsilon), l2: T(a.L2), l1: T(a.L1), beta: T(a.Beta),
	}
	decay := T(0)
	if a.Kind == kernels.AdamW {
		decay = T(a.WeightDecay)
	}
	k.begin = func() {
		now := hy.row(0)
		h.rate, h.factor = now[kernels.HyperRate], now[kernels.HyperFactor]
		h.correct1, h.correct2 = now[kernels.HyperCorrect1], now[kernels.HyperCorrect2]
		h.share, h.keep = now[kernels.HyperShare], 1-h.rate*decay
	}
	update, updateRows := l.update[a.Kind], l.updateRows[a.Kind]
	if !u.rows.present && a.Kind != kernels.RowwiseAdagrad && u.w.dense && u.g.dense && (!hasM || u.m.dense) && (!hasV || u.v.dense) {
		k.body = func(lo, hi int) {
			var m, v []T
			if hasM {
				m = u.m.span(lo, hi)
			}
			if hasV {
				v = u.v.span(lo, hi)
			}
			update(h, u.w.span(lo, hi), u.g.span(lo, hi), m, v)
		}
	} else {
		k.body = func(lo, hi int) { updateRows(h, u, lo, hi) }
	}
	return b.finish(k)
}

// byRow makes of a rule one for rows lo … hi−1 of the gradient.
func byRow[T float](rule func(h *hyper[T], w, g, m, v []T)) func(h *hyper[T], u *rowUpdate[T], lo, hi int) {
	return func(h *hyper[T], u *rowUpdate[T], lo, hi int) {
		l2 := h.l2 * h.share
		if u.starts.present && lo < hi {
			own := &u.ofPart[lo/rowsOfPart]
			*own, h = *h, own
		}
		for i := lo; i < hi; i++ {
			r := i
			if u.rows.present {
				// As in a gather, rows that are not in the table have no effect.
				if r = int(u.rows.data[i*u.rows.stride]); r < 0 || r >= u.w.rows {
					continue
				}
			}
			if u.starts.present {
				h.l2 = l2 * T(u.starts.data[(i+1)*u.starts.stride]-u.starts.data[i*u.starts.stride])
			}
			var m, v []T
			if u.m.present {
				m = u.m.row(r)
			}
			if u.v.present {
				v = u.v.row(r)
			}
			rule(h, u.w.row(r), u.g.row(i), m, v)
		}
	}
}

// updates returns the rules in plain Go, by OptimizerKind.
func updates[T float]() []func(h *hyper[T], w, g, m, v []T) {
	return []func(h *hyper[T], w, g, m, v []T){
		kernels.SGD: sgd[T], kernels.Momentum: momentum[T], kernels.Nesterov: nesterov[T],
		kernels.Adam: adam[T], kernels.AdamW: adam[T], kernels.Adagrad: adagrad[T],
		kernels.RowwiseAdagrad: rowwiseAdagrad[T], kernels.FTRL: ftrl[T],
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

// rowwiseAdagrad is for a row at a time, which has one number in v.
func rowwiseAdagrad[T float](h *hyper[T], w, g, _, v []T) {
	if len(w) == 0 {
		return
	}
	g = g[:len(w)]
	sum := T(0)
	for i, p := range w {
		d := h.factor*g[i] + h.l2*p
		sum += d * d
	}
	s := v[0] + sum/T(len(w))
	v[0] = s
	rate := h.rate / (T(math.Sqrt(float64(s))) + h.epsilon)
	for i, p := range w {
		w[i] = p - rate*(h.factor*g[i]+h.l2*p)
	}
}

func ftrl[T float](h *hyper[T], w, g, m, v []T) {
	g, m, v = g[:len(w)], m[:len(w)], v[:len(w)]
	for i, p := range w {
		d := h.factor * g[i]
		s := v[i] + d*d
		root := T(math.Sqrt(float64(s)))
		z := m[i]
		if z == 0 && v[i] == 0 {
			z = -p * (h.beta/h.rate + h.l2)
		}
		z += d - (root-T(math.Sqrt(float64(v[i]))))/h.rate*p
		m[i], v[i] = z, s
		beyond := T(math.Abs(float64(z))) - h.l1
		if beyond <= 0 {
			w[i] = 0
			continue
		}
		w[i] = -T(math.Copysign(float64(beyond), float64(z))) / ((h.beta+root)/h.rate + h.l2)
	}
}
