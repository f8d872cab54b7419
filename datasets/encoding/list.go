package encoding

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"debut/datasets/configfile"
	"debut/datasets/notation"
	"debut/datasets/table"
	"debut/datasets/wording"
)

// Values of Column.Pooling: what becomes of the items of a list.
const (
	PoolingMean = "mean" // their mean, by their weights
	PoolingSum  = "sum"  // their sum, each times its weight
	PoolingEach = "each" // a field each in factorization machines, times its weight; elsewhere as sum
)

// Values of Column.Weights, beside the name of a column.
const (
	WeightsAuto = "auto" // item:weight, where all items of the training rows are written so
	WeightsNone = "none"
)

// Bounds of how many items of a list are taken.
const (
	defaultMaxItems = 50
	mostItems       = 4096
)

// ListField is a column of lists: a run of Length places in Encoded.Lists.
type ListField struct {
	Name         string
	Cardinality  int // ids are 0 … Cardinality−1
	EmbeddingDim int // 0: the model's own choice
	Length       int // most items
	Each         bool
}

// ListFields lists the columns of lists in order.
func (e *Encoder) ListFields() []ListField {
	var out []ListField
	for i := range e.Columns {
		if c := &e.Columns[i]; c.Type == table.TypeList {
			out = append(out, ListField{c.Name, c.Cardinality(), c.Embedding, c.Length, c.Pooling == PoolingEach})
		}
	}
	return out
}

// listReader cuts the texts of lists into items: ["a", "b"], as JSON has it and as lists of files with types are read, or items between
// blanks, commas, semicolons or bars, in brackets or not.
type listReader struct {
	items []string
}

const listSeparators = " \t\r\n,;|"

// read returns the items of a list, which are valid until the next call.
func (l *listReader) read(text string) ([]string, error) {
	l.items = l.items[:0]
	text = strings.TrimSpace(text)
	quoted := false
	if n := len(text); n >= 2 && text[0] == '[' && text[n-1] == ']' {
		text = text[1 : n-1]
		quoted = strings.Contains(text, `"`)
	}
	if strings.ContainsAny(text, "[]{}") {
		return nil, errList
	}
	if quoted {
		return l.items, l.readQuoted(text)
	}
	for {
		text = strings.TrimLeft(text, listSeparators)
		if text == "" {
			return l.items, nil
		}
		end := strings.IndexAny(text, listSeparators)
		if end < 0 {
			end = len(text)
		}
		if text[:end] != "null" {
			l.items = append(l.items, text[:end])
		}
		text = text[end:]
	}
}

// readQuoted reads the elements of a list of JSON, texts among them.
func (l *listReader) readQuoted(text string) error {
	for {
		text = strings.TrimLeft(text, " \t\r\n")
		end := strings.IndexByte(text, ',')
		if strings.HasPrefix(text, `"`) {
			if end = closingQuote(text); end < 0 {
				return errList
			}
			item, err := strconv.Unquote(strings.ReplaceAll(text[:end], `\/`, `/`))
			if err != nil {
				return errList
			}
			if item = strings.TrimSpace(item); item != "" {
				l.items = append(l.items, item)
			}
		} else {
			if end < 0 {
				end = len(text)
			}
			if item := strings.TrimSpace(text[:end]); item != "" && item != "null" {
				l.items = append(l.items, item)
			}
		}
		text = strings.TrimLeft(text[end:], " \t\r\n")
		switch {
		case text == "":
			return nil
		case text[0] != ',':
			return errList
		}
		text = text[1:]
	}
}

