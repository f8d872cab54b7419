package kerneltest

import (
	"fmt"
	"math"
	"slices"

	"debut/kernels"
)

var _ = register("embedding", offers[kernels.Embedding], embeddingForms)

func embeddingForms(s scale) []form {
	// Rows, fields and width of the batches.
	shapes := [][3]int{{17, 2, 3}}
	var forms []form
	switch s {
	case conformance:
		shapes = [][3]int{{0, 2, 4}, {1, 1, 1}, {3, 5, 8}, {64, 1, 4}, {65, 3, 1}, {129, 2, 17}, {700, 3, 5}, {5, 4, 0}}
		forms = append(forms, segmentPlan(3000, 3, 1<<23, false)) // more than is sorted at once
	case large:
		shapes = [][3]int{{3000, 4, 16}}
	}
	for _, shape := range shapes {
		r, fields, width := shape[0], shape[1], shape[2]
		for _, skew := range []bool{false, true} {
			forms = append(forms, gather(r, fields, width, skew), gatherSum(r, fields, width, skew), segmentSum(r, fields, width, tableRows, skew, true))
			for _, limit := range []int{tableRows, 1, 1 << 23} {
				if skew && limit == 1 {
					continue // all ids are one anyway
				}
				forms = append(forms, segmentPlan(r, fields, limit, skew), segmentSum(r, fields, width, limit, skew, false))
			}
		}
	}
	return forms
}

// idFill makes ids of a table, some of them negative or beyond it; skewed, most are one of a few.
func idFill(limit int, skew bool) func(r, c int) float64 {
	u := uniform(9, 0, 1)
	return func(r, c int) float64 {
		p := u(r, c)
		switch {
		case p < 0.05:
			return -1
		case p < 0.1:
			return float64(limit) + math.Floor(p*1000)
		case skew && p < 0.9:
			return math.Floor(p * min(5, float64(limit)))
		}
		return math.Floor(p * float64(limit))
	}
}

func gather(r, fields, width int, skew bool) form {
	return form{
		name: fmt.Sprintf("gather %d×%d rows of %d, skewed %t", r, fields, width, skew),
		operands: []operand{
			{name: "Table", rows: tableRows, cols: width, fill: uniform(1, -1, 1)},
			{name: "IDs", dtype: kernels.Int32, rows: r, cols: fields, count: batchCount, fill: idFill(tableRows, skew)},
			{name: "Out", rows: r, cols: fields * width, count: batchCount},
		},
		bind: func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
			return must[kernels.Embedding](d).Gather(kernels.GatherArgs{Table: m("Table"), IDs: m("IDs"), Out: m("Out")})
		},
		want: func(n int, x *trial) {
			for i := range n {
				for f := range fields {
					id := int(x.at("IDs", i, f))
					for j := range width {
						want := 0.0
						if id >= 0 && id < tableRows {
							want = x.at("Table", id, j)
						}
						x.expect("Out", i, f*width+j, want, 0)
					}
				}
			}
		},
	}
}

func gatherSum(r, fields, width int, skew bool) form {
	return form{
		name: fmt.Sprintf("gather and sum of %d×%d rows of %d, skewed %t", r, fields, width, skew),
		operands: []operand{
			{name: "Table", rows: tableRows, cols: width, fill: uniform(1, -1, 1)},
			{name: "IDs", dtype: kernels.Int32, rows: r, cols: fields, count: batchCount, fill: idFill(tableRows, skew)},
			{name: "Weights", rows: r, cols: fields, count: batchCount, fill: uniform(2, -1, 1)},
			{name: "Out", rows: r, cols: width, count: batchCount},
		},
		bind: func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
			return must[kernels.Embedding](d).GatherSum(kernels.GatherSumArgs{Table: m("Table"), IDs: m("IDs"), Weights: m("Weights"), Out: m("Out")})
		},
		want: func(n int, x *trial) {
			for i := range n {
				for j := range width {
					sum, size := 0.0, 0.0
					for f := range fields {
						if id := int(x.at("IDs", i, f)); id >= 0 && id < tableRows {
							v := x.at("Weights", i, f) * x.at("Table", id, j)
							sum += v
							size += math.Abs(v)
						}
					}
					x.expect("Out", i, j, sum, float64(fields+1)*x.roundoff()*size)
				}
			}
		},
	}
}

// segments returns the operands of segmentOperands.
func segments(m func(string) kernels.Matrix) kernels.Segments {
	return kernels.Segments{Unique: m("Unique"), Starts: m("Starts"), Places: m("Places"), Number: m("Number")}
}

