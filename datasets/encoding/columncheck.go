package encoding

import (
	"math"
	"slices"
	"strconv"

	"debut/datasets/notation"
	"debut/datasets/table"
	"debut/datasets/wording"
)

// columnFills lists what can replace missing values of a type.
var columnFills = map[string][]string{
	table.TypeNumeric:     {FillMean, FillMedian, FillMostFrequent, FillConstant},
	table.TypeBoolean:     {FillMostFrequent, FillConstant},
	table.TypeDate:        {FillMean, FillMedian, FillMostFrequent, FillConstant},
	table.TypeCategorical: {FillMostFrequent, FillConstant, FillCategory},
	table.TypeVector:      {FillZeros, FillMean},
	table.TypeText:        {FillZeros},
	table.TypeList:        {FillZeros},
}

func (c *ColumnEncoding) check(path string) error {
	fills, ok := columnFills[c.Type]
	if !ok {
		return fieldErrorf(path+".type", "there is no type %s of a feature", wording.Quote(c.Type))
	}
	if !slices.Contains(fills, c.Fill) {
		return fieldErrorf(path+".fill", "a %s column has no %s", c.Type, wording.Quote(c.Fill))
	}
	if err := c.checkForeign(path); err != nil {
		return err
	}
	switch c.Type {
	case table.TypeCategorical:
		return c.checkCategories(path)
	case table.TypeList:
		return c.checkList(path)
	case table.TypeDate:
		return c.checkDate(path)
	case table.TypeVector, table.TypeText:
		return c.checkWide(path)
	}
	return c.checkNumber(path)
}

// checkForeign refuses fields that columns of other types have.
func (c *ColumnEncoding) checkForeign(path string) error {
	number := c.Type == table.TypeNumeric || c.Type == table.TypeBoolean
	list, looked := c.Type == table.TypeList, c.Type == table.TypeCategorical || c.Type == table.TypeList
	text, vector := c.Type == table.TypeText, c.Type == table.TypeVector
	for _, f := range []struct {
		name       string
		has, given bool
	}{
		{"fill_number", number, c.FillNumber != 0},
		{"fill_text", c.Type == table.TypeCategorical, c.FillText != ""},
		{"fill_micros", c.Type == table.TypeDate, c.FillMicros != 0},
		{"range", c.Type == table.TypeNumeric || c.Type == table.TypeDate, c.Range != nil},
		{"log1p", number, c.Log1p},
		{"clip", number, c.Clip},
		{"low", number && c.Clip, c.Low != 0},
		{"high", number && c.Clip, c.High != 0},
		{"features", number || c.Type == table.TypeDate, len(c.Features) > 0},
		{"parts", c.Type == table.TypeDate, len(c.Parts) > 0},
		{"date_layout", c.Type == table.TypeDate, c.DateLayout != ""},
		{"bounds", number, c.Bounds != nil},
		{"vocabulary", looked && c.HashBuckets == 0, len(c.Vocabulary) > 0},
		{"missing_id", c.Type == table.TypeCategorical && c.Fill == FillCategory && c.HashBuckets == 0, c.MissingID != 0},
		{"hash_buckets", looked, c.HashBuckets != 0},
		{"whole", c.HashBuckets > 0, c.Whole},
		{"embedding", c.categorical() || list, c.Embedding != 0},
		{"width", c.wide(), c.Width != 0},
		{"l2", vector, c.L2},
		{"fill_vector", vector && c.Fill == FillMean, c.FillVector != nil},
		{"means", vector, c.Means != nil},
		{"scales", vector, c.Scales != nil},
		{"words", text, c.Words != nil},
		{"characters", text, c.Characters != nil},
		{"length", list, c.Length != 0},
		{"pooling", list, c.Pooling != ""},
		{"weighted", list, c.Weighted},
		{"weights", list, c.Weights != ""},
	} {
		if f.given && !f.has {
			return fieldErrorf(path+"."+f.name, "a %s column like this one has none", c.Type)
		}
	}
	if c.Range != nil && !(len(c.Range) == 2 && finite(c.Range[0]) && finite(c.Range[1]) && c.Range[0] <= c.Range[1]) {
		return fieldErrorf(path+".range", "%v is no least and greatest value", c.Range)
	}
	const largest = math.MaxInt32 - 2 // as in a configuration
	for _, f := range []struct {
		name  string
		value int
	}{{"hash_buckets", c.HashBuckets}, {"embedding", c.Embedding}} {
		if f.value < 0 || f.value > largest {
			return fieldErrorf(path+"."+f.name, "%d is not in 0 … %d", f.value, largest)
		}
	}
	return nil
}

