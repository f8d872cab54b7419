package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"debut/datasets/encoding"
	"debut/datasets/warning"
	"debut/datasets/wording"
	"debut/trainers/metrics"
	"debut/trainers/model"
)

// grid is text in columns: the first to the left, the others to the right.
type grid [][]string

// text returns the table with two spaces between columns.
func (t grid) text() string { return t.aligned(1) }

// leftText is text with every column to the left.
func (t grid) leftText() string { return t.aligned(math.MaxInt) }

// aligned returns the table with so many columns to the left.
func (t grid) aligned(left int) string {
	var widths []int
	for _, row := range t {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			row[i] = wording.VisibleLine(cell)
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	var b strings.Builder
	for _, row := range t {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i > 0 {
				line.WriteString("  ")
			}
			if i >= left {
				cell, pad = pad, cell
			}
			line.WriteString(cell + pad)
		}
		b.WriteString(strings.TrimRight(line.String(), " "))
		b.WriteByte('\n')
	}
	return b.String()
}

// parts are the parts of the data in the order of tables.
var parts = []string{"train", "validation", "test"}

// groupTable lays out what was measured apart, "" where nothing was.
func groupTable(r *metrics.Result) string {
	if len(r.Groups) == 0 {
		return ""
	}
	var names []string
	for _, g := range r.Groups {
		for _, v := range g.Values {
			if !slices.Contains(names, v.Name) {
				names = append(names, v.Name)
			}
		}
	}
	t := grid{append([]string{"of", "count"}, names...)}
	for _, g := range r.Groups {
		row := []string{g.Name, wording.Thousands(g.Count)}
		for _, name := range names {
			cell := ""
			if v, ok := g.Values.Get(name); ok {
				cell = number(v)
			}
			row = append(row, cell)
		}
		t = append(t, row)
	}
	return t.text()
}

// metricsTable lays out results by part, a metric a line.
func metricsTable(results map[string]*metrics.Result) string {
	var present []string
	for _, p := range parts {
		if results[p] != nil {
			present = append(present, p)
		}
	}
	if len(present) == 0 {
		return ""
	}
	t := grid{append([]string{""}, present...), {metrics.Unit(results[present[0]].Task)}}
	for _, p := range present {
		t[1] = append(t[1], wording.Thousands(int64(results[p].Rows)))
	}
	for _, v := range results[present[0]].Values {
		row := []string{v.Name}
		for _, p := range present {
			if x, ok := results[p].Values.Get(v.Name); ok {
				row = append(row, number(x))
			} else {
				row = append(row, "–")
			}
		}
		t = append(t, row)
	}
	return t.text()
}

// maxClasses is up to how many classes tables by class are printed; JSON has them all.
const maxClasses = 12

// classTables lays out what a result says by class, "" for regression.
func classTables(r *metrics.Result) string {
	if r.Confusion == nil || len(r.Confusion.Classes) > maxClasses {
		return ""
	}
	support := "rows"
	if r.Weight != float64(r.Rows) { // a sum of weights
		support = "weight"
	}
	classes := grid{{"class", "precision", "recall", "f1", support}}
	for _, c := range r.Classes {
		classes = append(classes, []string{c.Class, number(c.Precision), number(c.Recall), number(c.F1), count(c.Support)})
	}
	text := confusionTable(r)
	if len(r.Classes) > 0 {
		text = classes.text() + "\n" + text
	}
	return text
}

// from says from which probability on a row is predicted positive.
func from(r *metrics.Result) string {
	if r.Threshold == nil || r.Confusion == nil || len(r.Confusion.Classes) != 2 {
		return ""
	}
	return fmt.Sprintf(", predicted %q from a probability of %.4g", r.Confusion.Classes[1], *r.Threshold)
}

// confusionTable lays out rows by true and predicted class, "" where there are none or too many.
func confusionTable(r *metrics.Result) string {
	if r.Confusion == nil || len(r.Confusion.Classes) > maxClasses {
		return ""
	}
	confusion := grid{{"true \\ predicted"}}
	for i, c := range r.Confusion.Classes {
		confusion[0] = append(confusion[0], c)
		row := []string{c}
		for _, n := range r.Confusion.Counts[i] {
			row = append(row, count(n))
		}
		confusion = append(confusion, row)
	}
	return confusion.text()
}

// calibrationTable lays out predicted probabilities beside what happened, "" for regression.
func calibrationTable(r *metrics.Result) string {
	c := r.Calibration
	if c == nil {
		return ""
	}
	t := grid{{"probability", "rows", "predicted", "observed"}}
	if r.Weight != float64(r.Rows) {
		t[0][1] = "weight"
	}
	for _, b := range c.Bins {
		t = append(t, []string{fmt.Sprintf("%.3f–%.3f", b.Low, b.High), count(b.Weight), number(b.Predicted), number(b.Observed)})
	}
	text := t.text()
	if c.Method == "" {
		return text
	}
	for _, v := range c.Before {
		after, _ := r.Values.Get(v.Name)
		text += fmt.Sprintf("%s %s before calibration (%s), %s after\n", v.Name, number(v.Value), c.Method, number(after))
	}
	return text
}

