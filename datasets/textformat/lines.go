package textformat

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// open returns the text of a file, decompressed if its first bytes say that it
// is compressed.
func open(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(f, 1<<17)
	r, free, err := decompress(in)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return &text{Reader: r, free: free, file: f}, nil
}

type text struct {
	io.Reader
	free func()
	file *os.File
}

func (t *text) Close() error {
	t.free()
	return t.file.Close()
}

func decompress(in *bufio.Reader) (io.Reader, func(), error) {
	magic, err := in.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, nil, fmt.Errorf("begins like gzip, but is not: %w", err)
		}
		return z, func() {}, nil
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		// A window is memory that the file asks for: as much as zstd --long takes.
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(1<<27))
		if err != nil {
			return nil, nil, fmt.Errorf("begins like zstd, but is not: %w", err)
		}
		return z, z.Close, nil
	}
	return in, func() {}, nil
}

// lines cuts a text into lines without copying them.
type lines struct {
	ctx   context.Context
	src   io.Reader
	buf   []byte
	at    int   // where the next line begins
	seen  int   // where the search for its end goes on
	limit int   // of a line's length
	line  int64 // number of the last line
	err   error // what ended src
}

const firstBuffer = 1 << 18

func (l *lines) reset(ctx context.Context, src io.Reader, limit int) {
	if l.buf == nil {
		l.buf = make([]byte, 0, firstBuffer)
	}
	*l = lines{ctx: ctx, src: src, buf: l.buf[:0], limit: limit}
}

// fill reads more of the text behind the lines not yet taken.
func (l *lines) fill() {
	if l.at > 0 {
		n := copy(l.buf, l.buf[l.at:])
		l.buf, l.seen, l.at = l.buf[:n], l.seen-l.at, 0
	}
	if len(l.buf) == cap(l.buf) {
		grown := make([]byte, len(l.buf), 2*cap(l.buf))
		copy(grown, l.buf)
		l.buf = grown
	}
	if l.err = l.ctx.Err(); l.err != nil {
		return
	}
	for range 100 {
		n, err := l.src.Read(l.buf[len(l.buf):cap(l.buf)])
		l.buf = l.buf[:len(l.buf)+n]
		if l.err = err; n > 0 || err != nil {
			return
		}
	}
	l.err = io.ErrNoProgress
}

// next returns the next line without its end, or io.EOF. It is valid until the
// following call.
func (l *lines) next() ([]byte, error) {
	for {
		if n := bytes.IndexByte(l.buf[l.seen:], '\n'); n >= 0 {
			end := l.seen + n
			return l.take(end, end+1)
		}
		l.seen = len(l.buf)
		if l.err != nil {
			if errors.Is(l.err, io.EOF) && l.at < len(l.buf) {
				return l.take(len(l.buf), len(l.buf))
			}
			return nil, l.err
		}
		if len(l.buf)-l.at > l.limit+1 {
			return nil, l.tooLong()
		}
		l.fill()
	}
}

func (l *lines) take(end, next int) ([]byte, error) {
	line := l.buf[l.at:end]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	if len(line) > l.limit {
		return nil, l.tooLong()
	}
	l.at, l.seen = next, next
	l.line++
	return line, nil
}

func (l *lines) tooLong() error {
	l.line++
	return fmt.Errorf("a line of more than %d bytes; is the file in this format, and does it have line ends?", l.limit)
}

// start leaves a byte order mark out, refuses UTF-16, and returns the first
// lines that are not blank, which next will return again.
func (l *lines) start() ([][]byte, error) {
	const enough, most = 1 << 16, 64
	for l.err == nil && len(l.buf) < enough {
		l.fill()
	}
	if l.err != nil && !errors.Is(l.err, io.EOF) {
		return nil, l.err
	}
	if bytes.HasPrefix(l.buf, []byte("\xff\xfe")) || bytes.HasPrefix(l.buf, []byte("\xfe\xff")) {
		return nil, errors.New("the text is UTF-16; convert it to UTF-8, for example with iconv -f UTF-16 -t UTF-8")
	}
	if bytes.HasPrefix(l.buf, []byte("\xef\xbb\xbf")) {
		l.at, l.seen = 3, 3
	}
	var first [][]byte
	for rest := l.buf[l.at:]; len(rest) > 0 && len(first) < most; {
		line, after, ended := bytes.Cut(rest, []byte("\n"))
		// The last line may be cut off in the middle.
		if !ended && l.err == nil && len(first) > 0 {
			break
		}
		if rest = after; len(trim(line)) > 0 {
			first = append(first, bytes.TrimSuffix(line, []byte("\r")))
		}
	}
	return first, nil
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// trim removes blanks, tabs and carriage returns around a text.
func trim(b []byte) []byte {
	for len(b) > 0 && (blank(b[0]) || b[0] == '\r') {
		b = b[1:]
	}
	for len(b) > 0 && (blank(b[len(b)-1]) || b[len(b)-1] == '\r') {
		b = b[:len(b)-1]
	}
	return b
}
