package table

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"debut/datasets/wording"
)

// origin remembers where a frame's rows came from, to say so in messages.
type origin struct {
	files   []string
	dialect *dialect // nil unless CSV
	query   bool     // rows are the result of a query
	applied bool     // as in ReadOptions
	words   Wording  // of remedies
}

// name is how messages call all of it.
func (o *origin) name() string {
	if o == nil || len(o.files) == 0 && !o.query {
		return "the data"
	}
	files := ""
	if len(o.files) > 0 {
		files = wording.FileName(o.files[0])
	}
	if n := len(o.files) - 1; n > 0 {
		files += fmt.Sprintf(" (and %d more)", n)
	}
	switch {
	case !o.query:
		return files
	case files == "":
		return "the query's result"
	}
	return "the query over " + files
}

// rowPlace names row i, counted from 0.
func (o *origin) rowPlace(i int) string {
	switch {
	case o == nil:
		return "row " + strconv.Itoa(i+1)
	case o.query:
		return "row " + strconv.Itoa(i+1) + " of the query's result"
	case o.dialect != nil:
		place, n := "", 0
		err := o.dialect.scan(o.files, func(file string, line int, _ []string) bool {
			if n == i {
				place = fmt.Sprintf("%s:%d", wording.FileName(file), line)
			}
			n++
			return n <= i
		})
		if err == nil && place != "" {
			return place
		}
	}
	if len(o.files) == 1 {
		return fmt.Sprintf("%s: row %d", wording.FileName(o.files[0]), i+1)
	}
	return "row " + strconv.Itoa(i+1)
}

// find returns the place and text of the first value in a column that matches,
// or of the whole source when the files cannot say (a query that computes the
// column, a format without lines).
func (o *origin) find(column string, match func(string) bool) (place, value string) {
	if o == nil {
		return "", ""
	}
	fallback := ""
	if len(o.files) == 1 {
		fallback = wording.FileName(o.files[0])
	}
	if o.query {
		fallback = "query"
	}
	if o.dialect == nil {
		return fallback, ""
	}
	at := slices.Index(o.dialect.columns, column)
	if at < 0 {
		return fallback, ""
	}
	err := o.dialect.scan(o.files, func(file string, line int, record []string) bool {
		if at >= len(record) {
			return true
		}
		if text := strings.TrimSpace(record[at]); match(text) {
			place, value = fmt.Sprintf("%s:%d", wording.FileName(file), line), text
			return false
		}
		return true
	})
	if err != nil || place == "" {
		return fallback, ""
	}
	return place, value
}

// explain finds out in Go what DuckDB could not read in CSV files: a record
// with another number of fields, a stray quote, bytes that are not UTF-8. It
// returns nil when it finds nothing.
func (d *dialect) explain(files []string) error {
	for _, file := range files {
		if err := d.explainFile(file); err != nil {
			return err
		}
	}
	return nil
}

