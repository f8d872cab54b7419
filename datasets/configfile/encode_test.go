package configfile

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"pgregory.net/rapid"
)

type encoded struct {
	Text   string             `yaml:"text"`
	F      float64            `yaml:"f"`
	G      float32            `yaml:"g"`
	I      int64              `yaml:"i"`
	U      uint64             `yaml:"u"`
	B      bool               `yaml:"b"`
	D      time.Duration      `yaml:"d"`
	P      *string            `yaml:"p"`
	Texts  []string           `yaml:"texts"`
	Nested [][]float64        `yaml:"nested"`
	M      map[string]float64 `yaml:"m"`
	Parts  []part             `yaml:"parts"`
}

type part struct {
	Name string            `yaml:"name,omitempty"`
	Sub  map[string]string `yaml:"sub,omitempty"`
	Deep []part            `yaml:"deep,omitempty"`
}

func TestMarshalGolden(t *testing.T) {
	type inner struct {
		Query  string   `yaml:"query"`
		Tail   string   `yaml:"tail"`
		Hidden int      `yaml:"-"`
		Zero   int      `yaml:"zero,omitempty"`
		Units  []int    `yaml:"units"`
		None   []string `yaml:"none"`
	}
	type outer struct {
		common `yaml:",inline"`
		Name   string            `yaml:"name"`
		Rate   float64           `yaml:"rate"`
		Inner  *inner            `yaml:"inner"`
		List   []part            `yaml:"list"`
		Map    map[string]string `yaml:"map"`
		Nil    *inner            `yaml:"nil"`
		Limit  time.Duration     `yaml:"limit"`
	}
	got, err := Marshal(&outer{
		common: common{3}, Name: "yes", Rate: 1e-5,
		Inner: &inner{Query: "select *\n  from x\n\nwhere a < 'b'", Tail: "a\nb\n", Units: []int{64, 32}},
		List:  []part{{Name: "p", Sub: map[string]string{"b": "x: y", "a": "1e5"}}, {}},
		Limit: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `seed: 3
name: "yes"
rate: 1e-05
inner:
  query: |-
    select *
      from x

    where a < 'b'
  tail: |
    a
    b
  units: [64, 32]
  none: []
list:
  - name: p
    sub:
      a: "1e5"
      b: "x: y"
  - {}
map: {}
"nil": null
limit: 1s
`
	want = strings.Replace(want, `"nil"`, "nil", 1)
	if string(got) != want {
		t.Fatalf("got:\n%s\nwant:\n%s", got, want)
	}
}

// TestMarshalRoundTrip checks that everything written reads back equal, here and,
// for its text, by the YAML library.
func TestMarshalRoundTrip(t *testing.T) {
	text := rapid.OneOf(
		rapid.String(),
		rapid.StringMatching(`[ \t\n#:\-'"|>&*!%@{}\[\],a1.~e]{0,12}`),
		rapid.SampledFrom([]string{"", "~", "null", "yes", "1e5", "0x1f", "1_0", ".inf", "- a", "a: b", "a #b", "\u2028", "\uFEFF", "é", "<<", "=", "---", "a\nb", "a\n\nb\n", " a\nb", "a\n  b\n", "\ta\nb", "a \nb", "a\n \nb", "a\r\nb", "a\u0085b", "\x7f\n", "\U000E0001x", "\u200b"}),
	)
	var parts func(depth int) *rapid.Generator[[]part]
	parts = func(depth int) *rapid.Generator[[]part] {
		return rapid.Custom(func(t *rapid.T) []part {
			n := rapid.IntRange(0, 2).Draw(t, "n")
			var out []part
			for range n {
				p := part{Name: text.Draw(t, "name")}
				if rapid.Bool().Draw(t, "sub") {
					p.Sub = rapid.MapOfN(text, text, 1, 3).Draw(t, "map")
				}
				if depth > 0 {
					p.Deep = parts(depth-1).Draw(t, "deep")
				}
				out = append(out, p)
			}
			return out
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		in := encoded{
			Text:   text.Draw(t, "text"),
			F:      rapid.Float64().Filter(func(x float64) bool { return !math.IsNaN(x) }).Draw(t, "f"),
			G:      rapid.Float32().Filter(func(x float32) bool { return x == x }).Draw(t, "g"),
			I:      rapid.Int64().Draw(t, "i"),
			U:      rapid.Uint64().Draw(t, "u"),
			B:      rapid.Bool().Draw(t, "b"),
			D:      time.Duration(rapid.Int64().Draw(t, "d")),
			Texts:  rapid.SliceOfN(text, 0, 12).Draw(t, "texts"),
			Nested: [][]float64{{1, 2.5}, {}, {-1e300}},
			M:      rapid.MapOf(text, rapid.Just(1.5)).Draw(t, "m"),
			Parts:  parts(2).Draw(t, "parts"),
		}
		if rapid.Bool().Draw(t, "hasP") {
			s := text.Draw(t, "p")
			in.P = &s
		}
		b, err := Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		var out encoded
		if err := Parse("x", b, &out, nil); err != nil {
			t.Fatalf("%v\n%s", err, b)
		}
		if out.Texts == nil {
			out.Texts = []string{}
		}
		if !reflect.DeepEqual(normal(in), normal(out)) {
			t.Fatalf("in  %+v\nout %+v\n%s", in, out, b)
		}
		var library struct {
			Text string `yaml:"text"`
		}
		if err := yaml.Unmarshal(b, &library); err != nil {
			t.Fatalf("%v\n%s", err, b)
		}
		if library.Text != in.Text {
			t.Fatalf("the library reads %q, written %q\n%s", library.Text, in.Text, b)
		}
	})
}

// normal removes the difference between nil and empty.
func normal(e encoded) string {
	b, err := json.Marshal(e)
	if err != nil {
		return err.Error() + string(b)
	}
	return strings.NewReplacer("null", "[]", "{}", "[]").Replace(string(b))
}

func TestMarshalRefuses(t *testing.T) {
	type loop struct {
		Next *loop `yaml:"next"`
	}
	l := &loop{}
	l.Next = l
	for _, v := range []any{nil, 3, struct{ A string }{"\xff"}, struct{ A chan int }{make(chan int)}, l, struct{ A map[bool]int }{map[bool]int{true: 1}}} {
		if b, err := Marshal(v); err == nil {
			t.Errorf("Marshal(%T) = %q", v, b)
		}
	}
}

func TestSchema(t *testing.T) {
	b, err := Schema(config{}, "a run")
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		Title      string
		Additional *bool `json:"additionalProperties"`
		Required   []string
		Properties map[string]json.RawMessage
		Defs       map[string]struct {
			Additional *bool `json:"additionalProperties"`
			Properties map[string]struct {
				Type        string
				Description string
				Minimum     *float64
			}
		} `json:"$defs"`
	}
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	if s.Title != "a run" || s.Additional == nil || *s.Additional || len(s.Required) != 0 {
		t.Fatalf("%s", b)
	}
	for _, f := range fieldsOf(reflect.TypeFor[config]()).list {
		if _, ok := s.Properties[f.name]; !ok {
			t.Errorf("no property %q", f.name)
		}
	}
	tr := s.Defs["configfile.train"]
	if tr.Additional == nil || *tr.Additional {
		t.Error("train takes additional keys")
	}
	batch := tr.Properties["batch"]
	if batch.Type != "integer" || batch.Description != "rows of a step, before accumulation" || batch.Minimum == nil || *batch.Minimum != 1 {
		t.Errorf("%+v", batch)
	}
	if tr.Properties["limit"].Type != "string" {
		t.Errorf("%+v", tr.Properties["limit"])
	}
	for _, bad := range []any{nil, 3, struct{ A chan int }{}} {
		if _, err := Schema(bad, ""); err == nil {
			t.Errorf("Schema(%T) succeeded", bad)
		}
	}
}
