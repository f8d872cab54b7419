package encoding

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"debut/datasets/configfile"
	"debut/datasets/notation"
	"debut/datasets/table"
	"debut/datasets/wording"
)

// FitColumn learns the encoding of a feature from training rows. It returns
// nil when the column says nothing (constant, or nothing but missing values),
// with the reason.
func FitColumn(s *table.Series, c Column, path string) (enc *ColumnEncoding, report ColumnReport, reason string, err error) {
	typ := s.Kind.String()
	if c.Type == table.TypeText {
		typ, s = table.TypeText, s.Texts()
	}
	report = ColumnReport{Name: s.Name, Type: typ, Missing: s.MissingCount()}
	if report.Missing == s.Len() {
		return nil, report, "has no value in the training rows", nil
	}
	if err := c.Validate(path, typ); err != nil {
		return nil, report, "", err
	}
	enc = &ColumnEncoding{Name: s.Name, Type: typ, Fill: c.Fill}
	enc.Indicator = c.MissingIndicator != nil && *c.MissingIndicator
	switch {
	case typ == table.TypeText:
		reason = enc.fitWords(s, c, &report)
	case s.Kind == table.Vector:
		reason = enc.fitVector(s, c)
	case s.Kind == table.Text:
		reason, err = enc.fitText(s, c, path, &report)
	case s.Kind == table.Date:
		reason, err = enc.fitDate(s, c, path)
	default:
		reason, err = enc.fitNumber(s, c, path)
	}
	if err != nil || reason != "" {
		return nil, report, reason, err
	}
	enc.fitRange(s)
	if report.Missing > 0 {
		report.Filled = enc.filledWith()
	}
	if enc.categorical() {
		report.Cardinality = enc.Cardinality()
	}
	report.Width = enc.Width
	return enc, report, "", nil
}

func (e *ColumnEncoding) fitText(s *table.Series, c Column, path string, report *ColumnReport) (string, error) {
	vocabulary, distinct, missing := fitVocabulary(s, c.MinCount, c.MaxVocabulary)
	report.Distinct = distinct
	own := missing > 0 && c.Fill == FillCategory
	if distinct == 1 && !own && !e.Indicator {
		return fmt.Sprintf("is constant (%s)", wording.Quote(s.Dict[firstCode(s)])), nil
	}
	switch c.Fill {
	case FillConstant:
		e.FillText = c.FillValue
	case FillMostFrequent:
		all, _, _ := fitVocabulary(s, 1, 1)
		e.FillText = all[0]
	case FillCategory:
	default:
		return "", configfile.Errorf(path+".fill", "a categorical column has no %s; use most_frequent, constant or category", c.Fill)
	}
	e.Embedding = c.Embedding
	if c.HashBuckets > 0 {
		e.HashBuckets, e.Whole = c.HashBuckets, true
		return "", nil
	}
	e.Vocabulary = vocabulary
	if own {
		e.MissingID = int32(len(vocabulary)) + 1
	}
	return "", nil
}

func firstCode(s *table.Series) int32 {
	for _, c := range s.Codes {
		if c >= 0 {
			return c
		}
	}
	return -1
}

func (e *ColumnEncoding) fitDate(s *table.Series, c Column, path string) (string, error) {
	e.DateLayout = s.Layout
	present := make([]int64, 0, len(s.Micros))
	for _, m := range s.Micros {
		if m != table.MissingDate {
			present = append(present, m)
		}
	}
	slices.Sort(present)
	if present[0] == present[len(present)-1] && !e.Indicator {
		return "is constant (" + table.FormatMicros(present[0]) + ")", nil
	}
	switch c.Fill {
	case FillMedian:
		e.FillMicros = present[(len(present)-1)/2]
	case FillMean:
		sum := 0.0
		for _, m := range present {
			sum += float64(m-present[0]) / float64(len(present))
		}
		e.FillMicros = present[0] + int64(sum)
	case FillMostFrequent:
		e.FillMicros = mostFrequent(present)
	case FillConstant:
		var ok bool
		if e.FillMicros, ok = table.LayoutOf(s.Layout).Parse(c.FillValue); !ok {
			layouts, n := notation.LayoutsOf(c.FillValue)
			if n == 0 || !layouts[0].YearFirst() {
				return "", configfile.Errorf(path+".fill_value", "%s is not a date like 2026-01-31", wording.Quote(c.FillValue))
			}
			e.FillMicros, _ = layouts[0].Parse(c.FillValue)
		}
	}
	standardize := slices.Contains(c.Transform, TransformStandardize)
	values := make([]float64, len(s.Micros))
	for _, part := range dateNames {
		of := e.datePart(part)
		for i := range values {
			values[i] = of(s.Micros[i])
		}
		if slices.Min(values) == slices.Max(values) {
			continue // the hour of a day, the year of a short file
		}
		f := NumericFeature{Name: s.Name + "." + part, Source: s.Name, Scale: 1}
		if standardize {
			f.fitScale(values)
		}
		if slices.Contains(c.Encoding, EncodingPiecewiseLinear) {
			var observed []float64
			for i, v := range values {
				if s.Micros[i] != table.MissingDate {
					observed = append(observed, (v-f.Mean)/f.Scale)
				}
			}
			slices.Sort(observed)
			f.fitEdges(observed, cmp.Or(c.Bins, defaultBins))
		}
		e.Parts = append(e.Parts, part)
		e.Features = append(e.Features, f)
	}
	return "", nil
}

