package factorization

import (
	"debut/engine/safetensors"
	"debut/trainers/model"
)

// Tensors are the factors of users and items, and where there are biases these, apart from the columns that only make them count.
func (m *Model) Tensors() ([]model.Tensor, error) {
	f := m.factors
	lo, hi := f.columns()
	list := []model.Tensor{{Source: safetensors.Vector("mean", []float32{float32(f.Mean)})}}
	add := func(of string, rows []float32, bias int) {
		ids := m.UserIDs
		if of == "items" {
			ids = m.ItemIDs
		}
		if hi > lo {
			list = append(list, model.Tensor{Source: safetensors.Columns(of+".factors", rows, f.Width, lo, hi), RowName: of, RowIDs: ids()})
		}
		if f.Biases {
			s := safetensors.Columns(of+".bias", rows, f.Width, bias, bias+1)
			s.Shape = s.Shape[:1]
			list = append(list, model.Tensor{Source: s, RowName: of, RowIDs: ids()})
		}
	}
	add("users", f.Users, 0)
	add("items", f.Items, f.Width-1)
	if f.Histories != nil {
		list = append(list, model.Tensor{Source: safetensors.Columns("items.histories", f.Histories, f.Width, lo, hi), RowName: "items", RowIDs: m.ItemIDs()})
	}
	return list, nil
}
