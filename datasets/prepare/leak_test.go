package prepare

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// auc is the area under the ROC curve of rows "score label".
func auc(t *testing.T, rows []string) (value, halfWidth float64) {
	t.Helper()
	type scored struct {
		score float64
		label bool
	}
	list := make([]scored, len(rows))
	positives := 0.0
	for i, r := range rows {
		a, b, _ := strings.Cut(r, " ")
		x, err := strconv.ParseFloat(a, 64)
		if err != nil {
			t.Fatal(err)
		}
		list[i] = scored{x, b == "true"}
		if list[i].label {
			positives++
		}
	}
	slices.SortFunc(list, func(a, b scored) int {
		switch {
		case a.score < b.score:
			return -1
		case a.score > b.score:
			return 1
		}
		return 0
	})
	n := float64(len(list))
	sum := 0.0
	for i := 0; i < len(list); {
		j := i
		for j < len(list) && list[j].score == list[i].score {
			j++
		}
		for k := i; k < j; k++ {
			if list[k].label {
				sum += float64(i+j+1) / 2
			}
		}
		i = j
	}
	negatives := n - positives
	// Under independence the statistic of Mann and Whitney has this deviation; ties
	// make it smaller.
	return (sum - positives*(positives+1)/2) / (positives * negatives), 4 * math.Sqrt((n+1)/(12*positives*negatives))
}

// TestFutureSignalDoesNotLeak plants events that follow a positive row and
// nothing else, and asks whether features about events tell the label.
func TestFutureSignalDoesNotLeak(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var sessions, events strings.Builder
	sessions.WriteString("user,at,label\n")
	events.WriteString("user,at,amount\n")
	for i := range 6000 {
		user, at := r.IntN(6000), 1_000_000+r.IntN(1_000_000)
		label := r.IntN(4) == 0
		fmt.Fprintf(&sessions, "u%d_%d,%d,%t\n", user, i, at, label)
		for range r.IntN(3) { // noise, before and after
			fmt.Fprintf(&events, "u%d_%d,%d,%d\n", user, i, at-500_000+r.IntN(1_000_000), 1+r.IntN(5))
		}
		if label {
			fmt.Fprintf(&events, "u%d_%d,%d,%d\n", user, i, at, 100)
			fmt.Fprintf(&events, "u%d_%d,%d,%d\n", user, i, at+1+r.IntN(1000), 100)
		}
	}
	dir := folder(t, map[string]string{"sessions.csv": sessions.String(), "events.csv": events.String()})
	const text = `
sources: {sessions: {path: sessions.csv}, events: {path: events.csv}}
from: sessions
split: {method: none}
steps:
  - aggregate:
      events: events
      key: user
      at: at
      features:
        n: {function: count}
        amount: {function: sum, value: amount}
        most: {function: max, value: amount}
        recent: {function: count, window: "100000"}
        last: {function: last, value: amount}
`
	features := []string{"n", "amount", "most", "recent", "last"}
	mustRun(t, dir, text)
	for _, f := range features {
		got, width := auc(t, rows(t, dir, "SELECT coalesce("+f+", 0)::DOUBLE, label FROM out"))
		if math.Abs(got-0.5) > width {
			t.Errorf("%s tells the label with an AUC of %.4f, which must be within %.4f of 0.5", f, got, width)
		}
	}
	mustRun(t, dir, strings.Replace(text, "      features:", "      see_the_future: true\n      features:", 1))
	for _, f := range features[1:4] {
		if got, _ := auc(t, rows(t, dir, "SELECT coalesce("+f+", 0)::DOUBLE, label FROM out")); f != "recent" && got < 0.98 || got < 0.7 {
			t.Errorf("without the guard %s has an AUC of %.4f: the test could not tell a leak", f, got)
		}
	}
}