// datePart returns what computes a part of dates, one after another: those of one
// day, which are many, have most parts in common.
func (e *ColumnEncoding) datePart(part string) func(micros int64) float64 {
	of := dateParts[part]
	if part == "hour" || part == "days" {
		return func(micros int64) float64 { return of(e.date(micros)) }
	}
	var recent [512]struct {
		above int64 // the day plus one; 0 for none
		value float64
	}
	return func(micros int64) float64 {
		t := e.date(micros)
		day := t.Unix() / secondsPerDay
		if day <= 0 { // of the 1960s and before
			return of(t)
		}
		r := &recent[day%int64(len(recent))]
		if r.above != day+1 {
			r.above, r.value = day+1, of(t)
		}
		return r.value
	}
}

// date is the date of a value, or what replaces it where it is missing.
func (e *ColumnEncoding) date(micros int64) time.Time {
	if micros == table.MissingDate {
		micros = e.FillMicros
	}
	return time.UnixMicro(micros).UTC()
}

func (e *ColumnEncoding) fitNumber(s *table.Series, c Column, path string) (string, error) {
	present := make([]float64, 0, len(s.Floats))
	for _, v := range s.Floats {
		if !math.IsNaN(v) {
			present = append(present, v)
		}
	}
	sorted := sortedCopy(present)
	fillDiffers := c.Fill == FillConstant && len(present) < len(s.Floats)
	if sorted[0] == sorted[len(sorted)-1] && !e.Indicator && !fillDiffers {
		return "is constant (" + table.FormatNumber(sorted[0]) + ")", nil
	}
	switch c.Fill {
	case FillMean:
		e.FillNumber, _ = meanStd(present)
	case FillMedian:
		e.FillNumber = quantile(sorted, 0.5)
	case FillMostFrequent:
		e.FillNumber = mostFrequent(sorted)
	case FillConstant:
		v, ok := notation.Number(c.FillValue)
		if !ok && e.Type == table.TypeBoolean {
			var b bool
			if b, ok = notation.Bool(c.FillValue); b {
				v = 1
			}
		}
		if !ok {
			return "", configfile.Errorf(path+".fill_value", "%s is not a number, but column %s holds numbers", wording.Quote(c.FillValue), wording.Quote(s.Name))
		}
		e.FillNumber = v
	}
	e.Log1p = slices.Contains(c.Transform, TransformLog1p) || slices.Contains(c.Transform, TransformAuto) && skewed(present)
	filled := make([]float64, len(s.Floats))
	for i, v := range s.Floats {
		if math.IsNaN(v) {
			v = e.FillNumber
		}
		if e.Log1p {
			v = log1p(v)
		}
		filled[i] = v
	}
	piecewise, buckets := c.views(sorted)
	switch least, greatest := slices.Min(filled), slices.Max(filled); {
	case slices.Contains(c.Transform, TransformClip):
		order := sortedCopy(filled)
		e.Low, e.High = quantile(order, c.ClipQuantiles[0]), quantile(order, c.ClipQuantiles[1])
	case piecewise:
		// Beyond the first and the last bin nothing was learned.
		e.Low, e.High = least, greatest
	}
	// Clipping must not make a rarely non-zero column constant.
	if e.Clip = e.Low < e.High; !e.Clip {
		e.Low, e.High = 0, 0
	}
	for i, v := range filled {
		filled[i] = e.clip(v)
	}
	// Bins are those of values that were observed.
	for i, v := range sorted {
		if e.Log1p {
			v = log1p(v)
		}
		sorted[i] = e.clip(v)
	}
	if buckets {
		e.Bounds = bucketBounds(sorted, cmp.Or(c.Buckets, c.Bins))
		e.Embedding = c.Embedding
		if !piecewise {
			return "", nil
		}
	}
	f := NumericFeature{Name: s.Name, Source: s.Name, Scale: 1}
	f.Transformed = e.Log1p || e.Clip
	if slices.Contains(c.Transform, TransformStandardize) || slices.Contains(c.Transform, TransformAuto) {
		f.fitScale(filled)
	}
	least, greatest := math.Inf(1), math.Inf(-1)
	for _, v := range filled {
		v = (v - f.Mean) / f.Scale
		least, greatest = min(least, v), max(greatest, v)
	}
	if largest := max(math.Abs(least), math.Abs(greatest)); !(largest <= math.MaxFloat32) {
		return "", &table.ValueError{Column: s.Name, Problem: fmt.Sprintf("has values of size %g, too large for 32-bit arithmetic", largest),
			Remedies: []table.Remedy{table.ManualRemedy("add log1p to its transform, or ignore the column")}}
	}
	if piecewise {
		for i, v := range sorted {
			sorted[i] = (v - f.Mean) / f.Scale
		}
		f.fitEdges(sorted, c.Bins)
	}
	e.Features = []NumericFeature{f}
	return "", nil
}

