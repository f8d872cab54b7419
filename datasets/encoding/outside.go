package encoding

import (
	"fmt"
	"math"
	"slices"

	"debut/datasets/table"
	"debut/datasets/warning"
	"debut/datasets/wording"
)

// OutsideRange counts values of a column beyond those of the training rows. A model has learned nothing there.
type OutsideRange struct {
	Column  string `json:"column"`
	Rows    int    `json:"rows"`
	Trained string `json:"trained"` // the least and the greatest value of the training rows
	Found   string `json:"found"`   // the least and the greatest of those beyond

	trained, found [2]float64 // dates are microseconds since 1970
	date           bool
	of             int  // training rows
	clamped        bool // values beyond count as the nearest end of the range
}

// Limits of what is told of values outside of the training range. A few of many rows are; of rows like the training rows about two in as
// many as these are. What is told is neither.
const (
	outsideShare  = 0.01
	outsideMany   = 0.1  // so large a share is told however near to the range it lies,
	outsideFar    = 0.1  // and a smaller one where it lies so far beyond, in widths of the range
	outsideChance = 1e-3 // of a column of rows like the training rows
)

// fitRange notes the least and the greatest value of the training rows.
func (c *ColumnEncoding) fitRange(s *table.Series) {
	switch c.Type {
	case table.TypeNumeric:
		c.Range = extent(s.Floats, func(v float64) float64 { return v })
	case table.TypeDate:
		c.Range = extent(s.Micros, micros)
	}
}

// micros is a date as a number, NaN where it is missing. Below 2^53, in the year 2255, it is exact.
func micros(m int64) float64 {
	if m == table.MissingDate {
		return math.NaN()
	}
	return float64(m)
}

// extent returns the least and the greatest of values that are no NaN; nil without any.
func extent[T any](values []T, of func(T) float64) []float64 {
	least, greatest := math.Inf(1), math.Inf(-1)
	for _, x := range values {
		if v := of(x); v == v {
			least, greatest = min(least, v), max(greatest, v)
		}
	}
	if least > greatest {
		return nil
	}
	return []float64{least, greatest}
}

// ranged reports whether it matters how far values reach: of a date the days, for all else of it returns every day, week or year.
func (c *ColumnEncoding) ranged() bool {
	return len(c.Range) == 2 && (c.Type != table.TypeDate || slices.Contains(c.Parts, PartDays))
}

// outside counts the values of a series beyond those of the training rows.
func (c *ColumnEncoding) outside(s *table.Series, trainingRows int) (o OutsideRange) {
	if !c.ranged() {
		return o
	}
	least, greatest := math.Inf(1), math.Inf(-1)
	look := func(v float64) {
		if v < c.Range[0] || v > c.Range[1] {
			o.Rows++
			least, greatest = min(least, v), max(greatest, v)
		}
	}
	for _, v := range s.Floats {
		look(v)
	}
	if c.Type == table.TypeDate {
		for _, m := range s.Micros {
			look(micros(m))
		}
	}
	if o.Rows == 0 {
		return o
	}
	o.clamped = c.Clip || len(c.Bounds) > 0 || slices.ContainsFunc(c.Features, func(f NumericFeature) bool { return f.Edges != nil })
	o.Column, o.trained, o.found, o.date, o.of = c.Name, [2]float64(c.Range), [2]float64{least, greatest}, c.Type == table.TypeDate, trainingRows
	o.write()
	return o
}

// write words the ranges.
func (o *OutsideRange) write() {
	text := func(v float64) string {
		if o.date {
			return table.FormatMicros(int64(v))
		}
		return table.FormatNumber(v)
	}
	o.Trained = text(o.trained[0]) + " to " + text(o.trained[1])
	o.Found = text(o.found[0]) + " to " + text(o.found[1])
}

// add adds what was found in further rows.
func (o *OutsideRange) add(more OutsideRange) {
	o.Rows += more.Rows
	o.found[0], o.found[1] = min(o.found[0], more.found[0]), max(o.found[1], more.found[1])
	o.write()
}

