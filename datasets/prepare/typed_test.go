package prepare

import "testing"

// SQL of every kind in a data file shows where it fails, and says where a column has a type already.
func TestSQLErrorsShowTheirPlace(t *testing.T) {
	dir := folder(t, map[string]string{"t.csv": "day,price,label\n13/01/2024,1.5,1\n14/01/2024,2.5,0\n"})
	const typed = `column "day" is a date already: leave the conversion out, or, to have the text as it is written, set types: {day: categorical} of its source`
	for config, want := range map[string][]string{
		"sources: {s: {path: t.csv, query: \"SELECT strptime(day, '%d') AS d FROM data\"}}":                   {"sources.s.query", "<HERE>strptime(day", typed},
		"sources: {s: {path: t.csv, query: \"SELECT price AS at, min(at) AS x FROM data\"}}":                  {"sources.s.query", "<HERE>", "at is a word of SQL"},
		"sources: {s: {path: t.csv}, q: {query: \"SELECT count(*) AS n, nope FROM s\"}}\nfrom: s":             {"sources.q.query", "<HERE>nope"},
		"sources: {s: {path: t.csv}}\nsteps: [{derive: {d: \"strptime(day, '%d/%m/%Y')\"}}]":                  {"steps.0.derive.d", "<HERE>strptime(day", typed},
		"sources: {s: {path: t.csv}}\nsteps: [{filter: \"day LIKE '%2024' \"}]":                               {"steps.0.filter", "day <HERE>LIKE", typed},
		"sources: {s: {path: t.csv}}\nsteps: [{count: {many: price >> 'x'}}]":                                 {"steps.0.count.many", "<HERE>"},
		"sources: {s: {path: t.csv}}\nsteps: [{sql: \"SELECT *, replace(price, ',', '.') AS p FROM input\"}]": {"steps.0.sql", "<HERE>replace(price", `column "price" is a number already`},
		"sources: {s: {path: t.csv}}\nsteps: [{sql: \"SELECT *,\\n price + AS p\\nFROM input\"}]":             {"steps.0.sql", "in line 2", "<HERE>"},
	} {
		_, err := run(t, dir, config+"\nsplit: {method: none}\n")
		wantError(t, dir, err, want...)
	}
	mustRun(t, dir, "sources: {s: {path: t.csv, types: {day: categorical}}}\nsteps: [{derive: {d: \"strptime(day, '%d/%m/%Y')\"}}]\nsplit: {method: none}\n")
	wantRows(t, dir, "SELECT day, d FROM out ORDER BY d", "13/01/2024 2024-01-13 00:00:00", "14/01/2024 2024-01-14 00:00:00")
}

// A query that cannot compute with a column for a value that does not fit it fails because of the value.
func TestQueriesNameTheValuesAtFault(t *testing.T) {
	dir := folder(t, map[string]string{"t.csv": "v,y\n" + many("#,1") + "none,2\n"})
	_, err := run(t, dir, "sources: {s: {path: t.csv, query: SELECT v * 2 AS x FROM data}}\nsplit: {method: none}\n")
	wantError(t, dir, err, `t.csv:42: column "v": "none" is not a number`, `set null: ["none"]`)
}
