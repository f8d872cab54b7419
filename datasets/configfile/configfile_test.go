package configfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

type common struct {
	Seed uint64 `yaml:"seed"`
}

type layer struct {
	Dense   *int     `yaml:"dense,omitempty"`
	Dropout *float64 `yaml:"dropout,omitempty"`
}

type column struct {
	Type string   `yaml:"type"`
	Fill *float64 `yaml:"fill,omitempty"`
}

// level decodes itself from a word or a section.
type level struct {
	Name string
	Size int
}

func (l *level) UnmarshalYAML(decode func(any) error) error {
	var word string
	if err := decode(&word); err == nil {
		l.Name = word
		return nil
	}
	var section struct {
		Name string `yaml:"name"`
		Size int    `yaml:"size"`
	}
	if err := decode(&section); err != nil {
		return err
	}
	l.Name, l.Size = section.Name, section.Size
	return nil
}

type train struct {
	Batch    int           `yaml:"batch" jsonschema:"description=rows of a step\\, before accumulation,minimum=1"`
	Rate     float64       `yaml:"learning_rate"`
	Small    int8          `yaml:"small"`
	Count    uint32        `yaml:"count"`
	Half     float32       `yaml:"half"`
	Shuffle  bool          `yaml:"shuffle"`
	Limit    time.Duration `yaml:"limit"`
	Schedule *level        `yaml:"schedule,omitempty"`
}

type config struct {
	common `yaml:",inline"`
	Name   string            `yaml:"name"`
	Train  train             `yaml:"train"`
	Layers []layer           `yaml:"layers"`
	Cols   map[string]column `yaml:"columns"`
	Tags   []string          `yaml:"tags"`
	Extra  any               `yaml:"extra"`
	When   time.Time         `yaml:"when,omitempty"`
	Pair   [2]int            `yaml:"pair,omitempty"`
	hidden int
}

func ptr[T any](x T) *T { return &x }

func decode(t *testing.T, src string, sets ...string) (config, error) {
	t.Helper()
	var c config
	c.hidden = 1
	return c, Parse("run.yaml", []byte(src), &c, sets)
}

func TestDecode(t *testing.T) {
	src := "\uFEFF# a run\nname: 017\nseed: 18446744073709551615\ntrain:\n  batch: 1e3\n  learning_rate: 1e-3\n  small: -128\n  count: 0x10\n  half: .5\n" +
		"  shuffle: true\n  limit: 1h30m\n  schedule: cosine\nlayers:\n  - dense: 64\n  - {dropout: 0.1}\n" +
		"columns:\n  age: &n {type: number}\n  hours: *n\n  weeks:\n    <<: *n\n    fill: 0\ntags: [a, 1, true, \"\"]\nextra: {a: [1, 2.5, x, ~]}\nwhen: 2024-01-02T03:04:05Z\npair: [1, 2]\n"
	var got config
	if err := Parse("run.yaml", []byte(src), &got, nil); err != nil {
		t.Fatal(err)
	}
	want := config{
		common: common{Seed: 18446744073709551615},
		Name:   "017",
		Train: train{Batch: 1000, Rate: 1e-3, Small: -128, Count: 16, Half: .5, Shuffle: true, Limit: 90 * time.Minute,
			Schedule: &level{Name: "cosine"}},
		Layers: []layer{{Dense: ptr(64)}, {Dropout: ptr(0.1)}},
		Cols:   map[string]column{"age": {Type: "number"}, "hours": {Type: "number"}, "weeks": {Type: "number", Fill: ptr(0.0)}},
		Tags:   []string{"a", "1", "true", ""},
		Extra:  map[string]any{"a": []any{1, 2.5, "x", nil}},
		When:   time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC),
		Pair:   [2]int{1, 2},
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
}

