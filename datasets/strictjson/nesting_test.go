package strictjson

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestNesting(t *testing.T) {
	deep := func(n int, open, shut string) string { return strings.Repeat(open, n) + "1" + strings.Repeat(shut, n) }
	for _, c := range []struct {
		name, text string
		deep       bool
		line       int
	}{
		{"as deep as allowed", deep(MaxDepth, `{"a":`, `}`), false, 1},
		{"one deeper", deep(MaxDepth+1, `{"a":`, `}`), true, 1},
		{"lists", "{}\n{}\n" + deep(MaxDepth+1, `[`, `]`), true, 3},
		{"lists and objects", deep(MaxDepth/2+1, `[{"a":`, `}]`), true, 1},
		{"brackets of strings", `{"a":"` + strings.Repeat("[", 1000) + `"}`, false, 1},
		{"brackets behind an escaped quote", `{"a":"\"` + strings.Repeat("[", 1000) + `"}`, false, 1},
		{"brackets behind an escaped escape", `{"a":"\\",` + deep(MaxDepth, `"b":[`, `]`), true, 1},
		{"many values", strings.Repeat(`{"a":[1,{"b":2}]}`+"\n", 1000), false, 1001},
		{"over several lines", strings.Repeat("[\n", MaxDepth+1), true, MaxDepth + 1},
		{"behind a quote too many", `{"a":"` + "\n" + deep(MaxDepth+1, `[`, `]`), true, 2},
		{"behind an escape at the end of a line", `{"a":"\` + "\n" + deep(MaxDepth+1, `[`, `]`), true, 2},
		{"behind brackets too many", "}}}]]\n" + deep(MaxDepth+65, `[`, `]`), true, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, size := range []int{1, 2, 7, 1 << 20} {
				var n Nesting
				deep := false
				for from := 0; from < len(c.text) && !deep; from += size {
					deep = n.Deep([]byte(c.text[from:min(len(c.text), from+size)]))
				}
				if deep != c.deep || n.Line() != c.line {
					t.Errorf("in pieces of %d: too deep: %v in line %d, not %v in line %d", size, deep, n.Line(), c.deep, c.line)
				}
			}
		})
	}
}

func BenchmarkNesting(b *testing.B) {
	var text strings.Builder
	for i := range 10000 {
		fmt.Fprintf(&text, `{"session_id": "s%08d", "price": %d.25, "tags": ["red", "new \"x\""], "purchased": %v}`+"\n", i, i%977, i%3 == 0)
	}
	whole := []byte(text.String())
	b.SetBytes(int64(len(whole)))
	for b.Loop() {
		if new(Nesting).Deep(whole) {
			b.Fatal("too deep")
		}
	}
}

// FuzzNesting compares blocks with bytes one by one: the same verdict and line for JSON, however it is cut.
func FuzzNesting(f *testing.F) {
	f.Add(strings.Repeat(`{"a":[1,"\\\"[{"]}`+"\n", 20), uint8(3))
	f.Add(strings.Repeat(`[`, 200), uint8(0))
	f.Add(`{"a":"`+strings.Repeat(`\`, 63)+`"}`, uint8(64))
	f.Add(strings.Repeat("[\n", 80)+strings.Repeat(`"\\`, 70)+strings.Repeat("\n", 80), uint8(1))
	f.Fuzz(func(t *testing.T, text string, cut uint8) {
		at := min(int(cut), len(text))
		var blocks, bytes Nesting
		deep := blocks.Deep([]byte(text[:at])) || blocks.Deep([]byte(text[at:]))
		exact := bytes.each([]byte(text))
		if deep && !exact {
			t.Errorf("too deep in blocks, not by bytes")
		}
		if !json.Valid([]byte(text)) {
			return
		}
		if deep != exact || blocks != bytes {
			t.Errorf("%v %+v in blocks, %v %+v by bytes", deep, blocks, exact, bytes)
		}
	})
}
