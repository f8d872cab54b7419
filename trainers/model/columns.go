package model

import (
	"debut/datasets/encoding"
	"debut/datasets/table"
)

// listedValues are the most categories that Column.Values has.
const listedValues = 100

// ColumnsOf lists what an encoder looks at.
func ColumnsOf(e *encoding.Encoder) []Column {
	list := make([]Column, len(e.Columns))
	for i := range e.Columns {
		c := &e.Columns[i]
		list[i] = Column{Name: c.Name, Type: c.Type, Values: c.Vocabulary[:min(len(c.Vocabulary), listedValues)], Layout: c.DateLayout}
		if c.Type == table.TypeVector {
			list[i].Width = c.Width
		}
	}
	for i := range e.Columns {
		if w := e.Columns[i].Weights; w != "" {
			list = append(list, Column{Name: w, Type: table.TypeList})
		}
	}
	return list
}
