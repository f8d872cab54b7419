package table

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// csvRows are lines of fields, quoted as package encoding/csv does.
type csvRows struct {
	delimiter byte
	columns   []OutputColumn
}

func (c *csvRows) head(dst []byte) []byte {
	for i := range c.columns {
		dst = c.field(c.separate(dst, i), c.columns[i].Name)
	}
	return append(dst, '\n')
}

func (c *csvRows) separate(dst []byte, i int) []byte {
	if i > 0 {
		return append(dst, c.delimiter)
	}
	return dst
}

func (c *csvRows) rows(dst []byte, columns []OutputColumn, from, to int) []byte {
	for row := from; row < to; row++ {
		for i := range columns {
			dst = c.separate(dst, i)
			if v, ok := columns[i].Values.([]string); ok {
				dst = c.field(dst, v[row])
			} else {
				dst = appendNumber(dst, columns[i].Values, row)
			}
		}
		dst = append(dst, '\n')
	}
	return dst
}

func (c *csvRows) texts(t TypedTexts) any { return t.Values }

// field appends a text.
func (c *csvRows) field(dst []byte, text string) []byte {
	if !c.quoted(text) {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	for i := range len(text) {
		if text[i] == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, text[i])
	}
	return append(dst, '"')
}

// quoted reports whether a text needs quotes: an empty one does where a line
// without them would be blank.
func (c *csvRows) quoted(text string) bool {
	if text == "" {
		return len(c.columns) == 1
	}
	if text == `\.` || strings.IndexByte(text, c.delimiter) >= 0 || strings.ContainsAny(text, "\"\r\n") {
		return true
	}
	first, _ := utf8.DecodeRuneInString(text)
	return unicode.IsSpace(first)
}

// appendNumber appends a value that is no text.
func appendNumber(dst []byte, values any, row int) []byte {
	switch v := values.(type) {
	case []float32:
		return strconv.AppendFloat(dst, float64(v[row]), 'g', -1, 32)
	case []float64:
		return strconv.AppendFloat(dst, v[row], 'g', -1, 64)
	case []int32:
		return strconv.AppendInt(dst, int64(v[row]), 10)
	case []int64:
		return strconv.AppendInt(dst, v[row], 10)
	case []bool:
		return strconv.AppendBool(dst, v[row])
	}
	return dst
}

// jsonRows are lines of JSON objects. What JSON has no number for, NaN and
// infinity, is null, as missing texts are.
type jsonRows struct {
	columns []OutputColumn
	keys    [][]byte // of the columns, with what stands around them
}

func (j *jsonRows) head(dst []byte) []byte {
	for i, c := range j.columns {
		key := append([]byte{separator(i)}, jsonText(nil, c.Name)...)
		j.keys = append(j.keys, append(key, ':'))
	}
	return dst
}

func (j *jsonRows) rows(dst []byte, columns []OutputColumn, from, to int) []byte {
	for row := from; row < to; row++ {
		for i := range columns {
			dst = append(dst, j.keys[i]...)
			switch v := columns[i].Values.(type) {
			case rawTexts:
				if text := v[row]; text == "" || !json.Valid([]byte(text)) { // such as nan
					dst = append(dst, "null"...)
				} else {
					dst = append(dst, text...)
				}
				continue
			case []string:
				if v[row] == "" {
					dst = append(dst, "null"...)
				} else {
					dst = jsonText(dst, v[row])
				}
				continue
			case []float32:
				if x := v[row]; x-x != 0 {
					dst = append(dst, "null"...)
					continue
				}
			case []float64:
				if x := v[row]; math.IsNaN(x) || math.IsInf(x, 0) {
					dst = append(dst, "null"...)
					continue
				}
			}
			dst = appendNumber(dst, columns[i].Values, row)
		}
		dst = append(dst, "}\n"...)
	}
	return dst
}

// rawTexts are written as they are.
type rawTexts []string

func (j *jsonRows) texts(t TypedTexts) any {
	if t.SQL == sqlWhole || t.SQL == sqlFloating || t.SQL == sqlBoolean {
		return rawTexts(t.Values)
	}
	return t.Values
}

// jsonText appends a JSON string.
func jsonText(dst []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			quoted, _ := json.Marshal(text) // a string always can be
			return append(dst, quoted...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, text...)
	return append(dst, '"')
}

// separator is what stands before key i of an object.
func separator(i int) byte {
	if i == 0 {
		return '{'
	}
	return ','
}
