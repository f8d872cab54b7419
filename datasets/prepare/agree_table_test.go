package prepare_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"debut/datasets/configfile"
	"debut/datasets/duck"
	"debut/datasets/table"
)

// draft is an example before it is written, so that columns and rows can be left out.
type draft struct {
	names   []string
	rows    [][]string // of the texts of cells; "" where there is no value
	trained [][]string // rows of other files that a model is trained on; nil for the same
	// types are those of the columns in a file that has types: of SQL, or "raw" for what JSON writes without quotes.
	types []string

	format      string // csv, json or parquet
	delimiter   byte
	noHeader    bool
	quoted      bool // all fields
	mark        bool // of the byte order
	crlf        bool
	blank       int    // lines before the header
	above       string // a line before them
	comments    int    // rows between lines that begin with the source's comment; 0 for none
	trailing    bool   // delimiter
	unfinished  bool   // last line
	compression string
	files       int

	source table.Source
}

// example writes the table.
func (t *draft) example() *example {
	e := &example{source: t.source}
	name := "t" // and a number
	extension := map[string]string{"csv": ".csv", "json": ".jsonl", "parquet": ".parquet"}[t.format]
	if t.format == "csv" && t.delimiter == '\t' {
		extension = ".tsv"
	}
	write := func(prefix string, rows [][]string) (files []file) {
		for i := range t.files {
			part := rows[i*len(rows)/t.files : (i+1)*len(rows)/t.files]
			files = append(files, file{fmt.Sprintf("%s%d%s%s", prefix, i, extension, t.compression), encoded(t.text(part), t.source.Encoding)})
		}
		return files
	}
	e.files = write(name, t.rows)
	e.source.Path = configfile.Strings{name + "*"}
	if t.files == 1 {
		e.source.Path = configfile.Strings{e.files[0].name}
	}
	if t.trained != nil {
		e.train = write("before", t.trained)
	}
	return e
}

func (t *draft) text(rows [][]string) string {
	switch t.format {
	case "json":
		return t.jsonText(rows)
	case "parquet":
		return t.parquetSQL(rows)
	}
	var b strings.Builder
	if t.mark {
		b.WriteString("\ufeff")
	}
	end := "\n"
	if t.crlf {
		end = "\r\n"
	}
	if t.above != "" {
		b.WriteString(t.above + end)
	}
	b.WriteString(strings.Repeat(end, t.blank))
	line := func(fields []string, last bool) {
		for i, f := range fields {
			if i > 0 {
				b.WriteByte(t.delimiter)
			}
			if t.quoted || strings.ContainsAny(f, "\"\r\n"+string(t.delimiter)) || len(fields) == 1 && f == "" {
				f = `"` + strings.ReplaceAll(f, `"`, `""`) + `"`
			}
			b.WriteString(f)
		}
		if t.trailing {
			b.WriteByte(t.delimiter)
		}
		if !last || !t.unfinished {
			b.WriteString(end)
		}
	}
	if !t.noHeader {
		names := t.names
		line(names, false)
	}
	for i, row := range rows {
		if t.comments > 0 && i%t.comments == t.comments/2 {
			b.WriteString(t.source.Comment + ` of "nobody", 5` + end)
		}
		line(row, i == len(rows)-1)
	}
	return b.String()
}

// encoded writes a text in an encoding, what that does not have as question marks.
func encoded(text, as string) string {
	var e encoding.Encoding
	switch as {
	case "utf-16":
		e = unicode.UTF16(unicode.Endianness(len(text)%2 == 0), unicode.ExpectBOM)
	case "latin-1":
		e = charmap.ISO8859_1
	case "windows-1252":
		e = charmap.Windows1252
	default:
		return text
	}
	out, err := encoding.ReplaceUnsupported(e.NewEncoder()).String(strings.TrimPrefix(text, "\ufeff"))
	if err != nil {
		panic(err) // nothing is unsupported
	}
	return strings.ReplaceAll(out, "\x1a", "?")
}

