package kerneltest

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"debut/kernels"
)

var _ = register("selection", offers[kernels.Selection], selectionForms)

// selection is a form of the choice of the best.
type selection struct {
	rows, columns, kept int
	first               int // the number of the first column
	weights, leftOut    bool
}

func selectionForms(s scale) []form {
	shapes := [][4]int{{5, 70, 3, 0}}
	switch s {
	case conformance:
		shapes = [][4]int{{0, 5, 3, 0}, {1, 1, 1, 0}, {3, 0, 4, 7}, {4, 9, 20, 0}, {9, 100, 1, 5}, {19, 333, 20, 40}, {3, 700, 65, 0}, {2, 1500, 300, 11}, {5, 64, 0, 0}}
	case large:
		shapes = [][4]int{{300, 1000, 20, 0}}
	}
	var forms []form
	for _, shape := range shapes {
		f := selection{rows: shape[0], columns: shape[1], kept: shape[2], first: shape[3]}
		for _, all := range []bool{false, true} {
			f.weights, f.leftOut = all, all
			forms = append(forms, f.form())
		}
	}
	return forms
}

// Rows beside those of numbers: in the row of nobody nothing is a candidate, in a spoiled one there is a score that is no number.
const (
	rowOfNobody = 2
	spoiledRow  = 4
)

func (f selection) form() form {
	u := uniform(1, -6, 6)
	out := uniform(3, 0, float64(f.first+f.columns+4))
	ops := []operand{
		{name: "Scores", rows: f.rows, cols: f.columns, count: batchCount, free: !f.weights, fill: func(r, c int) float64 {
			switch p := u(r, c); {
			case r%7 == rowOfNobody, p > 5.8:
				return math.Inf(-1)
			case r%7 == spoiledRow && c == f.columns/2:
				return math.NaN()
			case r%2 == 1:
				return math.Copysign(math.Floor(math.Abs(p)), p) // many are equal, −0 and 0 among them
			default:
				return p
			}
		}},
		{name: "Best", rows: f.rows, cols: f.kept, count: batchCount},
		{name: "Columns", dtype: kernels.Int32, rows: f.rows, cols: f.kept, count: batchCount},
	}
	if f.first > 0 { // what is kept from before: some of the columns before, the best first, many as good as those to come
		ops[1].fill = func(r, c int) float64 {
			if c < f.kept0(r) {
				return float64(4 - c)
			}
			return math.Inf(-1)
		}
		ops[2].fill = func(r, c int) float64 {
			if c < f.kept0(r) {
				return float64(c)
			}
			return -1
		}
	}
	if f.weights {
		ops = append(ops, operand{name: "Weights", rows: 1, cols: f.columns, fill: uniform(2, 0.5, 2), optional: true})
	}
	if f.leftOut {
		ops = append(ops, operand{name: "Offsets", dtype: kernels.Int32, rows: f.rows + 1, cols: 1, fill: func(r, _ int) float64 { return float64(r * 3) }},
			operand{name: "LeftOut", dtype: kernels.Int32, rows: 3 * f.rows, cols: 1, fill: func(r, c int) float64 { return math.Floor(out(r, c)) - 2 }})
	}
	return form{
		name:     fmt.Sprintf("select %d of columns %d … %d, %d rows, weights %t, left out %t", f.kept, f.first, f.first+f.columns, f.rows, f.weights, f.leftOut),
		operands: ops,
		bind: func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
			return must[kernels.Selection](d).Select(kernels.SelectArgs{
				Scores: m("Scores"), First: f.first, Weights: m("Weights"), Offsets: m("Offsets"), LeftOut: m("LeftOut"), Best: m("Best"), Columns: m("Columns"),
			})
		},
		want: func(n int, x *trial) {
			for r := range n {
				f.expect(x, r)
			}
		},
	}
}

// kept0 is how many a row has from before.
func (f selection) kept0(r int) int { return min(f.kept, f.first, r%5) }

func (f selection) expect(x *trial, r int) {
	type scored struct {
		v      float64
		column int
	}
	left := map[int]bool{}
	if f.leftOut {
		for k := 3 * r; k < 3*r+3; k++ {
			left[int(x.at("LeftOut", k, 0))-f.first] = true
		}
	}
	var all []scored
	for c := range f.kept0(r) {
		if f.first > 0 {
			all = append(all, scored{x.at("Best", r, c), int(x.at("Columns", r, c))})
		}
	}
	for c := range f.columns {
		v := x.at("Scores", r, c)
		if left[c] {
			x.expect("Scores", r, c, math.Inf(-1), 0)
			continue
		}
		if f.weights && v != 0 {
			w := x.at("Weights", 0, c)
			if v < 0 {
				w = float64(float32(1) / float32(w))
			}
			v = float64(float32(v) * float32(w)) // rounded, so that equal ones are
		}
		if !math.IsInf(v, -1) {
			all = append(all, scored{v, f.first + c})
		}
	}
	slices.SortStableFunc(all, func(a, b scored) int {
		if aNaN, bNaN := math.IsNaN(a.v), math.IsNaN(b.v); aNaN || bNaN {
			return cmp.Compare(b2i(bNaN), b2i(aNaN))
		}
		return cmp.Compare(b.v, a.v)
	})
	for i := range f.kept {
		v, column := math.Inf(-1), -1
		if i < len(all) {
			v, column = all[i].v, all[i].column
		}
		x.expect("Best", r, i, v, 0)
		x.expect("Columns", r, i, float64(column), 0)
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
