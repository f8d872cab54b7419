package kerneltest

import (
	"fmt"
	"math"

	"debut/kernels"
	"debut/kernels/philox"
)

// shapesOf returns shapes of matrices: rows about the edges of likely blocks, some columns.
func shapesOf(s scale) [][2]int {
	switch s {
	case conformance:
		return [][2]int{{0, 4}, {1, 1}, {3, 17}, {17, 3}, {64, 8}, {65, 1}, {129, 33}, {200, 7}, {5, 300}, {4, 0}}
	case large:
		return [][2]int{{700, 67}}
	}
	return [][2]int{{65, 9}}
}

var _ = register("elementwise", offers[kernels.Elementwise], elementwiseForms)

func elementwiseForms(s scale) []form {
	forms := activationForms(s)
	for _, shape := range shapesOf(s) {
		r, c := shape[0], shape[1]
		for _, k := range kernels.BinaryKinds() {
			for _, out := range []string{"A", "B", "C"} {
				forms = append(forms, binary(r, c, k, out))
			}
		}
		for _, dt := range []kernels.Dtype{0, kernels.Int32, kernels.Uint32} {
			forms = append(forms, copying(r, c, dt), filling(r, c, dt))
		}
		for _, rate := range []float64{0, 0.1, 0.5, 1 - 0x1p-20} {
			forms = append(forms, dropout(r, c, rate, false), dropout(r, c, rate, true))
		}
	}
	for _, r := range []int{0, 1, 17, 130} {
		forms = append(forms, piecewise(r, []int{3, 1, 2, 8}), piecewise(r, []int{1}), piecewise(r, []int{5}))
	}
	return forms
}

func binary(r, c int, kind kernels.BinaryKind, out string) form {
	f := form{
		name: fmt.Sprintf("%v %d×%d into %s", kind, r, c, out),
		operands: []operand{
			{name: "A", rows: r, cols: c, count: batchCount, fill: uniform(1, -2, 2)},
			{name: "B", rows: r, cols: c, count: batchCount, fill: uniform(2, -2, 2)},
		},
	}
	if out == "C" {
		f.operands = append(f.operands, operand{name: "C", rows: r, cols: c, count: batchCount})
	} else {
		f.aliased = true
	}
	f.bind = func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
		return must[kernels.Elementwise](d).Binary(kernels.BinaryArgs{Kind: kind, A: m("A"), B: m("B"), C: m(out)})
	}
	f.want = func(n int, x *trial) {
		for i := range n {
			for j := range c {
				want := x.at("A", i, j) + x.at("B", i, j)
				if kind == kernels.Multiply {
					want = x.at("A", i, j) * x.at("B", i, j)
				}
				x.expect(out, i, j, want, x.roundoff()*math.Abs(want))
			}
		}
	}
	return f
}

func copying(r, c int, dt kernels.Dtype) form {
	return form{
		name: fmt.Sprintf("copy %d×%d of %v", r, c, dt),
		operands: []operand{
			{name: "Src", dtype: dt, rows: r, cols: c, count: batchCount, fill: uniform(1, 0, 1e6)},
			{name: "Dst", dtype: dt, rows: r, cols: c, count: batchCount},
		},
		bind: func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
			return must[kernels.Elementwise](d).Copy(kernels.CopyArgs{Src: m("Src"), Dst: m("Dst")})
		},
		want: func(n int, x *trial) {
			for i := range n {
				for j := range c {
					x.expect("Dst", i, j, x.at("Src", i, j), 0)
				}
			}
		},
	}
}

func filling(r, c int, dt kernels.Dtype) form {
	return form{
		name: fmt.Sprintf("fill %d×%d of %v", r, c, dt),
		// All rows are filled, whatever the count says.
		operands: []operand{{name: "X", dtype: dt, rows: r, cols: c, count: batchCount, free: true, anyType: true}},
		bind: func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
			return must[kernels.Elementwise](d).Fill(kernels.FillArgs{X: m("X"), Value: 7})
		},
		want: func(_ int, x *trial) {
			for i := range r {
				for j := range c {
					x.expect("X", i, j, 7, 0)
				}
			}
		},
	}
}

func dropout(r, c int, rate float64, inPlace bool) form {
	const seed, stream = 0x123456789abcdef, 42
	step := []float64{3, 1 << 31}
	f := form{
		name: fmt.Sprintf("dropout %d×%d, rate %v, in place %t", r, c, rate, inPlace),
		operands: []operand{
			{name: "X", rows: r, cols: c, count: batchCount, fill: uniform(1, 1, 2)},
			{name: "Step", dtype: kernels.Uint32, rows: 1, cols: 2, fill: func(_, c int) float64 { return step[c] }},
		},
		aliased: inPlace,
	}
	out := "X"
	if !inPlace {
		out = "Y"
		f.operands = append(f.operands, operand{name: "Y", rows: r, cols: c, count: batchCount})
	}
	f.bind = func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
		return must[kernels.Elementwise](d).Dropout(kernels.DropoutArgs{X: m("X"), Y: m(out), Rate: rate, Seed: seed, Stream: stream, Step: m("Step")})
	}
	f.want = func(n int, x *trial) {
		for i := range n {
			for j := range c {
				w := philox.Block(philox.Key(seed, stream), [4]uint32{uint32(j / 4), uint32(i), uint32(step[0]), uint32(step[1])})
				want := 0.0
				if float64(w[j%4]) >= math.Floor(rate*(1<<32)) {
					want = x.at("X", i, j) / (1 - rate)
				}
				x.expect(out, i, j, want, 3*x.roundoff()*math.Abs(want))
			}
		}
	}
	return f
}

func piecewise(r int, bins []int) form {
	total := 0
	var edges []float64
	for j, b := range bins {
		total += b
		for t := range b + 1 {
			edges = append(edges, float64(t*t+t)/4-1+float64(j)/3)
		}
	}
	return form{
		name: fmt.Sprintf("piecewise linear, %d rows, bins %v", r, bins),
		operands: []operand{
			{name: "X", rows: r, cols: len(bins), count: batchCount, fill: uniform(1, -3, 6)},
			{name: "Edges", rows: 1, cols: len(edges), fill: func(_, c int) float64 { return edges[c] }},
			{name: "Y", rows: r, cols: total, count: batchCount},
		},
		bind: func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
			return must[kernels.Elementwise](d).PiecewiseLinear(kernels.PiecewiseLinearArgs{X: m("X"), Edges: m("Edges"), Y: m("Y"), Bins: bins})
		},
		want: func(n int, x *trial) {
			for i := range n {
				col, edge := 0, 0
				for j, b := range bins {
					v := x.at("X", i, j)
					for t := range b {
						lo, hi := x.at("Edges", 0, edge+t), x.at("Edges", 0, edge+t+1)
						want := (v - lo) / (hi - lo)
						if t > 0 && want < 0 {
							want = 0
						}
						if t < b-1 && want > 1 {
							want = 1
						}
						x.expect("Y", i, col+t, want, 4*x.roundoff()*(math.Abs(v)+math.Abs(lo))/(hi-lo))
					}
					col, edge = col+b, edge+b+1
				}
			}
		},
	}
}
