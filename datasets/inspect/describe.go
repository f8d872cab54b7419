package inspect

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"debut/datasets/personal"
	"debut/datasets/table"
)

// examined is a column with what is known of it while its table is inspected.
type examined struct {
	series   *table.Series
	survey   *table.ColumnSurvey
	column   *Column
	present  int64
	sentinel float64 // that a number seems to be; NaN where none is
	extreme  float64 // how far from the median the farthest value of a long tail lies, in usual deviations; 0 where none does
	warnings []Warning
	things   []Warning // that its numbers name things
	// content is equal for columns of equal values, pattern for columns whose
	// values are equal in the same rows; 0 where that is not known.
	content, pattern uint64
}

const (
	topValues     = 5
	histogramBins = 24
	// personalSample distinct values are looked at for personal data.
	personalSample = 200_000
)

// examine describes a column and finds what is suspicious about it alone.
func examine(s *table.Series, survey *table.ColumnSurvey, now time.Time) *examined {
	e := &examined{series: s, survey: survey, sentinel: math.NaN(), column: &Column{Name: s.Name, Type: s.Kind.String()}}
	c := e.column
	e.understood()
	c.Missing = int64(s.MissingCount())
	rows := int64(s.Len())
	e.present = rows - c.Missing
	if rows > 0 {
		c.MissingShare = float64(c.Missing) / float64(rows)
	}
	switch s.Kind {
	case table.Numeric, table.Boolean:
		e.numbers()
	case table.Date:
		e.dates(now)
	case table.Text:
		e.texts()
	case table.Vector:
		seen := make([]bool, len(s.Codes))
		for _, code := range s.Codes {
			if code >= 0 && int(code) < len(seen) && !seen[code] {
				seen[code] = true
				c.Distinct++
			}
		}
		c.Width = s.Width
	}
	if slices.ContainsFunc(c.Personal, func(f personal.Finding) bool { return f.Kind.Direct() }) {
		e.withhold()
	}
	e.fingerprint()
	return e
}

