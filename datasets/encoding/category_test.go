package encoding

import (
	"testing"

	"debut/datasets/table"
)

// What an earlier version learned tells 1 from 1.0, and does so as long as the model lives.
func TestEarlierCategories(t *testing.T) {
	c := ColumnEncoding{Type: table.TypeCategorical, Fill: FillConstant, FillText: "1.0", Vocabulary: []string{"1", "1.0", "2.0", "2.00"}}
	by := c.compile()
	for text, want := range map[string]int32{"1": 1, "1.0": 2, "+1": 1, "2.0": 3, "2.00": 4, "2": 3, "2.": 3, "3": 0, "01": 0} {
		if got := c.id(&by, text); got != want {
			t.Errorf("%s is category %d, want %d", text, got, want)
		}
	}
	if by.missing != 2 {
		t.Errorf("a missing value is category %d", by.missing)
	}
	hashed := ColumnEncoding{Type: table.TypeCategorical, Fill: FillCategory, HashBuckets: 1 << 20}
	by = hashed.compile()
	if hashed.id(&by, "1.0") != hashID("1.0", 1<<20) {
		t.Error("an earlier model hashes 1.0 otherwise")
	}
	hashed.Whole = true
	if hashed.id(&by, "1.0") != hashID("1", 1<<20) {
		t.Error("1.0 is not hashed as 1")
	}
}
