package behavior

import (
	"fmt"
	"iter"
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
		at := slices.IndexFunc(groups, func(g layers.Group) bool { return g.Table == name })
		if at < 0 {
			t := model.Tensor{Source: s}
			if inputs := m.inputs(name); len(inputs) > 0 && len(inputs) == s.Shape[0] {
				t.RowName, t.RowIDs = model.InputRows, slices.Values(inputs)
			}
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

// inputs names the inputs that the rows of a layer's weights belong to, of a layer that reads the encoded inputs.
func (m *Model) inputs(parameter string) (names []string) {
	linear := m.Network.Linear()
	if first := parameter == "hidden.0.weight" || parameter == "wide.weight"; !first && (!linear || parameter != "output.weight") {
		return nil
	}
	for _, f := range m.Network.Numeric {
		if f.Edges == nil {
			names = append(names, f.Name)
			continue
		}
		for bin := range len(f.Edges) - 1 {
			names = append(names, fmt.Sprintf("%s, bin %d", f.Name, bin))
		}
	}
	if linear {
		return names
	}
	for _, g := range m.Network.Groups() {
		for _, field := range g.Fields {
			for d := range g.Dim {
				names = append(names, fmt.Sprintf("%s, dimension %d", m.Network.Fields[field].Name, d))
			}
		}
	}
	return names
}

// embedding is the rows of a table that belong to a column.
func (m *Model) embedding(table safetensors.Source, first int, f layers.Field) model.Tensor {
	kind := "embedding."
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
