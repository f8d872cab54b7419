package table

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"debut/datasets/wording"
)

// longestRecord is the most bytes that DuckDB takes for a record of CSV: its max_line_size.
const longestRecord = 2_000_000

// longestObject is the most bytes that DuckDB takes for a record of JSON: its maximum_object_size.
const longestObject = 1 << 24

// errLongRecord is that a record has more bytes than DuckDB takes.
var errLongRecord = errors.New("the record is too long")

// longRecord is the error about a record of a format that has more than most bytes, at a line.
func longRecord(file string, line int, format string, most int) error {
	return &ValueError{Place: fmt.Sprintf("%s:%d", wording.FileName(file), line),
		Problem: tooLong(format, most),
		Remedies: []Remedy{ManualRemedy("close its quote").when("if that is not closed"), ManualRemedy("shorten the field"),
			ManualRemedy("write the data as Parquet, which has no such limit")}}
}

// rationed is a reader that gives up, with errLongRecord, before it has read more than so many bytes.
type rationed struct {
	in   io.Reader
	left int64
}

func (r *rationed) Read(b []byte) (int, error) {
	if r.left <= 0 {
		return 0, errLongRecord
	}
	n, err := r.in.Read(b[:min(int64(len(b)), r.left)])
	r.left -= int64(n)
	return n, err
}

// lastBytes keeps the last bytes of what is written to it.
type lastBytes struct {
	ring []byte
	n    int64 // written so far
}

func (l *lastBytes) Write(b []byte) (int, error) {
	all := len(b)
	l.n += int64(all)
	if over := len(b) - len(l.ring); over > 0 {
		b = b[over:]
	}
	at := int((l.n - int64(len(b))) % int64(len(l.ring)))
	n := copy(l.ring[at:], b)
	copy(l.ring, b[n:])
	return all, nil
}

// bytes are the last ones, in their order.
func (l *lastBytes) bytes() []byte {
	size := int64(len(l.ring))
	if l.n < size {
		return l.ring[:l.n]
	}
	at := l.n % size
	return append(bytes.Clone(l.ring[at:]), l.ring[:at]...)
}

// ending returns the last bytes of a file's content, at least so many as the longest record has, and how many there are in all.
// What is compressed is read to its end: DuckDB takes what it finds of a file that is cut off, without an error.
func ending(ctx context.Context, file string) (_ []byte, total int64, err error) {
	const size = longestRecord + 2 // and its line's end
	switch strings.ToLower(filepath.Ext(file)) {
	case ".gz", ".zst":
	default:
		f, err := os.Open(file)
		if err != nil {
			return nil, 0, fmt.Errorf("read %s: %w", wording.FileName(file), err)
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		info, err := f.Stat()
		if err != nil {
			return nil, 0, fmt.Errorf("read %s: %w", wording.FileName(file), err)
		}
		from := max(0, info.Size()-size)
		text, err := io.ReadAll(io.NewSectionReader(f, from, info.Size()-from))
		if err != nil {
			return nil, 0, fmt.Errorf("read %s: %w", wording.FileName(file), err)
		}
		return text, info.Size(), nil
	}
	in, err := OpenText(file)
	if err != nil {
		return nil, 0, err
	}
	last := &lastBytes{ring: make([]byte, size)}
	_, err = io.Copy(last, &interruptible{ctx, in})
	if err := errors.Join(err, in.Close()); err != nil {
		if ctx.Err() != nil {
			return nil, 0, ctx.Err()
		}
		return nil, 0, fmt.Errorf("read %s: the compressed file is damaged or cut off (%w); copy or download it again", wording.FileName(file), err)
	}
	return last.bytes(), last.n, nil
}

// beginsRecord reports whether a record begins within the end of a text in CSV. Seen from the end, every other quote closes.
func beginsRecord(ending []byte) bool {
	quoted := false
	for ending = bytes.TrimRight(ending, "\r\n"); ; {
		i := bytes.LastIndexAny(ending, "\"\r\n")
		switch {
		case i < 0:
			return false
		case ending[i] == '"':
			quoted = !quoted
		case !quoted:
			return true
		}
		ending = ending[:i]
	}
}

// checkEnding refuses a file whose last record is too long: DuckDB leaves one out that is longer than its buffer, without
// an error. Too long records elsewhere are errors of DuckDB.
func (d *dialect) checkEnding(file string, ending []byte) error {
	if len(ending) <= longestRecord || beginsRecord(ending) {
		return nil
	}
	_, err := d.scanFile(file, func(string, int, []string) bool { return true })
	return err
}
