package inspect

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"debut/datasets/bytesize"
	"debut/datasets/configfile"
	"debut/datasets/duck"
	"debut/datasets/nearest"
	"debut/datasets/table"
	"debut/kernels/hostmemory"
)

// DefaultSample is how many rows of a table are looked at unless Options say
// otherwise.
const DefaultSample = 5_000_000

// Options say how tables are inspected. The zero value will do.
type Options struct {
	// Label is the column to predict; "" has it guessed. Tables that lack it are
	// inspected without one, unless all do, which is an error.
	Label string
	// Sample is about how many rows are looked at where there are more; 0 means
	// DefaultSample, a negative number all.
	Sample int64
	// Memory is a limit in bytes of the rows that are held, 0 for none but a third of what the control groups of the process allow; a table that would
	// need more is sampled.
	Memory int64
	// Readers is the most threads that read files, each with buffers of its own; 0 for one for each processor.
	Readers int
	// Threads is the number of columns looked at at once, 0 for one for each
	// processor. The result does not depend on it.
	Threads int
	// Now is when dates begin to lie in the future; the zero value is the present.
	Now time.Time
}

const (
	// ownMemory is what a process takes that inspects hardly a row, about: 89 MiB on linux/amd64, most of it the program.
	ownMemory = 96 << 20
	// readerMemory is what a thread that reads CSV takes, with buffers of 8 MB and hundreds of columns.
	readerMemory = 80 << 20
	// LeastMemory is the least that Options.Within takes.
	LeastMemory = 320 << 20
)

// Within returns the options with which the process takes no more than about so many bytes, as long as Go keeps to heap,
// for debug.SetMemoryLimit. Less than LeastMemory is an error.
func (o Options) Within(bytes int64) (bounded Options, heap int64, err error) {
	if bytes < LeastMemory {
		return o, 0, fmt.Errorf("%s is too little: however few rows are looked at, it takes up to %s", bytesize.Size(bytes), bytesize.Size(LeastMemory))
	}
	rest := bytes - ownMemory
	o.Readers = int(max(1, min(int64(runtime.GOMAXPROCS(0)), rest/(4*readerMemory))))
	rest -= int64(o.Readers) * readerMemory
	o.Memory = rest / 2 // the other half is for garbage, and for what is found
	return o, rest, nil
}

// Inspect reads the files of a source, or the result of its query, and reports
// on them. Files of different columns, or formats, are tables of their own.
// Relative paths are resolved against baseDir. Errors are those of
// table.Read, but for values: those that a run would refuse are warnings.
func Inspect(ctx context.Context, src table.Source, baseDir string, o Options) (*Report, error) {
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	if limit := hostmemory.Limit() / 3; limit > 0 && o.Memory == 0 {
		o.Memory = limit
	}
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	groups, err := groups(ctx, src, baseDir)
	if err != nil {
		return nil, err
	}
	report := new(Report)
	var names []string
	labeled := o.Label == ""
	for _, g := range groups {
		t, d, err := inspectTable(ctx, g, baseDir, o)
		if err != nil {
			return nil, err
		}
		labeled = labeled || t.Label != nil
		names = append(names, d.names...)
		report.Tables = append(report.Tables, t)
	}
	if !labeled {
		return nil, fmt.Errorf("label: there is no column %q that can be read%s; the columns are %s", o.Label, nearest.DidYouMean(o.Label, names), listed(names))
	}
	return report, nil
}

// listed renders names for a message.
func listed(names []string) string {
	const most = 12
	var quoted []string
	for i, n := range names {
		if i == most {
			quoted = append(quoted, fmt.Sprintf("and %d more", len(names)-most))
			break
		}
		quoted = append(quoted, strconv.Quote(clip(n)))
	}
	return strings.Join(quoted, ", ")
}

// group is a table: a source of files with the same columns.
type group struct {
	source table.Source
	files  []string
}

// groups cuts the files of a source into tables, in order of their first files.
func groups(ctx context.Context, src table.Source, baseDir string) ([]group, error) {
	if len(src.Path) == 0 && src.Query == "" {
		return nil, errors.New("inspect: no files are given")
	}
	var files []string
	for _, p := range src.Path {
		path, err := configfile.ExpandPath(p, baseDir)
		if err != nil {
			return nil, err
		}
		matches, err := filepath.Glob(path)
		if err != nil || len(matches) == 0 || slices.Contains(matches, path) {
			matches = []string{path} // reading will say what is wrong with it
		}
		slices.Sort(matches)
		files = append(files, matches...)
	}
	if src.Query != "" {
		return []group{{src, files}}, nil
	}
	if len(files) == 1 {
		return []group{{src, files}}, nil
	}
	db, err := duck.Open(duck.Options{})
	if err != nil {
		return nil, err
	}
	defer db.Close()
	var out []group
	var signatures []signature
	for _, file := range files {
		one := src
		one.Path = configfile.Strings{file}
		own, err := signatureOf(ctx, db, one)
		if err != nil {
			return nil, err
		}
		i := slices.Index(signatures, own)
		if i < 0 {
			i = slices.IndexFunc(signatures, func(s signature) bool { return s.fits(ctx, db, one) })
		}
		if i >= 0 {
			out[i].files = append(out[i].files, file)
			out[i].source.Path = append(out[i].source.Path, file)
			continue
		}
		signatures = append(signatures, own)
		out = append(out, group{one, []string{file}})
	}
	return out, nil
}

