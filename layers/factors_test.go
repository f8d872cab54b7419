package layers_test

import (
	"math"
	"strings"
	"testing"

	"debut/engine"
	"debut/engine/optim"
	"debut/kernels"
	"debut/kernels/philox"
	"debut/layers"
)

// plainFM is a factorization machine written out: weights and factors of ids and of a number, and all pairs one by one.
type plainFM struct {
	bias    float64
	table   [][]float64 // of each id: the weight, then the factors
	numeric [][]float64 // of each number
}

// fields are the values of a row's fields: those of its ids, and those of its numbers times the number.
func (m *plainFM) fields(ids []int32, x []float64) (fields [][]float64) {
	for j, v := range x {
		f := make([]float64, len(m.numeric[j]))
		for k, w := range m.numeric[j] {
			f[k] = v * w
		}
		fields = append(fields, f)
	}
	for _, id := range ids {
		fields = append(fields, m.table[id])
	}
	return fields
}

func (m *plainFM) logit(fields [][]float64) float64 {
	z := m.bias
	for i, f := range fields {
		z += f[0]
		for _, g := range fields[:i] {
			for k := 1; k < len(f); k++ {
				z += f[k] * g[k]
			}
		}
	}
	return z
}

// step is a step of gradient descent on all rows.
func (m *plainFM) step(ids [][]int32, x [][]float64, y []float64, rate float64) {
	bias, table, numeric := 0.0, zerosLike(m.table), zerosLike(m.numeric)
	for r := range ids {
		fields := m.fields(ids[r], x[r])
		g := (1/(1+math.Exp(-m.logit(fields))) - y[r]) / float64(len(ids))
		bias += g
		for i := range fields {
			to, value := []float64(nil), 1.0
			if i < len(x[r]) {
				to, value = numeric[i], x[r][i]
			} else {
				to = table[ids[r][i-len(x[r])]]
			}
			to[0] += g * value
			for k := 1; k < len(to); k++ {
				for j, other := range fields {
					if j != i {
						to[k] += g * value * other[k]
					}
				}
			}
		}
	}
	m.bias -= rate * bias
	for i := range m.table {
		for k := range m.table[i] {
			m.table[i][k] -= rate * table[i][k]
		}
	}
	for i := range m.numeric {
		for k := range m.numeric[i] {
			m.numeric[i][k] -= rate * numeric[i][k]
		}
	}
}

func zerosLike(rows [][]float64) [][]float64 {
	out := make([][]float64, len(rows))
	for i, r := range rows {
		out[i] = make([]float64, len(r))
	}
	return out
}

// rowsOf cuts values into rows of a width.
func rowsOf(values []float64, width int) (rows [][]float64) {
	for ; len(values) > 0; values = values[width:] {
		rows = append(rows, values[:width:width])
	}
	return rows
}

// Gradient descent on all rows takes a factorization machine of 5,000 ids and of numbers where it takes one that is written out pair by pair
// in float64: to 1e-4 in each weight and factor.
func TestFactorMachineAgrees(t *testing.T) {
	const rows, factors, steps, rate = 2000, 4, 30, 2.0
	n := layers.Network{
		Numeric: []layers.Numeric{{Name: "price", Column: "price"}, {Name: "age", Column: "age"}},
		Fields:  []layers.Field{{Name: "user", Cardinality: 3000, Dim: factors}, {Name: "item", Cardinality: 1900, Dim: factors}, {Name: "shop", Cardinality: 100, Dim: factors}},
		Factors: factors, Outputs: 1,
	}
	must(t, n.Check())
	ids, x, y, fed := sampleFM(n, rows)

	g := engine.NewGraph(kernels.Float32, rows)
	b := &layers.Builder{Graph: g, Training: true}
	loss := layers.BuildLoss(b, kernels.LogisticLoss, 0, n.Build(b))
	must(t, g.Differentiate(loss))
	o := optim.Defaults(kernels.SGD)
	o.LearningRate = rate
	dev := device(t)
	p := engine.NewParameters(dev, kernels.Float32, 1)
	tr, err := engine.NewTrainer(g, engine.TrainerOptions{Options: engine.Options{Device: dev, Parameters: p}, Loss: loss, Optimizer: o})
	must(t, err)
	read := func(name string) []float64 {
		v, err := p.Read(name)
		must(t, err)
		return v
	}
	// Factors far from zero, so that their products count.
	for _, name := range []string{"factors", "factors.numeric"} {
		v, rnd := read(name), philox.New(5, philox.StreamOf(name))
		for i := range v {
			v[i] = float64(float32(rnd.NormFloat64() * 0.3))
		}
		must(t, p.Write(name, v))
	}
	plain := &plainFM{table: rowsOf(read("factors"), 1+factors), numeric: rowsOf(read("factors.numeric"), 1+factors)}
	before := rowsOf(read("factors"), 1+factors)

	must(t, engine.Feed(tr.Program, layers.InputNumeric, fed.numbers))
	must(t, tr.FeedIDs(layers.LinearIDs, fed.ids))
	must(t, engine.Feed(tr.Program, layers.InputTarget, fed.target))
	must(t, engine.Feed(tr.Program, layers.InputWeight, fed.weight))
	must(t, engine.Feed(tr.Program, layers.InputScale, []float32{1.0 / rows}))
	for range steps {
		must(t, tr.Step(true, nil))
		plain.step(ids, x, y, rate)
	}
	furthest, moved := 0.0, 0.0
	compare := func(name string, want [][]float64) {
		for i, row := range rowsOf(read(name), 1+factors) {
			for k, v := range row {
				furthest = max(furthest, math.Abs(v-want[i][k]))
				if name == "factors" {
					moved = max(moved, math.Abs(v-before[i][k]))
				}
			}
		}
	}
	compare("factors", plain.table)
	compare("factors.numeric", plain.numeric)
	furthest = max(furthest, math.Abs(read("output.bias")[0]-plain.bias))
	t.Logf("at most %.2g apart, moved by up to %.2g", furthest, moved)
	if !(furthest <= 1e-4) || moved < 0.1 {
		t.Errorf("weights are up to %v apart, and moved by up to %v", furthest, moved)
	}
}

