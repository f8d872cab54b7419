package inspect

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"

	"debut/datasets"
)

const (
	headBytes   = 1 << 16
	headRecords = 32
	// maxRecord is how long a record may be: a quote that is never closed makes
	// one of all the rest of a file.
	maxRecord = 64 << 20
)

// form is how CSV files are written.
type form struct {
	delimiter rune
	header    bool
	fields    []string // the first record, trimmed
}

func base(file string) string { return filepath.Base(file) }

// sniff looks at the start of a file for how it is written, as datasets does:
// the delimiter is the one that cuts the first records into the same number of
// fields, and the most; the first line names the columns unless a field of it
// is a number. What is given is kept.
func sniff(file, delimiter string, header *bool, names []string) (form, error) {
	in, err := datasets.OpenText(file)
	if err != nil {
		return form{}, err
	}
	head, err := io.ReadAll(io.LimitReader(in, headBytes))
	if err := errors.Join(err, in.Close()); err != nil {
		return form{}, fmt.Errorf("read %s: %w", base(file), err)
	}
	if bytes.IndexByte(head, 0) >= 0 {
		return form{}, fmt.Errorf("%s holds zero bytes: it is no text; name its format with --format if it is none of CSV", base(file))
	}
	var f form
	switch {
	case delimiter == "tab" || delimiter == `\t`:
		f.delimiter = '\t'
	case delimiter != "":
		f.delimiter, _ = utf8.DecodeRuneInString(delimiter)
	default:
		f.delimiter = sniffDelimiter(head)
	}
	if f.delimiter == '"' || f.delimiter == '\n' || f.delimiter == '\r' || f.delimiter == utf8.RuneError {
		return form{}, fmt.Errorf("the delimiter %q cannot separate fields", delimiter)
	}
	first, err := newReader(bytes.NewReader(head), f.delimiter).Read()
	if err != nil {
		return form{}, fmt.Errorf("%s: the first line cannot be read as CSV: %w", base(file), err)
	}
	for _, field := range first {
		f.fields = append(f.fields, strings.TrimSpace(field))
	}
	switch {
	case header != nil:
		f.header = *header
	case len(names) > 0:
		f.header = len(names) == len(f.fields)
		for i := range names {
			f.header = f.header && names[i] == f.fields[i]
		}
	default:
		f.header = true
		for _, field := range f.fields {
			if _, ok := parseNumber(field); ok {
				f.header = false
			}
		}
	}
	return f, nil
}

func sniffDelimiter(head []byte) rune {
	best, fields := ',', 1
	for _, lenient := range []bool{false, true} {
		for _, c := range ",\t;|" {
			if n := consistent(head, c, lenient); n > fields {
				best, fields = c, n
			}
		}
		if fields > 1 {
			break
		}
	}
	return best
}

// consistent returns the number of fields of the first records, 0 where they
// differ; of the first alone where lenient.
func consistent(head []byte, delimiter rune, lenient bool) int {
	r := newReader(bytes.NewReader(head), delimiter)
	fields := 0
	for range headRecords {
		record, err := r.Read()
		if err != nil || len(head) == headBytes && r.InputOffset() == int64(len(head)) {
			break // the end, or a record cut off by the end of head
		}
		if fields != 0 && len(record) != fields {
			return 0
		}
		if fields = len(record); lenient {
			break
		}
	}
	return fields
}

func newReader(r io.Reader, delimiter rune) *csv.Reader {
	c := csv.NewReader(r)
	c.Comma = delimiter
	c.FieldsPerRecord = -1
	c.ReuseRecord = true
	c.LazyQuotes = true
	return c
}

// errRecord says that a record is longer than maxRecord.
var errRecord = errors.New("a record is longer than 64 MiB: close its quote")

// bounded is a reader that ends with an error when too much is read for a
// single record.
type bounded struct {
	io.Reader
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errRecord
	}
	n, err := b.Reader.Read(p)
	b.left -= n
	return n, err
}

// records calls visit for the records of a file below its header with their
// line numbers; the record is reused.
func records(file string, f form, visit func(line int, record []string) error) (err error) {
	in, err := datasets.OpenText(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	limited := &bounded{Reader: in, left: maxRecord}
	r := newReader(limited, f.delimiter)
	for n := 0; ; n++ {
		record, err := r.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", base(file), err)
		}
		limited.left = maxRecord
		if n == 0 && f.header {
			continue
		}
		line, _ := r.FieldPos(0)
		if err := visit(line, record); err != nil {
			return err
		}
	}
}

// parseNumber parses decimal notation, as datasets does: no words, no
// hexadecimal digits.
func parseNumber(s string) (float64, bool) {
	if s == "" {
		return 0, false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9', c == '.', c == '-', c == '+', c == 'e', c == 'E':
		default:
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil
}