// signature is what files of one table have in common.
type signature struct {
	format, delimiter string
	header            bool
	names             string
}

func signatureOf(ctx context.Context, db *duck.DB, src table.Source) (signature, error) {
	table, err := table.Open(ctx, db, src, "", table.Options{})
	if err != nil {
		return signature{}, err
	}
	columns := table.Columns()
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	delimiter, header := table.Dialect()
	return signature{table.Format(), delimiter, header, fmt.Sprintf("%q", names)}, nil
}

// fits reports a file that is of the table when it is written as those before it: by itself it may look otherwise, as one with a comma
// in every date does, and together they are read as one.
func (s signature) fits(ctx context.Context, db *duck.DB, src table.Source) bool {
	if s.delimiter == "" || src.Delimiter != "" {
		return false
	}
	src.Delimiter, src.Header = table.Delimiter(s.delimiter), &s.header
	as, err := signatureOf(ctx, db, src)
	return err == nil && as == s
}

// inspectTable looks at one table.
func inspectTable(ctx context.Context, g group, baseDir string, o Options) (*Table, *data, error) {
	d, err := load(ctx, g.source, baseDir, o)
	if err != nil {
		return nil, nil, err
	}
	defer d.survey.Close()
	t := &Table{Name: tableName(g), Rows: d.survey.Rows, Inspected: int64(d.frame.Rows), Sampled: d.sampled, Null: g.source.Null, Warnings: []Warning{}}
	if t.Format, t.Delimiter = d.survey.Format, d.survey.Delimiter; t.Delimiter != "" {
		t.Header = &d.survey.Header
	}
	t.Above, t.Notes = d.survey.Above, d.survey.Notes
	for _, f := range g.files {
		t.Files = append(t.Files, base(f))
	}
	columns := d.frame.Columns
	found := make([]*examined, len(columns))
	if err := each(ctx, len(columns), o.Threads, func(i int) { found[i] = examine(columns[i], d.columns[columns[i].Name], o.Now) }); err != nil {
		return nil, nil, err
	}
	label := chooseLabel(d.frame, found, o.Label)
	if label != nil {
		t.Label = &label.Label
	}
	if err := each(ctx, len(columns), o.Threads, func(i int) {
		if label != nil && i != label.index {
			found[i].column.Predicts = label.predictive(columns[i])
		}
		found[i].things = label.things(found[i])
	}); err != nil {
		return nil, nil, err
	}
	if t.Relations, err = relate(ctx, d.frame, found, o.Threads); err != nil {
		return nil, nil, err
	}
	t.Duplicates = duplicates(d.frame)
	for _, name := range d.names {
		if i := slices.IndexFunc(columns, func(s *table.Series) bool { return s.Name == name }); i >= 0 {
			t.Columns = append(t.Columns, found[i].column)
		} else {
			t.Columns = append(t.Columns, &Column{Name: name, Type: typeUnreadable, Refused: true})
		}
	}
	if w := textFormat(columns); w != nil {
		t.Warnings = append(t.Warnings, *w)
	}
	t.Warnings = append(t.Warnings, warnings(t, d, found, label)...)
	t.finish(d)
	return t, d, ctx.Err()
}

// typeUnreadable is the type of a column that cannot be read.
const typeUnreadable = "unreadable"

func base(file string) string { return filepath.Base(file) }

func tableName(g group) string {
	if len(g.files) == 0 {
		return "the query's result"
	}
	name := base(g.files[0])
	if n := len(g.files) - 1; n > 0 {
		name += fmt.Sprintf(" (and %d more)", n)
	}
	if g.source.Query != "" {
		name = "query over " + name
	}
	return name
}

// each calls work for the numbers from 0 to n, on some threads.
func each(ctx context.Context, n, threads int, work func(i int)) error {
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(threads, n) {
		group.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				work(i)
			}
		})
	}
	group.Wait()
	return ctx.Err()
}

// finish names the places of examples.
func (t *Table) finish(d *data) {
	var open []*Example
	places := func(list []Example) {
		for i := range list {
			if list[i].Place == "" && list[i].row >= 0 {
				open = append(open, &list[i])
			}
		}
	}
	places(t.Duplicates.Examples)
	for _, c := range t.Columns {
		if c.Numbers != nil {
			places(c.Numbers.IQR.Examples)
			places(c.Numbers.MAD.Examples)
		}
	}
	for i := range t.Warnings {
		places(t.Warnings[i].Examples)
	}
	d.locate(open)
}