func (c *ColumnEncoding) checkCategories(path string) error {
	if c.MissingID != 0 && int(c.MissingID) != len(c.Vocabulary)+1 {
		return fieldErrorf(path+".missing_id", "%d is not the id behind the vocabulary, which is %d", c.MissingID, len(c.Vocabulary)+1)
	}
	seen := make(map[string]int, len(c.Vocabulary))
	for i, v := range c.Vocabulary {
		if first, twice := seen[v]; twice {
			return fieldErrorf(path+".vocabulary."+strconv.Itoa(i), "%s is entry %d already", wording.Quote(v), first)
		}
		seen[v] = i
	}
	return nil
}

func (c *ColumnEncoding) checkNumber(path string) error {
	if c.Clip && !(c.Low < c.High) {
		return fieldErrorf(path+".low", "%v is not below high, %v", c.Low, c.High)
	}
	for _, v := range []float64{c.FillNumber, c.Low, c.High} {
		if !finite(v) {
			return fieldErrorf(path+".fill_number", "%v is no number", v)
		}
	}
	if c.Bounds != nil {
		if len(c.Bounds) == 0 || len(c.Bounds) > maxBins {
			return fieldErrorf(path+".bounds", "there are %d; 1 to %d are possible", len(c.Bounds), maxBins)
		}
		for i, b := range c.Bounds {
			if !finite(b) || i > 0 && !(b > c.Bounds[i-1]) {
				return fieldErrorf(path+".bounds."+strconv.Itoa(i), "%v is no number above the one before it", b)
			}
		}
		if len(c.Features) == 0 {
			return nil
		}
	}
	if len(c.Features) != 1 {
		return fieldErrorf(path+".features", "there are %d; a %s column has one", len(c.Features), c.Type)
	}
	f := &c.Features[0]
	path += ".features.0"
	if err := f.check(path, c.Name, c.Name); err != nil {
		return err
	}
	if want := c.Log1p || c.Clip; f.Transformed != want {
		return fieldErrorf(path+".transformed", "%v does not go with log1p: %v and clip: %v", f.Transformed, c.Log1p, c.Clip)
	}
	return f.checkEdges(path + ".edges")
}

func (f *NumericFeature) checkEdges(path string) error {
	if f.Edges == nil {
		return nil
	}
	if len(f.Edges) < 2 || len(f.Edges) > maxBins+1 {
		return fieldErrorf(path, "there are %d; 2 to %d are possible", len(f.Edges), maxBins+1)
	}
	return checkEdges(path, f.Edges)
}

func (c *ColumnEncoding) checkDate(path string) error {
	if _, known := notation.ParseLayout(c.DateLayout); c.DateLayout != "" && !known {
		return fieldErrorf(path+".date_layout", "%s is no layout of dates", wording.Quote(c.DateLayout))
	}
	if c.FillMicros == table.MissingDate {
		return fieldErrorf(path+".fill_micros", "%d is no date", c.FillMicros)
	}
	if len(c.Features) != len(c.Parts) {
		return fieldErrorf(path+".features", "there are %d for %d parts of a date", len(c.Features), len(c.Parts))
	}
	last := -1
	for i, part := range c.Parts {
		at := slices.Index(dateNames, part)
		if at <= last {
			return fieldErrorf(path+".parts."+strconv.Itoa(i), "%s is no part of a date, or not in the order of the parts", wording.Quote(part))
		}
		last = at
		f := &c.Features[i]
		place := path + ".features." + strconv.Itoa(i)
		if err := f.check(place, c.Name+"."+part, c.Name); err != nil {
			return err
		}
		if f.Transformed {
			return fieldErrorf(place+".transformed", "parts of dates are not transformed")
		}
		if err := f.checkEdges(place + ".edges"); err != nil {
			return err
		}
		// Whatever the date, what a model is fed with is a number.
		const anyPart = 1e9
		if !(max(anyPart-f.Mean, anyPart+f.Mean)/f.Scale <= math.MaxFloat32) {
			return fieldErrorf(place+".scale", "%v makes numbers that are too large for 32-bit arithmetic", f.Scale)
		}
	}
	return nil
}

