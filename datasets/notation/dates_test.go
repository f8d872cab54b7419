package notation

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestLayoutsOf(t *testing.T) {
	for _, c := range []struct {
		s     string
		names string
		want  string // by the first, in RFC 3339
	}{
		{"2024-01-05", "YYYY-MM-DD", "2024-01-05T00:00:00Z"},
		{"2024-1-5", "YYYY-MM-DD", "2024-01-05T00:00:00Z"},
		{"2024/01/05", "YYYY/MM/DD", "2024-01-05T00:00:00Z"},
		{"2024.01.05", "YYYY.MM.DD", "2024-01-05T00:00:00Z"},
		{"0000-01-01", "YYYY-MM-DD", "0000-01-01T00:00:00Z"},
		{"9999-12-31 23:59:59.999999999", "YYYY-MM-DD hh:mm:ss", "9999-12-31T23:59:59.999999Z"},
		{"2024-02-29", "YYYY-MM-DD", "2024-02-29T00:00:00Z"},
		{"2000-02-29", "YYYY-MM-DD", "2000-02-29T00:00:00Z"},
		{"02-01-2024", "DD-MM-YYYY|MM-DD-YYYY", "2024-01-02T00:00:00Z"},
		{"02.01.2024", "DD.MM.YYYY", "2024-01-02T00:00:00Z"},
		{"2.1.2024", "DD.MM.YYYY", "2024-01-02T00:00:00Z"},
		{"02.01.24", "DD.MM.YY", "2024-01-02T00:00:00Z"},
		{"02/01/2024", "MM/DD/YYYY|DD/MM/YYYY", "2024-02-01T00:00:00Z"},
		{"2/1/24", "MM/DD/YY|DD/MM/YY", "2024-02-01T00:00:00Z"},
		{"16/01/24", "DD/MM/YY", "2024-01-16T00:00:00Z"},
		{"01/16/24", "MM/DD/YY", "2024-01-16T00:00:00Z"},
		{"1/2/68", "MM/DD/YY|DD/MM/YY", "2068-01-02T00:00:00Z"},
		{"1/2/69", "MM/DD/YY|DD/MM/YY", "1969-01-02T00:00:00Z"},
		{"1/2/99", "MM/DD/YY|DD/MM/YY", "1999-01-02T00:00:00Z"},
		{"1/2/00", "MM/DD/YY|DD/MM/YY", "2000-01-02T00:00:00Z"},
		{"1/5/2024 8:26", "MM/DD/YYYY hh:mm|DD/MM/YYYY hh:mm", "2024-01-05T08:26:00Z"},
		{"01/05/2024 01:30 PM", "MM/DD/YYYY hh:mm AM|DD/MM/YYYY hh:mm AM", "2024-01-05T13:30:00Z"},
		{"1/5/2024 1:30:07pm", "MM/DD/YYYY hh:mm:ss AM|DD/MM/YYYY hh:mm:ss AM", "2024-01-05T13:30:07Z"},
		{"1/5/2024 12:30\u202fAM", "MM/DD/YYYY hh:mm AM|DD/MM/YYYY hh:mm AM", "2024-01-05T00:30:00Z"},
		{"1/5/2024 12:30 pm", "MM/DD/YYYY hh:mm AM|DD/MM/YYYY hh:mm AM", "2024-01-05T12:30:00Z"},
		{"05-Jan-2024", "DD-Mon-YYYY", "2024-01-05T00:00:00Z"},
		{"05-JAN-24", "DD-Mon-YY", "2024-01-05T00:00:00Z"},
		{"5 january 2024", "DD Month YYYY", "2024-01-05T00:00:00Z"},
		{"5 May 2024", "DD Mon YYYY|DD Month YYYY", "2024-05-05T00:00:00Z"},
		{"Jan 5, 2024", "Mon DD, YYYY", "2024-01-05T00:00:00Z"},
		{"September 5 2024", "Month DD YYYY", "2024-09-05T00:00:00Z"},
		{"May-05-24", "Mon-DD-YY|Month-DD-YY", "2024-05-05T00:00:00Z"},
		{"2024-Jan-05", "YYYY-Mon-DD", "2024-01-05T00:00:00Z"},
		{"Jan 5, 2024 1:30 PM", "Mon DD, YYYY hh:mm AM", "2024-01-05T13:30:00Z"},
		{"2024-01-05 12:00:00 UTC", "YYYY-MM-DD hh:mm:ss UTC", "2024-01-05T12:00:00Z"},
		{"2024-01-05 12:00:00.123456 UTC", "YYYY-MM-DD hh:mm:ss UTC", "2024-01-05T12:00:00.123456Z"},
		{"2024-01-05 12:00 GMT", "YYYY-MM-DD hh:mm UTC", "2024-01-05T12:00:00Z"},
		{"2024-01-05T12:00:00Z", "YYYY-MM-DDThh:mm:ss+hh:mm", "2024-01-05T12:00:00Z"},
		{"2024-01-05T12:00:00.5+01:30", "YYYY-MM-DDThh:mm:ss+hh:mm", "2024-01-05T10:30:00.5Z"},
		{"2024-01-05 12:00:00-0800", "YYYY-MM-DD hh:mm:ss+hh:mm", "2024-01-05T20:00:00Z"},
		{"2024-01-05 12:00:00 -0800", "YYYY-MM-DD hh:mm:ss+hh:mm", "2024-01-05T20:00:00Z"},
		{"2024-01-05 12:00:00+05", "YYYY-MM-DD hh:mm:ss+hh:mm", "2024-01-05T07:00:00Z"},
		{"2024-01-05 12:00:00,25", "YYYY-MM-DD hh:mm:ss", "2024-01-05T12:00:00.25Z"},
		{"1960-01-05 12:00:00.1234567", "YYYY-MM-DD hh:mm:ss", "1960-01-05T12:00:00.123456Z"},
		{"2024-01-05 8:26", "YYYY-MM-DD hh:mm", "2024-01-05T08:26:00Z"},
		{"[10/Oct/2000:13:55:36 -0700]", "[DD/Mon/YYYY:hh:mm:ss+hh:mm]", "2000-10-10T20:55:36Z"},
		{"10/May/2000:13:55:36 +0000", "DD/Mon/YYYY:hh:mm:ss+hh:mm", "2000-05-10T13:55:36Z"},
		{"1/5/2024, 1:30 PM", "MM/DD/YYYY, hh:mm AM|DD/MM/YYYY, hh:mm AM", "2024-01-05T13:30:00Z"},
		{"16/1/2024, 13:30:05", "DD/MM/YYYY, hh:mm:ss", "2024-01-16T13:30:05Z"},
		{"5.1.2024, 13:30:05", "DD.MM.YYYY, hh:mm:ss", "2024-01-05T13:30:05Z"},
		{"Jan 5, 2024, 1:30:05\u202fPM", "Mon DD, YYYY, hh:mm:ss AM", "2024-01-05T13:30:05Z"},
		{"Mon, 05 Jan 2024", "Dy, DD Mon YYYY", "2024-01-05T00:00:00Z"}, // a Friday, whatever is written
		{"Fri 05 May 2024", "Dy DD Mon YYYY|Dy DD Month YYYY", "2024-05-05T00:00:00Z"},
		{"Friday, January 5, 2024", "Day, Month DD, YYYY", "2024-01-05T00:00:00Z"},
		{"FRIDAY 2024-01-05", "Day YYYY-MM-DD", "2024-01-05T00:00:00Z"},
		{"Fri 01/05/2024 1:30 PM", "Dy MM/DD/YYYY hh:mm AM|Dy DD/MM/YYYY hh:mm AM", "2024-01-05T13:30:00Z"},
		{"Fri, 05 Jan 2024 10:00:36 GMT", "Dy, DD Mon YYYY hh:mm:ss UTC", "2024-01-05T10:00:36Z"},
		{"Fri, 5 Jan 2024 10:00:36 +0100", "Dy, DD Mon YYYY hh:mm:ss+hh:mm", "2024-01-05T09:00:36Z"},
		{"Friday, 05-Jan-24 10:00:36 GMT", "Day, DD-Mon-YY hh:mm:ss UTC", "2024-01-05T10:00:36Z"},
		{"Fri Jan 05 2024", "Dy Mon DD YYYY", "2024-01-05T00:00:00Z"},
		{"Fri Jan  5 10:00:36 2024", "Dy Mon DD hh:mm:ss YYYY", "2024-01-05T10:00:36Z"},
		{"Fri May 15 10:00:36 UTC 2024", "Dy Mon DD hh:mm:ss UTC YYYY", "2024-05-15T10:00:36Z"},
		{"Wed Oct 10 20:19:24 +0000 2018", "Dy Mon DD hh:mm:ss +hh:mm YYYY", "2018-10-10T20:19:24Z"},
	} {
		layouts, n := LayoutsOf(c.s)
		var names []string
		for _, l := range layouts[:n] {
			names = append(names, l.Name())
			if _, ok := l.Parse(c.s); !ok {
				t.Errorf("%v does not read %q", l, c.s)
			}
		}
		if got := strings.Join(names, "|"); got != c.names {
			t.Errorf("LayoutsOf(%q) = %s, want %s", c.s, got, c.names)
			continue
		}
		want, err := time.Parse(time.RFC3339Nano, c.want)
		if err != nil {
			t.Fatal(err)
		}
		if micros, _ := layouts[0].Parse(c.s); micros != want.UnixMicro() {
			t.Errorf("Parse(%q) = %v, want %v", c.s, time.UnixMicro(micros).UTC(), want)
		}
	}
	for _, s := range []string{
		"", "2024", "2024-01", "0000-00-00", "2023-02-29", "1900-02-29", "2024-02-30", "2024-04-31", "2024-13-01", "2024-00-05", "2024-01-00", "2024-01-32",
		"32/01/2024", "13/13/2024", "2024-01-05 24:00:00", "2024-01-05 23:59:60", "2024-01-05 12:60", "2024-01-05 1", "2024-01-05 12:5", "2024-01-05 12:00:5",
		"2024-01-05 12:00:00.", "2024-01-05 12:00.5", "2024-01-05  12:00", "2024-01-05 ", " 2024-01-05", "2024-01-05T", "2024-01-05t12:00", "2024-01/05", "2024-01-05Z",
		"20-12-26", "11-11-11", "02-01-24", "41_10_1", "4.1.2", "1.12.24", "10.1.12", "2024-W01", "01:30", "192.168.1.10", "13.13.2024", "01.13.2024", "20240105",
		"2024 01 05", "1 2 2024", "2024-01-05 13:00 PM", "2024-01-05 0:30 AM", "2024-01-05T01:30 PM", "2024-01-05 12:00:00UTC", "2024-01-05 12:00:00 EST",
		"2024-01-05 12:00:00 Z", "2024-01-05 12:00:00+1", "2024-01-05 12:00:00+01:3", "2024-01-05 12:00:00+24:00", "2024-01-05 12:00:00+01:60", "2024-01-05 12:00:00+",
		"2024-01-05 12:00:00 ", "2024-01-05 12:00:00+010", "5 Sept 2024", "5 Janu 2024", "5 Ja 2024", "Jan 5 24", "Jan 2024", "Jan 5,2024", "5.Jan.2024", "24-Jan-05x",
		"Jan, 5 2024", "May 10 24", "1/2/6", "1/2/006", "1/2/20061", "102/1/2024", "12345-01-05", "024-01-05", "1//2024", "/1/2024", "1/2/", "1/2", "5 Jan", "Jan 5",
		"5-Jan 2024", "Monday 5", "2024-01-05\x00", "2024-01-05 12:00:00." + strings.Repeat("1", 60), "٢٠٢٤-01-05", "2024-January", "Marchand", "mayor 5, 2024",
		"[10/Oct/2000:13:55:36 -0700", "10/Oct/2000:13:55:36 -0700]", "[10/Oct/2000]", "[10/Oct/2000 13:55:36]", "[]", "[2024-01-05]", "[05/01/2024:13:55:36]", "10/Oct/2000:13:55", "10/Oct/2000:1:55:36 PM",
		"10/October/2000:13:55:36", "10/Oct/00:13:55:36", "10-Oct-2000:13:55:36", "10/Oct/2000:13:55:36 GMT", "Mon, ", "Mon, 5", "Mon,05 Jan 2024", "Mon,  05 Jan 2024", "Monda 05 Jan 2024", "Monday05 Jan 2024",
		"Mon", "Monday", "Mon, Jan", "Mon, Tue, 05 Jan 2024", "Mon [10/Oct/2000:13:55:36 -0700]", "Mon 10/Oct/2000:13:55:36", "Mon 01/05/24", "Mon 05/Jan/2024", "Mon 2024/01/05", "Mon 2024-01-05T10:00",
		"1/5/2024,1:30 PM", "1/5/2024,", "1/5/2024, ", "1/5/2024,  1:30", "2024-01-05, T10:00", "2024-01-05,T10:00", "Jan  5 10:00:36 2024", "Fri Jan  5 10:00 2024", "Fri Jan  5 10:00:36 PM 2024", "Fri Jan  5 2024",
		"Fri, Jan  5 10:00:36 2024", "Friday Jan 5 10:00:36 2024", "Fri Jan 5 10:00:36 24", "Fri Jan 5 10:00:36", "Fri Jan 5 10:00:36 EST 2024", "Fri Jan 5 25:00:36 2024", "Fri Jan 32 10:00:36 2024", "Fri January 5 10:00:36 2024",
	} {
		if layouts, n := LayoutsOf(s); n != 0 {
			t.Errorf("LayoutsOf(%q) = %v", s, layouts[:n])
		}
	}
}

