package table

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"debut/datasets/duck"
	"debut/datasets/wording"
)

// numberedName matches the names that DuckDB gives columns that it cannot tell from others.
var numberedName = regexp.MustCompile(`^(.*)_\d+$`)

// misnamed is the error about columns of typed files whose names DuckDB does not tell apart, so that it has given them
// others; nil where there are none.
func (r *relation) misnamed(ctx context.Context, db *duck.DB) error {
	suspicious := func(name string) bool {
		parts := numberedName.FindStringSubmatch(name)
		return parts != nil && slices.ContainsFunc(r.names, func(n string) bool { return strings.EqualFold(n, parts[1]) })
	}
	if !slices.ContainsFunc(r.names, suspicious) {
		return nil
	}
	if r.format == "json" {
		return explainJSON(ctx, r.origin.files, false)
	}
	for _, file := range r.origin.files {
		names, err := parquetColumns(ctx, db, file)
		if err != nil {
			return err
		}
		seen := map[string]string{}
		for _, name := range names {
			met, ok := seen[strings.ToLower(name)]
			if seen[strings.ToLower(name)] = name; !ok {
				continue
			}
			e := &ValueError{Place: wording.FileName(file), Remedies: []Remedy{ManualRemedy("rename one where the file is made")}}
			if e.Problem = fmt.Sprintf("two columns are named %s", wording.Quote(name)); met != name {
				e.Problem = sameButForCase(met, name)
			}
			return e
		}
	}
	return nil
}

// sameButForCase says what is wrong with two columns.
func sameButForCase(first, second string) string {
	return fmt.Sprintf("columns %s and %s differ in upper and lower case alone, and SQL does not tell them apart", wording.Quote(first), wording.Quote(second))
}

// parquetColumns returns the names of the columns of a file as they are in its schema, which lists what columns hold
// behind each of them.
func parquetColumns(ctx context.Context, db *duck.DB, file string) ([]string, error) {
	var names []string
	open, first := int64(0), true // what is left of a column
	err := db.Query(ctx, "SELECT name, CAST(coalesce(num_children, 0) AS BIGINT) FROM parquet_schema("+duck.Literal(file)+")", func(c *duck.Chunk) error {
		of, _ := duck.Vector[duck.String](c, 0)
		children, _ := duck.Vector[int64](c, 1)
		for i := range of {
			switch {
			case first: // the root
				first = false
				continue
			case open == 0:
				names = append(names, strings.Clone(of[i].Text()))
				open = children[i]
			default:
				open += children[i] - 1
			}
		}
		return nil
	})
	return names, err
}
