package prepare_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"debut/datasets"
	"debut/datasets/configfile"
	"debut/datasets/duck"
	"debut/datasets/encoding"
	"debut/datasets/prepare"
	"debut/datasets/table"
)

// outcome is what a command made of a source.
type outcome struct {
	columns []column
	refused *refusal
}

// column is a column as it was understood. Values are such that equal ones are equal bit by bit.
type column struct {
	name, kind string
	values     []string
}

// refusal is an error: about a value, where it is one.
type refusal struct {
	place, column, value string
	err                  error
}

func refused(err error) outcome {
	r := &refusal{err: err, place: line.FindString(err.Error())}
	var v *table.ValueError
	if errors.As(err, &v) {
		r.place, r.column, r.value = place(v.Place), v.Column, v.Value
	}
	return outcome{refused: r}
}

// line is the line of a file in a message that is about no column.
var line = regexp.MustCompile(`[a-z0-9]+\.[a-z.]+:[0-9]+`)

// place is the place of a value in words that all commands share: a line of a file, or else the number of a row.
func place(of string) string {
	of = strings.TrimSuffix(of, " of the query's result")
	if i := strings.Index(of, ": row "); i >= 0 {
		of = of[i+2:]
	}
	return of
}

// differ says how two outcomes differ; "" where they do not.
func (o *outcome) differ(other *outcome) string {
	if o.refused != nil || other.refused != nil {
		a, b := o.refused, other.refused
		if a == nil || b == nil || a.place != b.place || a.column != b.column || a.value != b.value {
			return fmt.Sprintf("%s\nand\n%s", o, other)
		}
		return ""
	}
	if len(o.columns) != len(other.columns) {
		return fmt.Sprintf("%d columns and %d", len(o.columns), len(other.columns))
	}
	for i, a := range o.columns {
		b := other.columns[i]
		if a.name != b.name || a.kind != b.kind {
			return fmt.Sprintf("column %q %s %q\nand\ncolumn %q %s %q", a.name, a.kind, a.values[:min(5, len(a.values))], b.name, b.kind, b.values[:min(5, len(b.values))])
		}
		if len(a.values) != len(b.values) {
			return fmt.Sprintf("%d rows and %d", len(a.values), len(b.values))
		}
		for n := range a.values {
			if a.values[n] != b.values[n] {
				return fmt.Sprintf("column %q, row %d: %q and %q", a.name, n+1, a.values[n], b.values[n])
			}
		}
	}
	return ""
}

func (o *outcome) String() string {
	if o.refused != nil {
		return fmt.Sprintf("refused (%s, column %q, value %q): %v", o.refused.place, o.refused.column, o.refused.value, o.refused.err)
	}
	var b strings.Builder
	for _, c := range o.columns {
		fmt.Fprintf(&b, "%q %s %q; ", c.name, c.kind, c.values[:min(3, len(c.values))])
	}
	return b.String()
}

func (o *outcome) only(names []string) outcome {
	out := outcome{refused: o.refused}
	for _, name := range names {
		if i := slices.IndexFunc(o.columns, func(c column) bool { return c.name == name }); i >= 0 {
			out.columns = append(out.columns, o.columns[i])
		}
	}
	return out
}

func ofFrame(f *table.Frame, err error) outcome {
	if err != nil {
		return refused(err)
	}
	var o outcome
	for _, s := range f.Columns {
		c := column{name: s.Name, kind: s.Kind.String(), values: make([]string, s.Len())}
		for i := range c.values {
			switch {
			case s.Missing(i):
				c.values[i] = "missing"
			case s.Kind == table.Numeric || s.Kind == table.Boolean:
				c.values[i] = fmt.Sprintf("%v %x", s.Floats[i], math.Float64bits(s.Floats[i]))
			case s.Kind == table.Date:
				c.values[i] = fmt.Sprintf("%s %d", s.Format(i), s.Micros[i])
			default:
				c.values[i] = "text " + s.Format(i)
			}
		}
		o.columns = append(o.columns, c)
	}
	return o
}

const identity = "SELECT * FROM data"

func withQuery(src table.Source) table.Source {
	src.Query = identity
	return src
}