// telling reports whether so many of all rows lie outside that it says something of them. Of rows drawn like the training rows, each of
// the k beyond either end is there with the chance rows/(rows + training rows), one after another.
func (o *OutsideRange) telling(rows int) bool {
	if float64(o.Rows) < outsideShare*float64(rows) || o.of < 1 {
		return false
	}
	if far := max(o.trained[0]-o.found[0], o.found[1]-o.trained[1]); float64(o.Rows) < outsideMany*float64(rows) && far < outsideFar*(o.trained[1]-o.trained[0]) {
		return false
	}
	p := float64(rows) / (float64(rows) + float64(o.of))
	return float64(o.Rows+1)*math.Pow(p, float64(o.Rows)) < outsideChance
}

// outsideRemedy is what to do about values that no training row comes near.
const outsideRemedy = "train with rows like these, or leave the column out (data.ignore)"

// unseenShare is the share of the rows of a part of a run from which on a category that they do not share with the training rows is told.
const unseenShare = 0.5

// Warnings tells what is worth knowing of the rows of a part of a run, or, where that is "", of a file: of that every value that
// training has not seen, for who names a file wants to know of a misspelled category.
func (r *EncodeReport) Warnings(part string) (list warning.List) {
	of := ""
	if part != "" {
		of = part + " "
	}
	for _, u := range r.Unseen {
		share := float64(u.Rows) / float64(r.Rows)
		if u.Rows == 0 || part != "" && share < unseenShare {
			continue
		}
		remedy := "train again with rows that have them"
		if part != "" {
			remedy = fmt.Sprintf("leave the column out, data: {ignore: [%s]}: what is learned of its values helps no later row", wording.Quote(u.Column))
		}
		list = append(list, warning.Warning{
			Name: warning.Unseen, Part: part, Column: u.Column, Remedy: remedy,
			Message: fmt.Sprintf("column %s: %d of %d %srows (%s) have values that training has not seen, such as %s: they count as unknown",
				wording.Quote(u.Column), u.Rows, r.Rows, of, percent(share), wording.List(u.Examples, unseenExamples)),
		}.With("rows", float64(u.Rows)).With("share", share))
	}
	if len(r.Absent) > 0 {
		list = append(list, warning.Warning{
			Name: warning.Absent, Part: part, Message: fmt.Sprintf("the data lack columns that the model takes, %s: their values count as missing", wording.List(r.Absent, wording.MaxListed)),
		}.With("columns", float64(len(r.Absent))).With("rows", float64(r.Rows)))
	}
	for i := range r.Outside {
		o := &r.Outside[i]
		if !o.telling(r.Rows) {
			continue
		}
		share, become := float64(o.Rows)/float64(r.Rows), ""
		if o.clamped {
			become = ", and count as its nearest end"
		}
		w := warning.Warning{
			Name: warning.OutsideRange, Part: part, Column: o.Column, Remedy: outsideRemedy,
			Message: fmt.Sprintf("column %s: %d of %d %srows (%s) lie outside of the training range: trained on %s, found %s%s",
				wording.Quote(o.Column), o.Rows, r.Rows, of, percent(share), o.Trained, o.Found, become),
		}.With("rows", float64(o.Rows)).With("share", share)
		if !o.date {
			w = w.With("trained_least", o.trained[0]).With("trained_greatest", o.trained[1]).With("least", o.found[0]).With("greatest", o.found[1])
		}
		list = append(list, w)
	}
	return list
}

// percent is a share in two digits, but not 100 % of less than all.
func percent(share float64) string {
	if share < 1 && share > 0.994 {
		return "over 99 %"
	}
	if share >= 0.0995 {
		return fmt.Sprintf("%.0f %%", 100*share)
	}
	return fmt.Sprintf("%.2g %%", 100*share)
}
