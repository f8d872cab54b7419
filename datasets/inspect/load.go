package inspect

import (
	"cmp"
	"context"
	"math"

	"debut/datasets/table"
	"debut/datasets/wording"
)

// data is a table read for inspection.
type data struct {
	survey  *table.Survey // of all rows
	frame   *table.Frame  // of the rows inspected
	sample  table.Sampling
	sampled string
	names   []string // of all columns, those that could not be read too
	columns map[string]*table.ColumnSurvey
}

const (
	// leastRows are looked at even where memory is short.
	leastRows = 1000
	// cellBytes is what a value takes in memory beside its text, with what
	// analysis makes of it.
	cellBytes = 48
	// typedBytes is what the text of a value takes in files that do not tell.
	typedBytes = 24
)

// load reads a table, or a sample of its rows. The survey must be closed.
func load(ctx context.Context, src table.Source, baseDir string, o Options) (_ *data, err error) {
	survey, err := table.OpenSurvey(ctx, src, baseDir, table.ReadOptions{Words: table.CommandLine, Memory: o.Memory, Readers: o.Readers})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			survey.Close()
		}
	}()
	d := &data{survey: survey, columns: map[string]*table.ColumnSurvey{}}
	perRow := 2 * survey.TextBytes / survey.Rows
	for i := range survey.Columns {
		c := &survey.Columns[i]
		d.names = append(d.names, c.Name)
		d.columns[c.Name] = c
		if perRow += cellBytes; !c.Texts {
			perRow += 2 * typedBytes
		}
	}
	if limit := o.limit(perRow, survey.Rows); survey.Rows > limit {
		d.sampled, d.sample = o.reason(limit), table.SampleOf(limit, survey.Rows)
	}
	d.frame, err = survey.Read(ctx, d.sample)
	return d, err
}

// limit returns how many rows of so many bytes are looked at.
func (o Options) limit(perRow, rows int64) int64 {
	limit := cmp.Or(o.Sample, DefaultSample)
	if limit < 0 {
		limit = math.MaxInt64
	}
	if o.Memory > 0 {
		limit = min(limit, max(o.Memory/max(perRow, 1), leastRows))
	}
	return min(limit, max(rows, 1))
}

// reason says why not all rows are looked at.
func (o Options) reason(limit int64) string {
	if limit == cmp.Or(o.Sample, DefaultSample) {
		return "a sample of about " + wording.Thousands(limit) + " rows, spread evenly"
	}
	return "a sample of about " + wording.Thousands(limit) + " rows, spread evenly, that fits into the memory allowed"
}

// locate names the places of examples, in one pass over the files.
func (d *data) locate(examples []*Example) {
	if !d.sample.All() {
		d.unsample(examples)
	}
	rows := make([]int, len(examples))
	for i, e := range examples {
		rows[i] = e.row
	}
	for i, place := range d.survey.Places(rows) {
		examples[i].Place = place
	}
}

// unsample replaces rows of the frame by those of the table.
func (d *data) unsample(examples []*Example) {
	wanted := map[int][]*Example{}
	for _, e := range examples {
		if !e.ofTable {
			wanted[e.row] = append(wanted[e.row], e)
		}
	}
	kept := 0
	for row := int64(0); row < d.survey.Rows && len(wanted) > 0; row++ {
		if !d.sample.Keeps(row) {
			continue
		}
		for _, e := range wanted[kept] {
			e.row, e.ofTable = int(row), true
		}
		delete(wanted, kept)
		kept++
	}
}