func TestDefaultsStay(t *testing.T) {
	c := config{Train: train{Batch: 7, Rate: .5}, Layers: []layer{{Dense: ptr(1)}}}
	if err := Parse("run.yaml", []byte("train:\n  batch: 9\nlayers:\n"), &c, nil); err != nil {
		t.Fatal(err)
	}
	if c.Train.Batch != 9 || c.Train.Rate != .5 || c.Layers != nil {
		t.Fatalf("%+v", c)
	}
	if err := Parse("run.yaml", []byte("train:\n"), &c, nil); err != nil || c.Train.Batch != 9 {
		t.Fatalf("an empty section: %v, %+v", err, c)
	}
	for _, src := range []string{"", "# nothing\n", "---\n", "~"} {
		if err := Parse("run.yaml", []byte(src), &c, nil); err != nil {
			t.Errorf("%q: %v", src, err)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		src  string
		want []string // all of them
	}{
		{"name: x\ntrain:\n  bacth: 3\n", []string{`run.yaml:3:3: unknown key "bacth" in train; did you mean "batch"?`, ">    3 |   bacth: 3", "       |   ^"}},
		{"nme: x\ntrain:\n  zzz: 3\n", []string{`run.yaml:1:1: unknown key "nme"; did you mean "name"?`, `run.yaml:3:3: unknown key "zzz" in train; the keys are: batch, learning_rate`}},
		{"train:\n  batch: many\n", []string{`run.yaml:2:10: train.batch: "many" is not a whole number`}},
		{"train:\n  batch: 1.5\n", []string{`train.batch: 1.5 is not a whole number`}},
		{"train:\n  batch: \"5\"\n", []string{`train.batch: "5" is a text, not a whole number; remove the quotes`}},
		{"train:\n  batch:\n", []string{`run.yaml:2:3: train.batch: has no value; give a whole number or remove the key`}},
		{"train:\n  batch: [1]\n", []string{`run.yaml:2:10: train.batch: a list is not a whole number`}},
		{"train:\n  small: 128\n", []string{`train.small: 128 is out of range, whole numbers here go from -128 to 127`}},
		{"train:\n  batch: 99999999999999999999\n", []string{`is out of range`}},
		{"train:\n  count: -1\n", []string{`train.count: -1 is not a whole number of 0 or more`}},
		{"train:\n  count: 5e9\n", []string{`out of range, whole numbers here go from 0 to 4294967295`}},
		{"train:\n  half: 1e39\n", []string{`out of range for a number of 32 bits`}},
		{"train:\n  learning_rate: .nan\n", []string{`train.learning_rate: ".nan" is not a number`}},
		{"train:\n  shuffle: yes\n", []string{`"yes" is not true or false`}},
		{"train:\n  limit: 5\n", []string{`train.limit: 5 is not a duration such as`}},
		{"train: 5\n", []string{`run.yaml:1:8: train: 5 is not a section with keys`}},
		{"tags: a\n", []string{`tags: "a" is not a list; write [a]`}},
		{"name: x\nbatch: 3\n", []string{`run.yaml:2:1: unknown key "batch"; batch is a key of train`}},
		{"train:\n  dropout: 3\n", []string{`run.yaml:2:3: unknown key "dropout" in train; dropout is a key of each section in layers`}},
		{"layers:\n  - dense: 1\n  - dens: 2\n", []string{`run.yaml:3:5: unknown key "dens" in layers.1; did you mean "dense"?`}},
		{"columns:\n  a.b:\n    tpye: x\n", []string{`unknown key "tpye" in columns."a.b"; did you mean "type"?`}},
		{"columns: 3\n", []string{`columns: 3 is not a mapping of names to values`}},
		{"name: [a]\n", []string{`name: a list is not a text`}},
		{"pair: [1]\n", []string{`pair: a list is not a list of 2 values`}},
		{"when: soon\n", []string{`run.yaml:1:7: when: parsing time`}},
		{"name: a\nseed: 1\nname: b\n", []string{`run.yaml:3:1: key "name" is written twice, first at line 1`}},
		{"train:\n  schedule: {nam: x}\n", []string{`run.yaml:2:14: unknown key "nam" in train.schedule; did you mean "name"?`}},
		{"- a\n", []string{`run.yaml:1:1: a run file is a mapping`, "this is a list"}},
		{"hello\n", []string{`this is the text "hello"`}},
		{"train:\n\tbatch: 1\n", []string{`run.yaml:2:1: YAML: a tab where indentation is expected; indent with spaces`}},
		{"name: \xff\n", []string{`run.yaml:1:7: byte 0xff is not UTF-8`}},
		{"name: \x00\n", []string{`run.yaml:1:7: control character U+0000`}},
		{"tags: [1, 2\n", []string{`run.yaml:1:7: YAML: sequence end token ']' not found`}},
		{"a: *nope\n", []string{`run.yaml:1:4: alias *nope has no anchor &nope before it`}},
		{"extra: &a [*a]\n", []string{`alias *a has no anchor`}},
		{"name: a\n---\nname: b\n", []string{`run.yaml:3:1: a second YAML document starts here`}},
		{"name: !foo x\n", []string{`YAML tag !foo is not used`}},
		{"train:\n  <<: 3\n", []string{`"<<" merges a mapping`}},
		{"extra: " + strings.Repeat("[", 300) + strings.Repeat("]", 300), []string{`nested more than 100 deep`}},
		{strings.Repeat("a: b\n", 10_002), []string{`run.yaml: the run file has more than 10000 lines`}},
		{"tags: [" + strings.Repeat("a,", 20_000) + "]", []string{`run.yaml:1:1: the line is longer than 32768 bytes`}},
		{strings.Repeat("[", 5000), []string{`brackets are nested more than 1000 deep`}},
		{"a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e]\n",
			[]string{`more than 100000 values`}},
	} {
		_, err := decode(t, c.src)
		if err == nil {
			t.Errorf("%.60q: no error", c.src)
			continue
		}
		if !errors.Is(err, ErrConfig) {
			t.Errorf("%.60q: not an ErrConfig: %v", c.src, err)
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%.60q:\n got: %v\nwant: %s", c.src, err, w)
			}
		}
	}
}

