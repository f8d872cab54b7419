package datasets

import "slices"

// blockReader is a columnReader that gives its rows in blocks. What follows from
// all rows, such as how many values do not fit, it counts over all blocks, so that
// its error is that of a reader of the whole column. Types are declared: nothing
// is inferred.
type blockReader interface {
	columnReader
	// cut returns the rows since the last one, nil once a value did not fit.
	cut(from *origin) *Series
	// end returns the error of the column after its last block.
	end(from *origin) error
}

// cuts is what a reader of blocks remembers of those before.
type cuts struct {
	before int   // rows
	failed error // of an earlier block
	tally  *dateTally
}

func (r *numberReader) cut(*origin) *Series {
	s := r.series
	r.series = &Series{Name: s.Name, Kind: s.Kind, Floats: make([]float64, 0, len(s.Floats))}
	switch {
	case r.bad > 0:
		return nil
	case r.asText:
		return s.texts()
	}
	return s
}

func (r *numberReader) end(from *origin) error {
	_, _, err := r.finish(from)
	return err
}

func (r *booleanReader) cut(*origin) *Series {
	s := r.series
	r.series = &Series{Name: s.Name, Kind: s.Kind, Floats: make([]float64, 0, len(s.Floats))}
	return s
}

func (r *booleanReader) end(*origin) error { return nil }

func (r *dateReader) cut(*origin) *Series {
	s := r.series
	r.series = &Series{Name: s.Name, Kind: s.Kind, Micros: make([]int64, 0, len(s.Micros))}
	return s
}

func (r *dateReader) end(*origin) error { return nil }

func (g *convertedReader) cut(*origin) *Series {
	s := g.series
	g.series = &Series{Name: s.Name, Kind: s.Kind, layout: s.layout, Floats: make([]float64, 0, len(s.Floats)), Micros: make([]int64, 0, len(s.Micros))}
	if g.wrong {
		return nil
	}
	return s
}

func (g *convertedReader) end(*origin) error { return nil }

func (b *vectorBuilder) cut(*origin) *Series {
	s := b.series
	// The width is that of the first vector of all blocks.
	b.series = &Series{Name: s.Name, Kind: s.Kind, Width: s.Width, Codes: make([]int32, 0, len(s.Codes)), Floats32: make([]float32, 0, len(s.Floats32))}
	b.before += len(s.Codes)
	if b.bad != "" {
		return nil
	}
	if s.Width == 0 {
		s.Width = 1 // nothing but missing values so far
	}
	return s
}

func (r *listReader) end(from *origin) error {
	_, _, err := r.finish(from)
	return err
}

func (r *vectorTextReader) end(from *origin) error {
	_, _, err := r.finish(from)
	return err
}

func (t *jsonReader) cut(from *origin) *Series {
	if s := t.textReader.cut(from); !t.nested {
		return s
	}
	return nil
}

func (t *jsonReader) end(from *origin) error {
	if t.nested {
		return t.refuse()
	}
	return t.textReader.end(from)
}

func (t *textColumn) cut(from *origin) *Series {
	s := t.series
	if t.numbers {
		t.series = &Series{Name: s.Name, Kind: s.Kind, Floats: make([]float64, 0, len(s.Floats))}
		if t.before += len(s.Floats); t.bad.count > 0 {
			return nil
		}
		return s
	}
	out := s
	if t.failed == nil {
		switch t.declared {
		case TypeBoolean:
			out, _, t.failed = t.booleans(from)
		case TypeDate:
			out = t.cutDates(from)
		}
	}
	t.before += len(s.Codes)
	t.series = &Series{Name: s.Name, Kind: s.Kind, Codes: make([]int32, 0, len(s.Codes))}
	if t.carried {
		t.series.Dict = make([]string, 0, len(s.Dict))
	}
	t.counts = t.counts[:0]
	clear(t.index)
	if t.failed != nil || t.tally != nil && t.tally.mixed() {
		return nil
	}
	return out
}

func (t *textColumn) end(from *origin) error {
	switch {
	case t.numbers:
		_, _, err := t.decide(from)
		return err
	case t.failed == nil && t.tally != nil && t.tally.mixed():
		return t.tally.err(t, from)
	}
	return t.failed
}

// dateTally counts how dates of a column are written for which training knows no
// layout: all the same way, the year first. Whole columns are read in the layout
// that fits the most of their values; as none fits two of these layouts, that
// comes out the same block by block, and where values disagree the tally knows
// which of them is the mistake.
type dateTally struct {
	layouts []string // dateLayouts that put the year first, and "" for no date
	counts  []int
	rows    []int // of the first value of each, -1 before it
	texts   []string
}

func newDateTally() *dateTally {
	d := &dateTally{layouts: append(slices.Clone(dateLayouts[:yearFirstLayouts]), "")}
	n := len(d.layouts)
	d.counts, d.rows, d.texts = make([]int, n), slices.Repeat([]int{-1}, n), make([]string, n)
	return d
}

// mixed reports values of more than one layout, or of none.
func (d *dateTally) mixed() bool {
	kinds := 0
	for _, n := range d.counts {
		if n > 0 {
			kinds++
		}
	}
	return kinds > 1 || d.counts[len(d.counts)-1] > 0
}

// best returns the layout that fits the most values, the first of equally good
// ones.
func (d *dateTally) best() int {
	best := len(d.layouts) - 1
	for i, n := range d.counts[:best] {
		if n > 0 && (best == len(d.layouts)-1 || n > d.counts[best]) {
			best = i
		}
	}
	return best
}

// err describes the first value that is not written as most are.
func (d *dateTally) err(t *textColumn, from *origin) error {
	best, first := d.best(), -1
	for i, row := range d.rows {
		wrong := i != best || d.layouts[i] == ""
		if wrong && row >= 0 && (first < 0 || row < d.rows[first]) {
			first = i
		}
	}
	return t.noDate(from, d.layouts[best], d.rows[first], d.texts[first])
}

// cutDates reads the block's dates.
func (t *textColumn) cutDates(from *origin) *Series {
	if t.layout != "" {
		var s *Series
		s, _, t.failed = t.datesIn(t.layout, from)
		return s
	}
	if t.tally == nil {
		t.tally = newDateTally()
	}
	d := t.tally
	values := make([]int64, len(t.series.Dict))
	at := d.best()
	for i, text := range t.series.Dict {
		v, ok := parseDate(d.layouts[at], text)
		for k := 0; !ok && k < len(d.layouts); k++ {
			at = k
			v, ok = parseDate(d.layouts[k], text)
		}
		values[i] = v
		if d.counts[at] += t.counts[i]; d.rows[at] < 0 {
			d.rows[at], d.texts[at] = t.before+t.row(text), text
		}
	}
	return &Series{Name: t.name, Kind: Date, layout: d.layouts[at], Micros: decode(t.series.Codes, values, MissingDate)}
}

// sliced returns rows from to to of the series, which share its memory.
func (s *Series) sliced(from, to int) *Series {
	out := *s
	switch s.Kind {
	case Date:
		out.Micros = s.Micros[from:to]
	case Text, Vector:
		out.Codes = s.Codes[from:to]
	default:
		out.Floats = s.Floats[from:to]
	}
	return &out
}

// sliced returns rows from to to of the frame, which share its memory.
func (f *Frame) sliced(from, to int) *Frame {
	out := *f
	out.Rows, out.first = to-from, f.first+from
	out.Columns = make([]*Series, len(f.Columns))
	for i, s := range f.Columns {
		out.Columns[i] = s.sliced(from, to)
	}
	return &out
}