// checker compares what commands make of examples, in a folder of its own. It is of one goroutine.
type checker struct {
	*writer
	dir string
	ctx context.Context
	// quick comparisons take one of the ways in which a table is used, besides reading it and a query over it.
	quick bool
	turn  int
	// tables that could be read, and of which models were made
	read, learned int
}

// disagreement writes an example, has all commands read it, and says where they do not agree.
func (c *checker) disagreement(e *example) (string, error) {
	if err := os.RemoveAll(c.dir); err != nil {
		return "", err
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return "", err
	}
	if err := c.write(c.dir, slices.Concat(e.files, e.train)); err != nil {
		return "", err
	}
	read := ofFrame(table.Read(c.ctx, e.source, c.dir, nil))
	if read.refused == nil {
		c.read++
	}
	queried := ofFrame(table.Read(c.ctx, withQuery(e.source), c.dir, nil))
	if d := read.differ(&queried); d != "" {
		return "read, with and without a query: " + d, nil
	}
	turn := func(i int) bool { return !c.quick || c.turn%3 == i }
	if turn(0) {
		if d := cmp.Or(c.viewed(e, &read), c.inspected(e, &read)); d != "" {
			return d, nil
		}
	}
	if turn(1) {
		if d := c.prepared(e, &read); d != "" {
			return d, nil
		}
	}
	if turn(2) {
		return c.modeled(e, &read), nil
	}
	return "", nil
}

// viewed compares a table of a query with what reading makes of it.
func (c *checker) viewed(e *example, read *outcome) string {
	viewed := ofFrame(table.Read(c.ctx, table.Source{Query: "SELECT * FROM other", Tables: map[string]table.Source{"other": e.source}}, c.dir, nil))
	if d := read.differ(&viewed); d != "" {
		return "read, and as a table of a query: " + d
	}
	return ""
}

// prepared compares what data prepare makes of an example with what reading makes of it.
func (c *checker) prepared(e *example, read *outcome) string {
	plain, types := c.prepare(e.source, "plain")
	if read.refused != nil && plain.refused != nil && strings.Contains(read.refused.err.Error(), "is not a finite number") && strings.Contains(plain.refused.err.Error(), "NaN or infinity") {
		return "" // they are refused behind the steps, which may change them
	}
	if d := read.differ(&plain); d != "" {
		return "read and prepared: " + d
	}
	queried, queriedTypes := c.prepare(withQuery(e.source), "queried")
	if d := read.differ(&queried); d != "" {
		return "read, and prepared with a query: " + d
	}
	if types != queriedTypes {
		return fmt.Sprintf("prepared, with and without a query: %s and %s", queriedTypes, types)
	}
	return ""
}

// prepare prepares a source and reads the file that it becomes, and the types that it has in SQL.
func (c *checker) prepare(src table.Source, output string) (o outcome, types string) {
	cfg := &prepare.Config{Output: output, Threads: 1, Shuffle: new(false), Split: prepare.Split{Method: "none"}, Sources: map[string]prepare.Source{
		"t": {Source: src}}}
	if _, err := prepare.Run(c.ctx, cfg, prepare.Options{BaseDir: c.dir}); err != nil {
		return refused(err), ""
	}
	path := filepath.Join(c.dir, output, "train.parquet")
	columns, err := c.db.Describe(c.ctx, "SELECT * FROM read_parquet("+duck.Literal(path)+")")
	if err != nil {
		return refused(err), ""
	}
	for _, column := range columns {
		types += fmt.Sprintf("%q %v; ", column.Name, column.Type)
	}
	return ofFrame(table.Read(c.ctx, table.Source{Path: configfile.Strings{path}}, "", nil)), types
}

// train trains on a source, without a query and with the identical one.
func (c *checker) train(e *example, src table.Source) (*datasets.Dataset, error) {
	if e.train != nil {
		src.Path = nil
		for _, f := range e.train {
			src.Path = append(src.Path, f.name)
		}
	}
	return datasets.Load(c.ctx, &datasets.Config{Source: src, Target: label, Split: datasets.Split{Method: datasets.SplitNone}}, c.dir, 1, nil)
}