// segmentOperands are the operands of segments of r × fields ids: what a plan writes, or with ids what it would have written for all of them.
func segmentOperands(r, fields, limit int, ids func(r, c int) float64) []operand {
	s := segmentsOf(r, fields, limit, ids)
	list := func(v []int) func(r, c int) float64 {
		if ids == nil {
			return nil
		}
		return func(r, _ int) float64 {
			if r < len(v) {
				return float64(v[r])
			}
			return -1 // nobody looks
		}
	}
	room, places := min(r*fields, limit), r*fields
	return []operand{
		{name: "Unique", dtype: kernels.Int32, rows: room, cols: 1, count: foundCount, fill: list(s.unique)},
		{name: "Starts", dtype: kernels.Int32, rows: room + 1, cols: 1, fill: list(s.starts)},
		{name: "Places", dtype: kernels.Int32, rows: places, cols: 1, fill: list(s.places)},
		{name: "Number", dtype: kernels.Int32, rows: places, cols: 1, fill: list(s.number)},
	}
}

// segmentLists are segments as the contract describes them.
type segmentLists struct{ unique, starts, places, number []int }

// segmentsOf makes the segments of r × fields ids.
func segmentsOf(r, fields, limit int, ids func(r, c int) float64) (s segmentLists) {
	if ids == nil {
		return s
	}
	var order []uint64 // ids, and places where these are the same
	for place := range r * fields {
		if id := int(ids(place/fields, place%fields)); id >= 0 && id < limit {
			order = append(order, uint64(id)<<32|uint64(place))
		}
	}
	slices.Sort(order)
	for i, v := range order {
		if id := int(v >> 32); i == 0 || id != s.unique[len(s.unique)-1] {
			s.unique, s.starts = append(s.unique, id), append(s.starts, i)
		}
		s.places, s.number = append(s.places, int(uint32(v))), append(s.number, len(s.unique)-1)
	}
	s.starts = append(s.starts, len(s.places))
	return s
}

func segmentPlan(r, fields, limit int, skew bool) form {
	return form{
		name: fmt.Sprintf("segment plan of %d×%d ids below %d, skewed %t", r, fields, limit, skew),
		operands: append([]operand{{name: "IDs", dtype: kernels.Int32, rows: r, cols: fields, count: batchCount, free: true, fill: idFill(limit, skew)}},
			segmentOperands(r, fields, limit, nil)...),
		bind: func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
			return must[kernels.Embedding](d).SegmentPlan(kernels.SegmentPlanArgs{IDs: m("IDs"), Segments: segments(m), Limit: limit})
		},
		want: func(n int, x *trial) {
			s := segmentsOf(n, fields, limit, func(r, c int) float64 { return x.at("IDs", r, c) })
			x.expectCount(foundCount, len(s.unique))
			for name, list := range map[string][]int{"Unique": s.unique, "Starts": s.starts, "Places": s.places, "Number": s.number} {
				for i, v := range list {
					x.expect(name, i, 0, float64(v), 0)
				}
			}
		},
	}
}

func segmentSum(r, fields, width, limit int, skew, weighted bool) form {
	ids := idFill(limit, skew)
	s := segmentsOf(r, fields, limit, ids)
	cols := fields * width
	if weighted {
		cols = width
	}
	operands := append(segmentOperands(r, fields, limit, ids),
		operand{name: "Grad", rows: r, cols: cols, fill: uniform(2, -1, 1)},
		operand{name: "Sums", rows: min(r*fields, limit), cols: width, count: foundCount})
	if weighted {
		operands = append(operands, operand{name: "Weights", rows: r, cols: fields, optional: true, fill: uniform(3, -1, 1)})
	}
	return form{
		name:     fmt.Sprintf("segment sum of %d×%d ids below %d, rows of %d, skewed %t, weighted %t", r, fields, limit, width, skew, weighted),
		operands: operands,
		given:    true,
		found:    len(s.unique),
		bind: func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
			return must[kernels.Embedding](d).SegmentSum(kernels.SegmentSumArgs{Segments: segments(m), Grad: m("Grad"), Weights: m("Weights"), Sums: m("Sums")})
		},
		want: func(_ int, x *trial) {
			for i := range s.unique {
				places := s.places[s.starts[i]:s.starts[i+1]]
				for j := range width {
					sum, size := 0.0, 0.0
					for _, p := range places {
						var g float64
						if weighted {
							g = x.at("Weights", p/fields, p%fields) * x.at("Grad", p/fields, j)
						} else {
							g = x.at("Grad", p/fields, p%fields*width+j)
						}
						sum += g
						size += math.Abs(g)
					}
					n := len(places) - 1
					if weighted {
						n += 2
					}
					x.expect("Sums", i, j, sum, float64(n)*x.roundoff()*size)
				}
			}
		},
	}
}
