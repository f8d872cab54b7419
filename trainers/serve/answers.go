package serve

import (
	"fmt"
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"debut/datasets/table"
	"debut/trainers/model"
)

// appendPredictions writes predictions as {"model": …, "version": …, "predictions": [{…}, …]}, and what training did not see.
func appendPredictions(to []byte, name string, l *loaded, p *model.Predictions) ([]byte, error) {
	to = append(to, `{"model":`...)
	to = appendText(to, name)
	to = append(to, `,"version":"`...)
	to = append(to, l.version...)
	to = append(to, '"')
	if p.Positive != "" {
		to = append(to, `,"probability_of":`...)
		to = appendText(to, p.Positive)
		to = append(to, `,"predicted_from":`...)
		to = appendNumber(to, p.Threshold)
	}
	to = append(to, `,"predictions":[`...)
	names := make([][]byte, len(p.Columns))
	for i, c := range p.Columns {
		names[i] = append(appendText(nil, c.Name), ':')
	}
	var err error
	for row := range p.Rows {
		if row > 0 {
			to = append(to, ',')
		}
		to = append(to, '{')
		for i, c := range p.Columns {
			if i > 0 {
				to = append(to, ',')
			}
			to = append(to, names[i]...)
			if to, err = appendValue(to, c.Values, row); err != nil {
				return nil, fmt.Errorf("column %q: %w", c.Name, err)
			}
		}
		to = append(to, '}')
	}
	to = append(to, ']')
	if list := p.Report.Warnings(""); len(list) > 0 {
		to = append(to, `,"warnings":[`...)
		for i, w := range list {
			if i > 0 {
				to = append(to, ',')
			}
			to = appendText(to, w.Message)
		}
		to = append(to, ']')
	}
	return append(to, "}\n"...), nil
}

// appendValue writes a value of a column.
func appendValue(to []byte, values any, row int) ([]byte, error) {
	switch v := values.(type) {
	case []string:
		return appendText(to, v[row]), nil
	case table.TypedTexts:
		if v.Values[row] == "" {
			return append(to, "null"...), nil
		}
		return appendText(to, v.Values[row]), nil
	case []float64:
		return appendNumber(to, v[row]), nil
	case []float32:
		return appendNumber(to, float64(v[row])), nil
	case []int32:
		return strconv.AppendInt(to, int64(v[row]), 10), nil
	case []int64:
		return strconv.AppendInt(to, v[row], 10), nil
	case []bool:
		return strconv.AppendBool(to, v[row]), nil
	}
	return nil, fmt.Errorf("values of type %T", values)
}

// appendText writes a text; bytes that are no UTF-8 are replaced.
func appendText(to []byte, text string) []byte {
	out, _ := jsontext.AppendQuote(to, text) // the error is about what has been replaced
	return out
}

// appendNumber writes a number so that it is read as the same; one that is none is null.
func appendNumber(to []byte, x float64) []byte {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return append(to, "null"...)
	}
	format := byte('f')
	if a := math.Abs(x); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(to, x, format, -1, 64)
}
