package kerneltest

import (
	"fmt"
	"math"

	"debut/kernels"
)

var _ = register("factor updates", offers[kernels.FactorUpdates], factorUpdateForms)

func factorUpdateForms(s scale) []form {
	// Width of factors, samples, blocks.
	shapes := [][3]int{{9, 40, 3}}
	switch s {
	case conformance:
		shapes = [][3]int{{0, 7, 2}, {1, 1, 1}, {3, 20, 2}, {7, 65, 1}, {8, 64, 4}, {16, 150, 7}, {33, 30, 2}, {64, 90, 3}, {100, 12, 1}, {300, 25, 1}, {4, 0, 1}, {4, 5, 0}}
	case large:
		shapes = [][3]int{{67, 6000, 40}}
	}
	var forms []form
	for _, shape := range shapes {
		k, n, blocks := shape[0], shape[1], shape[2]
		forms = append(forms, ratingUpdates(k, n, blocks), preferenceUpdates(k, n, blocks, false), preferenceUpdates(k, n, blocks, true))
	}
	return forms
}

// The users and items of the forms: those of block b of B are b, b+B, b+2B, ….
const (
	factorUsers = 83
	factorItems = 57
)

// factorHyper holds different values everywhere, so that none passes for another.
var factorHyper = []float64{
	kernels.FactorRate: 0.05, kernels.FactorBiasRate: 0.03, kernels.FactorUserL2: 0.2, kernels.FactorItemL2: 0.1, kernels.FactorOtherL2: 0.4,
	kernels.FactorUserBiasL2: 0.3, kernels.FactorItemBiasL2: 0.6, kernels.FactorMean: 0.7,
}

// factorOperands are what both kinds of updates have. Samples are of the width ids; a few name nobody, a few of the wider ones
// compare an item with itself.
func factorOperands(k, n, blocks, ids int) []operand {
	u, per := uniform(7, 0, 1), (n+max(blocks, 1)-1)/max(blocks, 1)
	size := 1 / math.Sqrt(float64(max(k, 1)))
	return []operand{
		{name: "Users", rows: factorUsers, cols: k, fill: uniform(1, -size, size)},
		{name: "Items", rows: factorItems, cols: k, fill: uniform(2, -size, size)},
		{name: "ItemBias", rows: 1, cols: factorItems, fill: uniform(4, -1, 1)},
		{name: "Samples", dtype: kernels.Int32, rows: n, cols: ids, fill: func(r, c int) float64 {
			limit := factorItems
			if c == 0 {
				limit = factorUsers
			}
			p, b := u(r, c), r/max(per, 1)
			switch {
			case p < 0.03:
				return -1
			case p < 0.06:
				return float64(limit) + math.Floor(p*1000)
			case c == 2 && p < 0.1:
				p = u(r, 1)
			}
			return float64(b + max(blocks, 1)*int(p*float64((limit-b-1)/max(blocks, 1)+1)))
		}},
		// The first block begins before the samples, the last ends behind them.
		{name: "Blocks", dtype: kernels.Int32, rows: blocks, cols: 2, count: batchCount, fill: func(r, c int) float64 {
			if at := (r + c) * per; at > 0 && r+c < blocks {
				return float64(at)
			}
			return float64(c*(n+9) - 3)
		}},
		{name: "Hyper", rows: 1, cols: kernels.FactorHyperLen, fill: func(_, c int) float64 { return factorHyper[c] }},
		{name: "Loss", rows: blocks, cols: 1, count: batchCount},
	}
}

// bounded is a number and how wrong it may be: running error analysis (Higham, §3.3).
type bounded struct{ v, e float64 }

func (a bounded) size() float64 { return math.Abs(a.v) + a.e }

// plus returns a + s·b, with the roundings of both operations.
func (a bounded) plus(s, b bounded, u float64) bounded {
	product := s.v * b.v
	v := a.v + product
	return bounded{v, a.e + s.size()*b.e + s.e*b.size() + u*(2*math.Abs(product)+math.Abs(v))}
}

// factorTrial is factors and biases as they become.
type factorTrial struct {
	*trial
	k, n  int
	u     float64
	parts map[string][]bounded
}

func newFactorTrial(x *trial, k int) *factorTrial {
	t := &factorTrial{trial: x, k: k, n: x.form.operandRows("Samples"), u: x.roundoff(), parts: make(map[string][]bounded)}
	for _, name := range []string{"Users", "Items", "UserBias", "ItemBias"} {
		if x.tensors[name] == nil {
			continue
		}
		o := x.tensors[name]
		for i := range o.rows * o.cols {
			t.parts[name] = append(t.parts[name], bounded{v: o.at(i/o.cols, i%o.cols)})
		}
	}
	return t
}

func (f *form) operandRows(name string) int {
	for _, o := range f.operands {
		if o.name == name {
			return o.rows
		}
	}
	return 0
}

