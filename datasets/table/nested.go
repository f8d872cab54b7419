package table

import (
	"fmt"
	"strings"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"debut/datasets/duck"
	"debut/datasets/wording"
)

// nestedKinds names the types whose values hold other values. As text they would
// be categories that hardly ever repeat, so they are refused.
var nestedKinds = map[mapping.Type]string{
	mapping.TypeList:   "lists",
	mapping.TypeArray:  "lists",
	mapping.TypeStruct: "structs",
	mapping.TypeMap:    "maps",
}

// nestedJSON is the kind of values that keep their JSON, because the rows of a
// file disagree about their type.
const nestedJSON = "JSON objects or lists"

// nested is the error about column i, which holds values of a nested kind.
func (r *relation) nested(i int, kind string) error { return r.nestedWith(i, kind, "") }

// nestedWith is nested with a detail of the problem.
func (r *relation) nestedWith(i int, kind, detail string) error {
	name := duck.Name(r.names[i])
	var sql string
	switch kind {
	case "lists":
		sql = fmt.Sprintf("* REPLACE (len(%s) AS %s)", name, name)
	case "structs":
		sql = fmt.Sprintf("* EXCLUDE (%s), unnest(%s)", name, name)
	case "maps":
		sql = fmt.Sprintf("* REPLACE (%s['KEY'] AS %s)", name, name)
	default:
		sql = fmt.Sprintf("* REPLACE (%s->>'$.KEY' AS %s)", name, name)
	}
	remedy := "flatten the column, for example with " + QuerySetting(r.wording() == CommandLine, "SELECT "+sql+" FROM data")
	if r.wording() != CommandLine {
		lists := ""
		if kind == "lists" || kind == nestedJSON {
			lists = ", or take its values for ids (type: list), or make all of them lists of numbers of one length (type: vector)"
		}
		remedy = fmt.Sprintf("leave the column out (columns: {%s: {type: ignore}}, or features without it)%s, or %s", wording.Quote(r.names[i]), lists, remedy)
	}
	return &ValueError{Place: r.origin.name(), Column: r.names[i], Problem: "holds " + kind + ", not single values" + detail, Remedies: []Remedy{ManualRemedy(remedy)}}
}

// jsonReader is a textReader of values that DuckDB left as JSON.
type jsonReader struct {
	*textReader
	refuse func() error // the error about nested values
	nested bool
}

func (t *jsonReader) read(c *duck.Chunk, column int) {
	values, mask := duck.Vector[duck.String](c, column)
	for i := range values {
		if mask.Valid(i) {
			text := values[i].Text()
			t.nested = t.nested || strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[")
		}
	}
	t.textReader.read(c, column)
}

func (t *jsonReader) finish(from *origin) (*Series, bool, error) {
	if t.nested {
		return nil, false, t.refuse()
	}
	return t.textReader.finish(from)
}
