package interactions

import (
	"slices"
	"testing"
)

// Users and items of before stand among those of the data, and pairs are of whom and what they were.
func TestGrow(t *testing.T) {
	vocabulary := func(ids ...string) *Vocabulary {
		v, err := NewVocabulary(ids)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	d := &Dataset{
		Users: vocabulary("b", "d"), Items: vocabulary("x", "z"),
		Train: &Matrix{Rows: 2, Columns: 2, Offsets: []int64{0, 2, 3}, Indices: []int32{0, 1, 1}, Values: []float32{1, 2, 3}},
		Test:  &Matrix{Rows: 2, Columns: 2, Offsets: []int64{0, 0, 1}, Indices: []int32{0}, Values: []float32{4}},
	}
	if err := d.Grow(vocabulary("a", "c", "d", "e"), vocabulary("y", "z")); err != nil {
		t.Fatal(err)
	}
	pairs := func(m *Matrix) (list []string) {
		for u := range m.Rows {
			items, values := m.Row(u)
			for k, i := range items {
				list = append(list, d.Users.ID(u)+d.Items.ID(int(i))+string(rune('0'+int(values[k]))))
			}
		}
		return list
	}
	if got := pairs(d.Train); !slices.Equal(got, []string{"bx1", "bz2", "dz3"}) || d.Train.Rows != 5 || d.Train.Columns != 3 {
		t.Errorf("%v", got)
	}
	if got := pairs(d.Test); !slices.Equal(got, []string{"dx4"}) || d.Validation != nil {
		t.Errorf("%v", got)
	}
}
