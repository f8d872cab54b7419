package prepare

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"debut/datasets/manifest"
)

// Lists of what users have viewed hold events before a row's own time alone, the newest first, and the means of their pictures are those of
// the same events: compared with loops over all of them.
func TestHistories(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	type event struct {
		user, at, item int
		kind           string
		picture        [2]float64
	}
	var events []event
	var clicks, sessions strings.Builder
	clicks.WriteString("user,at,item,kind,a,b\n")
	for range 900 {
		e := event{r.IntN(12), r.IntN(200), r.IntN(50), []string{"view", "buy"}[r.IntN(2)], [2]float64{float64(r.IntN(100)) / 4, float64(r.IntN(100)) / 8}}
		events = append(events, e)
		fmt.Fprintf(&clicks, "u%d,%d,i%d,%s,%v,%v\n", e.user, e.at, e.item, e.kind, e.picture[0], e.picture[1])
	}
	type row struct{ id, user, at int }
	var all []row
	sessions.WriteString("id,user,at\n")
	for i := range 300 {
		x := row{i, r.IntN(14), r.IntN(210)}
		all = append(all, x)
		fmt.Fprintf(&sessions, "%d,u%d,%d\n", x.id, x.user, x.at)
	}
	dir := folder(t, map[string]string{"sessions.csv": sessions.String(), "clicks.csv": clicks.String()})
	d := mustRun(t, dir, `
sources: {sessions: {path: sessions.csv}, clicks: {path: clicks.csv}}
from: sessions
split: {method: none}
steps:
  - aggregate:
      events: clicks
      key: user
      at: at
      gap: "2"
      features:
        viewed: {function: list, value: item, last: 5, where: kind = 'view'}
        recent: {function: list, value: item, window: "40"}
        picture: {function: mean, value: "[a, b]", last: 5, where: kind = 'view'}
`)
	if c := d.Column("viewed"); c.Type != manifest.List || c.SQL != "VARCHAR[]" {
		t.Errorf("%+v", c)
	}
	if c := d.Column("picture"); c.Type != manifest.Vector {
		t.Errorf("%+v", c)
	}
	got := rows(t, dir, "SELECT coalesce(array_to_string(viewed, ','), '-'), coalesce(array_to_string(recent, ','), '-'), coalesce(array_to_string(picture, ','), '-') FROM out ORDER BY id")
	if len(got) != len(all) {
		t.Fatalf("%d rows of %d", len(got), len(all))
	}
	list := func(of []event, most int) string {
		if len(of) == 0 {
			return "-"
		}
		var names []string
		for _, e := range of[:min(most, len(of))] {
			names = append(names, fmt.Sprintf("i%d", e.item))
		}
		return strings.Join(names, ",")
	}
	for i, x := range all {
		var viewed, recent []event
		for _, e := range events {
			if e.user != x.user || e.at > x.at-3 { // known 2 later, and then before the row
				continue
			}
			if e.kind == "view" {
				viewed = append(viewed, e)
			}
			if e.at >= x.at-40 {
				recent = append(recent, e)
			}
		}
		newest := func(of []event) {
			slices.Reverse(of)
			slices.SortStableFunc(of, func(a, b event) int { return b.at - a.at })
		}
		newest(viewed)
		newest(recent)
		fields := strings.Fields(got[i])
		if fields[0] != list(viewed, 5) || fields[1] != list(recent, 20) {
			t.Fatalf("row %d at %d: %q, want %s and %s", x.id, x.at, got[i], list(viewed, 5), list(recent, 20))
		}
		mean := [2]float64{}
		n := min(5, len(viewed))
		for _, e := range viewed[:n] {
			mean[0], mean[1] = mean[0]+e.picture[0]/float64(n), mean[1]+e.picture[1]/float64(n)
		}
		if n == 0 {
			if fields[2] != "-" {
				t.Fatalf("row %d: the mean of nothing is %s", x.id, fields[2])
			}
			continue
		}
		for k, text := range strings.Split(fields[2], ",") {
			if v, err := strconv.ParseFloat(text, 64); err != nil || math.Abs(v-mean[k]) > 1e-5 {
				t.Fatalf("row %d: mean %s, want %v", x.id, fields[2], mean)
			}
		}
	}
}

// What cannot be a list is told.
func TestHistoryMistakes(t *testing.T) {
	dir := folder(t, map[string]string{"s.csv": "user,at,x\nu,1,2\nu,2,3\n"})
	for want, feature := range map[string]string{
		"f.last":         "{function: count, last: 3}",
		"from 1 to 1000": "{function: list, value: x, last: 2000}",
		"is not given":   "{function: list}",
		"single values":  "{function: list, value: \"[x, 1]\"}",
		"use window":     "{function: mean, value: x, last: 3}",
	} {
		_, err := run(t, dir, "sources: {s: {path: s.csv}}\nsplit: {method: none}\nsteps: [{aggregate: {key: user, at: at, features: {f: "+feature+"}}}]\n")
		wantError(t, dir, err, want)
	}
}
