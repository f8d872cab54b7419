package defaults

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"debut/datasets/manifest"
)

// Every plan that makes its own rows gives rows of the target in all three parts, and nothing that tells the target beside it.
func TestGeneratedSets(t *testing.T) {
	for _, s := range []*Set{
		{Name: "history", Target: "purchased", plan: planHistory(2_000, 3)},
		{Name: "ids", Target: "purchased", plan: planIDs(2_000, 3)},
		{Name: "category", Target: "category", plan: planCategory(600, 3)},
		{Name: "friedman", Target: "y", plan: planSQL(friedman, 200)},
		{Name: "skewed", Target: "y", plan: planSQL(skewed, 200)},
		{Name: "codes", Target: "y", plan: planSQL(codes, 200)},
		{Name: "classes", Target: "y", plan: planSQL(classes, 200)},
		{Name: "bills", Target: "land", plan: planParts(bills, 2_000, billParts)},
	} {
		t.Run(s.Name, func(t *testing.T) { prepared(t, s, 0, "carted") })
	}
}

// So do those of the real data; their splits differ in a number alone.
func TestRealSets(t *testing.T) {
	if w := NewWork(t.TempDir(), 1); !exists(w.Data) {
		t.Skipf("there is no folder of real data %s; %s names it", w.Data, DataVariable)
	}
	for _, name := range []string{"test.retail-price", "test.repurchase", "test.country"} {
		s, err := Find(name)
		if err != nil {
			t.Fatal(err)
		}
		prepared(t, s, s.Splits-1, "total_price", "InvoiceNo", "customer")
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// prepared makes a split of a set, and checks that it has rows of the target and lacks columns.
func prepared(t *testing.T, s *Set, split int, without ...string) {
	t.Helper()
	w := NewWork(filepath.Join(t.TempDir(), "work"), 1)
	if err := w.Prepare(context.Background(), s, split); err != nil {
		t.Fatalf("%s, split %d: %v", s.Name, split, err)
	}
	for _, part := range []string{manifest.Train, manifest.Validation, manifest.Test} {
		if p := w.made.Part(part); p == nil || p.Rows == 0 {
			t.Errorf("%s, split %d: the %s part has no rows", s.Name, split, part)
		}
	}
	found := false
	for _, c := range w.made.Columns {
		found = found || c.Name == s.Target
		if slices.Contains(without, c.Name) {
			t.Errorf("%s, split %d: column %s is left", s.Name, split, c.Name)
		}
	}
	if !found {
		t.Errorf("%s, split %d: there is no %s", s.Name, split, s.Target)
	}
}
