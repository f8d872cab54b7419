package configfile

import (
	"slices"
	"testing"
)

func TestDifferences(t *testing.T) {
	was := "name: a\ntrain:\n  batch: 256\n  optimizer: {kind: adam}\nmodel:\n  hidden:\n    - {units: 8}\n    - {units: 4}\ndata:\n  ignore: [x, y]\n  same: \"1\"\n"
	now := "train:\n  batch: 512\n  optimizer: {kind: adam, beta1: 0.8}\nname: a\nmodel:\n  hidden:\n    - {units: 8}\ndata:\n  ignore: [x]\n  same: 1\n"
	got, err := Differences([]byte(was), []byte(now))
	if err != nil {
		t.Fatal(err)
	}
	want := []Difference{
		{"data.ignore", "[x, y]", "[x]"},
		{"model.hidden.1.units", "4", ""},
		{"train.batch", "256", "512"},
		{"train.optimizer.beta1", "", "0.8"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("differences %v, want %v", got, want)
	}
	if got, err = Differences([]byte(was), []byte(was)); err != nil || len(got) > 0 {
		t.Errorf("a file differs from itself in %v, error %v", got, err)
	}
	if _, err = Differences([]byte(was), []byte("a: [")); err == nil {
		t.Error("a damaged file was compared")
	}
}

// A file has the values that it says, with its overrides, by the paths that differences have.
func TestValue(t *testing.T) {
	f, err := New("run.yaml", []byte("a: {b: 1, \"c.d\": [1, 2]}\nlist: [{units: 3}]\n"), []string{"x.y=2"})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"a.b": "1", "a.c.d": "[1, 2]", "list.0.units": "3", "x.y": "2", "a": "", "list.0.dropout": "", "b": ""} {
		if got, ok := f.Value(path); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", path, got, ok)
		}
	}
}