// TestEveryDay compares all days of four centuries with the package time.
func TestEveryDay(t *testing.T) {
	l, _ := ParseLayout("2006-01-02")
	from, to := time.Date(1799, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(2201, 1, 1, 0, 0, 0, 0, time.UTC)
	for at := from; at.Before(to); at = at.AddDate(0, 0, 1) {
		if micros, ok := l.Parse(at.Format(time.DateOnly)); !ok || micros != at.UnixMicro() {
			t.Fatalf("%s: %v, %v", at.Format(time.DateOnly), micros, ok)
		}
	}
	for year := range 10000 {
		for month := 1; month <= 12; month++ {
			for _, day := range []int{1, 28, 29, 30, 31, 32} {
				at := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
				micros, ok := l.Parse(fmt.Sprintf("%04d-%02d-%02d", year, month, day))
				if exists := at.Day() == day; ok != exists || ok && micros != at.UnixMicro() {
					t.Fatalf("%04d-%02d-%02d: %v, %v", year, month, day, micros, ok)
				}
			}
		}
	}
}

func TestDatesDoNotAllocate(t *testing.T) {
	l, _ := ParseLayout(time.RFC3339)
	if n := testing.AllocsPerRun(100, func() {
		LayoutsOf("02/01/2024 10:30 PM")
		LayoutsOf("some other text")
		l.Parse("2024-01-05T12:00:00.25+01:00")
		Number("1935.30")
		Number("0.30000000000000004")
		Number("2024-01-05")
		StylesOf("$1,935.30")
		StylesOf("some other text")
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestDateTally(t *testing.T) {
	for _, c := range []struct {
		name     string
		texts    []string
		layout   string
		rows     int
		other    string
		mixed    string
		doubtful bool
	}{
		{"none", []string{"a", ""}, "", 0, "", "", false},
		{"ISO", []string{"2024-01-05", "2024-01-06", "x"}, "YYYY-MM-DD", 2, "", "", false},
		{"either", []string{"02/03/24", "03/04/24"}, "MM/DD/YY", 2, "DD/MM/YY", "", false},
		{"either, the same day", []string{"02/02/24", "03/03/24"}, "MM/DD/YY", 2, "", "", false},
		{"day first", []string{"02/03/24", "16/04/24"}, "DD/MM/YY", 2, "", "", false},
		{"month first", []string{"02-03-2024", "04-16-2024"}, "MM-DD-YYYY", 2, "", "", false},
		{"either, hyphens", []string{"02-03-2024", "04-05-2024"}, "DD-MM-YYYY", 2, "MM-DD-YYYY", "", false},
		{"points", []string{"02.03.2024", "04.05.2024"}, "DD.MM.YYYY", 2, "", "", false},
		{"May", []string{"5 May 2024", "6 May 2024"}, "DD Mon YYYY", 2, "", "", false},
		{"May and June", []string{"5 May 2024", "6 June 2024"}, "DD Month YYYY", 2, "", "", false},
		{"fractions", []string{"2024-01-05 10:00:00", "2024-01-05 10:00:00.5"}, "YYYY-MM-DD hh:mm:ss", 2, "", "", false},
		{"some with a time", []string{"2024-01-05", "2024-01-06", "2024-01-06 10:00"}, "YYYY-MM-DD", 2, "", "YYYY-MM-DD 2 2024-01-05|YYYY-MM-DD hh:mm 1 2024-01-06 10:00", false},
		{"contradicting", []string{"13/01/2024", "14/01/2024", "01/13/2024", "02/03/2024"}, "DD/MM/YYYY", 3, "",
			"DD/MM/YYYY 3 13/01/2024|MM/DD/YYYY 1 01/13/2024", true},
		{"both orders", []string{"13/01/2024", "01/13/2024"}, "MM/DD/YYYY", 1, "", "MM/DD/YYYY 1 01/13/2024|DD/MM/YYYY 1 13/01/2024", false},
		{"doubtful part", []string{"2024-01-05", "2024-01-06", "02/03/2024"}, "YYYY-MM-DD", 2, "", "YYYY-MM-DD 2 2024-01-05|MM/DD/YYYY 1 02/03/2024", true},
		{"part of one day", []string{"2024-01-05", "2024-01-06", "02/02/2024"}, "YYYY-MM-DD", 2, "", "YYYY-MM-DD 2 2024-01-05|MM/DD/YYYY 1 02/02/2024", false},
		{"one impossible", []string{"2024-01-05", "0000-00-00"}, "YYYY-MM-DD", 1, "", "", false},
	} {
		for _, reversed := range []bool{false, true} {
			var tally DateTally
			texts := slices.Clone(c.texts)
			if reversed {
				slices.Reverse(texts)
			}
			for _, s := range texts {
				tally.Add(s, 5)
			}
			layout, rows, other, hasOther := tally.Best()
			if layout.Name() != c.layout || rows != 5*c.rows || other.Name() != c.other || hasOther != (c.other != "") {
				t.Errorf("%s: Best() = %v, %d, %v, %v", c.name, layout, rows, other, hasOther)
			}
			if tally.Rows() != 5*len(texts) || tally.Fits(layout) != rows {
				t.Errorf("%s: Rows() = %d, Fits(best) = %d", c.name, tally.Rows(), tally.Fits(layout))
			}
			parts, doubtful := tally.Mixed()
			var list []string
			total := 0
			for _, p := range parts {
				list = append(list, fmt.Sprintf("%s %d %s", p.Layout, p.Rows/5, p.Example))
				total += p.Rows
			}
			if parts != nil && total != tally.Dates() {
				t.Errorf("%s: parts of %d rows, %d dates", c.name, total, tally.Dates())
			}
			if reversed { // other examples
				continue
			}
			if got := strings.Join(list, "|"); got != c.mixed || doubtful != c.doubtful {
				t.Errorf("%s: Mixed() = %s, %v", c.name, got, doubtful)
			}
		}
	}
	var tally DateTally
	tally.Add("02/03/24", 3)
	tally.Add("2024-01-05", 2)
	if layout, rows, _, hasOther := tally.BestOf(Layout.YearFirst); layout.Name() != "YYYY-MM-DD" || rows != 2 || hasOther {
		t.Errorf("BestOf(YearFirst) = %v, %d", layout, rows)
	}
}

// TestTallyIsBounded adds dates in all layouts.
func TestTallyIsBounded(t *testing.T) {
	var tally DateTally
	n := 0
	for l := range layouts {
		n++
		for day := range 28 {
			tally.Add(time.Date(2024, 5, day+1, 10, 0, 0, 0, time.UTC).Format(l.Go()), 1)
		}
	}
	if len(tally.groups) > 2*n {
		t.Errorf("%d groups for %d layouts", len(tally.groups), n)
	}
	if tally.Dates() != 28*n {
		t.Errorf("%d of %d dates", tally.Dates(), 28*n)
	}
}

// lenient are layouts that read what Parse reads: padding is optional in it.
func lenient(l Layout) []string {
	p := golang
	p.padDay, p.padMonth = "", ""
	var out []string
	for _, marker := range []string{" PM", "PM", " pm", "pm"} {
		for _, offset := range []string{"Z07:00", " -07:00", "Z0700", " -0700", "Z07", " -07"} {
			p.marker, p.offset = marker, offset
			out = append(out, l.render(&p))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// FuzzDate compares with the package time.
func FuzzDate(f *testing.F) {
	for _, k := range known {
		f.Add(time.Date(2024, 1, 5, 21, 4, 5, 123456789, time.UTC).Format(k[0]))
		f.Add(time.Date(1969, 12, 31, 1, 4, 5, 0, time.FixedZone("", -5400)).Format(k[0]))
	}
	for _, layout := range []string{time.ANSIC, time.UnixDate, time.RubyDate, time.RFC850, time.RFC1123, time.RFC1123Z, "[02/Jan/2006:15:04:05 -0700]", "1/2/2006, 3:04 PM", "Monday, January 2, 2006, 15:04"} {
		f.Add(time.Date(2024, 1, 5, 21, 4, 5, 0, time.UTC).Format(layout))
	}
	for _, s := range []string{"2024-2-30", "1/5/24 12:00 am", "5 May 2024 10:00:00.123 +0130", "May 5, 2024 1:02:03,5PM GMT"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		found, n := LayoutsOf(s)
		for l := range layouts {
			micros, ok := l.Parse(s)
			if listed := slices.Contains(found[:n], l); ok != listed {
				t.Fatalf("%q: %v reads it: %v; it is listed: %v", s, l, ok, listed)
			}
			if want, err := time.Parse(l.Go(), s); err == nil && !ok && !odd(s, l) {
				t.Fatalf("%q: %v does not read it, time does: %v", s, l, want)
			} else if err == nil && ok && want.UnixMicro() != micros {
				t.Fatalf("%q: %v reads %v, time %v", s, l, time.UnixMicro(micros).UTC(), want)
			}
			if !ok {
				continue
			}
			// The mark of half days is in upper or lower case as a whole in time.
			text := strings.NewReplacer("\u00a0", " ", "\u2007", " ", "\u2009", " ", "\u202f", " ", "Am", "AM", "aM", "AM", "Pm", "PM", "pM", "PM").Replace(s)
			read := false
			for _, layout := range lenient(l) {
				if want, err := time.Parse(layout, text); err == nil {
					if read = true; want.UnixMicro() != micros {
						t.Fatalf("%q: %v reads %v, time as %q %v", s, l, time.UnixMicro(micros).UTC(), layout, want)
					}
				}
			}
			if !read {
				t.Fatalf("%q: %v reads it, time does not", s, l)
			}
		}
	})
}

// odd reports whether time reads s in layout l although it is no date here: hour 0
// before AM or PM, offsets of a day, zones but UTC, more blanks than one, a signed
// year of one digit.
func odd(s string, l Layout) bool {
	if separator := string(rune(l.Separator)); strings.Contains(s, separator+"+") || strings.Contains(s, separator+"-") {
		return true
	}
	return l.Half && strings.Contains(s, " 0") || strings.Contains(s, "  ") || l.Zone == ZoneOffset && (strings.Contains(s, "24") || strings.Contains(s, "60")) ||
		l.Zone == ZoneName && !strings.HasSuffix(s, " UTC") && !strings.HasSuffix(s, " GMT") || len(s) > longestDate
}

func BenchmarkDates(b *testing.B) {
	const s = "02/01/2024 10:30:07"
	b.Run("LayoutsOf", func(b *testing.B) {
		for b.Loop() {
			if _, n := LayoutsOf(s); n != 2 {
				b.Fatal(n)
			}
		}
	})
	b.Run("time.Parse of 27 layouts", func(b *testing.B) {
		for b.Loop() {
			n := 0
			for _, k := range known[:27] {
				if _, err := time.Parse(k[0], s); err == nil {
					n++
				}
			}
			if n != 2 {
				b.Fatal(n)
			}
		}
	})
	b.Run("LayoutsOf text", func(b *testing.B) {
		for b.Loop() {
			LayoutsOf("12 Main Street")
		}
	})
	l, _ := ParseLayout("1/2/2006 15:04:05")
	b.Run("Parse", func(b *testing.B) {
		for b.Loop() {
			if _, ok := l.Parse(s); !ok {
				b.Fatal()
			}
		}
	})
	b.Run("time.Parse", func(b *testing.B) {
		for b.Loop() {
			if _, err := time.Parse("1/2/2006 15:04:05", s); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("DateTally", func(b *testing.B) {
		var tally DateTally
		for b.Loop() {
			tally.Add(s, 1)
		}
	})
}
