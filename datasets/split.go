package datasets

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/notation"
	"debut/datasets/table"
	"debut/datasets/wording"
	"debut/kernels/philox"
)

// parts are row numbers, ascending in each part, and disjoint.
type parts struct{ train, validation, test []int32 }

// splitter divides the rows of a frame.
type splitter struct {
	frame  *table.Frame
	split  *Split
	strata []int32 // class of each row; nil when not stratified
	random *philox.Stream
}

// splitRows divides rows as configured. strata, if not nil, holds the class of
// each row.
func splitRows(f *table.Frame, s *Split, strata []int32, seed uint64) (parts, error) {
	sp := &splitter{frame: f, split: s, strata: strata, random: philox.New(seed, philox.StreamOf("datasets/split"))}
	var p parts
	var err error
	switch s.Method {
	case SplitTime:
		p, err = sp.byTime()
	case SplitGroup:
		p, err = sp.byGroup()
	case SplitColumn:
		p, err = sp.byColumn()
	case SplitNone:
		p.train = allRows(f.Rows)
	default:
		p.test, p.train = sp.draw(allRows(f.Rows), *s.Test)
		// Fractions are of all rows, also where test rows are already out.
		p.validation, p.train = sp.draw(p.train, *s.Validation/(1-*s.Test))
	}
	if err != nil {
		return parts{}, err
	}
	if len(p.train) == 0 {
		return parts{}, configfile.Errorf("split", "no row of %d is left for training", f.Rows)
	}
	slices.Sort(p.train)
	slices.Sort(p.validation)
	slices.Sort(p.test)
	return p, nil
}

func allRows(n int) []int32 {
	rows := make([]int32, n)
	for i := range rows {
		rows[i] = int32(i)
	}
	return rows
}

// draw takes a fraction of the rows at random, of each class alike when
// stratified. A class keeps at least one row.
func (s *splitter) draw(rows []int32, fraction float64) (drawn, rest []int32) {
	if fraction <= 0 {
		return nil, rows
	}
	classes := [][]int32{rows}
	if s.strata != nil {
		classes = s.byClass(rows)
	}
	sizes := make([]int, len(classes))
	for i, c := range classes {
		sizes[i] = len(c)
	}
	take := apportion(sizes, fraction)
	for i, c := range classes {
		p := s.random.Perm(len(c))
		for k, j := range p {
			if k < take[i] {
				drawn = append(drawn, c[j])
			} else {
				rest = append(rest, c[j])
			}
		}
	}
	slices.Sort(drawn)
	slices.Sort(rest)
	return drawn, rest
}

// byClass groups rows by class, the classes in order of first appearance in
// the frame.
func (s *splitter) byClass(rows []int32) [][]int32 {
	var classes [][]int32
	at := map[int32]int{}
	for _, r := range rows {
		k, ok := at[s.strata[r]]
		if !ok {
			k = len(classes)
			at[s.strata[r]] = k
			classes = append(classes, nil)
		}
		classes[k] = append(classes[k], r)
	}
	return classes
}

// apportion distributes round(fraction·total) over classes in proportion to
// their sizes, by largest remainders (ties to the earlier class), and leaves
// at least one of each.
func apportion(sizes []int, fraction float64) []int {
	total := 0
	for _, n := range sizes {
		total += n
	}
	left := int(math.Round(fraction * float64(total)))
	take := make([]int, len(sizes))
	order := make([]int, len(sizes))
	remainder := make([]float64, len(sizes))
	for i, n := range sizes {
		exact := fraction * float64(n)
		take[i] = min(int(exact), n-1)
		remainder[i] = exact - float64(take[i])
		left -= take[i]
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(remainder[b], remainder[a]) })
	for _, i := range order {
		if left <= 0 {
			break
		}
		if take[i] < sizes[i]-1 {
			take[i]++
			left--
		}
	}
	return take
}

// column returns the split's column, complete.
func (s *splitter) column() (*table.Series, error) {
	c := s.frame.Column(s.split.Column)
	for i := range c.Len() {
		if c.Missing(i) {
			return nil, &table.ValueError{Place: s.frame.Place(i), Column: c.Name,
				Problem:  fmt.Sprintf("the value is missing (in %d rows), but the split goes by this column", c.MissingCount()),
				Remedies: []table.Remedy{table.ManualRemedy("complete the column, or leave such rows out with a query")}}
		}
	}
	return c, nil
}

