package notation_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"debut/datasets/duck"
	"debut/datasets/notation"
)

// variants are the ways in which a layout's texts vary.
func variants(l notation.Layout, at time.Time) []string {
	layout := l.Go()
	texts := []string{at.Format(layout)}
	add := func(old, now string) {
		if strings.Contains(layout, old) {
			texts = append(texts, at.Format(strings.Replace(layout, old, now, 1)))
		}
	}
	if !l.ShortYear || l.Separator != '.' {
		add("01", "1")
		add("02", "2")
	}
	add("05", "05.0")
	add("05", "05.000000")
	add(" PM", "PM")
	add(" PM", " pm")
	add("Z07:00", " -07:00")
	add("Z07:00", "-0700")
	add("Z07:00", "-07:00")
	add(" MST", " GMT")
	if l.Form == notation.AsctimeForm {
		add(" 2 ", " _2 ")
	}
	switch l.Month {
	case notation.MonthShort:
		name := at.Format("Jan")
		texts = append(texts, strings.Replace(texts[0], name, strings.ToUpper(name), 1), strings.Replace(texts[0], name, strings.ToLower(name), 1))
	case notation.MonthFull:
		name := at.Format("January")
		texts = append(texts, strings.Replace(texts[0], name, strings.ToUpper(name), 1), strings.Replace(texts[0], name, strings.ToLower(name), 1))
	}
	return texts
}

// TestStrptime checks that DuckDB reads a layout's formats as Parse reads the layout.
func TestStrptime(t *testing.T) {
	db, err := duck.Open(duck.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	east, west := time.FixedZone("", 5*3600+1800), time.FixedZone("", -8*3600)
	times := []time.Time{
		time.Date(2024, 5, 31, 23, 59, 58, 250e6, time.UTC), time.Date(1969, 12, 31, 0, 5, 9, 1000, time.UTC),
		time.Date(2068, 2, 29, 12, 0, 0, 0, time.UTC), time.Date(1999, 3, 4, 1, 2, 3, 999999000, time.UTC),
		time.Date(2000, 9, 10, 11, 12, 13, 0, time.UTC), time.Date(1970, 10, 11, 9, 9, 9, 0, east), time.Date(2030, 6, 7, 20, 1, 2, 120e6, west),
	}
	checked := 0
	for l := range notation.AllLayouts {
		times := times
		if l.Form == notation.UsualForm && (l.Weekday != notation.NoWeekday || l.ClockComma) {
			times = []time.Time{times[checked%len(times)], times[(checked+1)%len(times)]} // what is left is written as without
		}
		var texts, rows []string
		for _, at := range times {
			if l.Zone == notation.ZoneName {
				at = at.UTC()
			}
			for _, s := range variants(l, at) {
				rows = append(rows, fmt.Sprintf("(%d, %s)", len(texts), duck.Literal(s)))
				texts = append(texts, s)
			}
		}
		sql := fmt.Sprintf("SELECT epoch_us(try_strptime(s, %s)) FROM (VALUES %s) t(i, s) ORDER BY i", duck.Literals(l.Strptime()), strings.Join(rows, ", "))
		i := 0
		err := db.Query(t.Context(), sql, func(c *duck.Chunk) error {
			values, valid := duck.Vector[int64](c, 0)
			for j := range values {
				want, ok := l.Parse(texts[i])
				if !ok || !valid.Valid(j) || values[j] != want {
					t.Errorf("%v: %q is %v, %v, as %q %v, %v", l, texts[i], want, ok, l.Strptime(), values[j], valid.Valid(j))
				}
				i++
			}
			return nil
		})
		if err != nil || i != len(texts) {
			t.Fatalf("%s: %d rows: %v", sql, i, err)
		}
		checked += i
	}
	if checked < 10000 {
		t.Errorf("%d texts", checked)
	}
}