func TestOverrides(t *testing.T) {
	src := "train:\n  batch: 1\nlayers:\n  - dense: 1\n  - dense: 2\nextra: &x {a: 1}\ncolumns:\n  a.b: {type: number}\n"
	got, err := func() (config, error) {
		var c config
		err := Parse("run.yaml", []byte(src), &c, []string{
			"train.batch=512", "train.learning_rate=1e-2", "layers.1.dense=64", "layers.2={dropout: 0.5}", "name=a=b",
			`columns."a.b".type=text`, "columns.new.type=x", "tags=[p, q]", "train.schedule.size=3",
		})
		return c, err
	}()
	if err != nil {
		t.Fatal(err)
	}
	if got.Train.Batch != 512 || got.Train.Rate != .01 || *got.Layers[1].Dense != 64 || *got.Layers[0].Dense != 1 ||
		*got.Layers[2].Dropout != .5 || got.Name != "a=b" || got.Cols["a.b"].Type != "text" || got.Cols["new"].Type != "x" ||
		len(got.Tags) != 2 || got.Train.Schedule.Size != 3 {
		t.Fatalf("%+v", got)
	}

	// An element of a list of defaults, in a file that does not mention the list.
	shared := []layer{{Dense: ptr(1)}, {Dense: ptr(2)}}
	c := config{Layers: shared, Cols: map[string]column{"a": {Type: "t", Fill: ptr(1.0)}}}
	if err := Parse("run.yaml", nil, &c, []string{"layers.1.dense=5", "layers.2.dropout=0.25", "columns.a.type=u"}); err != nil {
		t.Fatal(err)
	}
	if len(c.Layers) != 3 || *c.Layers[0].Dense != 1 || *c.Layers[1].Dense != 5 || *c.Layers[2].Dropout != .25 {
		t.Fatalf("%+v", c.Layers)
	}
	if c.Cols["a"].Type != "u" || c.Cols["a"].Fill == nil {
		t.Fatalf("%+v", c.Cols)
	}

	for _, e := range []struct{ set, want string }{
		{"train.bacth=3", `--set train.bacth=3: unknown key "bacth" in train; did you mean "batch"?`},
		{"trian.batch=3", `--set trian.batch=3: unknown key "trian"; did you mean "train"?`},
		{"train.batch=many", `--set train.batch=many: train.batch: "many" is not a whole number`},
		{"train.batch.x=1", `--set train.batch.x=1: train.batch is the number 1, not a section`},
		{"layers.x.dense=1", `layers is a list of 2; address an element by its number, such as layers.0`},
		{"layers.7.dense=1", `layers has 2 elements, 0 to 1; 7 would leave a gap`},
		{"layers.0.dens=1", `unknown key "dens" in layers.0; did you mean "dense"?`},
		{"batch", `not of the form key.path=value`},
		{"=3", `not of the form key.path=value`},
		{"tags=[1", `--set tags=[1: YAML: `},
		{"name=", `has no value`},
		{"tags.0.1.2=4", `tags`},
	} {
		_, err := decode(t, src, e.set)
		if err == nil || !strings.Contains(err.Error(), e.want) {
			t.Errorf("%s:\n got: %v\nwant: %s", e.set, err, e.want)
		}
	}
}

// byteDecoding decodes itself in the one way that is not supported.
type byteDecoding struct{}

func (*byteDecoding) UnmarshalYAML([]byte) error { return nil }

// foreign is a field error of another package.
type foreign struct{ path string }

func (e *foreign) Error() string     { return "datasets: " + e.path + ": no" }
func (e *foreign) FieldPath() string { return e.path }

