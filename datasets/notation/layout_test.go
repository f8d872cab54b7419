package notation

import (
	"testing"
	"time"
)

// known are layouts that models trained by earlier versions name, and how people
// write them.
var known = [][2]string{
	{"2006-01-02", "YYYY-MM-DD"},
	{"2006-01-02 15:04:05", "YYYY-MM-DD hh:mm:ss"},
	{"2006-01-02T15:04:05", "YYYY-MM-DDThh:mm:ss"},
	{time.RFC3339, "YYYY-MM-DDThh:mm:ss+hh:mm"},
	{"2006-01-02 15:04:05Z07:00", "YYYY-MM-DD hh:mm:ss+hh:mm"},
	{"2006-01-02 15:04", "YYYY-MM-DD hh:mm"},
	{"2006-01-02T15:04", "YYYY-MM-DDThh:mm"},
	{"2006/01/02", "YYYY/MM/DD"},
	{"2006/01/02 15:04:05", "YYYY/MM/DD hh:mm:ss"},
	{"2006/01/02 15:04", "YYYY/MM/DD hh:mm"},
	{"02-01-2006", "DD-MM-YYYY"},
	{"02-01-2006 15:04:05", "DD-MM-YYYY hh:mm:ss"},
	{"02-01-2006 15:04", "DD-MM-YYYY hh:mm"},
	{"01-02-2006", "MM-DD-YYYY"},
	{"02.01.2006", "DD.MM.YYYY"},
	{"02.01.2006 15:04:05", "DD.MM.YYYY hh:mm:ss"},
	{"02.01.2006 15:04", "DD.MM.YYYY hh:mm"},
	{"1/2/2006", "MM/DD/YYYY"},
	{"1/2/2006 15:04:05", "MM/DD/YYYY hh:mm:ss"},
	{"1/2/2006 15:04", "MM/DD/YYYY hh:mm"},
	{"2/1/2006", "DD/MM/YYYY"},
	{"2/1/2006 15:04:05", "DD/MM/YYYY hh:mm:ss"},
	{"2/1/2006 15:04", "DD/MM/YYYY hh:mm"},
	{"1/2/06", "MM/DD/YY"},
	{"1/2/06 15:04", "MM/DD/YY hh:mm"},
	{"2/1/06", "DD/MM/YY"},
	{"2/1/06 15:04", "DD/MM/YY hh:mm"},
	{"2-Jan-06", "DD-Mon-YY"},
	{"January 2, 2006", "Month DD, YYYY"},
	{"1/2/2006 3:04 PM", "MM/DD/YYYY hh:mm AM"},
	{"2006-01-02 15:04:05 MST", "YYYY-MM-DD hh:mm:ss UTC"},
}

func TestKnownLayouts(t *testing.T) {
	for _, k := range known {
		l, ok := ParseLayout(k[0])
		if !ok || l.Go() != k[0] || l.Name() != k[1] || !l.Valid() {
			t.Errorf("ParseLayout(%q) = %+v, %v: Go() = %q, Name() = %q", k[0], l, ok, l.Go(), l.Name())
		}
		at := time.Date(2031, 12, 28, 9, 5, 7, 0, time.UTC)
		want, err := time.Parse(k[0], at.Format(k[0]))
		if err != nil {
			t.Fatal(err)
		}
		if micros, ok := l.Parse(at.Format(k[0])); !ok || micros != want.UnixMicro() {
			t.Errorf("%s: Parse(%q) = %v, %v", l, at.Format(k[0]), micros, ok)
		}
	}
	for _, s := range []string{"", "2006", "06-01-02", "01.02.2006", "2006-02-01", "x"} {
		if l, ok := ParseLayout(s); ok {
			t.Errorf("ParseLayout(%q) = %v", s, l)
		}
	}
}

// TestLayoutsAreDistinct checks that every valid layout is read back from what it
// is written as, and is what LayoutsOf finds of its dates.
func TestLayoutsAreDistinct(t *testing.T) {
	names := map[string]bool{}
	at := time.Date(1994, 11, 27, 9, 5, 7, 0, time.UTC)
	n := 0
	for l := range layouts {
		n++
		if back, ok := ParseLayout(l.Go()); !ok || back != l {
			t.Errorf("%+v: Go() = %q, back %+v", l, l.Go(), back)
		}
		if names[l.Name()] || l.Name() == "" {
			t.Errorf("two layouts are %q", l.Name())
		}
		names[l.Name()] = true
		text := at.Format(l.Go())
		found, count := LayoutsOf(text)
		if count != 1 || found[0] != l {
			t.Errorf("LayoutsOf(%q) = %v, want %v", text, found[:count], l)
		}
		want, err := time.Parse(l.Go(), text)
		if micros, ok := l.Parse(text); err != nil || !ok || micros != want.UnixMicro() {
			t.Errorf("%v: Parse(%q) = %v, %v, want %v, %v", l, text, micros, ok, want, err)
		}
		for _, other := range known {
			o, _ := ParseLayout(other[0])
			if _, ok := o.Parse(text); ok != (o == l) {
				t.Errorf("%v reads %q, which is %v", o, text, l)
			}
		}
	}
	if n < 500 {
		t.Errorf("%d layouts", n)
	}
}

func TestInvalidLayouts(t *testing.T) {
	for _, l := range []Layout{
		{}, {Order: DayFirst}, {Order: 9, Separator: '-'}, {Order: YearFirst, Separator: ' '}, {Order: MonthFirst, Separator: '.'},
		{Order: YearFirst, Separator: '-', ShortYear: true}, {Order: DayFirst, Separator: '-', ShortYear: true},
		{Order: YearFirst, Separator: '-', T: true}, {Order: YearFirst, Separator: '-', Zone: ZoneName}, {Order: YearFirst, Separator: '-', Clock: 7},
		{Order: DayFirst, Separator: '-', Clock: Minutes, T: true}, {Order: DayFirst, Separator: ':'}, {Order: DayFirst, Separator: '-', Comma: true},
		{Order: DayFirst, Separator: '-', Month: 9}, {Order: YearFirst, Separator: '-', Clock: Minutes, Zone: 9},
	} {
		if l.Valid() || l.Go() != "" || l.Name() != "" || l.Strptime() != nil {
			t.Errorf("%+v is valid: %q %q %q", l, l.Go(), l.Name(), l.Strptime())
		}
		for _, s := range []string{"01.02.2024", "2024-01-02", "24-01-02", "1 2 2024", "2024-01-02T10:00"} {
			if _, ok := l.Parse(s); ok {
				t.Errorf("%+v reads %q", l, s)
			}
		}
	}
}

func TestLayoutProperties(t *testing.T) {
	l, _ := ParseLayout("2006-01-02 15:04")
	if !l.HasTime() || !l.YearFirst() {
		t.Errorf("%+v", l)
	}
	l, _ = ParseLayout("2/1/06")
	if l.HasTime() || l.YearFirst() || l.String() != "DD/MM/YY" {
		t.Errorf("%+v", l)
	}
}
