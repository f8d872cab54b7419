package prepare

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Means of vectors are those of loops over all events, bit for bit: within a window, of all events together, of what is still to come, of
// several keys, and of vectors that are not there or not whole.
func TestMeansOfVectors(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	type event struct {
		user, shop, at int
		vector         []float64 // nil: it is missing; with one number: the other is
	}
	var all []event
	var events, rowsCSV strings.Builder
	events.WriteString("user,shop,at,a,b\n")
	for range 700 {
		e := event{r.IntN(9), r.IntN(2), r.IntN(300), []float64{float64(r.IntN(1000)) / 7, float64(r.IntN(1000)) / 3}}
		switch r.IntN(9) {
		case 0:
			e.vector = nil
			fmt.Fprintf(&events, "u%d,%d,%d,,\n", e.user, e.shop, e.at)
		case 1:
			e.vector = e.vector[:1]
			fmt.Fprintf(&events, "u%d,%d,%d,%v,\n", e.user, e.shop, e.at, e.vector[0])
		default:
			fmt.Fprintf(&events, "u%d,%d,%d,%v,%v\n", e.user, e.shop, e.at, e.vector[0], e.vector[1])
		}
		all = append(all, e)
	}
	type row struct{ user, shop, at int }
	var asked []row
	rowsCSV.WriteString("id,user,shop,at\n")
	for i := range 250 {
		x := row{r.IntN(10), r.IntN(2), r.IntN(320)}
		asked = append(asked, x)
		user := fmt.Sprintf("u%d", x.user)
		if x.user == 9 {
			user = ""
		}
		fmt.Fprintf(&rowsCSV, "%d,%s,%d,%d\n", i, user, x.shop, x.at)
	}
	dir := folder(t, map[string]string{"rows.csv": rowsCSV.String(), "events.csv": events.String()})
	const vector = `"CASE WHEN a IS NOT NULL THEN [a, b] END"`
	mustRun(t, dir, `
sources: {rows: {path: rows.csv}, events: {path: events.csv}}
from: rows
split: {method: none}
steps:
  - aggregate: {events: events, key: [user, shop], at: at, features: {lately: {function: mean, value: `+vector+`, window: "60", last: 4}, number: {function: count}}}
  - aggregate: {events: events, key: user, at: at, see_the_future: true, features: {ever: {function: mean, value: `+vector+`}}}
  - aggregate: {events: events, at: at, gap: "3", features: {everyone: {function: mean, value: `+vector+`, last: 30, where: shop = 1}}}
`)
	got := rows(t, dir, "SELECT coalesce(CAST(lately AS VARCHAR), '-') || ';' || coalesce(CAST(ever AS VARCHAR), '-') || ';' || coalesce(CAST(everyone AS VARCHAR), '-') FROM out ORDER BY id")
	mean := func(last int, counts func(e event) bool) string {
		var of []event
		for _, e := range all {
			if len(e.vector) == 2 && counts(e) {
				of = append(of, e)
			}
		}
		slices.SortStableFunc(of, func(a, b event) int { return a.at - b.at })
		slices.Reverse(of)
		if of = of[:min(last, len(of))]; len(of) == 0 {
			return "-"
		}
		sum := [2]float64{}
		for _, e := range of {
			sum[0], sum[1] = sum[0]+e.vector[0], sum[1]+e.vector[1]
		}
		return fmt.Sprintf("%v %v", float32(sum[0]/float64(len(of))), float32(sum[1]/float64(len(of))))
	}
	for i, x := range asked {
		want := []string{
			mean(4, func(e event) bool { return e.user == x.user && e.shop == x.shop && e.at < x.at && e.at >= x.at-60 }),
			mean(usualLast, func(e event) bool { return e.user == x.user }),
			mean(30, func(e event) bool { return e.shop == 1 && e.at <= x.at-4 }),
		}
		for k, text := range strings.Split(got[i], ";") {
			text = strings.NewReplacer("[", "", "]", "", ",", "").Replace(text)
			var a, b float32
			if n, _ := fmt.Sscan(text, &a, &b); n == 2 {
				text = fmt.Sprintf("%v %v", a, b)
			}
			if text != want[k] {
				t.Fatalf("row %d, mean %d: %s, want %s", i, k, text, want[k])
			}
		}
	}
	dir = folder(t, map[string]string{"rows.csv": rowsCSV.String(), "events.csv": events.String()})
	_, err := run(t, dir, `
sources: {rows: {path: rows.csv}, events: {path: events.csv}}
from: rows
split: {method: none}
steps: [{aggregate: {events: events, key: user, at: at, features: {m: {function: mean, value: "CASE WHEN shop = 1 THEN [1, 2] ELSE [1] END"}}}}]
`)
	wantError(t, dir, err, "features.m.value", "2 numbers and of 1", "one length")
}
