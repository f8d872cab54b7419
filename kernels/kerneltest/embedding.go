package kerneltest

import (
	"fmt"
	"math"
	"sort"

	"debut/kernels"
)

var _ = register("embedding", offers[kernels.Embedding], embeddingForms)

func embeddingForms(s scale) []form {
	// Rows, fields and width of the batches.
	shapes := [][3]int{{17, 2, 3}}
	switch s {
	case conformance:
		shapes = [][3]int{{0, 2, 4}, {1, 1, 1}, {3, 5, 8}, {64, 1, 4}, {65, 3, 1}, {129, 2, 17}, {700, 3, 5}, {5, 4, 0}}
	case large:
		shapes = [][3]int{{3000, 4, 16}}
	}
	var forms []form
	for _, shape := range shapes {
		r, fields, width := shape[0], shape[1], shape[2]
		for _, skew := range []bool{false, true} {
			forms = append(forms, gather(r, fields, width, skew))
			for _, limit := range []int{tableRows, 1, 1 << 23} {
				forms = append(forms, segmentReduce(r, fields, width, limit, skew))
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

func segmentReduce(r, fields, width, limit int, skew bool) form {
	room := min(r*fields, limit)
	return form{
		name: fmt.Sprintf("segment reduce %d×%d ids below %d, rows of %d, skewed %t", r, fields, limit, width, skew),
		operands: []operand{
			{name: "IDs", dtype: kernels.Int32, rows: r, cols: fields, count: batchCount, fill: idFill(limit, skew)},
			{name: "Grad", rows: r, cols: fields * width, count: batchCount, fill: uniform(2, -1, 1)},
			{name: "Unique", dtype: kernels.Int32, rows: room, cols: 1, count: foundCount},
			{name: "Sums", rows: room, cols: width, count: foundCount},
		},
		bind: func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
			return must[kernels.Embedding](d).SegmentReduce(kernels.SegmentReduceArgs{
				IDs: m("IDs"), Grad: m("Grad"), Unique: m("Unique"), Sums: m("Sums"), Limit: limit,
			})
		},
		want: func(n int, x *trial) {
			places := make(map[int][][2]int)
			for i := range n {
				for f := range fields {
					if id := int(x.at("IDs", i, f)); id >= 0 && id < limit {
						places[id] = append(places[id], [2]int{i, f})
					}
				}
			}
			ids := make([]int, 0, len(places))
			for id := range places {
				ids = append(ids, id)
			}
			sort.Ints(ids)
			x.expectCount(foundCount, len(ids))
			for s, id := range ids {
				x.expect("Unique", s, 0, float64(id), 0)
				for j := range width {
					sum, size := 0.0, 0.0
					for _, p := range places[id] {
						g := x.at("Grad", p[0], p[1]*width+j)
						sum += g
						size += math.Abs(g)
					}
					x.expect("Sums", s, j, sum, float64(len(places[id])-1)*x.roundoff()*size)
				}
			}
		},
	}
}
