package table

import "testing"

func TestFrame(t *testing.T) {
	if _, err := NewFrame(&Series{Name: "a", Floats: []float64{1}}, &Series{Name: "b"}); err == nil {
		t.Error("columns of different lengths make a frame")
	}
	if _, err := NewFrame(&Series{Name: "a"}, &Series{Name: "a"}); err == nil {
		t.Error("two columns of one name make a frame")
	}
	f, err := NewFrame(&Series{Name: "a", Kind: Numeric, Floats: []float64{1, 2, 3}})
	if err != nil {
		t.Fatal(err)
	}
	if p := f.Pick([]int32{2, 0}).Pick([]int32{0}); p.Columns[0].Floats[0] != 3 || p.Place(0) != "row 3" {
		t.Errorf("picked %v at %s", p.Columns[0].Floats, p.Place(0))
	}
}

func TestPlaceAfterDeduplication(t *testing.T) {
	f := mustRead(t, "a,b\n1,x\n1,x\n\n2,y\n", Source{}, nil)
	p := f.Pick(Deduplicate(f))
	if p.Rows != 2 || p.Place(1) != "data.csv:5" {
		t.Errorf("%d rows, the second at %s, want data.csv:5", p.Rows, p.Place(1))
	}
}