func (t *draft) jsonText(rows [][]string) string {
	var b strings.Builder
	quote := func(s string) string {
		text, err := json.Marshal(s)
		if err != nil {
			panic(err) // texts can be written
		}
		return string(text)
	}
	for _, row := range rows {
		b.WriteByte('{')
		for i, cell := range row {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(quote(t.names[i]) + ":")
			switch {
			case cell == "":
				b.WriteString("null")
			case t.types[i] == "raw" && json.Valid([]byte(cell)) && strings.Trim(cell, " \t\r\n") == cell && cell[0] != '[' && cell[0] != '{':
				b.WriteString(cell)
			default:
				b.WriteString(quote(cell))
			}
		}
		b.WriteString("}\n")
	}
	return b.String()
}

func (t *draft) parquetSQL(rows [][]string) string {
	var b strings.Builder
	b.WriteString("SELECT ")
	for i, name := range t.names {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "TRY_CAST(v%d AS %s) AS %s", i, t.types[i], duck.Name(name))
	}
	b.WriteString(" FROM (VALUES ")
	for n, row := range rows {
		if n > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('(')
		for i, cell := range row {
			if i > 0 {
				b.WriteString(", ")
			}
			if cell == "" {
				b.WriteString("CAST(NULL AS VARCHAR)")
			} else {
				b.WriteString(duck.Literal(cell))
			}
		}
		b.WriteByte(')')
	}
	b.WriteString(") AS v(")
	for i := range t.names {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "v%d", i)
	}
	b.WriteByte(')')
	return b.String()
}

// names of columns, some of which mean something to SQL or are names that programs give.
var columnNames = []string{"id", "uid", "x", "Amount", "Ünit price", "select", "c0", "c1", "column1", "a\"b", "it's", "day", "Data", "data", "q", "row", "rowid", "filename", "a b", "%", "NULL", "v0", "名前", "x_2", "file_row_number", "c"}

// randomTable makes a table whose columns are of all kinds that there are.
func randomTable(r *rand.Rand) *draft {
	t := &draft{format: "csv", delimiter: ',', files: 1}
	columns, rows := 1+r.IntN(5), 1+r.IntN(40)
	large := r.IntN(12) == 0
	if large { // than what is looked at to guess
		columns, rows = 1+r.IntN(2), 2048+r.IntN(1500)
	}
	switch {
	case large:
	case r.IntN(6) == 0:
		t.format = "json"
	case r.IntN(6) == 0:
		t.format = "parquet"
	}
	names := slices.Clone(columnNames)
	r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for _, name := range names {
		if len(t.names) < columns && !slices.ContainsFunc(t.names, func(n string) bool { return strings.EqualFold(n, name) }) {
			t.names = append(t.names, name)
		}
	}
	t.rows = make([][]string, rows)
	var other [][]string
	if r.IntN(4) == 0 {
		other = make([][]string, 30+r.IntN(30))
	}
	var declared columnKind
	for i := range t.names {
		kind := columnKinds[r.IntN(len(columnKinds))]
		value := kind.make(r)
		missing := []float64{0, 0, 0.1, 0.5, 1}[r.IntN(5)] * r.Float64()
		for n := range t.rows {
			cell := value()
			if r.Float64() < missing {
				cell = ""
			}
			t.rows[n] = append(t.rows[n], cell)
		}
		for n := range other {
			other[n] = append(other[n], value())
		}
		t.soil(r, i)
		t.types = append(t.types, t.fileType(r, &kind))
		if len(t.source.Types) == 0 && r.IntN(4) == 0 {
			declared = kind
			t.source.Types = map[string]string{t.names[i]: declared.declarations[r.IntN(len(declared.declarations))]}
		}
	}
	for _, all := range [][][]string{t.rows, other} {
		for n := range all {
			all[n] = append(all[n], []string{"no", "yes"}[n*n/3%2])
		}
	}
	t.names, t.types = append(t.names, label), append(t.types, "VARCHAR")
	t.trained = other
	t.dialect(r)
	t.declare(r)
	return t
}