// number formats a value as the file may have it.
func number(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.FormatInt(int64(v), 10)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// run is a distinct number and how often it occurs.
type run struct {
	value float64
	rows  int64
}

// numbers describes a column of numbers, or of true and false.
func (e *examined) numbers() {
	s, c := e.series, e.column
	values := make([]float64, 0, e.present)
	for _, v := range s.Floats {
		if !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		e.constant()
		return
	}
	n := &Numbers{Whole: true}
	n.Mean, n.Std = moments(values)
	slices.Sort(values)
	n.Min, n.Max = values[0], values[len(values)-1]
	q := func(share float64) float64 { return quantile(values, share) }
	n.Quantiles = Quantile{q(0.01), q(0.05), q(0.25), q(0.5), q(0.75), q(0.95), q(0.99)}
	// The runs of equal values, of which only the most frequent and the outermost
	// are kept.
	var top []run
	var low, high [2]run
	for i := 0; i < len(values); {
		j := i + 1
		for j < len(values) && values[j] == values[i] {
			j++
		}
		r := run{values[i], int64(j - i)}
		switch {
		case r.value < 0:
			n.Negative += r.rows
		case r.value == 0:
			n.Zeros = r.rows
			r.value = 0 // not -0
		}
		n.Whole = n.Whole && r.value == math.Trunc(r.value)
		if c.Distinct < 2 {
			low[c.Distinct] = r
		}
		high[0], high[1] = r, high[0]
		c.Distinct++
		top = keepTop(top, r, func(a, b run) int { return cmp.Compare(b.rows, a.rows) })
		i = j
	}
	c.Numbers = n
	for _, r := range top {
		if s.Kind == table.Boolean {
			c.Frequent = append(c.Frequent, Count{strconv.FormatBool(r.value != 0), r.rows})
		} else {
			c.Frequent = append(c.Frequent, Count{number(r.value), r.rows})
		}
	}
	c.Frequent = repeatedOnly(c.Frequent, c.Distinct)
	if s.Kind == table.Boolean {
		c.Personal = personal.Detect(c.Name, []string{"true", "false"})
		return
	}
	c.Histogram = histogram(values, n.Quantiles.P01, n.Quantiles.P99)
	iqr := n.Quantiles.P75 - n.Quantiles.P25
	n.IQR = outliers(s.Floats, values, n.Quantiles.P25-1.5*iqr, n.Quantiles.P75+1.5*iqr, iqr)
	deviations := make([]float64, len(values))
	for i, v := range values {
		deviations[i] = math.Abs(v - n.Quantiles.P50)
	}
	slices.Sort(deviations)
	spread := 1.4826 * quantile(deviations, 0.5)
	n.MAD = outliers(s.Floats, values, n.Quantiles.P50-3.5*spread, n.Quantiles.P50+3.5*spread, spread)
	c.Personal = personal.Detect(c.Name, numberTexts(values))
	e.suspectNumbers(low, high, values, spread)
}

// repeatedOnly drops lists of most frequent values where no value is.
func repeatedOnly(top []Count, distinct int64) []Count {
	if distinct > topValues && len(top) > 0 && top[0].Rows == 1 {
		return nil
	}
	return top
}

// keepTop inserts v into the sorted best values, behind equal ones.
func keepTop[T any](top []T, v T, compare func(a, b T) int) []T {
	i := len(top)
	for i > 0 && compare(v, top[i-1]) < 0 {
		i--
	}
	if i == topValues {
		return top
	}
	top = slices.Insert(top, i, v)
	return top[:min(len(top), topValues)]
}

// numberTexts formats a sample of sorted numbers.
func numberTexts(sorted []float64) []string {
	const limit = 2000
	var out []string
	step := max(1, len(sorted)/limit)
	for i := 0; i < len(sorted); i += step {
		out = append(out, number(sorted[i]))
	}
	return out
}

// moments returns mean and standard deviation, without overflow.
func moments(values []float64) (mean, std float64) {
	scale := 0.0
	for _, v := range values {
		scale = max(scale, math.Abs(v))
	}
	if scale < 1e100 {
		scale = 1
	}
	for _, v := range values {
		mean += v / scale
	}
	n := float64(len(values))
	mean /= n
	spread := func() (squares, off float64) {
		for _, v := range values {
			d := v/scale - mean
			squares += d * d
			off += d / n
		}
		return squares, off
	}
	squares, off := spread()
	// Of many values around 1e12 the sum has lost the digits that tell them apart; what is left of each has not.
	if math.Abs(off) > 1e-9*math.Sqrt(squares/n) {
		mean += off
		squares, _ = spread()
	}
	if len(values) > 1 {
		std = math.Sqrt(squares / float64(len(values)-1))
	}
	return finite(mean * scale), finite(std * scale)
}

// finite brings infinities back to the largest numbers, which JSON has.
func finite(v float64) float64 { return max(-math.MaxFloat64, min(v, math.MaxFloat64)) }

// quantile returns the smallest of sorted values that is not below the share.
func quantile[T any](sorted []T, share float64) T {
	i := int(math.Ceil(share*float64(len(sorted)))) - 1
	return sorted[max(0, min(i, len(sorted)-1))]
}

// histogram counts sorted values. Where the outermost values lie far out, the
// bins reach from low to high only.
func histogram(sorted []float64, low, high float64) *Histogram {
	from, to := sorted[0], sorted[len(sorted)-1]
	if from == to {
		return nil
	}
	// Halves, so that the width cannot overflow.
	if inner := high/2 - low/2; inner > 0 && to/2-from/2 > 2*inner {
		from, to = low, high
	}
	h := &Histogram{From: from, To: to, Counts: make([]int64, histogramBins)}
	for _, v := range sorted {
		at := (v/2 - from/2) / (to/2 - from/2) * histogramBins
		h.Counts[int(max(0, min(at, histogramBins-1)))]++
	}
	return h
}

// outliers counts the values outside of bounds; spread is 0 where there are none.
func outliers(values, sorted []float64, low, high, spread float64) Outliers {
	low, high = finite(low), finite(high)
	if !(spread > 0) {
		return Outliers{}
	}
	out := Outliers{Low: &low, High: &high}
	below, _ := slices.BinarySearch(sorted, low)
	above, _ := slices.BinarySearch(sorted, math.Nextafter(high, math.Inf(1)))
	out.Rows = int64(below + len(sorted) - above)
	if out.Rows == 0 {
		return out
	}
	type far struct {
		row      int
		distance float64
	}
	var top []far
	for i, v := range values {
		if d := max(low-v, v-high); d > 0 {
			top = keepTop(top, far{i, d}, func(a, b far) int { return cmp.Compare(b.distance, a.distance) })
		}
	}
	for _, f := range top[:min(len(top), maxExamples)] {
		out.Examples = append(out.Examples, Example{Value: number(values[f.row]), row: f.row})
	}
	return out
}

// dates describes a column of dates.
func (e *examined) dates(now time.Time) {
	s, c := e.series, e.column
	values := make([]int64, 0, e.present)
	for _, m := range s.Micros {
		if m != table.MissingDate {
			values = append(values, m)
		}
	}
	if len(values) == 0 {
		e.constant()
		return
	}
	slices.Sort(values)
	type count struct{ micros, rows int64 }
	var top []count
	for i := 0; i < len(values); {
		j := i + 1
		for j < len(values) && values[j] == values[i] {
			j++
		}
		c.Distinct++
		top = keepTop(top, count{values[i], int64(j - i)}, func(a, b count) int { return cmp.Compare(b.rows, a.rows) })
		i = j
	}
	for _, t := range top {
		c.Frequent = append(c.Frequent, Count{formatMicros(t.micros), t.rows})
	}
	c.Frequent = repeatedOnly(c.Frequent, c.Distinct)
	c.Dates = &Dates{formatMicros(values[0]), formatMicros(quantile(values, 0.5)), formatMicros(values[len(values)-1])}
	floats := make([]float64, len(values))
	for i, v := range values {
		floats[i] = float64(v)
	}
	c.Histogram = histogram(floats, quantile(floats, 0.01), quantile(floats, 0.99))
	c.Personal = personal.Detect(c.Name, []string{c.Dates.Min, c.Dates.Max})
	e.suspectDates(values, now)
}

func formatMicros(m int64) string {
	t := time.UnixMicro(m).UTC()
	if m%(24*3600*1_000_000) == 0 {
		return t.Format(time.DateOnly)
	}
	return t.Format("2006-01-02T15:04:05.999999")
}

// texts describes a column of texts.
func (e *examined) texts() {
	s, c := e.series, e.column
	counts := make([]int64, len(s.Dict))
	for _, code := range s.Codes {
		if code >= 0 {
			counts[code]++
		}
	}
	t := &Texts{MinLength: math.MaxInt}
	var top []int
	characters := 0.0
	for i, n := range counts {
		if n == 0 {
			continue
		}
		c.Distinct++
		length := utf8.RuneCountInString(s.Dict[i])
		t.MinLength, t.MaxLength = min(t.MinLength, length), max(t.MaxLength, length)
		characters += float64(length) * float64(n)
		top = keepTop(top, i, func(a, b int) int { return cmp.Compare(counts[b], counts[a]) })
	}
	if c.Distinct == 0 {
		e.constant()
		return
	}
	t.MeanLength = characters / float64(e.present)
	c.Texts = t
	for _, i := range top {
		c.Frequent = append(c.Frequent, Count{clip(s.Dict[i]), counts[i]})
	}
	c.Frequent = repeatedOnly(c.Frequent, c.Distinct)
	sample := s.Dict
	if step := len(sample) / personalSample; step > 0 {
		sample = nil
		for i := 0; i < len(s.Dict); i += step + 1 {
			sample = append(sample, s.Dict[i])
		}
	}
	c.Personal = personal.Detect(c.Name, sample)
	e.suspectTexts(counts)
}
