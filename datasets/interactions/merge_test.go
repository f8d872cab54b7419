package interactions

import (
	"reflect"
	"testing"
)

// Entries of both matrices are in the merged one, in order; what is in both is joined.
func TestMerge(t *testing.T) {
	a := &Matrix{Rows: 3, Columns: 5, Offsets: []int64{0, 2, 2, 3}, Indices: []int32{0, 3, 4}, Values: []float32{1, 2, 3}, Events: []uint16{1, 1, 2}}
	b := &Matrix{
		Rows: 3, Columns: 5, Offsets: []int64{0, 2, 3, 4}, Indices: []int32{1, 3, 2, 4}, Values: []float32{10, 20, 30, 40},
		Events: []uint16{2, 2, 4, 2}, Counts: []int32{1, 2, 3, 4}, Times: []int64{5, 6, NoTime, 8},
	}
	got := Merge(a, b, func(a, b float32) float32 { return a + b })
	want := &Matrix{
		Rows: 3, Columns: 5, Offsets: []int64{0, 3, 4, 5}, Indices: []int32{0, 1, 3, 2, 4}, Values: []float32{1, 10, 22, 30, 43},
		Events: []uint16{1, 2, 3, 4, 2}, Counts: []int32{1, 1, 3, 3, 5}, Times: []int64{NoTime, 5, 6, NoTime, 8},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	b.Events = nil
	if got := Merge(a, b, func(a, _ float32) float32 { return a }); got.Events != nil || got.Values[2] != 2 {
		t.Errorf("%+v", got)
	}
}

// A matrix in the numbers of larger vocabularies is of the same ids, and is left as it was.
func TestAmong(t *testing.T) {
	vocabulary := func(ids ...string) *Vocabulary {
		v, err := NewVocabulary(ids)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	m := &Matrix{Rows: 2, Columns: 2, Offsets: []int64{0, 1, 3}, Indices: []int32{1, 0, 1}, Values: []float32{1, 2, 3}}
	rows, columns := vocabulary("b", "d"), vocabulary("x", "z")
	got, err := m.Among(rows, columns, vocabulary("a", "b", "c", "d"), vocabulary("x", "y", "z"))
	want := &Matrix{Rows: 4, Columns: 3, Offsets: []int64{0, 0, 1, 1, 3}, Indices: []int32{2, 0, 2}, Values: []float32{1, 2, 3}}
	if err != nil || !reflect.DeepEqual(got, want) || m.Indices[0] != 1 || m.Rows != 2 {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	if _, err := m.Among(rows, columns, vocabulary("a", "b"), columns); err == nil {
		t.Error("an id that is not there")
	}
}
