package kerneltest

import (
	"fmt"
	"math"

	"debut/kernels"
)

var _ = register("least squares", offers[kernels.LeastSquares], leastSquaresForms)

// squares is a form of least squares.
type squares struct {
	rows, entries, width        int // entries: about how many a row has
	steps                       int
	targets, gram, loss, absent bool // absent: some columns are none of Y's
	window                      bool // not all rows are fitted
}

// gramWeight is the weight of the Gram matrix.
const gramWeight = 0.3

func leastSquaresForms(s scale) []form {
	shapes := [][3]int{{9, 5, 7}}
	switch s {
	case conformance:
		shapes = [][3]int{{0, 3, 4}, {1, 1, 1}, {3, 2, 0}, {4, 0, 3}, {19, 6, 16}, {5, 300, 9}, {3, 40, 33}, {4, 3, 65}, {2, 9, 97}}
	case large:
		shapes = [][3]int{{97, 20, 67}}
	}
	var forms []form
	for _, shape := range shapes {
		for _, steps := range []int{0, 2} {
			f := squares{rows: shape[0], entries: shape[1], width: shape[2], steps: steps}
			f.targets, f.gram, f.loss, f.absent = true, true, true, true
			forms = append(forms, f.form())
			if s != conformance {
				continue
			}
			f.targets, f.gram, f.loss, f.absent = false, false, false, false
			forms = append(forms, f.form())
			f.loss, f.window = true, true
			forms = append(forms, f.form())
		}
	}
	if s == conformance { // rows of many entries or columns, for which devices may have other ways
		for _, f := range []squares{{rows: 4, entries: 750, width: 9, steps: 2}, {rows: 4, entries: 700, width: 97, steps: 1}, {rows: 2, entries: 5, width: 260, steps: 1}} {
			f.targets, f.gram, f.loss, f.absent = true, true, true, true
			forms = append(forms, f.form())
		}
	}
	return forms
}

func (f squares) form() form {
	offsets := make([]int, f.rows+1)
	for r := range f.rows {
		n := f.entries * (r % 4) / 2 // from none to half as many again
		if f.rows == 1 {
			n = f.entries
		}
		offsets[r+1] = offsets[r] + n
	}
	n := offsets[f.rows]
	column := uniform(3, 0, tableRows)
	ops := []operand{
		{name: "X", rows: f.rows, cols: f.width, count: batchCount, free: f.width == 0},
		{name: "Y", rows: tableRows, cols: f.width, fill: uniform(2, -1, 1)},
		{name: "Offsets", dtype: kernels.Int32, rows: f.rows + 1, cols: 1, fill: func(r, _ int) float64 { return float64(offsets[r]) }},
		{name: "Columns", dtype: kernels.Int32, rows: n, cols: 1, fill: func(r, c int) float64 {
			if f.absent && r%11 == 5 {
				return float64(tableRows*(r%2) - (r+1)%2) // one too far, or −1
			}
			return math.Floor(column(r, c))
		}},
		{name: "Weights", rows: n, cols: 1, fill: uniform(4, 0, 2)},
		{name: "Ridge", rows: f.rows, cols: 1, count: batchCount, fill: uniform(5, 0.5, 2)},
	}
	if f.steps > 0 {
		ops[0].fill = uniform(1, -1, 1)
	}
	if f.targets {
		ops = append(ops, operand{name: "Targets", rows: n, cols: 1, fill: uniform(6, -2, 2), optional: true})
	}
	if f.gram {
		u := uniform(7, -1, 1)
		ops = append(ops, operand{name: "Gram", rows: f.width, cols: f.width, optional: true, fill: func(r, c int) float64 {
			sum := 0.0
			for i := range 5 {
				sum += u(r, i) * u(c, i)
			}
			return sum
		}})
	}
	if f.window {
		ops = append(ops, operand{name: "Window", dtype: kernels.Int32, rows: 1, cols: 2, optional: true, fill: func(_, c int) float64 { return float64(f.bounds()[c]) }})
	}
	if f.loss {
		ops = append(ops, operand{name: "Loss", rows: f.rows, cols: 1, count: batchCount, optional: true})
	}
	return form{
		name:     fmt.Sprintf("least squares, %d rows of %d, %d entries, %d steps, targets %t, gram %t, window %t", f.rows, f.width, n, f.steps, f.targets, f.gram, f.window),
		operands: ops,
		bind: func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
			return must[kernels.LeastSquares](d).SolveRows(kernels.SolveRowsArgs{
				X: m("X"), Y: m("Y"), Offsets: m("Offsets"), Columns: m("Columns"), Weights: m("Weights"), Targets: m("Targets"),
				Gram: m("Gram"), GramWeight: gramWeight, Ridge: m("Ridge"), Loss: m("Loss"), Window: m("Window"), Steps: f.steps,
			})
		},
		want: func(n int, x *trial) {
			for r := range n {
				if b := f.bounds(); r >= b[0] && r < b[1] {
					f.expect(x, r, offsets[r], offsets[r+1])
				}
			}
		},
	}
}

