// Package lptest generates linear programs for tests and benchmarks.
package lptest

import (
	"fmt"
	"math"

	"debut/kernels/philox"
	"debut/trainers/supply/lp/problem"
)

// Planning is a plan of a launch: in each month each product is made, sent to warehouses, kept there or sold; demand that is not met is lost.
// There is room in warehouses and at their doors, and what can be made in a month is limited.
//
// With products, warehouses and months P, W and T it has 3PWT + PT columns and PWT + PT + 2WT + T rows.
func Planning(products, warehouses, months int, seed uint64) *problem.Problem {
	r := philox.New(seed, philox.StreamOf("planning"))
	b := newBuilder(fmt.Sprintf("planning-%d-%d-%d", products, warehouses, months))
	between := func(low, high float64) float64 { return math.Round(100*(low+(high-low)*r.Float64())) / 100 }
	storage, door, total := make([][]int, warehouses), make([][]int, warehouses), make([]int, months)
	volume, margin, making := make([]float64, products), make([]float64, products), make([]float64, products)
	demand := make([][][]float64, products)
	inflow, capacity := make([]float64, warehouses), 0.0
	for p := range products {
		volume[p], margin[p], making[p] = between(0.5, 4), between(5, 60), between(1, 12)
		demand[p] = make([][]float64, warehouses)
		base := math.Exp(2 + 2*r.Float64())
		for w := range warehouses {
			demand[p][w] = make([]float64, months)
			phase := 2 * math.Pi * r.Float64()
			for t := range months {
				season := 1 + 0.6*math.Sin(phase+2*math.Pi*float64(t)/12)
				demand[p][w][t] = math.Round(base * season * (0.5 + r.Float64()))
				inflow[w] += volume[p] * demand[p][w][t] / float64(months)
				capacity += demand[p][w][t] / float64(months)
			}
		}
	}
	for w := range warehouses {
		for range months {
			storage[w] = append(storage[w], b.row(fmt.Sprintf("room_%d_%d", w, len(storage[w])), math.Inf(-1), math.Round(0.5*inflow[w])))
			door[w] = append(door[w], b.row(fmt.Sprintf("door_%d_%d", w, len(door[w])), math.Inf(-1), math.Round(1.05*inflow[w])))
		}
	}
	for t := range months {
		total[t] = b.row(fmt.Sprintf("plant_%d", t), math.Inf(-1), math.Round(0.98*capacity))
	}
	for p := range products {
		sent := make([]int, months)
		for t := range months {
			sent[t] = b.row(fmt.Sprintf("sent_%d_%d", p, t), 0, 0)
			b.column(fmt.Sprintf("make_%d_%d", p, t), making[p]*(1+0.02*float64(t)), 0, math.Inf(1), entry{sent[t], -1}, entry{total[t], 1})
		}
		for w := range warehouses {
			freight, keeping := between(0.2, 3), between(0.05, 0.6)
			balance := make([]int, months)
			for t := range months {
				balance[t] = b.row(fmt.Sprintf("balance_%d_%d_%d", p, w, t), demand[p][w][t], demand[p][w][t])
			}
			for t := range months {
				name := fmt.Sprintf("_%d_%d_%d", p, w, t)
				b.column("send"+name, freight, 0, math.Inf(1), entry{sent[t], 1}, entry{balance[t], 1}, entry{door[w][t], volume[p]})
				keep := []entry{{balance[t], -1}, {storage[w][t], volume[p]}}
				if t+1 < months {
					keep = append(keep, entry{balance[t+1], 1})
				}
				b.column("keep"+name, keeping, 0, math.Inf(1), keep...)
				b.column("lose"+name, margin[p], 0, demand[p][w][t], entry{balance[t], 1})
			}
		}
	}
	return b.problem()
}

// entry is a coefficient of a column.
type entry struct {
	row   int
	value float64
}

// builder collects rows and columns.
type builder struct{ p problem.Problem }

func newBuilder(name string) *builder {
	return &builder{problem.Problem{Name: name, Objective: "cost", Matrix: problem.Matrix{Start: []int{0}}}}
}

func (b *builder) row(name string, lower, upper float64) int {
	p := &b.p
	p.RowNames, p.RowLower, p.RowUpper = append(p.RowNames, name), append(p.RowLower, lower), append(p.RowUpper, upper)
	return len(p.RowLower) - 1
}

func (b *builder) column(name string, cost, lower, upper float64, entries ...entry) {
	p := &b.p
	p.ColumnNames, p.Cost, p.Lower, p.Upper = append(p.ColumnNames, name), append(p.Cost, cost), append(p.Lower, lower), append(p.Upper, upper)
	for _, e := range entries {
		p.Matrix.Index, p.Matrix.Value = append(p.Matrix.Index, int32(e.row)), append(p.Matrix.Value, e.value)
	}
	p.Matrix.Start = append(p.Matrix.Start, len(p.Matrix.Index))
}

func (b *builder) problem() *problem.Problem {
	b.p.Matrix.Rows, b.p.Matrix.Columns = len(b.p.RowLower), len(b.p.Cost)
	return &b.p
}
