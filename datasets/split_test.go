package datasets

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"debut/datasets/configfile"
	"debut/datasets/table"
)

// splitFrame has a time with ties, groups of different sizes and a class.
func splitFrame(n int) *table.Frame {
	s := []*table.Series{{Name: "t", Kind: table.Numeric}, {Name: "g", Kind: table.Text}, {Name: "y", Kind: table.Text, Dict: []string{"a", "b", "c"}}}
	for i := range n {
		s[0].Floats = append(s[0].Floats, float64((i*7919%n)/4))
		g := int32(math.Sqrt(float64(i)))
		for len(s[1].Dict) <= int(g) {
			s[1].Dict = append(s[1].Dict, fmt.Sprint("g", len(s[1].Dict)))
		}
		s[1].Codes = append(s[1].Codes, g)
		s[2].Codes = append(s[2].Codes, int32(min(i%10, 2)))
	}
	f := &table.Frame{Columns: s, Rows: n}
	return f
}

func fractions(s Split) *Split {
	s.setDefaults(false, false)
	return &s
}

// checkParts checks that parts are a partition in ascending order.
func checkParts(t testing.TB, p parts, n int) {
	t.Helper()
	all := slices.Concat(p.train, p.validation, p.test)
	for _, rows := range [][]int32{p.train, p.validation, p.test} {
		if !slices.IsSorted(rows) {
			t.Error("rows are not in order")
		}
	}
	slices.Sort(all)
	if !slices.Equal(all, allRows(n)) {
		t.Errorf("the parts are no partition of %d rows", n)
	}
}

func TestSplitRandom(t *testing.T) {
	f := splitFrame(1000)
	y := f.Column("y").Codes
	for _, strata := range [][]int32{nil, y} {
		p, err := splitRows(f, fractions(Split{}), strata, 5)
		if err != nil {
			t.Fatal(err)
		}
		checkParts(t, p, 1000)
		if len(p.test) != 200 || len(p.validation) != 100 {
			t.Errorf("%d test and %d validation rows, want 200 and 100", len(p.test), len(p.validation))
		}
		if strata != nil {
			counts := [3]int{}
			for _, r := range p.test {
				counts[y[r]]++
			}
			if counts != [3]int{20, 20, 160} {
				t.Errorf("classes of the test rows %v, want 20, 20, 160", counts)
			}
		}
	}
}

func TestSplitKeepsRareClasses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.IntRange(1, 40), 1, 12).Draw(t, "sizes")
		fraction := rapid.Float64Range(0, 0.95).Draw(t, "fraction")
		total, room := 0, 0
		for _, n := range sizes {
			total += n
			room += n - 1
		}
		taken := 0
		for i, n := range apportion(sizes, fraction) {
			if n < 0 || n >= sizes[i] {
				t.Fatalf("takes %d of %d", n, sizes[i])
			}
			if exact := fraction * float64(sizes[i]); float64(n) < exact-2 && n < sizes[i]-1 {
				t.Fatalf("takes %d of %d, want about %g", n, sizes[i], exact)
			}
			taken += n
		}
		want := min(int(math.Round(fraction*float64(total))), room)
		if taken != want && (taken > want || taken+len(sizes) <= want) {
			t.Fatalf("takes %d of %d, want %d", taken, total, want)
		}
	})
}

func TestSplitTime(t *testing.T) {
	f := splitFrame(1000)
	p, err := splitRows(f, fractions(Split{Method: SplitTime, Column: "t", Test: new(0.25), Validation: new(0.1)}), nil, 5)
	if err != nil {
		t.Fatal(err)
	}
	checkParts(t, p, 1000)
	span := func(rows []int32) (low, high float64) {
		values := f.Pick(rows).Column("t").Floats
		return slices.Min(values), slices.Max(values)
	}
	_, trainEnd := span(p.train)
	validationStart, validationEnd := span(p.validation)
	testStart, _ := span(p.test)
	if trainEnd >= validationStart || validationEnd >= testStart {
		t.Errorf("times overlap: training to %v, validation %v to %v, test from %v", trainEnd, validationStart, validationEnd, testStart)
	}
	if math.Abs(float64(len(p.test))-250) > 4 || math.Abs(float64(len(p.validation))-100) > 4 {
		t.Errorf("%d test and %d validation rows", len(p.test), len(p.validation))
	}
	same := &table.Frame{Rows: 50, Columns: []*table.Series{{Name: "t", Kind: table.Numeric, Floats: make([]float64, 50)}}}
	_, err = splitRows(same, fractions(Split{Method: SplitTime, Column: "t"}), nil, 5)
	wantError(t, err, "too few distinct times")
	same.Columns[0].Floats[7] = math.NaN()
	_, err = splitRows(same, fractions(Split{Method: SplitTime, Column: "t"}), nil, 5)
	wantError(t, err, "row 8", "missing")
}

func TestSplitGroup(t *testing.T) {
	f := splitFrame(1000)
	p, err := splitRows(f, fractions(Split{Method: SplitGroup, Column: "g"}), nil, 5)
	if err != nil {
		t.Fatal(err)
	}
	checkParts(t, p, 1000)
	part := map[int32]int{}
	for k, rows := range [][]int32{p.train, p.validation, p.test} {
		for _, r := range rows {
			g := f.Column("g").Codes[r]
			if other, ok := part[g]; ok && other != k {
				t.Fatalf("group %d is in parts %d and %d", g, other, k)
			}
			part[g] = k
		}
	}
	if len(p.test) < 150 || len(p.test) > 250 {
		t.Errorf("%d test rows, want about 200", len(p.test))
	}
}

func TestSplitColumn(t *testing.T) {
	f := splitFrame(1000)
	s := fractions(Split{Method: SplitColumn, Column: "y", TestValues: configfile.Strings{"a"}, Validation: new(0.2)})
	p, err := splitRows(f, s, nil, 5)
	if err != nil {
		t.Fatal(err)
	}
	checkParts(t, p, 1000)
	if len(p.test) != 100 || len(p.validation) != 180 {
		t.Errorf("%d test and %d validation rows, want 100 and 180", len(p.test), len(p.validation))
	}
	s = fractions(Split{Method: SplitColumn, Column: "y", TestValues: configfile.Strings{"a"}, TrainValues: configfile.Strings{"b"}, Validation: new(0.0)})
	_, err = splitRows(f, s, nil, 5)
	wantError(t, err, `"c" is in none of`)
	for _, c := range []struct {
		value, written string
		want           bool
	}{{"TRUE", "true", true}, {"1.0", "1", true}, {"a", "A", false}, {"false", "true", false}, {"01", "1", true}, {"x", "y", false}} {
		if got := listed([]string{c.written}, c.value); got != c.want {
			t.Errorf("%s listed as %s: %v", c.value, c.written, got)
		}
	}
}

func TestSplitSeeds(t *testing.T) {
	f := splitFrame(500)
	for _, s := range []Split{{}, {Method: SplitGroup, Column: "g"}} {
		a, errA := splitRows(f, fractions(s), nil, 1)
		b, errB := splitRows(f, fractions(s), nil, 1)
		c, errC := splitRows(f, fractions(s), nil, 2)
		if errA != nil || errB != nil || errC != nil {
			t.Fatal(errA, errB, errC)
		}
		if !slices.Equal(a.test, b.test) || !slices.Equal(a.validation, b.validation) {
			t.Errorf("%+v: the same seed splits differently", s)
		}
		if slices.Equal(a.test, c.test) {
			t.Errorf("%+v: different seeds split alike", s)
		}
	}
}
