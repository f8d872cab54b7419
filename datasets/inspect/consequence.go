package inspect

import (
	"fmt"
	"math"
	"slices"

	"debut/datasets/encoding"
	"debut/datasets/notation"
	"debut/datasets/table"
)

const (
	// consequence is from which AUC on a column may be a consequence of the label.
	consequence = 0.9
	// fewClasses values, of which each is looked at for whether it excludes a class.
	fewClasses = 20
	// excludedShare of the rows have a value that excludes a class, or it says little.
	excludedShare = 0.2
	// excludedRate is up to which share of the usual rate a class is excluded.
	excludedRate = 0.05
	// excludedRows of the class would be expected among those of the value.
	excludedRows = 20
)

// tells says what is suspicious about how a column predicts the label.
func (t *target) tells(e *examined) []Warning {
	if t == nil || e.column.Predicts == nil {
		return nil
	}
	s := e.column.Predicts
	remedy := drop(e.column.Name).when("unless it is known when the prediction is made")
	w := Warning{Column: e.column.Name, Remedies: []Remedy{remedy}}
	switch {
	case s.Value >= leakage:
		w.Severity, w.Code = Severe, "leakage"
		w.Message = fmt.Sprintf("suspicious: predicts the label %s alone (%s %.4f); known only afterwards?", quoted(t.Column), measureNames[s.Measure], s.Value)
	case s.Measure == "auc" && s.Value >= consequence:
		w.Severity, w.Code = Warn, "consequence"
		w.Message = fmt.Sprintf("predicts the label %s alone (AUC %.3f): perhaps a consequence of the label", quoted(t.Column), s.Value)
	default:
		value, class, rate, found := t.excludes(e)
		if !found {
			return nil
		}
		if value = quoted(value); e.column.Withheld {
			value = "one value"
		}
		w.Severity, w.Code = Warn, "consequence"
		w.Message = fmt.Sprintf("where it is %s, the label %s is hardly ever %s (%s of the rows): perhaps a consequence of the label, or a step on the way to it",
			value, quoted(t.Column), quoted(class), percent(rate))
	}
	if t.Guessed { // and may be another column
		w.Severity = Notable
		w.Remedies = []Remedy{remedy.when("if that is the label, and this is not known when the prediction is made"), work("name another label with --label")}
	}
	return []Warning{w}
}

// excludes finds a common value of a column of few with which the rarer class of a binary label hardly ever occurs.
func (t *target) excludes(e *examined) (value, class string, rate float64, found bool) {
	if t.Task != encoding.TaskBinary || e.column.Distinct > fewClasses || e.series.Kind == table.Vector || e.series.Kind == table.Date {
		return "", "", 0, false
	}
	rarer := int32(0)
	if t.Classes[1].Rows < t.Classes[0].Rows {
		rarer = 1
	}
	base := float64(t.Classes[rarer].Rows) / float64(t.rows)
	type cell struct {
		row       int
		rows, has float64
	}
	cells := map[uint64]*cell{}
	key := valueKeys(e.series)
	for i, c := range t.classes {
		if c < 0 {
			continue
		}
		at := cells[key(i)]
		if at == nil {
			at = &cell{row: i}
			cells[key(i)] = at
		}
		if at.rows++; c == rarer {
			at.has++
		}
	}
	best := &cell{}
	for _, c := range cells {
		if (c.rows > best.rows || c.rows == best.rows && c.row < best.row) && c.rows >= excludedShare*float64(t.rows) && c.rows*base >= excludedRows && c.has <= excludedRate*base*c.rows {
			best = c
		}
	}
	if best.rows == 0 {
		return "", "", 0, false
	}
	value = "missing"
	if !e.series.Missing(best.row) {
		value = e.series.Format(best.row)
	}
	return value, t.Classes[rarer].Value, best.has / best.rows, true
}

// topCode takes back that the largest number of a column stands for a missing value where it predicts the label as
// other large numbers do: then all above a limit are written so.
func (t *target) topCode(e *examined) {
	at := slices.IndexFunc(e.warnings, func(w Warning) bool { return w.Code == "sentinel" })
	if t == nil || t.values == nil || at < 0 || e.column.Name == t.Column || e.sentinel != e.column.Numbers.Max || e.sentinel <= 0 {
		return
	}
	var others []float64
	most := 0.0
	if len(e.column.Frequent) > 0 {
		most, _ = notation.Number(e.column.Frequent[0].Value)
	}
	for _, v := range e.series.Floats {
		if !math.IsNaN(v) && v != e.sentinel && v != most {
			others = append(others, v)
		}
	}
	if len(others) < leastOfClass {
		return
	}
	slices.Sort(others)
	large := quantile(others, 0.75)
	var sums, rows [3]float64 // of the sentinel, of large numbers, of all but the sentinel
	for i, v := range e.series.Floats {
		y := t.values[i]
		if math.IsNaN(v) || math.IsNaN(y) {
			continue
		}
		add := func(k int) { sums[k] += y; rows[k]++ }
		switch {
		case v == e.sentinel:
			add(0)
			continue
		case v >= large:
			add(1)
		}
		add(2)
	}
	if min(rows[0], rows[1], rows[2]) < 5 {
		return
	}
	usual := sums[2] / rows[2]
	code, upper := sums[0]/rows[0]-usual, sums[1]/rows[1]-usual
	const notable = 0.2 // standard deviations of the label
	if math.Abs(upper) < notable || code*upper <= 0 || math.Abs(code) < math.Abs(upper)/2 {
		return
	}
	w := &e.warnings[at]
	w.Severity, w.Code = Notable, "top_code"
	w.Message = fmt.Sprintf("%s, far from all other values, predicts the label as large values do: all above a limit seem to be written so", number(e.sentinel))
	w.Remedies = []Remedy{work("leave it as it is; it is no missing value")}
}
