package table

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

func (r *numberReader) cut(*origin) *Series {
	s := r.series
	r.wrong.before += len(s.Floats)
	r.series = &Series{Name: s.Name, Kind: s.Kind, Floats: make([]float64, 0, len(s.Floats))}
	switch {
	case r.wrong.count > 0:
		return nil
	case r.asText:
		return s.Texts()
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
	out.Rows, out.First = to-from, f.First+from
	out.Columns = make([]*Series, len(f.Columns))
	for i, s := range f.Columns {
		out.Columns[i] = s.sliced(from, to)
	}
	out.Carried = make([]*Series, len(f.Carried))
	for i, s := range f.Carried {
		out.Carried[i] = s.sliced(from, to)
	}
	return &out
}