// soil puts mistakes, marks of missing values and blanks into column i.
func (t *draft) soil(r *rand.Rand, i int) {
	some := func() *string { return &t.rows[r.IntN(len(t.rows))][i] }
	if r.IntN(5) == 0 {
		cell := some()
		if len(t.rows) > 2048 && r.IntN(3) > 0 {
			cell = &t.rows[2048+r.IntN(len(t.rows)-2048)][i]
		}
		*cell = columnKinds[r.IntN(len(columnKinds))].make(r)()
	}
	if r.IntN(6) == 0 {
		mark := []string{"NA", "n/a", "null", "-", "?", "NaN", "None", "nan", "inf"}[r.IntN(9)]
		for range 1 + r.IntN(1+len(t.rows)/4) {
			*some() = mark
		}
		if r.IntN(2) == 0 {
			t.source.Null = append(t.source.Null, mark)
		}
	}
	if r.IntN(6) == 0 {
		blank := []string{" ", "  ", "\u00a0", "\t", "\u202f", "\u3000"}[r.IntN(6)]
		for n := range t.rows {
			if r.IntN(3) == 0 {
				t.rows[n][i] += blank
			}
			if r.IntN(3) == 0 {
				t.rows[n][i] = blank + t.rows[n][i]
			}
		}
	}
}

// fileType chooses the type of a column in a file that has types.
func (t *draft) fileType(r *rand.Rand, kind *columnKind) string {
	if t.format == "json" {
		return []string{"raw", "text"}[r.IntN(2)]
	}
	if r.IntN(3) == 0 {
		return "VARCHAR"
	}
	return kind.sqlTypes[r.IntN(len(kind.sqlTypes))]
}

func (t *draft) dialect(r *rand.Rand) {
	if t.format != "parquet" && r.IntN(4) == 0 {
		t.compression = []string{".gz", ".zst"}[r.IntN(2)]
	}
	if len(t.rows) > 1 && r.IntN(5) == 0 {
		t.files = 2
	}
	if t.format != "csv" {
		return
	}
	t.delimiter = ",,,\t;|"[r.IntN(6)]
	if r.IntN(3) == 0 {
		t.source.Delimiter = table.Delimiter(t.delimiter)
	}
	t.quoted, t.mark, t.crlf, t.unfinished = r.IntN(8) == 0, r.IntN(8) == 0, r.IntN(5) == 0, r.IntN(8) == 0
	if r.IntN(10) == 0 {
		t.blank = 1 + r.IntN(2)
	}
	switch r.IntN(8) {
	case 0:
		t.noHeader = true
		t.source.Names, t.source.Header = t.names, new(false)
	case 1:
		t.source.Header = new(true)
	}
	t.trailing = r.IntN(30) == 0
	if r.IntN(12) == 0 {
		t.above = []string{"# made by a program", "A report of June"}[r.IntN(2)]
	}
	if r.IntN(12) == 0 {
		t.source.Comment, t.comments = []string{"#", "%", "/"}[r.IntN(3)], 1+r.IntN(9)
	}
	if r.IntN(8) == 0 {
		t.source.Encoding = table.Encodings[r.IntN(len(table.Encodings))]
	}
}

func (t *draft) declare(r *rand.Rand) {
	switch r.IntN(10) {
	case 0:
		t.source.Decimal = ","
	case 1:
		t.source.Thousands = []string{",", "'", " "}[r.IntN(3)]
	case 2:
		t.source.Decimal, t.source.Thousands = ",", []string{".", " ", "'"}[r.IntN(3)]
	}
	if r.IntN(8) == 0 {
		t.source.Null = append(t.source.Null, []string{"NA", "-", "0", "unknown", "nan", "", "1"}[r.IntN(7)])
	}
}

