package interactions

import "fmt"

// Among returns the matrix in the numbers of larger vocabularies of rows and columns, in which all ids of its own are.
func (m *Matrix) Among(rows, columns, allRows, allColumns *Vocabulary) (*Matrix, error) {
	row, err := numbersIn(rows, allRows)
	if err != nil {
		return nil, err
	}
	column, err := numbersIn(columns, allColumns)
	if err != nil {
		return nil, err
	}
	out := *m
	out.Indices = append([]int32(nil), m.Indices...)
	out.renumber(allRows.Len(), allColumns.Len(), row, column)
	return &out, nil
}

// numbersIn returns the number that each id has in a larger vocabulary.
func numbersIn(v, all *Vocabulary) ([]int32, error) {
	numbers := make([]int32, v.Len())
	for i := range numbers {
		n, ok := all.Index(v.ID(i))
		if !ok {
			return nil, fmt.Errorf("interactions: the id %q got lost", v.ID(i))
		}
		numbers[i] = n
	}
	return numbers, nil
}

// Merge returns a matrix with the entries of two of the same shape: join says what the values of one that is in both come to. Its events are added
// up, and it has the kinds of both and the later time. Kinds are lost where one of the two does not know them.
func Merge(a, b *Matrix, join func(a, b float32) float32) *Matrix {
	out := &Matrix{Rows: a.Rows, Columns: a.Columns, Offsets: make([]int64, a.Rows+1)}
	events := a.Events != nil && b.Events != nil
	add := func(from *Matrix, k int64) {
		out.Indices, out.Values = append(out.Indices, from.Indices[k]), append(out.Values, from.Values[k])
		if a.Counts != nil || b.Counts != nil {
			out.Counts = append(out.Counts, from.Count(k))
		}
		if a.Times != nil || b.Times != nil {
			out.Times = append(out.Times, from.time(k))
		}
		if events {
			out.Events = append(out.Events, from.Events[k])
		}
	}
	for r := range a.Rows {
		i, j := a.Offsets[r], b.Offsets[r]
		for i < a.Offsets[r+1] || j < b.Offsets[r+1] {
			switch {
			case j == b.Offsets[r+1] || i < a.Offsets[r+1] && a.Indices[i] < b.Indices[j]:
				add(a, i)
				i++
			case i == a.Offsets[r+1] || b.Indices[j] < a.Indices[i]:
				add(b, j)
				j++
			default:
				add(a, i)
				last := len(out.Indices) - 1
				out.Values[last] = join(a.Values[i], b.Values[j])
				if out.Counts != nil {
					out.Counts[last] += b.Count(j)
				}
				if out.Times != nil {
					out.Times[last] = max(out.Times[last], b.time(j))
				}
				if events {
					out.Events[last] |= b.Events[j]
				}
				i, j = i+1, j+1
			}
		}
		out.Offsets[r+1] = out.Len()
	}
	return out
}

// time is that of entry k.
func (m *Matrix) time(k int64) int64 {
	if m.Times == nil {
		return NoTime
	}
	return m.Times[k]
}
