package table

import (
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/duck"
)

// copyTo writes a query to a file, in the format of its name.
func copyTo(t testing.TB, path, query string) {
	t.Helper()
	db, err := duck.Open(duck.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Query(t.Context(), "COPY ("+query+") TO "+duck.Literal(path)+" (FORMAT "+strings.TrimPrefix(filepath.Ext(path), ".")+")", nil); err != nil {
		t.Fatal(err)
	}
}
