package factorization

import (
	"debut/datasets/interactions"
	"debut/engine/safetensors"
	"debut/trainers/model"
)

// Names of tensors, behind those of users or items.
const (
	factorsSuffix   = ".factors"
	biasSuffix      = ".bias"
	historiesSuffix = ".histories"
)

// Tensors are the factors of users and items, and where there are biases these, apart from the columns that only make them count.
func (m *Model) Tensors() ([]model.Tensor, error) {
	return m.factors.tensors(m.Shop.Users, m.Shop.Items), nil
}

func (f *Factors) tensors(users, items *interactions.Vocabulary) []model.Tensor {
	lo, hi := f.columns()
	list := []model.Tensor{{Source: safetensors.Vector(meanTensor, []float32{float32(f.Mean)})}}
	add := func(of string, ids *interactions.Vocabulary, rows []float32, bias int) {
		if hi > lo {
			list = append(list, model.Tensor{Source: safetensors.Columns(of+factorsSuffix, rows, f.Width, lo, hi), RowName: of, RowIDs: ids.IDs()})
		}
		if f.Biases {
			s := safetensors.Columns(of+biasSuffix, rows, f.Width, bias, bias+1)
			s.Shape = s.Shape[:1]
			list = append(list, model.Tensor{Source: s, RowName: of, RowIDs: ids.IDs()})
		}
	}
	add(usersTensor, users, f.Users, 0)
	add(itemsTensor, items, f.Items, f.Width-1)
	if f.Histories != nil {
		list = append(list, model.Tensor{Source: safetensors.Columns(itemsTensor+historiesSuffix, f.Histories, f.Width, lo, hi), RowName: itemsTensor, RowIDs: items.IDs()})
	}
	return list
}