// closingQuote is where the text that begins with a quote is behind the one that ends it; −1 where there is none.
func closingQuote(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// errList is the problem of a text that is no list of items.
var errList = &listError{"is not a list of single items, such as [\"a\", \"b\"] or a b c"}

// listError is a problem of a list; the column and the place are the caller's to say.
type listError struct{ problem string }

// Error is the problem.
func (e *listError) Error() string { return e.problem }

// weighted cuts item:weight into its parts.
func weighted(item string) (id string, weight float64, ok bool) {
	at := strings.LastIndexByte(item, ':')
	if at < 1 {
		return item, 1, false
	}
	w, err := strconv.ParseFloat(item[at+1:], 64)
	return item[:at], w, err == nil && w-w == 0
}

// validateList checks the settings of a column of lists.
func (c *Column) validateList(path, typ string) *configfile.FieldError {
	if typ != table.TypeList {
		for _, f := range []struct {
			key string
			set bool
		}{{"max_items", c.MaxItems != 0}, {"pooling", c.Pooling != ""}, {"weights", c.Weights != ""}, {"like", c.Like != ""}} {
			if f.set {
				return configfile.Errorf(path+"."+f.key, "it is of lists; set type: %s, or leave it out", table.TypeList)
			}
		}
		return nil
	}
	if c.MaxItems < 0 || c.MaxItems > mostItems {
		return configfile.Errorf(path+".max_items", "%d items; give a number from 1 to %d", c.MaxItems, mostItems)
	}
	if err := configfile.OneOf(path+".pooling", c.Pooling, PoolingMean, PoolingSum, PoolingEach); err != nil {
		return err
	}
	if c.Fill != "" && c.Fill != FillZeros {
		return configfile.Errorf(path+".fill", "a missing list is one of no items; missing_indicator: true keeps the fact")
	}
	for i, t := range c.Transform {
		if t != TransformNone {
			return configfile.Errorf(path+".transform."+strconv.Itoa(i), "lists of ids have no %s; only none is possible", t)
		}
	}
	for _, e := range c.Encoding {
		if e != EncodingNone {
			return configfile.Errorf(path+".encoding", "lists of ids have no %s; only none is possible", e)
		}
	}
	if c.Like != "" && (c.HashBuckets != 0 || c.MaxVocabulary != 0) {
		return configfile.Errorf(path+".like", "the ids are those of column %s; leave hash_buckets and max_vocabulary out here", wording.Quote(c.Like))
	}
	return nil
}

// WeightsColumn is the column that holds the weights of a list's items, "" where there is none.
func (c *Column) WeightsColumn() string {
	if c.Type != table.TypeList || c.Weights == WeightsAuto || c.Weights == WeightsNone {
		return ""
	}
	return c.Weights
}

// FitList learns the encoding of a column of lists from training rows, as FitColumn does of others. weights are those of the items, nil
// where no column holds them; like is the fitted column of categories that the items are of, nil where they have ids of their own.
func FitList(s, weights *table.Series, like *ColumnEncoding, c Column, path string) (enc *ColumnEncoding, report ColumnReport, reason string, err error) {
	s = s.Texts()
	report = ColumnReport{Name: s.Name, Type: table.TypeList, Missing: s.MissingCount()}
	if report.Missing == s.Len() {
		return nil, report, "has no value in the training rows", nil
	}
	if err := c.Validate(path, table.TypeList); err != nil {
		return nil, report, "", err
	}
	enc = &ColumnEncoding{Name: s.Name, Type: table.TypeList, Fill: FillZeros, Pooling: cmp.Or(c.Pooling, PoolingMean), Embedding: c.Embedding}
	enc.Indicator = c.MissingIndicator != nil && *c.MissingIndicator
	if weights != nil {
		enc.Weights = weights.Name
	}
	if err := enc.fitItems(s, like, c, &report); err != nil {
		return nil, report, "", err
	}
	if enc.Length == 0 {
		return nil, report, "has no item in the training rows", nil
	}
	if weights != nil || enc.Weighted {
		enc.Pooling = cmp.Or(c.Pooling, PoolingSum)
	}
	report.Cardinality = enc.Cardinality()
	if report.Missing > 0 {
		report.Filled = "no items"
	}
	return enc, report, "", nil
}

// fitItems finds the items that there are, how they are written, and how many a row has.
func (c *ColumnEncoding) fitItems(s *table.Series, like *ColumnEncoding, settings Column, report *ColumnReport) error {
	rows := make([]int, len(s.Dict))
	for _, code := range s.Codes {
		if code >= 0 {
			rows[code]++
		}
	}
	var l listReader
	c.Weighted = c.Weights == "" && settings.Weights != WeightsNone
	longest, most := 0, cmp.Or(settings.MaxItems, defaultMaxItems)
	for code, text := range s.Dict {
		if rows[code] == 0 {
			continue
		}
		items, err := l.read(text)
		if err != nil {
			return &table.ValueError{Column: s.Name, Value: wording.Shorten(text, 60), Problem: err.Error(), Remedies: []table.Remedy{table.ManualRemedy("correct it, or give the column another type")}}
		}
		for _, item := range items {
			if c.Weighted {
				_, _, c.Weighted = weighted(item)
			}
		}
		if longest = max(longest, len(items)); len(items) > most {
			report.Cut += rows[code]
		}
	}
	c.Weighted = c.Weighted && longest > 0
	c.Length, report.Longest = min(longest, most), longest
	if like != nil {
		c.Vocabulary, c.HashBuckets, c.Whole = like.Vocabulary, like.HashBuckets, like.Whole
		return nil
	}
	if settings.HashBuckets > 0 {
		c.HashBuckets, c.Whole = settings.HashBuckets, true
		return nil
	}
	index := map[string]int32{}
	var dict []string
	var counts []int
	for code, text := range s.Dict {
		if rows[code] == 0 {
			continue
		}
		items, err := l.read(text)
		if err != nil {
			return err // it was read before
		}
		for _, item := range items {
			if c.Weighted {
				item, _, _ = weighted(item)
			}
			item = notation.Category(item)
			at, known := index[item]
			if !known {
				at = int32(len(dict))
				item = strings.Clone(item)
				dict, counts = append(dict, item), append(counts, 0)
				index[item] = at
			}
			counts[at] += rows[code]
		}
	}
	report.Distinct = len(dict)
	c.Vocabulary = topCategories(dict, counts, settings.MinCount, settings.MaxVocabulary)
	return nil
}

// lists is where the lists of a row go.
type lists struct {
	ids     []int32
	weights []float32
}

// encodeLists writes the lists of a series to the places from at on. Lists that are longer than those of training lose their last items.
func (c *ColumnEncoding) encodeLists(ctx context.Context, f *table.Frame, s, weights *table.Series, by *compiledColumn, out *Encoded, at int) (UnseenValues, error) {
	unseen := UnseenValues{Column: c.Name}
	var items, shares listReader
	bad := func(r int, of *table.Series, err error) error {
		return &table.ValueError{Place: f.Place(r), Column: of.Name, Value: wording.Shorten(of.Format(r), 60), Problem: err.Error(),
			Remedies: []table.Remedy{table.ManualRemedy("correct it")}}
	}
	for r := range s.Len() {
		if r%1024 == 0 && ctx.Err() != nil {
			return unseen, ctx.Err()
		}
		from := r*out.L + at
		row := lists{out.Lists[from : from+c.Length], out.ListWeights[from : from+c.Length]}
		for i := range row.ids {
			row.ids[i] = -1
		}
		if s.Missing(r) {
			continue
		}
		list, err := items.read(s.Dict[s.Codes[r]])
		if err != nil {
			return unseen, bad(r, s, err)
		}
		var given []string
		if weights != nil {
			if !weights.Missing(r) {
				if given, err = shares.read(weights.Dict[weights.Codes[r]]); err != nil {
					return unseen, bad(r, weights, err)
				}
			}
			if len(given) != len(list) {
				return unseen, bad(r, weights, &listError{fmt.Sprintf("has %d weights for the %d items of column %s", len(given), len(list), wording.Quote(s.Name))})
			}
		}
		news := ""
		for i, item := range list[:min(len(list), c.Length)] {
			w := 1.0
			var ok bool
			switch {
			case given != nil:
				if w, ok = notation.Number(given[i]); !ok || w-w != 0 {
					return unseen, bad(r, weights, &listError{wording.Quote(given[i]) + " is no weight"})
				}
			case c.Weighted:
				if item, w, ok = weighted(item); !ok {
					return unseen, bad(r, s, &listError{wording.Quote(item) + " is not item:weight, as items were written when the model was trained"})
				}
			}
			if row.ids[i] = c.id(by, item); row.ids[i] == 0 {
				news = cmp.Or(news, item)
			}
			if row.weights[i] = float32(w); math.IsInf(float64(row.weights[i]), 0) {
				return unseen, bad(r, s, &listError{"has a weight that is too large for 32-bit arithmetic"})
			}
		}
		if news != "" {
			unseen.Rows++
			if len(unseen.Examples) < unseenExamples && !slices.Contains(unseen.Examples, news) {
				unseen.Examples = append(unseen.Examples, strings.Clone(news))
			}
		}
		if c.Pooling == PoolingMean {
			row.average()
		}
	}
	return unseen, nil
}

// average divides the weights of a row by the sum of their sizes.
func (l lists) average() {
	sum := 0.0
	for _, w := range l.weights {
		sum += math.Abs(float64(w))
	}
	if sum == 0 {
		return
	}
	for i, w := range l.weights {
		l.weights[i] = float32(float64(w) / sum)
	}
}

// checkList is check for lists.
func (c *ColumnEncoding) checkList(path string) error {
	if c.Length < 1 || c.Length > mostItems {
		return fieldErrorf(path+".length", "%d is not in 1 … %d", c.Length, mostItems)
	}
	if !slices.Contains([]string{PoolingMean, PoolingSum, PoolingEach}, c.Pooling) {
		return fieldErrorf(path+".pooling", "there is no %s", wording.Quote(c.Pooling))
	}
	if c.Weighted && c.Weights != "" {
		return fieldErrorf(path+".weights", "the items have weights beside them")
	}
	return c.checkCategories(path)
}