// modeled compares what models learn from an example, and what they read.
func (c *checker) modeled(e *example, read *outcome) string {
	plain, err := c.train(e, e.source)
	queried, queriedErr := c.train(e, withQuery(e.source))
	if err != nil || queriedErr != nil {
		a, b := outcome{}, outcome{}
		if err != nil {
			a = refused(err)
		}
		if queriedErr != nil {
			b = refused(queriedErr)
		}
		if noLabel(err) {
			return "" // columns are looked for before rows are, but for those of a query
		}
		if d := a.differ(&b); d != "" {
			return "trained, with and without a query: " + d
		}
		if e.train == nil && read.refused != nil && a.differ(read) != "" {
			return fmt.Sprintf("read and trained: %s\nand\n%s", read, &a)
		}
		return ""
	}
	c.learned++
	if a, b := saved(plain.Encoder), saved(queried.Encoder); a != b {
		return "trained, with and without a query: " + apart(b, a)
	}
	if !slices.Equal(bits(plain.Train.Encoded()), bits(queried.Train.Encoded())) {
		return "trained, with and without a query: other rows"
	}
	return c.applied(plain, e, read)
}

// noLabel reports that there is no column to learn from: a line above the table was taken for its header, or the header for
// a comment.
func noLabel(err error) bool {
	var field *configfile.FieldError
	return errors.As(err, &field) && field.Path == "target"
}

// applied compares what a model reads.
func (c *checker) applied(d *datasets.Dataset, e *example, read *outcome) string {
	var first outcome
	for i, src := range []table.Source{e.source, withQuery(e.source)} {
		f, err := d.Encoder.Read(c.ctx, src, c.dir, true)
		o := ofFrame(f, err)
		if i == 0 {
			first = o
		}
		if diff := first.differ(&o); diff != "" {
			return "applied, with and without a query: " + diff
		}
		if e.train == nil && err == nil && read.refused == nil {
			var names []string
			for _, c := range o.columns {
				names = append(names, c.name)
			}
			if want := read.only(names); want.differ(&o) != "" {
				return "read and applied: " + want.differ(&o)
			}
		}
		var whole []uint64
		encodeErr := err
		if err == nil {
			var out *encoding.Encoded
			if out, _, encodeErr = d.Encoder.Encode(c.ctx, f, true); encodeErr == nil {
				whole = bits(out)
			}
		}
		blocks, blocksErr := c.blocks(d.Encoder, src)
		if (encodeErr == nil) != (blocksErr == nil) || encodeErr != nil && encodeErr.Error() != blocksErr.Error() {
			return fmt.Sprintf("applied at once and in blocks: %v\nand\n%v", encodeErr, blocksErr)
		}
		if !slices.Equal(whole, blocks) {
			return "applied at once and in blocks: other rows"
		}
	}
	return ""
}

func (c *checker) blocks(e *encoding.Encoder, src table.Source) ([]uint64, error) {
	all := new(encoding.Encoded)
	for b, err := range e.Blocks(c.ctx, src, c.dir, true, encoding.Input{}, 700) {
		if err != nil {
			return nil, err
		}
		if err := all.Append(b.Encoded); err != nil {
			return nil, err
		}
	}
	return bits(all), nil
}

// saved is what an encoder learned, but for how dates were written, which a query hides.
func saved(e *encoding.Encoder) string {
	without := &encoding.Encoder{Columns: slices.Clone(e.Columns), Target: e.Target}
	for i := range without.Columns {
		without.Columns[i].DateLayout = ""
	}
	var b bytes.Buffer
	if err := without.Save(&b); err != nil {
		return err.Error()
	}
	return b.String()
}

func bits(e *encoding.Encoded) []uint64 {
	out := []uint64{uint64(e.Rows), uint64(e.D), uint64(e.F)}
	for _, v := range e.Numeric {
		out = append(out, uint64(math.Float32bits(v)))
	}
	for _, v := range e.IDs {
		out = append(out, uint64(v))
	}
	for _, v := range e.Target {
		out = append(out, math.Float64bits(v))
	}
	return out
}

// apart shows where two texts begin to differ.
func apart(a, b string) string {
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	part := func(s string) string { return s[max(0, i-200):min(len(s), i+200)] }
	return part(a) + "\nand\n" + part(b)
}
