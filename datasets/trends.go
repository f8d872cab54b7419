package datasets

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"debut/datasets/encoding"
	"debut/datasets/table"
	"debut/datasets/warning"
	"debut/datasets/wording"
)

// beyondShare is the share of the validation rows from which on a feature lies beyond the training rows: not all, because a
// time may be that of rows on both sides of the boundary.
const beyondShare = 0.95

// daysOfYear is how many days training rows have to go over before they tell a later time of year.
const daysOfYear = 365

// dropTrends leaves out of an encoder what lies beyond the training rows in validation, as it will in all later rows: a model that
// learns values where it has seen them has nothing to say there. Where dates lie beyond and the training rows are of less than a
// year, that holds for the time of year too, although March is between January and December. What the configuration names
// stays, and so does a trend that is all there is.
func (l *loader) dropTrends(e *encoding.Encoder, train, validation *table.Frame) {
	if l.cfg.Trends != TrendsDrop || validation == nil {
		return
	}
	var kept []encoding.ColumnEncoding
	var ignored []string
	var told warning.List
	for _, c := range e.Columns {
		before, after := train.Column(c.Name), validation.Column(c.Name)
		_, named := l.cfg.Columns[c.Name]
		if named || slices.Contains(l.cfg.Features, c.Name) || after == nil || before.Kind != after.Kind {
			kept = append(kept, c)
			continue
		}
		what := ""
		switch c.Type {
		case table.TypeNumeric:
			if beyond(before.Floats, after.Floats) {
				what = "it lies"
				ignored = append(ignored, c.Name)
			}
		case table.TypeDate:
			days := c.PartValues(encoding.PartDays, before)
			first, last := extent(days)
			unknown := last-first < daysOfYear && beyond(days, c.PartValues(encoding.PartDays, after))
			if gone := c.DropParts(func(part string) bool {
				return unknown && encoding.Seasonal(part) || beyond(c.PartValues(part, before), c.PartValues(part, after))
			}); len(gone) > 0 {
				what = "its " + strings.Join(gone, ", ") + " lie"
			}
		}
		if what != "" {
			told = append(told, warning.Warning{
				Name: warning.LeftOut, Column: c.Name,
				Message: fmt.Sprintf("column %s: %s beyond the training rows in nearly all validation rows, and so in those to come: left out", wording.Quote(c.Name), what),
				Remedy:  "to keep it, " + table.DeclareType(c.Name, c.Type).Text(table.RunFile),
			})
		}
		if what == "" || len(c.Parts) > 0 || c.Type == table.TypeDate && c.Indicator {
			kept = append(kept, c)
		}
	}
	if len(kept) == 0 {
		return
	}
	e.Columns = kept
	l.cfg.Ignore = append(slices.Clone(l.cfg.Ignore), ignored...)
	for _, w := range told {
		l.warn(w)
	}
	for i := range l.report.Columns {
		if r := &l.report.Columns[i]; slices.Contains(ignored, r.Name) {
			r.Dropped = "lies beyond the training rows in validation"
		}
	}
}

// checkSplitDate warns where the time that rows are split by is a feature: what is to be predicted is always later.
func (l *loader) checkSplitDate(e *encoding.Encoder, p parts) {
	s := l.cfg.Split
	if s.Method != SplitTime || len(p.validation) == 0 && len(p.test) == 0 {
		return
	}
	for _, c := range e.Columns {
		_, declared := l.cfg.Columns[c.Name] // a person has thought about it
		if c.Name != s.Column || declared || c.Type == table.TypeDate && !slices.Contains(c.Parts, encoding.PartDays) {
			continue
		}
		l.warn(warning.Warning{
			Name: warning.SplitDate, Column: c.Name,
			Message: fmt.Sprintf("column %s, by which rows are split, is a feature: the rows of validation and test, and all to come, lie beyond those that the model learns from", wording.Quote(c.Name)),
			Remedy:  fmt.Sprintf("leave it out, data: {ignore: [%s]}", wording.Quote(c.Name)),
		})
	}
}

// beyond reports whether nearly all values lie above, or nearly all below, those before; missing ones are passed over.
func beyond(before, after []float64) bool {
	least, greatest := extent(before)
	below, above, n := 0, 0, 0
	for _, v := range after {
		if v == v {
			n++
		}
		if v < least {
			below++
		}
		if v > greatest {
			above++
		}
	}
	return n > 0 && float64(max(below, above)) >= beyondShare*float64(n)
}

// extent is the least and the greatest of values; missing ones are passed over.
func extent(values []float64) (least, greatest float64) {
	least, greatest = math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if v == v {
			least, greatest = min(least, v), max(greatest, v)
		}
	}
	return least, greatest
}
