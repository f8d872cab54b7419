package table

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/configfile"
)

// TestLongRecords reads files whose records are longer than what is read of CSV, wherever they stand: DuckDB leaves the last
// one out, without an error, where it is longer than its buffer of 32 MB.
func TestLongRecords(t *testing.T) {
	var head strings.Builder
	head.WriteString("x1,x2,cat,y\n")
	for i := range 3000 {
		fmt.Fprintf(&head, "%d,%d,c%d,%d\n", i, i%17, i%5, i%2)
	}
	const buffer = 33_000_000
	lines := strings.Repeat(strings.Repeat("x", 99)+"\n", buffer/100)
	for name, c := range map[string]struct{ file, last string }{
		"last":              {"rows.csv", "1,2," + strings.Repeat("x", buffer) + ",1\n"},
		"last, no line end": {"rows.csv", "1,2," + strings.Repeat("x", buffer) + ",1"},
		"last, compressed":  {"rows.csv.gz", "1,2," + strings.Repeat("x", buffer) + ",1\n"},
		"last, of lines":    {"rows.csv", `1,2,"` + lines + `",1` + "\n"},
		"a little longer":   {"rows.csv", "1,2," + strings.Repeat("x", 2_100_000) + ",1\n"},
		"not last":          {"rows.csv", "1,2," + strings.Repeat("x", 3_000_000) + ",1\n" + "1,2,c1,1\n"},
		"never ends":        {"rows.csv.gz", strings.Repeat("\x00", 3*buffer)},
		"never closed":      {"rows.csv", `1,2,"` + lines},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), c.file)
			text := []byte(head.String() + c.last)
			if strings.HasSuffix(c.file, ".gz") {
				var b bytes.Buffer
				z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := z.Write(text); err != nil {
					t.Fatal(err)
				}
				if err := z.Close(); err != nil {
					t.Fatal(err)
				}
				text = b.Bytes()
			}
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := Read(context.Background(), Source{Path: configfile.Strings{path}}, "", nil)
			want := c.file + ":3002: the record that begins here has more than 2000000 bytes"
			if err == nil || !strings.Contains(err.Error(), want) {
				rows := -1
				if f != nil {
					rows = f.Rows
				}
				t.Errorf("%d rows, %v; want an error with %q", rows, err, want)
			}
		})
	}
}

func TestBeginsRecord(t *testing.T) {
	for text, want := range map[string]bool{
		"a,b\nc,d\n":                true,
		"c,d\n":                     false,
		"c,d\r\n":                   false,
		"a\rb":                      true,
		"a,\"x\ny\"\n":              false,
		"a\nb,\"x\ny\"\n":           true,
		"x\ny\",1\n":                false,
		"a,\"he said \"\"x\n\"\"\"": false,
		"":                          false,
		"\n\n":                      false,
	} {
		if got := beginsRecord([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestLastBytes(t *testing.T) {
	for _, size := range []int{1, 3, 7, 100} {
		l := &lastBytes{ring: make([]byte, size)}
		var all []byte
		for i := range 40 {
			piece := bytes.Repeat([]byte{byte('a' + i%26)}, i%5)
			all = append(all, piece...)
			if n, err := l.Write(piece); n != len(piece) || err != nil {
				t.Fatalf("wrote %d of %d: %v", n, len(piece), err)
			}
			if want := all[max(0, len(all)-size):]; !bytes.Equal(l.bytes(), want) {
				t.Fatalf("the last %d of %q: %q", size, all, l.bytes())
			}
		}
	}
}
