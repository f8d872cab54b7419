package head

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"debut/datasets/configfile"
	"debut/datasets/duck"
	"debut/datasets/table"
	"debut/datasets/textformat"
)

// errUncut is a file whose beginning cannot be told from the rest.
var errUncut = errors.New("head: the file cannot be cut")

// cutBytes is after how much the beginning of a file ends, however few records that is
// beyond those asked for. A record that has more is one that cannot be read.
const cutBytes = 16 << 20

// cut copies so many records of a text file, and what stands before them, into a file of
// the same name among the temporary ones, in UTF-8; more says that there are others.
func (r *reading) cut(src table.Source, file, format string, records int) (path string, more bool, err error) {
	in, err := src.OpenText(file)
	if err != nil {
		return "", false, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	path = filepath.Join(r.dir, uncompressed(filepath.Base(file)))
	out, err := os.Create(path)
	if err != nil {
		return "", false, fmt.Errorf("head: %w", err)
	}
	w := bufio.NewWriter(out)
	source := bufio.NewReaderSize(&canceling{r.ctx, in}, 1<<16)
	if format == "json" {
		more, err = cutValues(source, w, records)
	} else {
		more, err = cutLines(source, w, records+1, r.o.Rows+1, src) // and the header
	}
	switch {
	case r.ctx.Err() != nil:
		err = r.ctx.Err()
	case err != nil && !errors.Is(err, errUncut):
		err = fmt.Errorf("read %s: %w", filepath.Base(file), err)
	}
	return path, more, errors.Join(err, w.Flush(), out.Close())
}

// canceling is a reader that ends with a context.
type canceling struct {
	ctx context.Context
	in  io.Reader
}

// Read reads unless the context has ended.
func (c *canceling) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.in.Read(b)
}

// cutLines copies records of CSV: lines, of which those that end within quotes go on. Blank
// lines and comments are none. Where records are long it ends with fewer, but for least.
func cutLines(in *bufio.Reader, out io.Writer, records, least int, src table.Source) (more bool, err error) {
	separators := []byte(",;\t|")
	if len(src.Delimiter) == 1 {
		separators = []byte(src.Delimiter)
	}
	quoted, start, blank, comment, copied, begun := false, true, true, false, 0, 0
	for n, whole := 0, true; ; {
		if whole && (n == records || n >= least && copied >= cutBytes) || copied-begun >= cutBytes {
			break
		}
		line, err := in.ReadSlice('\n')
		if _, failed := out.Write(line); failed != nil {
			return false, failed
		}
		copied += len(line)
		if whole && src.Comment != "" && bytes.HasPrefix(line, []byte(src.Comment)) {
			comment = true
		}
		if comment {
			line, comment = nil, errors.Is(err, bufio.ErrBufferFull)
		}
		for _, b := range line {
			switch {
			case b == '"' && (quoted || start):
				quoted = !quoted
			case b != '\r' && b != '\n':
				blank = false
			}
			start = b == '\n' || bytes.IndexByte(separators, b) >= 0
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			whole = false
			continue
		case errors.Is(err, io.EOF):
			return false, nil
		case err != nil:
			return false, err
		}
		if whole = !quoted; whole {
			begun = copied
			if !blank {
				n, blank = n+1, true
			}
		}
	}
	rest, err := in.Peek(1)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return len(rest) > 0, err
}

// cutValues copies values of JSON, one a line: those of a list, or those that the file
// has one behind the other.
func cutValues(in *bufio.Reader, out io.Writer, values int) (more bool, err error) {
	limit := &io.LimitedReader{R: in, N: cutBytes}
	d := json.NewDecoder(limit)
	first, err := firstByte(in)
	if err != nil {
		return false, err
	}
	if first == '[' {
		if _, err := d.Token(); err != nil {
			return false, errUncut
		}
	}
	var line bytes.Buffer
	for n := 0; d.More(); n++ {
		if n == values {
			return true, nil
		}
		limit.N = cutBytes
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return false, errors.Join(errUncut, err)
		}
		line.Reset()
		if err := json.Compact(&line, value); err != nil {
			return false, errors.Join(errUncut, err)
		}
		line.WriteByte('\n')
		if _, err := out.Write(line.Bytes()); err != nil {
			return false, err
		}
	}
	if limit.N <= 0 {
		return false, errUncut
	}
	return false, nil
}

// firstByte returns the first byte that is no blank, and leaves it unread.
func firstByte(in *bufio.Reader) (byte, error) {
	for {
		b, err := in.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return 0, errUncut
		case err != nil:
			return 0, err
		case b != ' ' && b != '\t' && b != '\r' && b != '\n':
			return b, in.UnreadByte()
		}
	}
}

// sparse reads the beginning of a file in one of the field's text formats: the columns are
// those that its first rows need.
func (r *reading) sparse(src table.Source, file string) (*Table, error) {
	cut, more, err := r.cut(src, file, src.Format, max(r.o.Rows, sampleRows))
	if err != nil {
		return nil, err
	}
	rows := filepath.Join(r.dir, "table.parquet")
	if err := r.stage(src, cut, rows); err != nil {
		return nil, err
	}
	t, err := r.parquet(table.Source{Path: configfile.Strings{rows}})
	if err != nil {
		return nil, err
	}
	if more {
		t.Sampled, t.Total = int(t.Total), -1
	}
	return t, nil
}

// stage writes the table of a file in a text format.
func (r *reading) stage(src table.Source, file, to string) error {
	db, err := duck.Open(duck.Options{Threads: 1})
	if err != nil {
		return err
	}
	defer db.Close()
	o := textformat.Options{Format: src.Format, Delimiter: string(src.Delimiter), Columns: src.Names, Header: src.Header}
	if _, err := textformat.Stage(r.ctx, db, "head", []string{file}, o); err != nil {
		return err
	}
	return db.Query(r.ctx, "COPY head TO "+duck.Literal(to)+" (FORMAT parquet)", nil)
}
