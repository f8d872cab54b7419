package table

import "testing"

// A whole number that is none is refused, not rounded, by every way to read it.
func TestDeclaredIntegersAreNotRounded(t *testing.T) {
	for _, typ := range []string{"BIGINT", "INTEGER", "UTINYINT", "HUGEINT"} {
		for _, query := range []string{"", "SELECT * FROM data"} {
			src := Source{Types: map[string]string{"n": typ}, Query: query}
			_, err := readText(t, "n,c\n1,x\n1.5,y\n3,z\n", src, nil)
			wantError(t, err, "data.csv:3", `column "n"`, `"1.5" is no `+typ)
			f := mustRead(t, "n,c\n1,x\n2.0,y\n,z\n", src, nil)
			if n := f.Column("n"); n.Floats[1] != 2 || !n.Missing(2) {
				t.Errorf("%s, query %q: %v", typ, query, n.Floats)
			}
		}
	}
}
