package configfile

import (
	"reflect"
	"testing"
)

// FuzzParse checks that no text makes Parse panic, and that what it accepts is
// written back to the same value.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"", "name: x\n", "train: {batch: 1e3}\n", "a: &a {b: *a}\n", "<<: [*x]\n", "layers:\n- dense: 1\n", "? a\n: b\n", "- - - -", "[[[", "\tx", "a: |\n  x\n \ty",
		"%YAML 1.2\n---\n", "a: !!str\n", "\"\\u12", "name: 'it''s'\ntags: [1, a]\nextra: {x: [~, 1.5]}\n", "columns:\n  a.b: {type: t}\n  <<: &q {}\n", "!!map", "&a", "*a", "a: >-\n\n\n", "? ", ": ", "---\n...\n", "{a, b: }",
	} {
		f.Add([]byte(s), "train.batch=3")
	}
	f.Add([]byte("layers: [{dense: 1}]"), "layers.0.dense=64")
	f.Add([]byte("name: x"), `"a.b"."=[`)
	f.Fuzz(func(t *testing.T, src []byte, set string) {
		for _, sets := range [][]string{nil, {set}} {
			var c config
			err := Parse("run.yaml", src, &c, sets)
			if err != nil {
				_ = err.Error()
				continue
			}
			if c.Train.Schedule != nil || !c.When.IsZero() {
				continue // these two do not write the form they read
			}
			b, err := Marshal(c)
			if err != nil {
				t.Fatalf("%+v: %v", c, err)
			}
			var again config
			if err := Parse("again.yaml", b, &again, nil); err != nil {
				t.Fatalf("%v\n%s", err, b)
			}
			b2, err := Marshal(again)
			if err != nil || !reflect.DeepEqual(b, b2) {
				t.Fatalf("%v\n%s\n%s", err, b, b2)
			}
		}
	})
}