// fitEdges finds the bins of sorted values of the feature.
func (f *NumericFeature) fitEdges(sorted []float64, bins int) {
	if edges := binEdges(sorted, bins); len(edges) > 1 {
		f.Edges = edges
	}
}

// bucketBounds returns what cuts sorted values into buckets, each of which holds the values above one bound and up to the
// next. A minimum that many rows share, such as the zero of a count, gets a bucket of its own.
func bucketBounds(sorted []float64, bins int) []float64 {
	edges := binEdges(sorted, bins)
	if len(edges) == 1 {
		return edges
	}
	atMinimum := 0
	for atMinimum < len(sorted) && sorted[atMinimum] <= edges[0] {
		atMinimum++
	}
	first := 1
	if len(edges) == 2 || 2*bins*atMinimum >= len(sorted) || len(edges) <= bins && distinct(sorted, len(edges)) == len(edges) {
		first = 0
	}
	return edges[first : len(edges)-1]
}

// fitScale sets mean and scale for standardization. Values so close that their
// spread is rounding error are only centered.
func (f *NumericFeature) fitScale(values []float64) {
	mean, std := meanStd(values)
	f.Mean, f.Scale = mean, std
	if !(std > 1e-14*math.Abs(mean)) || math.IsInf(std, 0) {
		f.Scale = 1
	}
}

func (e *ColumnEncoding) clip(v float64) float64 {
	if e.Clip {
		return min(max(v, e.Low), e.High)
	}
	return v
}

// filledWith renders what replaces missing values, for reports.
func (e *ColumnEncoding) filledWith() string {
	switch {
	case e.Bounds != nil || e.HashBuckets > 0 && e.Fill == FillCategory || e.MissingID > 0:
		return "a category of its own"
	case e.Type == table.TypeCategorical:
		return wording.Quote(e.FillText)
	case e.Type == table.TypeDate:
		return table.FormatMicros(e.FillMicros)
	case e.Type == table.TypeVector && e.Fill == FillMean:
		return "the mean vector"
	case e.wide():
		return "zeros"
	default:
		return e.Fill + " " + table.FormatNumber(e.FillNumber)
	}
}

// ColumnReport describes a feature as found in the training rows.
type ColumnReport struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Missing     int    `json:"missing"`
	Filled      string `json:"filled,omitempty"`      // what replaces missing values
	Distinct    int    `json:"distinct,omitempty"`    // categories seen
	Cardinality int    `json:"cardinality,omitempty"` // ids, after rare ones are joined
	Width       int    `json:"width,omitempty"`       // features of a vector or text
	Longest     int    `json:"longest,omitempty"`     // items of the longest list
	Cut         int    `json:"cut,omitempty"`         // rows with lists of more items than are taken
	Dropped     string `json:"dropped,omitempty"`     // why the column is no feature
}
