package table

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"debut/datasets/duck"
)

// rawBytes is what is known of columns of bytes that are read as text: some programs, such as Spark and Impala, write
// texts into Parquet without the mark that they are.
type rawBytes struct {
	sql     string // a FROM item that has the bytes
	columns []string
}

// decode makes texts of columns of bytes that are not declared to be bytes.
func (r *relation) decode(types map[string]string) {
	raw := &rawBytes{sql: r.sql}
	var items []string
	for i, c := range r.columns {
		if c.Type != mapping.TypeBlob || isBytes(types[c.Name]) {
			continue
		}
		raw.columns = append(raw.columns, c.Name)
		items = append(items, "decode("+duck.Name(c.Name)+") AS "+duck.Name(c.Name))
		r.columns[i].Type = mapping.TypeVarchar
	}
	if len(items) == 0 {
		return
	}
	r.bytes = raw
	r.sql = "(SELECT * REPLACE (" + strings.Join(items, ", ") + ") FROM " + r.sql + ")"
}

// isBytes reports SQL's types of bytes.
func isBytes(declared string) bool {
	return slices.Contains([]string{"BLOB", "BYTEA", "BINARY", "VARBINARY"}, strings.ToUpper(strings.TrimSpace(declared)))
}

// notText is the error about bytes that are no text, nil where DuckDB's error is about something else.
func (r *relation) notText(ctx context.Context, err error) error {
	if !strings.Contains(err.Error(), "decode") {
		return nil
	}
	for _, of := range append([]*relation{r}, r.tables...) {
		if of.bytes == nil {
			continue
		}
		for _, column := range of.bytes.columns {
			if row := of.bytes.invalid(ctx, column); row >= 0 {
				drop := QuerySetting(r.wording() == CommandLine, "SELECT * EXCLUDE ("+duck.Name(column)+") FROM data")
				remedies := []Remedy{ManualRemedy("write it as text where the file is made")}
				switch r.wording() {
				case RunFile:
					remedies = append(remedies, ManualRemedy(fmt.Sprintf("ignore the column: ignore: [%s]", yamlText(column))))
				case DataFile:
					remedies = append(remedies, DeclareType(column, "BLOB").when("to have bytes, for a step that drops or converts them"))
				}
				remedies = append(remedies, ManualRemedy("leave the column out: "+drop))
				return &ValueError{Place: of.origin.rowPlace(row), Column: column, Problem: "holds bytes that are not UTF-8 text", Remedies: remedies, wording: r.wording()}
			}
		}
	}
	return nil
}

// invalid returns the first row of a column that is not UTF-8, -1 where all are.
func (b *rawBytes) invalid(ctx context.Context, column string) int {
	db, err := duck.Open(duck.Options{Threads: 1})
	if err != nil {
		return -1
	}
	defer db.Close()
	row, found := 0, errors.New("found")
	err = db.Stream(ctx, "SELECT "+duck.Name(column)+" FROM "+b.sql, func(c *duck.Chunk) error {
		values, mask := duck.Vector[duck.String](c, 0)
		for i := range values {
			if mask.Valid(i) && !utf8.ValidString(values[i].Text()) {
				row += i
				return found
			}
		}
		row += c.Rows
		return nil
	})
	if !errors.Is(err, found) {
		return -1
	}
	return row
}