// bounds are the first row that is fitted and the one behind the last, which may be beyond all rows.
func (f squares) bounds() [2]int {
	switch {
	case !f.window:
		return [2]int{0, f.rows}
	case f.rows < 4:
		return [2]int{-2, f.rows + 3}
	}
	return [2]int{1, f.rows - 2}
}

// expect tells what a row must hold.
func (f squares) expect(x *trial, r, lo, hi int) {
	d := f.width
	a, b := make([][]float64, d), make([]float64, d)
	for i := range d {
		a[i] = make([]float64, d)
		a[i][i] = x.at("Ridge", r, 0)
		if f.gram {
			for j := range d {
				a[i][j] += gramWeight * x.at("Gram", i, j)
			}
		}
	}
	constant := 0.0 // Σ w·t²
	for k := lo; k < hi; k++ {
		w, t := x.at("Weights", k, 0), 1.0
		if f.targets {
			t = x.at("Targets", k, 0)
		}
		constant += w * t * t
		c := int(x.at("Columns", k, 0))
		if c < 0 || c >= tableRows {
			continue
		}
		for i := range d {
			yi := x.at("Y", c, i)
			b[i] += w * t * yi
			for j := range d {
				a[i][j] += w * yi * x.at("Y", c, j)
			}
		}
	}
	v, start := make([]float64, d), constant
	if f.steps > 0 && hi > lo {
		for i := range v {
			v[i] = x.at("X", r, i)
		}
		start += form2(a, b, v)
		conjugateGradients(a, b, v, f.steps)
	} else {
		solveDense(a, b, v)
	}
	// With u the roundoff: sums of so many terms make the system wrong by terms·u of its size, and a solution by as much times the
	// condition, which is at most the trace over the ridge.
	trace, length := 0.0, 0.0
	for i := range d {
		trace += a[i][i]
		length += v[i] * v[i]
		if f.steps > 0 {
			length += x.at("X", r, i) * x.at("X", r, i)
		}
	}
	lost := 4 * float64(f.steps+1) * float64(hi-lo+3*d+10) * x.roundoff()
	for i := range d {
		x.expect("X", r, i, v[i], lost*trace/x.at("Ridge", r, 0)*math.Sqrt(length))
	}
	if f.loss {
		x.expect("Loss", r, 0, constant+form2(a, b, v), lost*(start+constant))
	}
}

// form2 returns vᵀAv − 2bᵀv.
func form2(a [][]float64, b, v []float64) float64 {
	sum := 0.0
	for i := range v {
		for j := range v {
			sum += v[i] * a[i][j] * v[j]
		}
		sum -= 2 * b[i] * v[i]
	}
	return sum
}

// conjugateGradients takes so many steps from v to the solution of Av = b.
func conjugateGradients(a [][]float64, b, v []float64, steps int) {
	d := len(v)
	residual, p, q := make([]float64, d), make([]float64, d), make([]float64, d)
	times := func(out, v []float64) {
		for i := range out {
			out[i] = 0
			for j := range v {
				out[i] += a[i][j] * v[j]
			}
		}
	}
	inner := func(x, y []float64) (sum float64) {
		for i := range x {
			sum += x[i] * y[i]
		}
		return sum
	}
	times(residual, v)
	for i := range d {
		residual[i] = b[i] - residual[i]
		p[i] = residual[i]
	}
	for range steps {
		before := inner(residual, residual)
		if before == 0 {
			return
		}
		times(q, p)
		alpha := before / inner(p, q)
		for i := range d {
			v[i] += alpha * p[i]
			residual[i] -= alpha * q[i]
		}
		beta := inner(residual, residual) / before
		for i := range d {
			p[i] = residual[i] + beta*p[i]
		}
	}
}

// solveDense sets v to the solution of Av = b by elimination; A is positive definite and not changed.
func solveDense(a [][]float64, b, v []float64) {
	d := len(v)
	m := make([][]float64, d)
	for i := range d {
		m[i] = append(append([]float64{}, a[i]...), b[i])
	}
	for j := range d {
		for i := j + 1; i < d; i++ {
			f := m[i][j] / m[j][j]
			for c := j; c <= d; c++ {
				m[i][c] -= f * m[j][c]
			}
		}
	}
	for i := d - 1; i >= 0; i-- {
		v[i] = m[i][d]
		for j := i + 1; j < d; j++ {
			v[i] -= m[i][j] * v[j]
		}
		v[i] /= m[i][i]
	}
}
