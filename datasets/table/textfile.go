package table

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"debut/datasets/wording"
)

// textFile is a decompressing reader that closes the file below it too.
type textFile struct {
	io.Reader
	close func() error
	raw   *looking // what is decoded; nil where nothing is
}

func (t *textFile) Close() error { return t.close() }

// OpenText opens a file of UTF-8 text, undoing compression by its extension and
// dropping a byte order mark. What begins as something else, such as UTF-16 or
// Parquet, is an error that says what to do.
func OpenText(file string) (io.ReadCloser, error) { return openText(file, "") }

// OpenText opens one of the source's files as the function OpenText does, and as UTF-8 whatever its encoding is.
func (s *Source) OpenText(file string) (io.ReadCloser, error) { return openText(file, s.Encoding) }

// decompressed opens a file, undoing compression by its extension.
func decompressed(file string) (io.ReadCloser, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", wording.FileName(file), err)
	}
	switch strings.ToLower(filepath.Ext(file)) {
	case ".gz":
		z, err := gzip.NewReader(f)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("read %s: not a gzip file: %w", wording.FileName(file), err), f.Close())
		}
		return &textFile{Reader: z, close: f.Close}, nil
	case ".zst":
		z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("read %s: not a zstd file: %w", wording.FileName(file), err), f.Close())
		}
		return &textFile{Reader: z, close: func() error { z.Close(); return f.Close() }}, nil
	}
	return f, nil
}

// openText is OpenText of a file whose characters are written in an encoding, one of decoders; "" is UTF-8.
func openText(file, encoding string) (io.ReadCloser, error) {
	r, err := decompressed(file)
	if err != nil {
		return nil, err
	}
	closer := r.Close
	b := bufio.NewReaderSize(r, 1<<16)
	l, err := unreadable(file, encoding, b)
	if err != nil {
		return nil, errors.Join(err, closer())
	}
	t := &textFile{Reader: b, close: closer}
	if e := decoders[encoding]; e != nil {
		if l == looksUTF16BE {
			e = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
		}
		t.raw = &looking{Reader: b}
		b = bufio.NewReaderSize(transform.NewReader(t.raw, e.NewDecoder()), 1<<16)
		t.Reader = b
	}
	for { // some programs put a mark before that of others
		if mark, err := b.Peek(len(byteOrderMark)); err != nil || string(mark) != byteOrderMark {
			return t, nil
		}
		if _, err := b.Discard(len(byteOrderMark)); err != nil {
			return nil, errors.Join(err, closer())
		}
	}
}

// unreadable refuses content that is no text in the encoding, by its first bytes, and tells how they look.
func unreadable(file, encoding string, b *bufio.Reader) (looks, error) {
	head, err := b.Peek(1 << 16)
	if err != nil && err != io.EOF && len(head) < 4 { // the beginning of one that is cut off may do
		return 0, fmt.Errorf("read %s: %w; the file seems to be cut off", wording.FileName(file), err)
	}
	for _, m := range []struct{ bytes, what, remedy string }{
		{"\x1f\x8b", "is compressed with gzip, not UTF-8 text", "give it a name that ends in .gz"},
		{"\x28\xb5\x2f\xfd", "is compressed with zstd, not UTF-8 text", "give it a name that ends in .zst"},
		{"PAR1", "is a Parquet file, not UTF-8 text", "give it a name that ends in .parquet, or say that its format is parquet"},
	} {
		if bytes.HasPrefix(head, []byte(m.bytes)) {
			return 0, &ValueError{Place: wording.FileName(file), Problem: m.what, Remedies: []Remedy{ManualRemedy(m.remedy)}}
		}
	}
	l := look(head, err == io.EOF, encoding)
	if len(head) == 0 {
		return l, nil
	}
	return l, misencoded(file, encoding, l)
}

// skipLine reads to the end of a line.
func skipLine(r *bufio.Reader) error {
	for {
		_, err := r.ReadSlice('\n')
		if err == nil || err == io.EOF {
			return nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

// readable makes copies of text files in UTF-8, without the lines that begin with comment, in a folder: DuckDB knows few
// encodings, and takes a comment's character for one anywhere in a line. Where lines are left out, empty ones keep the
// numbers of the others. The copies have the names of the files, as far as they are not compressed.
func readable(ctx context.Context, dir string, files []string, encoding string, comment byte) ([]string, error) {
	out := make([]string, len(files))
	for i, file := range files {
		folder := filepath.Join(dir, strconv.Itoa(i)) // files of one name may come from several folders
		if err := os.Mkdir(folder, 0o700); err != nil {
			return nil, fmt.Errorf("copy %s: %w", wording.FileName(file), err)
		}
		name := filepath.Base(file)
		for _, ext := range []string{".gz", ".zst"} {
			if strings.EqualFold(filepath.Ext(name), ext) {
				name = name[:len(name)-len(ext)]
			}
		}
		out[i] = filepath.Join(folder, name)
		if err := copyReadable(ctx, out[i], file, encoding, comment); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func copyReadable(ctx context.Context, to, file, encoding string, comment byte) (err error) {
	in, err := openText(file, encoding)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("copy %s: %w", wording.FileName(file), err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	r, w := bufio.NewReaderSize(&interruptible{ctx, in}, 1<<16), bufio.NewWriterSize(f, 1<<16)
	begins, leftOut, line := true, false, 1
	var quotes quoteScanner
	for {
		// A line longer than the buffer arrives in pieces.
		piece, err := r.ReadSlice('\n')
		if begins {
			leftOut = !quotes.open && comment != 0 && len(piece) > 0 && piece[0] == comment
		}
		if begins = err == nil; !leftOut {
			quotes.scan(piece)
			if _, err := w.Write(piece); err != nil {
				return fmt.Errorf("copy %s: %w", wording.FileName(file), err)
			}
		} else if begins {
			end := piece[len(piece)-1:]
			if bytes.HasSuffix(piece, []byte("\r\n")) {
				end = piece[len(piece)-2:]
			}
			if _, err := w.Write(end); err != nil {
				return fmt.Errorf("copy %s: %w", wording.FileName(file), err)
			}
		}
		if err == io.EOF {
			break
		}
		if at := bytes.Index(piece, []byte("\ufffd")); at >= 0 && decoders[encoding] != nil && encoding != "utf-16" {
			return &ValueError{Place: fmt.Sprintf("%s:%d", wording.FileName(file), line), Problem: "has bytes that are no characters of " + encoding,
				Remedies: []Remedy{ManualRemedy("convert the file to UTF-8 from the encoding that it has")}}
		}
		if err == nil {
			line++
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("read %s: %w", wording.FileName(file), err)
		}
	}
	if t, ok := in.(*textFile); ok && t.raw != nil && encoding != "utf-16" && t.raw.beyond && !t.raw.invalid && len(t.raw.rest) == 0 {
		return misencoded(file, encoding, looksUTF8)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("copy %s: %w", wording.FileName(file), err)
	}
	return nil
}

// quoteScanner knows whether a place in CSV text is within quotes. It need not know the delimiter: a quote opens a field
// behind anything that could be one.
type quoteScanner struct {
	open   bool
	closed bool // the character before closed a quote
	last   byte // the character before, 0 at the beginning
}

func (q *quoteScanner) scan(text []byte) {
	for _, c := range text {
		closed := q.closed
		if q.closed = false; c == '"' {
			switch {
			case q.open:
				q.open, q.closed = false, true
			case closed, q.last == 0, q.last == '\n', q.last == ',', q.last == ';', q.last == '\t', q.last == '|', q.last == ' ':
				q.open = true
			}
		}
		q.last = c
	}
}