func (t *factorTrial) row(name string, i int) []bounded { return t.parts[name][i*t.k : (i+1)*t.k] }

// hyper returns an element of the operand.
func (t *factorTrial) hyper(i int) bounded { return bounded{v: t.at("Hyper", 0, i)} }

// rate returns one of the rates, times a weight.
func (t *factorTrial) rate(i int, weight float64) bounded {
	v := weight * t.hyper(i).v
	return bounded{v, t.u * math.Abs(v)}
}

// keep returns 1 − η·λ.
func (t *factorTrial) keep(l2 int, weight float64) bounded {
	eta := t.rate(kernels.FactorRate, weight)
	return bounded{v: 1}.plus(bounded{-eta.v, eta.e}, t.hyper(l2), t.u)
}

// moved returns keep·a + step·b.
func (t *factorTrial) moved(keep, a, step, b bounded) bounded {
	return bounded{}.plus(keep, a, t.u).plus(step, b, t.u)
}

// bias returns b + η(g − λ·b).
func (t *factorTrial) bias(b, g, rate bounded, l2 int) bounded {
	lambda := t.hyper(l2)
	return b.plus(rate, g.plus(bounded{v: -lambda.v}, b, t.u), t.u)
}

// scaled returns a·b.
func (t *factorTrial) scaled(a, b bounded) bounded { return bounded{}.plus(a, b, t.u) }

// sample is a sample that has an effect.
type sample struct {
	block, at int
	ids       [3]int
}

// blocks looks at the groups of each valid block: find tells what a sample tells and its loss, and step makes its step.
// It wants the losses and what became of factors and biases.
func (t *factorTrial) blocks(valid int, find func(s sample) (tells, loss bounded), step func(s sample, tells bounded)) {
	ids := t.tensors["Samples"].cols
	for b := range valid {
		loss, terms := bounded{}, 0.0
		from, to := max(int(t.at("Blocks", b, 0)), 0), min(int(t.at("Blocks", b, 1)), t.n)
		for ; from < to; from += kernels.FactorGroup {
			var group []sample
			var found []bounded
			for at := from; at < min(from+kernels.FactorGroup, to); at++ {
				s, known := sample{block: b, at: at}, true
				for c := range ids {
					s.ids[c] = int(t.at("Samples", at, c))
					limit := factorItems
					if c == 0 {
						limit = factorUsers
					}
					known = known && s.ids[c] >= 0 && s.ids[c] < limit
				}
				if ids == 3 && s.ids[1] == s.ids[2] {
					known = false
				}
				if known {
					tells, l := find(s)
					loss.v, loss.e, terms = loss.v+l.v, loss.e+l.e, terms+1
					group, found = append(group, s), append(found, tells)
				}
			}
			for i, s := range group {
				step(s, found[i])
			}
		}
		t.expect("Loss", b, 0, loss.v, loss.e+(terms*0x1p-53+t.u)*loss.v)
	}
	for name, part := range t.parts {
		o := t.tensors[name]
		for i, v := range part {
			if o.at(i/o.cols, i%o.cols) != v.v || v.e > 0 {
				t.expect(name, i/o.cols, i%o.cols, v.v, v.e)
			}
		}
	}
}

func ratingUpdates(k, n, blocks int) form {
	return form{
		name: fmt.Sprintf("rating updates, %d wide, %d samples, %d blocks", k, n, blocks),
		operands: append(factorOperands(k, n, blocks, 2),
			operand{name: "UserBias", rows: 1, cols: factorUsers, fill: uniform(3, -1, 1)},
			operand{name: "Ratings", rows: n, cols: 1, fill: uniform(5, -2, 2)}),
		bind: func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
			return must[kernels.FactorUpdates](d).RatingUpdates(kernels.RatingUpdatesArgs{
				Users: m("Users"), Items: m("Items"), UserBias: m("UserBias"), ItemBias: m("ItemBias"),
				FactorSamples: kernels.FactorSamples{Samples: m("Samples"), Blocks: m("Blocks")},
				Ratings:       m("Ratings"), Hyper: m("Hyper"), Loss: m("Loss"),
			})
		},
		want: func(valid int, x *trial) {
			t := newFactorTrial(x, k)
			keepUser, keepItem := t.keep(kernels.FactorUserL2, 1), t.keep(kernels.FactorItemL2, 1)
			t.blocks(valid, func(s sample) (e, loss bounded) {
				p, q := t.row("Users", s.ids[0]), t.row("Items", s.ids[1])
				bu, bi := t.parts["UserBias"][s.ids[0]], t.parts["ItemBias"][s.ids[1]]
				e = bounded{v: t.at("Ratings", s.at, 0)}
				sum, size := bounded{}, 0.0
				for c := range p {
					v := t.scaled(p[c], q[c])
					sum, size = bounded{sum.v + v.v, sum.e + v.e}, size+v.size()
				}
				sum.e += float64(k) * t.u * size // whatever the order of the sum
				for _, part := range []bounded{t.hyper(kernels.FactorMean), bu, bi, sum} {
					e = e.plus(bounded{v: -1}, part, t.u)
					e.e += 2 * t.u * (part.size() + 1) // or in another order
				}
				return e, t.scaled(e, e)
			}, func(s sample, e bounded) {
				p, q := t.row("Users", s.ids[0]), t.row("Items", s.ids[1])
				bu, bi := &t.parts["UserBias"][s.ids[0]], &t.parts["ItemBias"][s.ids[1]]
				*bu = t.bias(*bu, e, t.rate(kernels.FactorBiasRate, 1), kernels.FactorUserBiasL2)
				*bi = t.bias(*bi, e, t.rate(kernels.FactorBiasRate, 1), kernels.FactorItemBiasL2)
				step := t.scaled(t.rate(kernels.FactorRate, 1), e)
				for c := range p {
					p[c], q[c] = t.moved(keepUser, p[c], step, q[c]), t.moved(keepItem, q[c], step, p[c])
				}
			})
		},
	}
}

