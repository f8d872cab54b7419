package prepare_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"debut/datasets/duck"
	"debut/datasets/table"
)

// example is what commands read: files, and how a source describes them.
type example struct {
	files  []file
	source table.Source
	// train are the files that a model is trained on before it reads the others; nil for those themselves.
	train []file
}

// file is a file by what is written to it: a text, compressed where its name says so, or for Parquet SQL of its rows.
type file struct{ name, text string }

// label is the column that models predict.
const label = "label"

func (e *example) String() string {
	var b strings.Builder
	for _, f := range e.files {
		fmt.Fprintf(&b, "{%q, %q},\n", f.name, f.text)
	}
	for _, f := range e.train {
		fmt.Fprintf(&b, "train {%q, %q},\n", f.name, f.text)
	}
	s := e.source
	fmt.Fprintf(&b, "Source{Path: %q", s.Path)
	for _, field := range []struct {
		name string
		set  bool
		text string
	}{
		{"Delimiter", s.Delimiter != "", fmt.Sprintf("%q", s.Delimiter)},
		{"Header", s.Header != nil, fmt.Sprintf("new(%t)", s.Header != nil && *s.Header)},
		{"Names", s.Names != nil, fmt.Sprintf("%#v", s.Names)},
		{"Null", s.Null != nil, fmt.Sprintf("%#v", s.Null)},
		{"Types", s.Types != nil, fmt.Sprintf("%#v", s.Types)},
		{"Decimal", s.Decimal != "", fmt.Sprintf("%q", s.Decimal)},
		{"Thousands", s.Thousands != "", fmt.Sprintf("%q", s.Thousands)},
		{"Comment", s.Comment != "", fmt.Sprintf("%q", s.Comment)},
		{"Encoding", s.Encoding != "", fmt.Sprintf("%q", s.Encoding)},
	} {
		if field.set {
			fmt.Fprintf(&b, ", %s: %s", field.name, field.text)
		}
	}
	return b.String() + "}"
}

// writer writes files into folders; it is of one goroutine.
type writer struct{ db *duck.DB }

func newWriter(t testing.TB) *writer {
	t.Helper()
	db, err := duck.Open(duck.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return &writer{db}
}

func (w *writer) write(dir string, files []file) error {
	for _, f := range files {
		path := filepath.Join(dir, f.name)
		if strings.HasSuffix(f.name, ".parquet") {
			if err := w.db.Query(context.Background(), "COPY ("+f.text+") TO "+duck.Literal(path)+" (FORMAT parquet)", nil); err != nil {
				return fmt.Errorf("%s: %w", f.text, err)
			}
			continue
		}
		content, err := compressed(f)
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func compressed(f file) ([]byte, error) {
	switch filepath.Ext(f.name) {
	case ".gz":
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write([]byte(f.text)); err != nil {
			return nil, err
		}
		err := z.Close()
		return b.Bytes(), err
	case ".zst":
		z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return z.EncodeAll([]byte(f.text), nil), z.Close()
	}
	return []byte(f.text), nil
}
