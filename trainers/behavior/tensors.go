package behavior

import (
	"fmt"
	"iter"
	"regexp"
	"slices"

	"debut/engine"
	"debut/engine/safetensors"
	"debut/layers"
	"debut/trainers/model"
	"debut/trainers/transfer"
)

// Tensors are the parameters of the network under the names of its layers. Tables that hold the embeddings of several columns are
// taken apart: embedding.COLUMN has a row for each value, or, in a linear model, weights.COLUMN.
func (m *Model) Tensors() ([]model.Tensor, error) {
	targets, err := m.targets()
	list := make([]model.Tensor, len(targets))
	for i, t := range targets {
		list[i] = t.Tensor
	}
	return list, err
}

// targets are the tensors, to be written to as well.
func (m *Model) targets() (list []transfer.Target, err error) {
	groups := m.Network.IDInputs()
	for _, p := range m.params.All() {
		name := p.Spec.Name
		if p.Spec.Frozen && p.Spec.Init == engine.Identities {
			continue // of the network's form, not learned
		}
		s, err := m.params.Source(name)
		if err != nil {
			return nil, err
		}
		if at := slices.IndexFunc(m.Network.ListInputs(), func(l layers.ListInput) bool { return l.Table == name }); at >= 0 {
			l := m.Network.Lists[at]
			list = append(list, transfer.Target{
				Tensor: m.embedding(s, 0, layers.Field{Name: l.Name, Cardinality: l.Cardinality}),
				Write:  func(from int, v []float32) error { return m.params.WriteAt(name, from, v) },
			})
			continue
		}
		at := slices.IndexFunc(groups, func(g layers.Group) bool { return g.Table == name })
		if at < 0 {
			t := model.Tensor{Source: s}
			m.alongInputs(&t)
			variances := p.Spec.Size()
			if p.Spec.Init == engine.UnitVariance {
				variances /= 2
			}
			list = append(list, transfer.Target{Tensor: t, Write: func(from int, v []float32) error {
				for i, x := range v {
					if from+i >= variances && x < 0 {
						return fmt.Errorf("value %d is a variance of %v", from+i, x)
					}
				}
				return m.params.WriteAt(name, from, v)
			}})
			continue
		}
		for i, field := range groups[at].Fields {
			first := groups[at].Offsets[i]
			list = append(list, transfer.Target{
				Tensor: m.embedding(s, first, m.Network.Fields[field]),
				Write:  func(from int, v []float32) error { return m.params.WriteAt(name, first*s.Shape[1]+from, v) },
			})
		}
	}
	return list, nil
}

// Parameters of layers that read the encoded inputs, and of those that have something for each of them: gates, and the layers of a cross network.
var (
	readsInputs = regexp.MustCompile(`^(hidden\.0|second\.0|wide|(gate\.\w+|cross\.\d+)\.narrow|cross\.output)\.weight$`)
	ofInputs    = regexp.MustCompile(`^(gate\.\w+|cross\.\d+)\.(weight|bias)$`)
)

// alongInputs names the inputs that the rows and columns of a parameter belong to, where they do.
func (m *Model) alongInputs(t *model.Tensor) {
	linear := m.Network.Linear() && t.Name == "output.weight"
	if !linear && t.Name != factorsOfNumbers && !readsInputs.MatchString(t.Name) && !ofInputs.MatchString(t.Name) {
		return
	}
	numbers, all := m.inputs()
	rows := func(name string, ids []string) {
		if len(ids) == t.Shape[0] {
			t.RowName, t.RowIDs, t.RowsOfInputs = name, slices.Values(ids), true
		}
	}
	switch {
	case linear:
		rows(model.InputRows, numbers)
	case t.Name == factorsOfNumbers:
		rows(model.NumberRows, numbers)
	case readsInputs.MatchString(t.Name):
		rows(model.InputRows, all)
	case ofInputs.MatchString(t.Name):
		if len(t.Shape) == 2 {
			t.ColumnIDs = slices.Values(all)
		}
		if whole := m.Network.Cross != nil && m.Network.Cross.Rank == 0; len(t.Shape) == 1 || whole {
			rows(model.InputRows, all)
		}
	}
}

// inputs names the encoded numbers, and all that layers read: after the numbers what is looked up of each field.
func (m *Model) inputs() (numbers, all []string) {
	n := m.Network
	for _, f := range n.Numeric {
		if f.Edges == nil {
			numbers = append(numbers, f.Name)
			continue
		}
		for bin := range len(f.Edges) - 1 {
			numbers = append(numbers, fmt.Sprintf("%s, bin %d", f.Name, bin))
		}
	}
	all = slices.Clone(numbers)
	if n.Factors > 0 {
		for i, f := range n.Numeric {
			if i == 0 || f.Column != n.Numeric[i-1].Column {
				all = appendEach(all, f.Column, "factor of numbers", n.Factors*n.Outputs) // the column may be a field besides
			}
		}
		for _, f := range n.Fields {
			all = appendEach(all, f.Name, "factor", n.Factors*n.Outputs)
		}
		for _, l := range n.Lists {
			for place := range l.Places() {
				kind := "factor of lists"
				if l.Each {
					kind = fmt.Sprintf("place %d, factor", place)
				}
				all = appendEach(all, l.Name, kind, n.Factors*n.Outputs)
			}
		}
		return numbers, all
	}
	for _, g := range n.Groups() {
		for _, field := range g.Fields {
			all = appendEach(all, n.Fields[field].Name, "dimension", g.Dim)
		}
	}
	for _, l := range n.Lists {
		all = appendEach(all, l.Name, "dimension", l.Dim)
	}
	return numbers, all
}

// appendEach names so many inputs of a field.
func appendEach(names []string, field, kind string, n int) []string {
	for i := range n {
		names = append(names, fmt.Sprintf("%s, %s %d", field, kind, i))
	}
	return names
}

// factorsOfNumbers is the parameter of a factorization machine with a row for each encoded number.
const factorsOfNumbers = "factors.numeric"

// embeddingPrefix begins the names of the rows of tables that belong to a column.
const embeddingPrefix = "embedding."

// embedding is the rows of a table that belong to a column.
func (m *Model) embedding(table safetensors.Source, first int, f layers.Field) model.Tensor {
	kind := embeddingPrefix
	if m.Network.Linear() {
		kind = "weights."
	}
	width := table.Shape[1]
	s := safetensors.Source{Name: kind + f.Name, Dtype: table.Dtype, Shape: []int{f.Cardinality, width}, Read: func(dst []byte, off int64) error {
		return table.Read(dst, off+int64(first)*int64(width)*int64(table.Dtype.Size()))
	}}
	return model.Tensor{Source: s, RowName: f.Name, RowIDs: m.values(f)}
}

// values names the ids of a column.
func (m *Model) values(f layers.Field) iter.Seq[string] { return fieldNames(m.Encoder, f) }
