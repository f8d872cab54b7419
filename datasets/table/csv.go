package table

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"debut/datasets/notation"
	"debut/datasets/wording"
)

// dialect is how the CSV files of a source are written. It is found out in Go
// and prescribed to DuckDB, so that what is read and what error messages quote
// are the same.
type dialect struct {
	delimiter rune
	header    bool
	columns   []string // trimmed names, unique
	skip      int      // lines above the first record
	above     string   // the first of them that is not blank
	// crlf says to tell DuckDB that lines end in \r\n, which it gets wrong where
	// a name of the header holds a newline.
	crlf   bool
	frugal bool    // small buffers are wanted
	rows   float64 // about how many there are
	// unread are records that DuckDB could not read, by file; places leaves them out.
	unread map[string][]span
	blank  bool
	ctx    context.Context // of the reading: no scan outlasts it
}

const (
	sniffBytes   = 1 << 16
	sniffRecords = 32
)

// delimiters are tried in this order; the first of equally good ones wins.
var delimiters = []rune{',', '\t', ';', '|'}

// sniffDialect looks at the start of every file. All must have the same
// columns.
func sniffDialect(ctx context.Context, files []string, src *Source, words Wording) (*dialect, error) {
	delimiter, err := parseDelimiter(src.Delimiter)
	if err != nil {
		return nil, err
	}
	d := &dialect{delimiter: delimiter, ctx: ctx}
	for i, file := range files {
		head, err := readHead(file)
		if err != nil {
			return nil, err
		}
		end, size, err := ending(ctx, file)
		if err != nil {
			return nil, err
		}
		d.rows += float64(size) / float64(len(head)) * float64(max(1, bytes.Count(head, []byte{'\n'})))
		if len(bytes.TrimSpace(head)) == 0 {
			return nil, fmt.Errorf("%s is empty: no header, no rows", wording.FileName(file))
		}
		if head, err = d.layout(file, head, src, i == 0); err != nil {
			return nil, err
		}
		first, err := firstRecord(head, d.delimiter)
		if err != nil {
			return nil, fmt.Errorf("%s: the first line cannot be read as CSV: %w", wording.FileName(file), err)
		}
		if i == 0 {
			d.header, err = hasHeader(first, src)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", wording.FileName(file), err)
			}
		}
		if slices.ContainsFunc(first, func(name string) bool { return strings.Contains(name, "\n") }) {
			r := newCSVReader(bytes.NewReader(head), d.delimiter)
			if _, err := r.Read(); err == nil {
				d.crlf = bytes.HasSuffix(head[:r.InputOffset()], []byte("\r\n"))
			}
		}
		columns, err := d.fileColumns(file, first, src, words)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			d.columns = columns
		} else if !slices.Equal(columns, d.columns) {
			return nil, differentColumns(file, files[0], columns, d.columns)
		}
		if err := d.checkEnding(file, end); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// hasHeader decides whether the first record names the columns: the
// configuration says so, or no field of it is a number.
func hasHeader(first []string, src *Source) (bool, error) {
	if src.Header != nil {
		return *src.Header, nil
	}
	if len(src.Names) > 0 {
		return slices.Equal(first, src.Names), nil
	}
	for _, f := range first {
		if _, ok := notation.Number(f); ok {
			return false, nil
		}
	}
	return true, nil
}

// fileColumns returns the names of the columns of one file.
func (d *dialect) fileColumns(file string, first []string, src *Source, words Wording) ([]string, error) {
	if len(src.Names) > 0 {
		if len(src.Names) != len(first) {
			return nil, fmt.Errorf("%s:1: %d fields, but names lists %d columns%s", wording.FileName(file),
				len(first), len(src.Names), delimiterHint(first, words))
		}
		return src.Names, nil
	}
	columns := make([]string, len(first))
	for i, name := range first {
		if !d.header || name == "" {
			name = "column" + strconv.Itoa(i)
		}
		if j := slices.Index(columns[:i], name); j >= 0 {
			return nil, &ValueError{Place: wording.FileName(file) + ":1", Problem: fmt.Sprintf("columns %d and %d are both named %s", j+1, i+1, wording.Quote(name)),
				Remedies: []Remedy{newNames(first, true), ManualRemedy("rename one in the file")}}
		}
		columns[i] = name
	}
	return columns, nil
}

// newNames is the remedy that names the columns of a file, with a header or without, anew where they have the same name,
// but for upper and lower case.
func newNames(names []string, header bool) Remedy {
	taken := map[string]bool{}
	for _, name := range names {
		taken[strings.ToLower(name)] = true
	}
	seen := map[string]bool{}
	out := make([]string, len(names))
	for i, name := range names {
		if name == "" {
			name = "column" + strconv.Itoa(i)
		}
		out[i] = name
		for n := 2; seen[strings.ToLower(out[i])]; n++ {
			if other := name + "_" + strconv.Itoa(n); !taken[strings.ToLower(other)] {
				out[i] = other
			}
		}
		seen[strings.ToLower(out[i])] = true
	}
	return Remedy{Settings: []Setting{{Set: SetNames, Values: out}, {Set: SetHeader, Values: []string{strconv.FormatBool(header)}}}}
}