func TestLocate(t *testing.T) {
	f, err := New("run.yaml", []byte("name: x\ntrain:\n  batch: -4\n  schedule: {name: c}\nlayers:\n  - dense: 1\n  - dense: 0\ncolumns:\n  a.b: {type: z}\n"), []string{"train.small=9"})
	if err != nil {
		t.Fatal(err)
	}
	cause := &fieldError{Path: "train.batch", Msg: "must be at least 1"}
	for _, c := range []struct {
		err  error
		want string
	}{
		{cause, "run.yaml:3:10: train.batch: must be at least 1\n"},
		{fmt.Errorf("behavior: %w", cause), "run.yaml:3:10: behavior: train.batch: must be at least 1\n"},
		{&fieldError{Path: "train.rate", Msg: "missing"}, "run.yaml:2:1: train.rate: missing\n"},
		{&fieldError{Path: "train.schedule", Msg: "bad"}, "run.yaml:4:3: train.schedule: bad\n"},
		{&fieldError{Path: "layers.1.dense", Msg: "zero"}, "run.yaml:7:12: layers.1.dense: zero\n"},
		{&fieldError{Path: "layers[1].dense", Msg: "zero"}, "run.yaml:7:12: "},
		{&fieldError{Path: "columns.a.b.type", Msg: "bad"}, "run.yaml:9:15: "},
		{&fieldError{Path: "nothing.here", Msg: "bad"}, "run.yaml:1:1: nothing.here: bad"},
		{&fieldError{Path: "train.small", Msg: "bad"}, "--set train.small=9: train.small: bad"},
		{Prefix("columns", &foreign{"a.b.type"}), "run.yaml:9:15: columns: datasets: a.b.type: no"},
		{Prefix("train", &fieldError{Path: "batch", Msg: "bad"}), "run.yaml:3:10: train.batch: bad"},
		{errors.Join(cause, &fieldError{Path: "name", Msg: "bad"}), "\nrun.yaml:1:7: name: bad"},
		{Prefix("train", errors.Join(&fieldError{Path: "batch", Msg: "bad"})), "run.yaml:3:10: train.batch: bad"},
	} {
		got := f.Locate(c.err)
		if !strings.Contains(got.Error(), c.want) {
			t.Errorf("%v:\n got: %v\nwant: %s", c.err, got, c.want)
		}
		if again := f.Locate(got); again.Error() != got.Error() {
			t.Errorf("located twice: %v", again)
		}
	}
	if !errors.Is(f.Locate(cause), error(cause)) {
		t.Error("the cause is lost")
	}
	plain := errors.New("disk full")
	if got := f.Locate(plain); got.Error() != "disk full" || f.Locate(nil) != nil || Prefix("a", nil) != nil {
		t.Error("an error without a path changed")
	}
	// Two errors in one sentence stay one error.
	sentence := fmt.Errorf("%w: because %w", plain, cause)
	if got := f.Locate(sentence).Error(); !strings.HasPrefix(got, "run.yaml:3:10: disk full: because train.batch: must") {
		t.Error(got)
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "run.yaml")
	if err := os.WriteFile(path, []byte("train:\n  batch: 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var c config
	if err := Load(path, &c, []string{"seed=4"}); err != nil || c.Train.Batch != 3 || c.Seed != 4 {
		t.Fatal(err, c)
	}
	if _, err := Open(filepath.Join(dir, "none.yaml"), nil); !errors.Is(err, os.ErrNotExist) || errors.Is(err, ErrConfig) {
		t.Fatal(err)
	}
	if _, err := Open(dir, nil); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Fatal(err)
	}
	f, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range []any{nil, config{}, (*config)(nil), new(int)} {
		if err := f.Decode(out); err == nil {
			t.Errorf("Decode(%T) succeeded", out)
		}
	}
	var bad struct {
		Train struct {
			Batch chan int `yaml:"batch"`
		} `yaml:"train"`
	}
	if err := f.Decode(&bad); err == nil || errors.Is(err, ErrConfig) {
		t.Errorf("a channel was decoded: %v", err)
	}
	var bytes struct {
		Train byteDecoding `yaml:"train"`
	}
	if err := f.Decode(&bytes); err == nil || !strings.Contains(err.Error(), "UnmarshalYAML(func(any) error)") {
		t.Errorf("bytes were decoded: %v", err)
	}
}

// fieldError is what a configuration's Validate returns.
type fieldError struct{ Path, Msg string }

func (e *fieldError) Error() string     { return e.Path + ": " + e.Msg }
func (e *fieldError) FieldPath() string { return e.Path }