// maxCoefficients is up to how many coefficients are printed; JSON has them all.
const maxCoefficients = 40

// coefficientsTable lays out a linear model's coefficients, those that move the outcome most first: with their standard errors where
// there is one output, one column a class where there are several.
func coefficientsTable(c model.Coefficients) string {
	all := append([]model.Coefficients{c}, c.More...)
	deviations := len(all) == 1 && c.StandardError != nil
	head, last := []string{"coefficient"}, []string{"intercept"}
	for _, k := range all {
		head, last = append(head, k.Output), append(last, intercept(k))
	}
	if deviations {
		head, last = append(head, "standard error", "z"), append(last, quotient(c.Intercept, c.StandardError)...)
	}
	t := grid{head}
	for n, i := range strongest(all) {
		if n == maxCoefficients {
			t = append(t, []string{fmt.Sprintf("… and %d more", len(c.Features)-n)})
			break
		}
		f := c.Features[i]
		row := []string{f.Feature}
		for _, k := range all {
			row = append(row, coefficient(k.Features[i].Value))
		}
		if deviations {
			row = append(row, quotient(f.Value, f.StandardError)...)
		}
		t = append(t, row)
	}
	return append(t, last).text()
}

// strongest orders features by the largest of their standardized coefficients, of whatever class.
func strongest(all []model.Coefficients) []int {
	order := make([]int, len(all[0].Features))
	size := make([]float64, len(order))
	for i := range order {
		order[i] = i
		for _, k := range all {
			size[i] = max(size[i], math.Abs(k.Features[i].Standardized))
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(size[b], size[a]) })
	return order
}

// quotient formats a standard error and how many of them a coefficient is away from 0.
func quotient(value float64, deviation *float64) []string {
	if deviation == nil {
		return []string{"", ""}
	}
	return []string{strconv.FormatFloat(*deviation, 'g', 3, 64), strconv.FormatFloat(value / *deviation, 'f', 1, 64)}
}

// intercept formats the intercept to the place of the largest coefficient's last digit, at least: that of a target of
// 1e12 ± 1 has more digits than nine that count.
func intercept(c model.Coefficients) string {
	largest := 0.0
	for _, f := range c.Features {
		largest = max(largest, math.Abs(f.Value))
	}
	digits := coefficientDigits
	if size := math.Abs(c.Intercept); largest > 0 && size > largest {
		digits += int(min(8, math.Log10(size/largest))) // 17 are all there are
	}
	return strconv.FormatFloat(c.Intercept, 'g', digits, 64)
}

// coefficient formats a weight: to nine digits, which is what float32 arithmetic can have.
func coefficient(x float64) string { return strconv.FormatFloat(x, 'g', coefficientDigits, 64) }

const coefficientDigits = 9

// headline is the few values of a result that fit a line.
func headline(task metrics.Task, values metrics.Values) string {
	var b []string
	for _, v := range metrics.Headline(task, values) {
		b = append(b, v.Name+" "+number(v.Value))
	}
	return strings.Join(b, "  ")
}

// number formats a metric.
func number(x float64) string {
	switch {
	case math.IsNaN(x):
		return "undefined"
	case x != 0 && (math.Abs(x) < 1e-4 || math.Abs(x) >= 1e6):
		return strconv.FormatFloat(x, 'g', 6, 64)
	case math.Abs(x) < 100:
		return strconv.FormatFloat(x, 'f', 4, 64)
	}
	return strconv.FormatFloat(x, 'f', 2, 64)
}

// count formats a sum of weights, which is whole where there are none.
func count(x float64) string {
	if x == math.Trunc(x) && math.Abs(x) < 1e15 {
		return wording.Thousands(int64(x))
	}
	return strconv.FormatFloat(x, 'g', 6, 64)
}

// reportEncoding tells what rows that a model has answered for have that its training had not, and which missing values were filled.
func (c *console) reportEncoding(r encoding.EncodeReport) warning.List {
	list := r.Warnings("")
	list.Log(c.log)
	for _, m := range r.Missing {
		if m.Rows > 0 && !slices.Contains(r.Absent, m.Column) {
			c.log.Info("filled missing values", "column", m.Column, "rows", m.Rows)
		}
	}
	return list
}

// closing closes a thing and, where there is no error yet, sets that of closing.
func closing(c io.Closer, err *error) {
	if e := c.Close(); e != nil && *err == nil {
		*err = e
	}
}

// quoted returns a path as a word of a shell's command line.
func quoted(path string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || slices.Contains([]rune("/._-+=:,@%"), r)
	}
	if path != "" && strings.IndexFunc(path, func(r rune) bool { return !safe(r) }) < 0 {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// rate formats rows a second.
func rate(rowsPerSecond float64) string {
	if math.IsNaN(rowsPerSecond) || math.IsInf(rowsPerSecond, 0) {
		return "– rows/s"
	}
	return fmt.Sprintf("%s rows/s", wording.Thousands(int64(math.Round(rowsPerSecond))))
}
