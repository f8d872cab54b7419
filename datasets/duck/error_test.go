package duck

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestErrorsShowTheirPlace(t *testing.T) {
	db := opened(t, "CREATE TABLE t AS SELECT 1 AS k, 2 AS note")
	long := strings.Repeat("k + ", 50)
	for sql, want := range map[string]string{
		"SELECT k,\n min(at) AS first\nFROM t":                         `syntax error at or near ")" (at <HERE> in line 2: min(at<HERE>) AS first); at is a word of SQL: as the name of a column it stands in double quotes, "at"`,
		"SELECT k FROM t WHERE order > 3":                              `<HERE>order > 3); order is a word`,
		"SELECT 'ä', nope FROM t":                                      `Candidate bindings: "note" (at <HERE> in: SELECT 'ä', <HERE>nope FROM t)`,
		"SELECT k FROM t WHERE":                                        "",
		"SELECT " + long + "nope + " + long + "1 FROM t":               "k + <HERE>nope + k",
		"SELECT k\n, k + 1 AS n\nFROM t\nGROUP BY k HAVING foo(k) > 1": "in line 4",
	} {
		_, err := db.Describe(context.Background(), sql)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		if text := e.Short(200); !strings.Contains(text, want) || strings.Contains(text, "\n") || len(text) > 500 {
			t.Errorf("%s\ngives %s\nwant %s", sql, text, want)
		}
	}
}
