package table

import (
	"strings"
	"testing"
)

// Queries that take a column for text, as they had to when the columns of a CSV were texts, are told that it has a type.
func TestTypedAlready(t *testing.T) {
	const table = "day,price,n,ok,\"unit price\"\n13/01/2024,1.5,3,true,2.5\n14/01/2024,2.5,4,false,3.5\n"
	for query, want := range map[string]string{
		"SELECT strptime(day, '%d/%m/%Y') AS d FROM data":                   `column "day" is a date already: leave the conversion out, or, to have the text as it is written, set types: {day: categorical} of its source`,
		"SELECT n,\n  try_strptime(data.day, '%d/%m/%Y') AS d\nFROM data":   `column "day" is a date already`,
		"SELECT replace(price, ',', '.') AS p FROM data":                    `column "price" is a number already`,
		"SELECT regexp_replace(\"unit price\", ',', '.') AS p FROM data":    `column "unit price" is a number already: leave the conversion out, or, to have the text as it is written, set types: {"unit price": categorical} of its source`,
		"SELECT lower(ok) AS o FROM data":                                   `column "ok" is true or false already`,
		"SELECT substr(n, 1, 1) AS s FROM data":                             `column "n" is a whole number already`,
		"SELECT * FROM data WHERE day LIKE '%2024'":                         `column "day" is a date already`,
		"SELECT strptime(day + INTERVAL 1 DAY, '%d/%m/%Y') AS d FROM data":  `; what it is called with is a time already: leave the conversion out`,
		"SELECT day + true AS d FROM data":                                  "!already",
		"SELECT strptime('x', 3, 4) AS d FROM data":                         "!already",
		"SELECT list_sum(price) AS d, strptime(nope, '%d/%m/%Y') FROM data": "!already",
	} {
		_, err := readText(t, table, Source{Query: query}, nil)
		if lacks, ok := strings.CutPrefix(want, "!"); ok {
			if err == nil || strings.Contains(err.Error(), lacks) {
				t.Errorf("%s: %v", query, err)
			}
			continue
		}
		wantError(t, err, want, "<HERE>")
		// The remedy is one.
		if !strings.Contains(want, "types: {day: categorical}") {
			continue
		}
		f, err := readText(t, table, Source{Query: query, Types: map[string]string{"day": TypeCategorical}}, nil)
		if err != nil || f.Columns[0].Kind != Date || f.Columns[0].Format(0) != "2024-01-13" {
			t.Errorf("%s after the remedy: %v", query, err)
		}
	}
}
