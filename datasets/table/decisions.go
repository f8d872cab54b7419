package table

import "debut/datasets/notation"

// Decisions are what was found out about a source, or declared for it, so that the same files mean the same to every
// reader.
type Decisions struct {
	Format    string     `json:"format,omitempty"`    // csv, parquet or json; "" for a query
	Delimiter string     `json:"delimiter,omitempty"` // of CSV
	Header    *bool      `json:"header,omitempty"`    // of CSV
	Above     int        `json:"above,omitempty"`     // lines of CSV above the table
	Columns   []Decision `json:"columns"`
}

// Decision is what a column is read as.
type Decision struct {
	Column string `json:"column"`
	Type   string `json:"type"` // as Kind.String names it
	// Written says how the texts of dates are written, such as DD/MM/YYYY, and those of numbers that are not plain, such
	// as 1.234,5.
	Written string `json:"written,omitempty"`
}

// decided lists what the columns read were found to be.
func (r *relation) decided(columns []*Series) *Decisions {
	d := &Decisions{Format: r.format}
	if c := r.origin.dialect; c != nil && !r.origin.query {
		header := c.header
		d.Delimiter, d.Header, d.Above = string(c.delimiter), &header, c.skip
	}
	for _, s := range columns {
		d.Columns = append(d.Columns, Decision{Column: s.Name, Type: s.Kind.String(), Written: s.written()})
	}
	return d
}

// written says how texts were read as what the column holds, "" where that is plain.
func (s *Series) written() string {
	switch {
	case s.Layout != "":
		return LayoutOf(s.Layout).Name()
	case s.Style != (notation.Style{}):
		return s.Style.String()
	}
	return ""
}

// Written is how the texts of the column look', "" where that is plain.
func (r *Reading) Written() string {
	switch {
	case r.Type == TypeDate:
		return r.Layout.Name()
	case r.Type == TypeNumeric && !r.plain():
		return r.Style.String()
	}
	return ""
}

// StyleOf returns the notation that String shows.
func StyleOf(text string) (notation.Style, bool) {
	for _, s := range notation.Styles() {
		if s.String() == text {
			return s, true
		}
	}
	return notation.Style{}, false
}