func differentColumns(file, reference string, got, want []string) error {
	var missing, extra []string
	for _, w := range want {
		if !slices.Contains(got, w) {
			missing = append(missing, w)
		}
	}
	for _, g := range got {
		if !slices.Contains(want, g) {
			extra = append(extra, g)
		}
	}
	what := "they stand in another order"
	switch {
	case len(missing) > 0 && len(extra) > 0:
		what = fmt.Sprintf("%s missing, %s new", wording.List(missing, 5), wording.List(extra, 5))
	case len(missing) > 0:
		what = wording.List(missing, 5) + " missing"
	case len(extra) > 0:
		what = wording.List(extra, 5) + " new"
	}
	return fmt.Errorf("%s:1: the columns differ from those of %s: %s; files of one source must have the same columns",
		wording.FileName(file), wording.FileName(reference), what)
}

// sniffDelimiter picks the candidate that cuts the first records into the same
// number of fields, and into the most of them.
func sniffDelimiter(head []byte) rune {
	best, bestFields := rune(0), 1
	for _, c := range delimiters {
		if n := consistentFields(head, c); n > bestFields {
			best, bestFields = c, n
		}
	}
	if best != 0 {
		return best
	}
	// No candidate fits every line: a ragged file. Its first line decides.
	for _, c := range delimiters {
		if first, err := firstRecord(head, c); err == nil && len(first) > bestFields {
			best, bestFields = c, len(first)
		}
	}
	if best != 0 {
		return best
	}
	return ','
}

// consistentFields returns the number of fields of every record in head, 0
// when records differ.
func consistentFields(head []byte, delimiter rune) int {
	r := newCSVReader(bytes.NewReader(head), delimiter)
	fields := 0
	for n := 0; n < sniffRecords; n++ {
		record, err := r.Read()
		if err != nil || len(head) == sniffBytes && r.InputOffset() == int64(len(head)) {
			break // the end, or a record cut off by the end of head
		}
		if fields != 0 && len(record) != fields {
			return 0
		}
		fields = len(record)
	}
	return fields
}

func firstRecord(head []byte, delimiter rune) ([]string, error) {
	record, err := newCSVReader(bytes.NewReader(head), delimiter).Read()
	if err != nil {
		return nil, err
	}
	out := make([]string, len(record))
	for i, f := range record {
		out[i] = strings.TrimSpace(f)
	}
	return out, nil
}

// newCSVReader reads the dialect DuckDB is told to read: quotes are ", doubled
// inside quotes. The record is reused between reads.
func newCSVReader(r io.Reader, delimiter rune) *csv.Reader {
	c := csv.NewReader(r)
	c.Comma = delimiter
	c.FieldsPerRecord = -1
	c.ReuseRecord = true
	c.LazyQuotes = true
	return c
}

// delimiterHint explains a single column that contains another delimiter.
func delimiterHint(columns []string, words Wording) string {
	if len(columns) != 1 {
		return ""
	}
	for _, d := range []struct{ char, name string }{{";", ";"}, {"\t", "tab"}, {"|", "|"}, {",", ","}} {
		if strings.Contains(columns[0], d.char) {
			return fmt.Sprintf("; the delimiter seems to be %q: %s", d.name, set(SetDelimiter, d.name).Text(words))
		}
	}
	return ""
}

// readHead returns the first bytes of a file's decompressed content.
func readHead(file string) ([]byte, error) {
	r, err := OpenText(file)
	if err != nil {
		return nil, err
	}
	head, err := io.ReadAll(io.LimitReader(r, sniffBytes))
	if err := errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", wording.FileName(file), err)
	}
	return head, nil
}

// scan calls visit for every record of the files below the header, in order,
// with its line number, until visit returns false. It is used only to explain
// errors, so it prefers going on over being strict.
func (d *dialect) scan(files []string, visit func(file string, line int, record []string) bool) error {
	for _, file := range files {
		goOn, err := d.scanFile(file, visit)
		if err != nil || !goOn {
			return err
		}
	}
	return nil
}

func (d *dialect) scanFile(file string, visit func(file string, line int, record []string) bool) (bool, error) {
	return d.scanQuoted(file, true, visit)
}

// scanQuoted is scanFile with the choice to stop at a stray quote, with a
// *csv.ParseError. A record that is too long is an error of it.
func (d *dialect) scanQuoted(file string, lazy bool, visit func(file string, line int, record []string) bool) (goOn bool, err error) {
	in, err := OpenText(file)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	var from io.Reader = &interruptible{d.ctx, in}
	if d.blank {
		from = &blanked{in: from, spans: d.unread[file]}
	}
	text := bufio.NewReader(from)
	for range d.skip {
		if err := skipLine(text); err != nil {
			return false, err
		}
	}
	// The reader buffers beyond a record.
	const ration = longestRecord + 1<<13
	limit := &rationed{in: text, left: ration}
	r := newCSVReader(limit, d.delimiter)
	r.LazyQuotes = lazy
	end, next := int64(0), 1 // of the record before, and the line behind it
	for n := 0; ; n++ {
		record, err := r.Read()
		if err == io.EOF {
			return true, nil
		}
		if errors.Is(err, errLongRecord) || err == nil && r.InputOffset()-end > longestRecord {
			return false, longRecord(file, d.skip+next, "CSV", longestRecord)
		}
		if err == nil {
			limit.left += r.InputOffset() - end
			end = r.InputOffset()
			last := len(record) - 1
			next, _ = r.FieldPos(last)
			next += strings.Count(record[last], "\n") + 1
		}
		if err != nil {
			var parse *csv.ParseError
			if errors.As(err, &parse) {
				parse.StartLine += d.skip
				parse.Line += d.skip
			}
			return false, err
		}
		if n == 0 && d.header {
			continue
		}
		line, _ := r.FieldPos(0)
		if !visit(file, d.skip+line, record) {
			return false, nil
		}
	}
}