// without returns the table without some of its rows.
func (t *draft) withoutRows(from, to int) *draft {
	out := *t
	out.rows = slices.Concat(t.rows[:from], t.rows[to:])
	out.files = min(t.files, max(1, len(out.rows)))
	return &out
}

// withoutColumn returns the table without column i.
func (t *draft) withoutColumn(i int) *draft {
	out := *t
	cut := func(rows [][]string) [][]string {
		cells := make([][]string, len(rows))
		for n, row := range rows {
			cells[n] = slices.Concat(row[:i], row[i+1:])
		}
		return cells
	}
	out.names, out.types, out.rows = slices.Concat(t.names[:i], t.names[i+1:]), slices.Concat(t.types[:i], t.types[i+1:]), cut(t.rows)
	if t.trained != nil {
		out.trained = cut(t.trained)
	}
	if t.source.Names != nil {
		out.source.Names = out.names
	}
	if t.source.Types[t.names[i]] != "" {
		out.source.Types = nil
	}
	return &out
}

// shrink leaves out of a table what it fails without, too.
func (t *draft) shrink(fails func(*draft) bool) *draft {
	for again := true; again; {
		again = false
		try := func(smaller *draft) bool {
			if !fails(smaller) {
				return false
			}
			t, again = smaller, true
			return true
		}
		for i := len(t.names) - 2; i >= 0 && len(t.names) > 2; i-- {
			try(t.withoutColumn(i))
		}
		for size := len(t.rows) / 2; size > 0; size /= 2 {
			for from := 0; from+size <= len(t.rows) && len(t.rows) > size; {
				if !try(t.withoutRows(from, from+size)) {
					from += size
				}
			}
		}
		for _, simpler := range []func(*draft){
			func(t *draft) { t.trained = nil },
			func(t *draft) { t.files = 1 },
			func(t *draft) { t.compression = "" },
			func(t *draft) { t.quoted = false },
			func(t *draft) { t.mark = false },
			func(t *draft) { t.crlf = false },
			func(t *draft) { t.blank = 0 },
			func(t *draft) { t.above = "" },
			func(t *draft) { t.comments = 0 },
			func(t *draft) { t.comments, t.source.Comment = 0, "" },
			func(t *draft) { t.source.Encoding = "" },
			func(t *draft) { t.trailing = false },
			func(t *draft) { t.unfinished = false },
			func(t *draft) { t.noHeader, t.source.Header, t.source.Names = false, nil, nil },
			func(t *draft) {
				if t.format == "csv" {
					t.delimiter = ','
				}
				t.source.Delimiter = ""
			},
			func(t *draft) { t.source.Null = nil },
			func(t *draft) { t.source.Types = nil },
			func(t *draft) { t.source.Decimal = "" },
			func(t *draft) { t.source.Thousands = "" },
		} {
			smaller := *t
			if simpler(&smaller); smaller.example().String() != t.example().String() {
				try(&smaller)
			}
		}
	}
	return t
}

// columnKind makes the values of a column.
type columnKind struct {
	make         func(r *rand.Rand) func() string
	declarations []string // types that a source may declare for it
	sqlTypes     []string // in files that have types
}

func digits(r *rand.Rand, n int) string {
	b := []byte{byte('1' + r.IntN(9))}
	for len(b) < n {
		b = append(b, byte('0'+r.IntN(10)))
	}
	return string(b)
}

func choice(r *rand.Rand, from ...string) func() string {
	return func() string { return from[r.IntN(len(from))] }
}

// group sets thousands apart.
func group(digits, mark string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + mark + digits[i:]
	}
	return digits
}

func checkDigit(code string) string {
	sum := 0
	for i := range len(code) {
		sum += int(code[len(code)-1-i]-'0') * (3 - i%2*2)
	}
	return code + strconv.Itoa((10-sum%10)%10)
}