// fedRows are rows as a program is fed with them.
type fedRows struct {
	numbers, target, weight []float32
	ids                     []int32
}

// sampleFM draws rows of a network, whose targets follow from the ids.
func sampleFM(n layers.Network, rows int) (ids [][]int32, x [][]float64, y []float64, fed fedRows) {
	rnd := philox.New(3, 3)
	for range rows {
		var id []int32
		first, z := 0, 0.0
		for _, f := range n.Fields {
			v := int(float64(f.Cardinality) * rnd.Float64() * rnd.Float64())
			z += math.Sin(float64(v + f.Cardinality))
			id = append(id, int32(first+v))
			first += f.Cardinality
		}
		var values []float64
		for range n.Numeric {
			v := float64(float32(rnd.NormFloat64()))
			z += v * math.Cos(float64(id[0]))
			values = append(values, v)
			fed.numbers = append(fed.numbers, float32(v))
		}
		target := 0.0
		if rnd.Float64() < 1/(1+math.Exp(-z)) {
			target = 1
		}
		ids, x, y = append(ids, id), append(x, values), append(y, target)
		fed.ids, fed.target, fed.weight = append(fed.ids, id...), append(fed.target, float32(target)), append(fed.weight, 1)
	}
	return ids, x, y, fed
}

// Networks of arms are checked before anything is made of them.
func TestArmsAreChecked(t *testing.T) {
	fm := sample()
	fm.Hidden, fm.Factors = nil, 4
	for i := range fm.Fields {
		fm.Fields[i].Dim = 4
	}
	must(t, fm.Check())
	cross := sample()
	cross.Cross = &layers.Cross{Layers: 2, Rank: 3}
	must(t, cross.Check())
	streams := sample()
	streams.Streams = &layers.Streams{Second: []layers.Block{{Units: 9}}, Heads: 3}
	must(t, streams.Check())
	for want, n := range map[string]layers.Network{
		"second: streams of 2 and 0":   with(streams, func(n *layers.Network) { n.Streams = &layers.Streams{Heads: 1} }),
		"heads: 2 do not divide":       with(streams, func(n *layers.Network) { n.Streams = &layers.Streams{Second: []layers.Block{{Units: 9}}, Heads: 2} }),
		"second.0.units: 0":            with(streams, func(n *layers.Network) { n.Streams = &layers.Streams{Second: []layers.Block{{}}, Heads: 1} }),
		"second: streams of 0":         with(streams, func(n *layers.Network) { n.Hidden = nil }),
		"factors: -1":                  with(fm, func(n *layers.Network) { n.Factors = -1 }),
		"factors: 4097":                with(fm, func(n *layers.Network) { n.Factors = 4097 }),
		"weights of its own":           with(fm, func(n *layers.Network) { n.Wide = true }),
		"takes neither a cross":        with(fm, func(n *layers.Network) { n.Cross = &layers.Cross{Layers: 1} }),
		"in a network of 8":            with(fm, func(n *layers.Network) { n.Factors = 8 }),
		"numeric.0.column":             with(cross, func(n *layers.Network) { n.Numeric = []layers.Numeric{{Name: "x", Column: "x"}} }),
		"cross.layers: 0":              with(cross, func(n *layers.Network) { n.Cross = &layers.Cross{} }),
		"cross.rank: -1":               with(cross, func(n *layers.Network) { n.Cross = &layers.Cross{Layers: 1, Rank: -1} }),
		"are more than the 2147483647": with(fm, func(n *layers.Network) { n.Outputs, n.Factors = 1<<20, 4096 }),
	} {
		if err := n.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want …%s…, got %v", want, err)
		}
	}
}

func with(n layers.Network, change func(*layers.Network)) layers.Network {
	change(&n)
	return n
}
