package encoding

import (
	"slices"
	"strings"
	"testing"

	"debut/datasets/table"
)

// Columns that are known are scaled and cut as before, and their vocabularies grow behind what they have; others are new, or left out.
func TestGrown(t *testing.T) {
	number := func(name string, mean float64, least, most float64) ColumnEncoding {
		return ColumnEncoding{Name: name, Type: table.TypeNumeric, Fill: FillMean, FillNumber: mean, Range: []float64{least, most}, Features: []NumericFeature{{Name: name, Source: name, Mean: mean, Scale: 2}}}
	}
	target := TargetEncoding{Name: "y", Type: table.TypeCategorical, Task: TaskBinary, Classes: []string{"no", "yes"}, Prior: []float64{0.5, 0.5}}
	old := &Encoder{Target: target, Rows: 10, Columns: []ColumnEncoding{
		number("price", 5, 0, 9), {Name: "town", Type: table.TypeCategorical, Fill: FillMostFrequent, FillText: "a", Vocabulary: []string{"b", "a"}}, number("gone", 1, 0, 1), number("code", 1, 0, 1),
	}}
	later := &Encoder{Target: target, Rows: 4, Columns: []ColumnEncoding{
		{Name: "code", Type: table.TypeCategorical, Vocabulary: []string{"7"}}, {Name: "town", Type: table.TypeCategorical, Fill: FillCategory, Vocabulary: []string{"c", "a"}, MissingID: 3},
		number("price", 50, 3, 90), number("fresh", 2, 0, 4),
	}}
	g, err := old.Grown(later)
	if err != nil {
		t.Fatal(err)
	}
	names := func() (list []string) {
		for _, c := range g.Columns {
			list = append(list, c.Name)
		}
		return list
	}()
	if !slices.Equal(names, []string{"code", "town", "price", "fresh"}) || g.Rows != 14 {
		t.Errorf("%v, %d rows", names, g.Rows)
	}
	if c := g.Columns[1]; !slices.Equal(c.Vocabulary, []string{"b", "a", "c"}) || c.MissingID != 4 || c.Fill != FillCategory || c.Cardinality() != 5 {
		t.Errorf("%+v", c)
	}
	if c := g.Columns[2]; c.Features[0].Mean != 5 || c.FillNumber != 5 || !slices.Equal(c.Range, []float64{0, 90}) {
		t.Errorf("%+v", c)
	}
	if c := g.Columns[0]; c.Type != table.TypeCategorical {
		t.Errorf("%+v", c)
	}
	if c := old.Columns[1]; len(c.Vocabulary) != 2 || c.MissingID != 0 {
		t.Errorf("the model's own encoder changed: %+v", c)
	}
	for want, change := range map[string]func(t *TargetEncoding){
		"of the task regression": func(t *TargetEncoding) { t.Task = TaskRegression },
		`of the classes "maybe"`: func(t *TargetEncoding) { t.Classes = []string{"maybe", "yes"} },
	} {
		other := &Encoder{Target: target, Columns: later.Columns}
		change(&other.Target)
		if _, err := old.Grown(other); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// Texts have the ids that the encoder gives them, however whole numbers are spelled.
func TestLabels(t *testing.T) {
	e := &Encoder{Columns: []ColumnEncoding{{Name: "c", Type: table.TypeCategorical, Fill: FillMostFrequent, FillText: "b", Vocabulary: []string{"7", "b", "3.0", "01"}}}}
	l := e.Labels(0)
	want := map[string]int32{"7": 1, "7.0": 1, "b": 2, "3.0": 3, "3": 3, "01": 4}
	if len(l.Texts) != len(want) || l.Missing != 2 {
		t.Errorf("%+v", l)
	}
	by := e.compile()
	for i, text := range l.Texts {
		if l.IDs[i] != want[text] || e.Columns[0].id(&by.columns[0], text) != l.IDs[i] {
			t.Errorf("%q is %d", text, l.IDs[i])
		}
	}
}
