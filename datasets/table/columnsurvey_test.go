package table

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"debut/datasets/configfile"
)

func openedSurvey(t *testing.T, src Source) *Survey {
	t.Helper()
	s, err := OpenSurvey(t.Context(), src, "", ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// A survey names the values at fault, with their rows, and counts no others; what it reads is what Read reads.
func TestSurvey(t *testing.T) {
	var b strings.Builder
	b.WriteString("day,price,code,share,note,zip\n")
	for i := range 300 {
		day, price, code := fmt.Sprintf("2024-%02d-%02d", 1+i/28, 1+i%28), fmt.Sprintf("\"%d,%d\"", i, i%10), fmt.Sprint(1000+i)
		switch i {
		case 41:
			day = "0000-00-00"
		case 77:
			code = "C17"
		case 80:
			day, code = "2023-02-29", "n/a"
		}
		fmt.Fprintf(&b, "%s,%s,%s,%d %%, word %d,%05d\n", day, price, code, i%100, i%7, i)
	}
	path := filepath.Join(write(t, "t.csv", b.String()), "t.csv")
	s := openedSurvey(t, Source{Path: configfile.Strings{path}})
	if s.Rows != 300 || s.Delimiter != "," || !s.Header {
		t.Errorf("%d rows, delimiter %q, header %t", s.Rows, s.Delimiter, s.Header)
	}
	day, price, code := s.Columns[0], s.Columns[1], s.Columns[2]
	if day.Fault == nil || day.Bad != 2 || !slices.Equal(day.Examples, []Located{{"0000-00-00", 41}, {"2023-02-29", 80}}) || day.Fault.Place != "t.csv:43" {
		t.Errorf("day: %+v %v", day, day.Fault)
	}
	if price.Fault == nil || price.Bad != 300 || code.Bad != 2 || code.Marks[0] != (TextCount{"n/a", 1}) {
		t.Errorf("price: %+v\ncode: %+v", price, code)
	}
	if n := s.Columns[3].Note; n == nil || n.Kind != NoteAmounts {
		t.Errorf("share: %+v", s.Columns[3])
	}
	if c := s.Columns[4]; c.Padded != 300 || c.FirstPadded != (Located{" word 0", 0}) {
		t.Errorf("note: %+v", c)
	}
	if n := s.Columns[5].Note; n == nil || n.Kind != NoteZeros {
		t.Errorf("zip: %+v", s.Columns[5])
	}
	f, err := s.Read(t.Context(), Sampling{})
	if err != nil {
		t.Fatal(err)
	}
	if kinds := []Kind{f.Columns[0].Kind, f.Columns[1].Kind, f.Columns[2].Kind}; !slices.Equal(kinds, []Kind{Date, Numeric, Text}) || f.Columns[0].MissingCount() != 2 {
		t.Errorf("kinds %v", kinds)
	}
	// The remedies, applied, lead to what Read takes.
	src := Source{Path: configfile.Strings{path}}
	for _, c := range s.Columns[:3] {
		src = c.Fault.Remedies[0].Apply(src)
	}
	whole, err := Read(t.Context(), src, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, kind := range []Kind{Date, Numeric, Numeric} {
		if whole.Columns[i].Kind != kind || whole.Columns[i].MissingCount() != []int{2, 0, 2}[i] {
			t.Errorf("%s: %v, %d missing", whole.Columns[i].Name, whole.Columns[i].Kind, whole.Columns[i].MissingCount())
		}
	}
	if whole.Columns[1].Floats[77] != 77.7 {
		t.Errorf("price %v", whole.Columns[1].Floats[77])
	}
}

// A sample holds the rows that its sampling keeps, in order.
func TestSurveySample(t *testing.T) {
	var b strings.Builder
	b.WriteString("n\n")
	for i := range 20_000 {
		fmt.Fprintln(&b, i)
	}
	s := openedSurvey(t, Source{Path: configfile.Strings{filepath.Join(write(t, "t.csv", b.String()), "t.csv")}})
	sample := SampleOf(500, s.Rows)
	f, err := s.Read(t.Context(), sample)
	if err != nil {
		t.Fatal(err)
	}
	var want []float64
	for i := range s.Rows {
		if sample.Keeps(i) {
			want = append(want, float64(i))
		}
	}
	if len(want) < 450 || len(want) > 550 || !slices.Equal(f.Columns[0].Floats, want) {
		t.Errorf("%d rows, want %d", f.Rows, len(want))
	}
}
