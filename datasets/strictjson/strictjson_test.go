package strictjson

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

type inner struct {
	Scale float64   `json:"scale"`
	Edges []float64 `json:"edges,omitempty"`
	On    *bool     `json:"on,omitempty"`
}

type base struct {
	Format string `json:"format"`
}

type outer struct {
	base
	Count   int32             `json:"count"`
	Columns []inner           `json:"columns"`
	Sums    map[string]string `json:"sums,omitempty"`
	Rest    any               `json:"rest,omitempty"`
	hidden  int
}

func TestUnmarshal(t *testing.T) {
	const text = ` {"format":"f","count":-7,"columns":[{"scale":1e3,"edges":[1,2.5],"on":true},{"scale":0,"on":null}],` +
		`"sums":{"a":"é"},"rest":[{"x":[1,"2",null,true]}]} `
	var strict, lenient outer
	if err := Unmarshal([]byte(text), &strict); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(text), &lenient); err != nil || !reflect.DeepEqual(strict, lenient) {
		t.Errorf("%+v, want %+v (%v)", strict, lenient, err)
	}
	var raw map[string]json.RawMessage
	if err := Unmarshal([]byte(`{"a":{"b":1,"b":2},"c":3}`), &raw); err != nil || len(raw) != 2 {
		t.Errorf("what is left to another call: %v: %s", err, raw)
	}
	raw = nil
	if err := Unmarshal([]byte(text), &raw); err != nil || len(raw) != 5 || string(raw["count"]) != "-7" {
		t.Errorf("%v: %s", err, raw)
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	const head = `{"format":"f","count":1,"columns":`
	for text, want := range map[string]string{
		``:                                        "no JSON",
		head + `[]}x`:                             "no JSON",
		head + `[]} {}`:                           "no JSON",
		head + `[],}`:                             "no JSON",
		head + `NaN}`:                             "no JSON",
		"{\"format\":\"\xff\"}":                   "not UTF-8",
		`{"count":1,"columns":[]}`:                `the key "format" is missing`,
		`{"format":"f","columns":[]}`:             `the key "count" is missing`,
		head + `[{"edges":[]}]}`:                  `columns.0: the key "scale" is missing`,
		head + `[{"scale":1},{"scal":1}]}`:        `columns.1: the key "scal" is not known; did you mean "scale"?`,
		head + `[{"Scale":1}]}`:                   `columns.0: the key "Scale" is not known`,
		head + `[],"hidden":1}`:                   `the key "hidden" is not known`,
		head + `[],"base":{}}`:                    `the key "base" is not known`,
		head + `[{"scale":1,"scale":1}]}`:         `columns.0: the key "scale" stands in it twice`,
		head + `[{"scale":1,"SCALE":1}]}`:         `columns.0: the key "SCALE" stands in it twice`,
		head + `[],"sums":{"a":"","A":""}}`:       `sums: the key "A" stands in it twice`,
		head + `[],"rest":{"a":1,"\u0061":1}}`:    `rest: the key "a" stands in it twice`,
		head + `[{"scale":1e999}]}`:               "columns.0.scale: 1e999 is out of range",
		head + `[{"scale":"1"}]}`:                 `columns.0.scale: "1" is no number`,
		head + `[{"scale":null}]}`:                "columns.0.scale: null is no number",
		head + `[{"scale":1,"edges":[1,null]}]}`:  "columns.0.edges.1: null is no number",
		head + `[{"scale":1,"edges":1}]}`:         "columns.0.edges: 1 is no list",
		head + `[{"scale":1,"on":0}]}`:            "columns.0.on: 0 is no true or false",
		head + `[[]]}`:                            "columns.0: a list is no object",
		head + `{}}`:                              "columns: an object is no list",
		head + `[],"sums":{"a":true}}`:            "sums.a: true is no text",
		`{"format":"f","count":1.5,"columns":[]}`: "count: 1.5 is no whole number",
		`{"format":"f","count":1e2,"columns":[]}`: "count: 1e2 is no whole number",
		`{"format":"f","count":2147483648}`:       "count: 2147483648 is out of range",
		head + `[],"rest":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`:   "nested more than",
		head + `[],"rest":` + strings.Repeat(`{"a":`, 2_000_000) + `}`:                    "nested more than",
		head + `[],"rest":"` + strings.Repeat("[", 200) + `","count":` + "1" + `}`:        `the key "count" stands in it twice`,
		head + `[],"rest":"\"` + strings.Repeat("[", 200) + `","format":"\\"` + "," + `}`: "no JSON",
	} {
		var v outer
		err := Unmarshal([]byte(text), &v)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want %q", text, err, want)
		}
		var place *Error
		if strings.HasPrefix(want, "columns.") && (!errors.As(err, &place) || !strings.HasPrefix(place.Path, "columns.")) {
			t.Errorf("%.80s: %v has no place", text, err)
		}
	}
	_ = outer{}.hidden
}
