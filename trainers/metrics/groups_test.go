package metrics

import (
	"errors"
	"math"
	"testing"
)

// Groups are ranked by themselves: by hand, with weights as replication, and whatever other groups have.
func TestGroupAUC(t *testing.T) {
	scores := []float64{9, 1, 2, 3, 5, 5, 4, 8, 7}
	labels := []float64{0, 0, 1, 1, 1, 0, 0, 1, 1}
	groups := []uint32{7, 7, 7, 7, 2, 2, 2, 0, 0}
	// Of group 7 two of four pairs are right; of group 2 one and a half of two; group 0 has positives alone.
	auc, covered := GroupAUC(scores, labels, nil, groups)
	if want := (0.5*4 + 0.75*3) / 7; math.Abs(auc-want) > 1e-15 || math.Abs(covered-7.0/9) > 1e-15 {
		t.Errorf("%v of %v, want %v of 7/9", auc, covered, want)
	}
	// A row of weight 2 is two rows.
	weighted, _ := GroupAUC(scores, labels, []float64{1, 1, 1, 2, 1, 1, 1, 1, 1}, groups)
	twice, _ := GroupAUC(append(scores[:9:9], 3), append(labels[:9:9], 1), nil, append(groups[:9:9], 7))
	if weighted != twice || weighted == auc {
		t.Errorf("with a weight %v, twice %v", weighted, twice)
	}
	s := &Sample{Task: TaskBinary, Classes: []string{"n", "y"}, Outputs: scores, Targets: labels, Threshold: 0.5, Groups: groups}
	r, err := s.Measure()
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := r.Values.Get("gauc"); !ok || v != auc || r.Values[1].Name != "gauc" {
		t.Errorf("measured %v", r.Values)
	}
	s.Groups = []uint32{1, 2, 3, 4, 5, 6, 7, 8, 9}
	if r, err = s.Measure(); err != nil {
		t.Fatal(err)
	}
	if v, _ := r.Values.Get("gauc"); !math.IsNaN(v) || r.Undefined["gauc"] == "" {
		t.Errorf("of groups of one row %v, %v", v, r.Undefined)
	}
	s.Groups = s.Groups[:3]
	if _, err := s.Measure(); !errors.Is(err, ErrInput) {
		t.Errorf("of too few groups: %v", err)
	}
}
