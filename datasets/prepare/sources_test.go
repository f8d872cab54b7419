package prepare

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/invopop/jsonschema"
)

// What a source of a run file refuses, one of a data file refuses in the same words.
func TestSourcesOfDataFiles(t *testing.T) {
	dir := folder(t, map[string]string{"a.csv": "x;y\n1,5;2\n2,5;3\n", "a.txt": "1 1:0.5\n"})
	for text, want := range map[string][]string{
		"path: a.csv, decimal: ;":                                       {"sources.a.decimal", `";" is no decimal mark`},
		"path: a.csv, thousands: x":                                     {"sources.a.thousands"},
		"path: a.csv, comment: '##'":                                    {"sources.a.comment", "one character"},
		"path: a.csv, encoding: utf8":                                   {"sources.a.encoding", `did you mean "utf-8"`},
		"path: a.csv, delimiter: ';;'":                                  {"sources.a.delimiter", "cannot separate fields"},
		"path: a.csv, names: [x, x]":                                    {"sources.a.names.1", "twice"},
		"path: a.csv, format: cvs":                                      {"sources.a.format", `"cvs" is not one of auto, csv`, `did you mean "csv"`},
		"path: a.csv, types: {z: numeric}":                              {"sources.a.types", `"z"`},
		"path: a.csv, types: {x: ''}":                                   {"sources.a.types.x", "is empty"},
		"path: ['']":                                                    {"sources.a.path.0", "is empty"},
		"path: a.csv, tables: {b: {path: a.csv}}":                       {"sources.a.tables", "the query sees all other sources"},
		"path: a.csv, vectors: {v: {path: v.npy, on: x}}":               {"sources.a.vectors", "join"},
		"path: a.txt, format: libsvm, decimal: ','":                     {"sources.a.decimal", "libsvm"},
		"path: a.npy, types: {x: numeric}":                              {"sources.a.types", "npy"},
		"path: a.txt, format: libsvm, query: SELECT 1":                  {"sources.a.query", "libsvm"},
		"types: {x: numeric}, postgres: {dsn: {env: A}, table: orders}": {"sources.a", "either files or postgres"},
		"layout: lists":                                                 {"sources.a", "nothing is read"},
	} {
		_, err := run(t, dir, "sources: {a: {"+text+"}}\nsplit: {method: none}\n")
		if err == nil {
			t.Errorf("%s: no error", text)
			continue
		}
		wantError(t, dir, err, want...)
	}
	d := mustRun(t, dir, "sources: {a: {path: a.csv, delimiter: ';', decimal: ',', types: {y: categorical}}}\nsplit: {method: none}\n")
	if x, y := d.Column("x"), d.Column("y"); x.Type != "numeric" || y.Type != "categorical" {
		t.Errorf("%+v, %+v", x, y)
	}
}

// The schema has what a data file takes, and no more.
func TestSchemaOfSources(t *testing.T) {
	r := jsonschema.Reflector{FieldNameTag: "yaml", ExpandedStruct: true}
	text, err := json.Marshal(r.Reflect(Source{}))
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Properties map[string]struct{ Enum []string }
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]bool{"path": true, "types": true, "encoding": true, "query": true, "postgres": true, "ids": true, "layout": true, "tables": false, "vectors": false, "Source": false} {
		if _, ok := schema.Properties[key]; ok != want {
			t.Errorf("%s: %t, want %t", key, ok, want)
		}
	}
	if enum := schema.Properties["format"].Enum; !slices.Contains(enum, "libsvm") || !slices.Contains(enum, "npy") || len(enum) != 10 {
		t.Errorf("formats %v", enum)
	}
}

// SQL of a data file that would not end does where that is asked for, in a source and in a step.
func TestTimeoutOfSQL(t *testing.T) {
	dir := folder(t, map[string]string{"t.csv": "a,b\n1,2\n3,4\n"})
	const endless = "FROM range(1000000000) x, range(1000000000) y WHERE x.range * y.range % 7 = 9"
	for text, where := range map[string]string{
		"sources: {t: {path: t.csv}, u: {query: 'SELECT count(*) AS n " + endless + "'}}\nfrom: u\n":                   "sources.u.query",
		"sources: {t: {path: t.csv}}\nsteps: [{sql: 'SELECT *, (SELECT count(*) " + endless + ") AS n FROM input'}]\n": "steps.0.sql",
	} {
		_, err := run(t, dir, text+"split: {method: none}\ntimeout: 300ms\n")
		wantError(t, dir, err, where, "300ms", "timeout:", "give it more time")
	}
	for _, wrong := range []string{"timeout: -1s\nsources: {t: {path: t.csv}}\n", "sources: {t: {path: t.csv, query: SELECT 1, timeout: 1s}}\n"} {
		_, err := run(t, dir, wrong+"split: {method: none}\n")
		wantError(t, dir, err, "timeout")
	}
}