// byTime puts the latest rows into the test part and those before into the
// validation part. Rows of the same time stay together.
func (s *splitter) byTime() (parts, error) {
	c, err := s.column()
	if err != nil {
		return parts{}, err
	}
	if c.Kind != table.Date && c.Kind != table.Numeric {
		return parts{}, configfile.Errorf("split.column", "column %s holds %s values; a split by time needs dates or numbers", wording.Quote(c.Name), c.Kind)
	}
	compare := func(a, b int32) int {
		if c.Kind == table.Date {
			return cmp.Compare(c.Micros[a], c.Micros[b])
		}
		return cmp.Compare(c.Floats[a], c.Floats[b])
	}
	rows := allRows(s.frame.Rows)
	slices.SortStableFunc(rows, compare)
	// cut returns the boundary between two times nearest to the wanted place.
	cut := func(at int) int {
		low, high := at, at
		same := func(i int) bool { return i > 0 && i < len(rows) && compare(rows[i-1], rows[i]) == 0 }
		for same(low) {
			low--
		}
		for same(high) {
			high++
		}
		if at-low <= high-at && low > 0 {
			return low
		}
		return high
	}
	n := float64(len(rows))
	test := cut(len(rows) - int(math.Round(n**s.split.Test)))
	validation := min(test, cut(len(rows)-int(math.Round(n*(*s.split.Test+*s.split.Validation)))))
	p := parts{train: rows[:validation], validation: rows[validation:test], test: rows[test:]}
	if len(p.test) == 0 && *s.split.Test > 0 || len(p.validation) == 0 && *s.split.Validation > 0 {
		return parts{}, configfile.Errorf("split", "column %s has too few distinct times to give every part some rows", wording.Quote(c.Name))
	}
	return p, nil
}

// byGroup deals whole groups to the parts, in random order.
func (s *splitter) byGroup() (parts, error) {
	c, err := s.column()
	if err != nil {
		return parts{}, err
	}
	texts := encoding.Categories(c.Texts())
	groups := make([][]int32, len(texts.Dict))
	for r, g := range texts.Codes {
		groups[g] = append(groups[g], int32(r))
	}
	groups = slices.DeleteFunc(groups, func(g []int32) bool { return len(g) == 0 })
	n := float64(s.frame.Rows)
	wantTest, wantValidation := n**s.split.Test, n**s.split.Validation
	var p parts
	for _, k := range s.random.Perm(len(groups)) {
		g := groups[k]
		half := float64(len(g)) / 2
		switch {
		case float64(len(p.test))+half <= wantTest:
			p.test = append(p.test, g...)
		case float64(len(p.validation))+half <= wantValidation:
			p.validation = append(p.validation, g...)
		default:
			p.train = append(p.train, g...)
		}
	}
	if len(p.test) == 0 && wantTest > 0 || len(p.validation) == 0 && wantValidation > 0 {
		return parts{}, configfile.Errorf("split", "column %s has %d groups, too few or too large to give every part some", wording.Quote(c.Name), len(groups))
	}
	return p, nil
}

// byColumn reads the part of each row from the column, and draws validation
// rows from the training rows if a fraction is given.
func (s *splitter) byColumn() (parts, error) {
	c, err := s.column()
	if err != nil {
		return parts{}, err
	}
	texts := c.Texts()
	const train, validation, test, unknown = 0, 1, 2, 3
	part := make([]int, len(texts.Dict))
	for i, v := range texts.Dict {
		switch {
		case listed(s.split.TestValues, v):
			part[i] = test
		case listed(s.split.ValidationValues, v):
			part[i] = validation
		case len(s.split.TrainValues) == 0 || listed(s.split.TrainValues, v):
			part[i] = train
		default:
			part[i] = unknown
		}
	}
	var p parts
	for r, code := range texts.Codes {
		switch part[code] {
		case train:
			p.train = append(p.train, int32(r))
		case validation:
			p.validation = append(p.validation, int32(r))
		case test:
			p.test = append(p.test, int32(r))
		default:
			return parts{}, &table.ValueError{Place: s.frame.Place(r), Column: c.Name, Value: texts.Dict[code],
				Problem:  "is in none of train_values, validation_values and test_values",
				Remedies: []table.Remedy{table.ManualRemedy("list it, or remove train_values so that all other rows are for training")}}
		}
	}
	for _, l := range []struct {
		key    string
		values []string
		rows   []int32
	}{{"test_values", s.split.TestValues, p.test}, {"validation_values", s.split.ValidationValues, p.validation}} {
		if len(l.values) > 0 && len(l.rows) == 0 {
			return parts{}, configfile.Errorf("split."+l.key, "no row of column %s has one of %s; its values are %s",
				wording.Quote(c.Name), wording.List(l.values, 5), wording.List(texts.Dict, 5))
		}
	}
	if *s.split.Validation > 0 {
		p.validation, p.train = s.draw(p.train, *s.split.Validation)
	}
	return p, nil
}

// listed compares a value as written in the data with those of a run file,
// where YAML may have turned TRUE into true and 1.0 into 1.
func listed(values []string, v string) bool {
	if slices.Contains(values, v) {
		return true
	}
	for _, w := range values {
		if notation.TrueFalse(v) && notation.TrueFalse(w) && v[0]|0x20 == w[0]|0x20 {
			return true
		}
		a, okA := notation.Number(v)
		b, okB := notation.Number(w)
		if okA && okB && a == b {
			return true
		}
	}
	return false
}