func (d *dialect) explainFile(file string) error {
	var found *ValueError
	fields, behind := 0, 0 // of a record with too few, and the lines behind it that may be its rest
	_, err := d.scanFile(file, func(file string, line int, record []string) bool {
		if found != nil {
			if fields += len(record) - 1; len(record) < len(d.columns) && fields <= len(d.columns) {
				if behind++; fields < len(d.columns) {
					return true
				}
				found.Problem += "; " + brokenRecord(behind)
				found.Remedies = []Remedy{ManualRemedy("put quotes around the field, or take the line end out")}
			}
			return false
		}
		if len(record) != len(d.columns) {
			remedy := fmt.Sprintf("put quotes around a field that contains %q, or repair the line", d.delimiter)
			remedies := []Remedy{ManualRemedy(remedy)}
			if len(record) > 0 && strings.HasPrefix(record[0], "#") {
				remedies = slices.Insert(remedies, 0, set(SetComment, "#").when("if lines that begin with # are comments"))
			}
			if slices.ContainsFunc(record, func(f string) bool { return strings.Contains(f, "\n") }) {
				remedies = []Remedy{ManualRemedy("a quoted field spans lines: close its quote, and double quotes inside it")}
			}
			found = &ValueError{
				Place:    fmt.Sprintf("%s:%d", wording.FileName(file), line),
				Problem:  d.miscounted(len(record)),
				Remedies: remedies,
			}
			if fields = len(record); strings.Contains(strings.Join(record, ""), "\n") {
				return false
			}
			return fields < len(d.columns)
		}
		for i, f := range record {
			if !utf8.ValidString(f) {
				found = &ValueError{
					Place:   fmt.Sprintf("%s:%d", wording.FileName(file), line),
					Column:  d.columns[i],
					Problem: fmt.Sprintf("the bytes %q are not UTF-8", wording.Shorten(f, 40)),
					Remedies: []Remedy{set(SetEncoding, "windows-1252").when("if they are Western European letters"),
						ManualRemedy("convert the file, for example with iconv -f cp1250 -t utf-8")},
				}
				return false
			}
		}
		return true
	})
	if found != nil {
		return found
	}
	if err == nil {
		_, err = d.scanQuoted(file, false, func(string, int, []string) bool { return true })
	}
	if err == nil {
		err = d.lineFault(file)
	}
	if errors.As(err, &found) {
		return found
	}
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return &ValueError{
			Place:    fmt.Sprintf("%s:%d", wording.FileName(file), parse.StartLine),
			Problem:  fmt.Sprintf("the line cannot be read as CSV (%v)", parse.Err),
			Remedies: []Remedy{ManualRemedy(`double a quote inside a quoted field ("") and close every quoted field`)},
		}
	}
	if d.ctx.Err() != nil {
		return d.ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", wording.FileName(file), err)
	}
	return nil
}

// miscounted says that a line has a wrong number of fields.
func (d *dialect) miscounted(fields int) string {
	return fmt.Sprintf("found %d fields, expected %d (%s)", fields, len(d.columns), wording.List(d.columns, 4))
}

// tooLong says that a record of a format has more than most bytes.
func tooLong(format string, most int) string {
	return fmt.Sprintf("the record that begins here has more than %d bytes, the most that is read of %s", most, format)
}

// lineFault returns an error if a line of a file is too long, or if some lines end in \r\n and others in \n, neither of
// which DuckDB takes.
func (d *dialect) lineFault(file string) (err error) {
	in, err := OpenText(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	r := bufio.NewReader(&interruptible{d.ctx, in})
	windows, quoted, records, size, first := false, false, 0, 0, 1
	for n := 1; ; n++ {
		// A line longer than the buffer arrives in pieces; only its end counts.
		line, err := r.ReadSlice('\n')
		quotes := bytes.Count(line, []byte{'"'})
		size += len(line)
		for errors.Is(err, bufio.ErrBufferFull) {
			line, err = r.ReadSlice('\n')
			quotes += bytes.Count(line, []byte{'"'})
			size += len(line)
		}
		// A doubled quote opens and closes; what counts is odd or even.
		if quotes%2 == 1 {
			quoted = !quoted
		}
		if quoted && err == nil {
			continue // a newline inside a field
		}
		records++
		if size -= len(line) - len(bytes.TrimRight(line, "\r\n")); size > longestRecord {
			return longRecord(file, first, "CSV", longestRecord)
		}
		if err != nil {
			return d.ctx.Err() // the end, or what OpenText's caller has seen before
		}
		crlf := bytes.HasSuffix(line, []byte("\r\n"))
		if records > 1 && crlf != windows {
			return &ValueError{Place: fmt.Sprintf("%s:%d", wording.FileName(file), n), Problem: "the line ends differ: some are \\r\\n, others \\n",
				Remedies: []Remedy{ManualRemedy("make them alike, for example with dos2unix")}}
		}
		windows, size, first = crlf, 0, n+1
	}
}