func preferenceUpdates(k, n, blocks int, weighted bool) form {
	f := form{
		name:     fmt.Sprintf("preference updates, %d wide, %d samples, %d blocks, weighted %t", k, n, blocks, weighted),
		operands: factorOperands(k, n, blocks, 3),
		bind: func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
			return must[kernels.FactorUpdates](d).PreferenceUpdates(kernels.PreferenceUpdatesArgs{
				Users: m("Users"), Items: m("Items"), ItemBias: m("ItemBias"),
				FactorSamples: kernels.FactorSamples{Samples: m("Samples"), Blocks: m("Blocks")},
				Weights:       m("Weights"), Hyper: m("Hyper"), Loss: m("Loss"),
			})
		},
		want: func(valid int, x *trial) {
			t := newFactorTrial(x, k)
			minus := bounded{v: -1}
			t.blocks(valid, func(s sample) (z, loss bounded) {
				p, q, o := t.row("Users", s.ids[0]), t.row("Items", s.ids[1]), t.row("Items", s.ids[2])
				x := t.parts["ItemBias"][s.ids[1]].plus(minus, t.parts["ItemBias"][s.ids[2]], t.u)
				sum, size := bounded{}, 0.0
				for c := range p {
					v := t.scaled(p[c], q[c].plus(minus, o[c], t.u))
					sum, size = bounded{sum.v + v.v, sum.e + v.e}, size+v.size()
				}
				sum.e += float64(k) * t.u * size // whatever the order of the sum
				x = x.plus(bounded{v: 1}, sum, t.u)
				x.e += t.u * size
				// The slopes of both functions are below 1; devices' own functions may be wrong by some roundings, as those of losses.
				small := math.Exp(-math.Abs(x.v))
				z = bounded{v: 1 / (1 + math.Exp(x.v)), e: x.e/4 + 8*t.u}
				loss = bounded{v: max(-x.v, 0) + math.Log1p(small), e: x.e}
				loss.e += 8 * t.u * loss.v
				return z, loss
			}, func(s sample, z bounded) {
				weight := 1.0
				if weighted {
					weight = t.at("Weights", s.block, 0)
				}
				keepUser, keepItem, keepOther := t.keep(kernels.FactorUserL2, weight), t.keep(kernels.FactorItemL2, weight), t.keep(kernels.FactorOtherL2, weight)
				p, q, o := t.row("Users", s.ids[0]), t.row("Items", s.ids[1]), t.row("Items", s.ids[2])
				bi, bj := &t.parts["ItemBias"][s.ids[1]], &t.parts["ItemBias"][s.ids[2]]
				rate := t.rate(kernels.FactorBiasRate, weight)
				*bi, *bj = t.bias(*bi, z, rate, kernels.FactorItemBiasL2), t.bias(*bj, bounded{-z.v, z.e}, rate, kernels.FactorItemBiasL2)
				step := t.scaled(t.rate(kernels.FactorRate, weight), z)
				back := bounded{-step.v, step.e}
				for c := range p {
					was, apart := p[c], q[c].plus(minus, o[c], t.u)
					p[c] = t.moved(keepUser, was, step, apart)
					q[c], o[c] = t.moved(keepItem, q[c], step, was), t.moved(keepOther, o[c], back, was)
				}
			})
		},
	}
	if weighted {
		f.operands = append(f.operands, operand{name: "Weights", rows: blocks, cols: 1, count: batchCount, fill: uniform(6, 0.5, 2)})
		// A binding without weights is another form.
		f.operands[len(f.operands)-1].optional = true
	}
	return f
}
