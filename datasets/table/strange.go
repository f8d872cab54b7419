package table

import (
	"bytes"
	"context"
	"errors"
	"io"
)

// fieldScanner looks at the fields of CSV text, without reading them, for numbers that DuckDB reads and Go does not:
// 1_000, +-1, and those that are codes for the zero in front of them. It errs on the side of finding one.
type fieldScanner struct {
	delimiter byte
	wanted    []bool // by column: the field is a number
	codes     []bool // a zero in front makes it a code

	column int
	quoted bool
	closed bool // the character before closed a quote
	begin  bool // nothing but blanks, signs and quotes of the field so far
	zero   bool // a zero in front
	signed bool
}

// find reports whether there is such a number in a part of the text.
func (s *fieldScanner) find(text []byte) bool {
	for _, c := range text {
		closed := s.closed
		s.closed = false
		switch {
		case c == '"' && (s.quoted || s.begin || closed): // within a field that does not begin with one, it is a character
			s.closed = s.quoted
			s.quoted = !s.quoted
			s.zero = false
		case c == s.delimiter && !s.quoted:
			s.column++
			s.begin, s.zero, s.signed = true, false, false
		case c == '\n' && !s.quoted:
			s.column, s.begin, s.zero, s.signed = 0, true, false, false
		case s.column >= len(s.wanted) || !s.wanted[s.column]:
			s.begin = s.begin && c == ' '
		case c == '_':
			return true
		case s.zero:
			if s.zero = false; c >= '0' && c <= '9' {
				return true
			}
		case s.begin:
			switch c {
			case ' ', '\t', '\r':
			case '+', '-':
				if s.signed {
					return true
				}
				s.signed = true
			default:
				s.begin = false
				s.zero = c == '0' && s.codes[s.column]
			}
		}
	}
	return false
}

// strangeNumbers reports whether there are such numbers in the files, in the columns for which wanted says so; codes says
// where a zero in front is one.
func (d *dialect) strangeNumbers(ctx context.Context, files []string, wanted, codes []bool) (bool, error) {
	for _, file := range files {
		found, err := d.strangeInFile(ctx, file, wanted, codes)
		if err != nil || found {
			return found, err
		}
	}
	return false, nil
}

func (d *dialect) strangeInFile(ctx context.Context, file string, wanted, codes []bool) (found bool, err error) {
	in, err := OpenText(file)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	s := fieldScanner{delimiter: byte(d.delimiter), wanted: wanted, codes: codes, begin: true}
	buffer := make([]byte, 1<<18)
	lines := d.skip // above the table, and its header: neither matters, as long as their quotes are closed
	for {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		n, err := in.Read(buffer)
		text := buffer[:n]
		for lines > 0 && len(text) > 0 {
			_, after, found := bytes.Cut(text, []byte{'\n'})
			if text = after; found {
				lines--
			}
		}
		if s.find(text) {
			return true, nil
		}
		if err == io.EOF {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
}

// scanning is a search for strange numbers that goes on while DuckDB reads.
type scanning struct {
	cancel context.CancelFunc
	done   chan struct{}
	found  bool
	err    error
}

// scan begins a search in the background.
func (d *dialect) background(ctx context.Context, files []string, wanted, codes []bool) *scanning {
	ctx, cancel := context.WithCancel(ctx)
	s := &scanning{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		s.found, s.err = d.strangeNumbers(ctx, files, wanted, codes)
	}()
	return s
}

// stop ends the search.
func (s *scanning) stop() {
	if s != nil {
		s.cancel()
		<-s.done
	}
}

// result waits for what the search found.
func (s *scanning) result() (bool, error) {
	if s == nil {
		return false, nil
	}
	<-s.done
	return s.found, s.err
}
