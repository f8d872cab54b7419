package encodergraph

import (
	"fmt"
	"math"
	"slices"

	"debut/datasets/encoding"
	"debut/datasets/table"
	"debut/engine/onnx"
	"debut/trainers/model"
)

// Feed returns the inputs of a graph for rows, which are given in the kinds that the encoder learned (Encoder.Typed) and encoded.
func Feed(e *encoding.Encoder, inputs []model.Port, f *table.Frame, rows *encoding.Encoded) (map[string]onnx.Tensor, error) {
	out := make(map[string]onnx.Tensor, len(inputs))
	numbers, fields := 0, 0
	for i := range e.Columns {
		c, p := &e.Columns[i], inputs[i]
		s := f.Column(c.Name)
		if s == nil {
			return nil, fmt.Errorf("encodergraph: the rows lack the column %q", c.Name)
		}
		switch {
		case c.Type == table.TypeText:
			out[p.Name] = encodedText(c, rows, s, numbers)
		case p.Encoded != "":
			ids := make([]int64, f.Rows)
			for r := range ids {
				if ids[r] = int64(rows.IDs[r*rows.F+fields]); s.Missing(r) {
					ids[r] = -1
				}
			}
			out[p.Name] = onnx.NewTensor(ids, 1)
		default:
			out[p.Name] = tensorOf(c, s)
		}
		numbers += width(c)
		if c.Type == table.TypeCategorical || c.Bounds != nil {
			fields++
		}
	}
	return out, nil
}

// width is how many numeric features a column becomes.
func width(c *encoding.ColumnEncoding) int {
	n := len(c.Features) + c.Width
	if c.Indicator {
		n++
	}
	return n
}

// encodedText is the hashed n-grams of texts, which lie from a feature on.
func encodedText(c *encoding.ColumnEncoding, rows *encoding.Encoded, s *table.Series, at int) onnx.Tensor {
	v := make([]float32, 0, rows.Rows*c.Width)
	for r := range rows.Rows {
		v = append(v, rows.Numeric[r*rows.D+at:][:c.Width]...)
		if s.Missing(r) {
			v[r*c.Width] = float32(math.NaN())
		}
	}
	return onnx.NewTensor(v, c.Width)
}

// tensorOf is the values of a column as they are.
func tensorOf(c *encoding.ColumnEncoding, s *table.Series) onnx.Tensor {
	n := s.Len()
	switch c.Type {
	case table.TypeCategorical:
		texts := make([]string, n)
		for r, code := range s.Codes {
			if code >= 0 {
				texts[r] = s.Dict[code]
			}
		}
		return onnx.NewTensor(texts, 1)
	case table.TypeDate:
		seconds := make([]float64, n)
		for r, m := range s.Micros {
			if seconds[r] = float64(m) / 1e6; m == table.MissingDate {
				seconds[r] = math.NaN()
			}
		}
		return onnx.NewTensor(seconds, 1)
	case table.TypeVector:
		v := make([]float32, 0, n*c.Width)
		for r := range n {
			if x := s.Vector(r); x != nil {
				v = append(v, x...)
			} else {
				v = append(v, slices.Repeat([]float32{float32(math.NaN())}, c.Width)...)
			}
		}
		return onnx.NewTensor(v, c.Width)
	}
	return onnx.NewTensor(slices.Clone(s.Floats), 1)
}
