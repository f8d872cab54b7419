package encoding

import (
	"fmt"
	"runtime"
	"strconv"
	"testing"

	"debut/datasets/table"
)

// vocabularyEncoder has one categorical column and a target of many classes.
func vocabularyEncoder(entries int) *Encoder {
	e := &Encoder{Columns: []ColumnEncoding{{Name: "item", Type: table.TypeCategorical, Fill: FillCategory, Vocabulary: make([]string, entries), MissingID: int32(entries) + 1}},
		Target: TargetEncoding{Name: "y", Type: table.TypeCategorical, Task: TaskMulticlass}}
	for i := range entries {
		e.Columns[0].Vocabulary[i] = "item " + strconv.Itoa(i)
	}
	e.Target.Classes = e.Columns[0].Vocabulary[:min(entries, maxClasses)]
	return e
}

func itemFrame(t testing.TB, rows int) *table.Frame {
	t.Helper()
	item, y := &table.Series{Name: "item", Kind: table.Text}, &table.Series{Name: "y", Kind: table.Text}
	for i := range rows {
		item.Dict, y.Dict = append(item.Dict, fmt.Sprintf("item %d", i%8)), append(y.Dict, fmt.Sprintf("item %d", i%8))
		item.Codes, y.Codes = append(item.Codes, int32(i)), append(y.Codes, int32(i))
	}
	f, err := table.NewFrame(item, y)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// What encoding a block takes does not grow with the vocabulary.
func TestEncodeCostIsTheBlocks(t *testing.T) {
	f := itemFrame(t, 16)
	cost := func(entries int) (allocations, bytes float64) {
		e := vocabularyEncoder(entries)
		encode := func() {
			if _, _, err := e.Encode(t.Context(), f, true); err != nil {
				t.Fatal(err)
			}
		}
		encode() // compiles
		const runs = 20
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			encode()
		}
		runtime.ReadMemStats(&after)
		return testing.AllocsPerRun(runs, encode), float64(after.TotalAlloc-before.TotalAlloc) / runs
	}
	few, fewBytes := cost(8)
	many, manyBytes := cost(1_000_000)
	if many > few || manyBytes > 2*fewBytes+4096 {
		t.Errorf("16 rows take %v allocations, %v bytes with a million categories, but %v and %v with 8", many, manyBytes, few, fewBytes)
	}
}

// Classes are found by text first, and then by what it means.
func TestClassIndex(t *testing.T) {
	for _, c := range []struct {
		target TargetEncoding
		want   map[string]int
	}{
		{TargetEncoding{Type: table.TypeBoolean, Classes: []string{"false", "true"}}, map[string]int{"true": 1, "1": 1, "yes": 1, "FALSE": 0, "0": 0, "2": -1, "": -1}},
		{TargetEncoding{Type: table.TypeNumeric, Classes: []string{"1", "2.5"}}, map[string]int{"1": 0, "1.0": 0, "25e-1": 1, "2": -1, "true": -1, "nan": -1}},
		{TargetEncoding{Type: table.TypeCategorical, Classes: []string{"a", "1"}}, map[string]int{"a": 0, "1": 1, "1.0": 1, "01": -1, "A": -1, "true": -1}},
	} {
		by := indexClasses(&c.target)
		for text, want := range c.want {
			if got := by.class(text); got != want {
				t.Errorf("%s %v: %q is class %d, want %d", c.target.Type, c.target.Classes, text, got, want)
			}
		}
	}
}

func BenchmarkEncodeBlock(b *testing.B) {
	for _, entries := range []int{8, 1_000_000} {
		b.Run(strconv.Itoa(entries), func(b *testing.B) {
			e, f := vocabularyEncoder(entries), itemFrame(b, 1024)
			e.compile()
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := e.Encode(b.Context(), f, true); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