// check checks a feature by itself.
func (f *NumericFeature) check(path, name, source string) error {
	switch {
	case f.Name != name:
		return fieldErrorf(path+".name", "%s is not %s, after its column", wording.Quote(f.Name), wording.Quote(name))
	case f.Source != source:
		return fieldErrorf(path+".source", "%s is not its column, %s", wording.Quote(f.Source), wording.Quote(source))
	case !finite(f.Mean):
		return fieldErrorf(path+".mean", "%v is no number", f.Mean)
	}
	return checkScale(path+".scale", f.Scale)
}

// checkWide is check for vectors and texts.
func (c *ColumnEncoding) checkWide(path string) error {
	if c.Width < 1 || c.Width > table.MaxWidth {
		return fieldErrorf(path+".width", "%d is not in 1 … %d", c.Width, table.MaxWidth)
	}
	if c.Type == table.TypeText {
		settings := Column{Words: c.Words, Characters: c.Characters}
		if len(c.Words) != 2 || len(c.Characters) != 2 {
			return fieldErrorf(path+".words", "%v, and characters %v, are not the least and the greatest length of n-grams", c.Words, c.Characters)
		}
		if err := settings.Validate(path, table.TypeText); err != nil {
			return fieldErrorf(err.Path, "%s", err.Msg)
		}
		return nil
	}
	for _, v := range []struct {
		name   string
		values []float64
		wanted bool
	}{{"fill_vector", c.FillVector, c.Fill == FillMean}, {"means", c.Means, c.Scales != nil}, {"scales", c.Scales, c.Means != nil}} {
		if v.wanted != (v.values != nil) || v.wanted && len(v.values) != c.Width {
			return fieldErrorf(path+"."+v.name, "there are %d for vectors of %d numbers", len(v.values), c.Width)
		}
		for i, x := range v.values {
			if !finite(x) {
				return fieldErrorf(path+"."+v.name+"."+strconv.Itoa(i), "%v is no number", x)
			}
		}
	}
	for i, scale := range c.Scales {
		if err := checkScale(path+".scales."+strconv.Itoa(i), scale); err != nil {
			return err
		}
	}
	// What stands in for a missing vector is fed to a model as it is.
	for i := range max(len(c.FillVector), len(c.Means)) {
		x := 0.0
		if c.FillVector != nil {
			x = c.FillVector[i]
		}
		if c.Means != nil {
			x = (x - c.Means[i]) / c.Scales[i]
		}
		if math.Abs(x) > math.MaxFloat32 {
			return fieldErrorf(path+".fill_vector."+strconv.Itoa(i), "%v is too large for 32-bit arithmetic", x)
		}
	}
	return nil
}

// checkEdges wants numbers that increase also as float32, in which models
// compute.
func checkEdges(path string, v []float64) error {
	for i, x := range v {
		at := path + "." + strconv.Itoa(i)
		if !(math.Abs(x) <= math.MaxFloat32) {
			return fieldErrorf(at, "%v is no number, or too large for 32-bit arithmetic", x)
		}
		if i > 0 && !(float32(x) > float32(v[i-1])) {
			return fieldErrorf(at, "%v is not above %v before it", x, v[i-1])
		}
	}
	return nil
}
