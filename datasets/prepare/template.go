package prepare

import (
	"bytes"
	_ "embed"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"unicode"

	"debut/datasets/duck"
	"debut/datasets/manifest"
	"debut/datasets/table"
)

//go:embed template.yaml
var templateText string

var fileTemplate = template.Must(template.New("data file").Parse(templateText))

// Outline is what a data file to begin with is written for: a table, of which no more
// than the path has to be known.
type Outline struct {
	Path    string // of the file, as it will stand in the data file
	Format  string // as in Source, where the extension does not say it
	CSV     bool
	Sampled int      // how many rows were looked at, 0 for all
	Null    []string // texts that seem to mean a missing value
	Columns []OutlineColumn
	// Settings are what the columns were read with, for they cannot be read without: Decimal, Thousands, Null and Types.
	Settings table.Source
}

// OutlineColumn is a column as the first rows of its file show it.
type OutlineColumn struct {
	Name   string
	Type   string // one of package manifest
	SQL    string // DuckDB's type of it, "" where it is not known
	Dates  string // how dates are written that are read as such only where it is declared, or that may be Other
	Other  string // another way to write dates that the values fit, which makes other days of them
	Unique bool   // all values differ
	// Unreadable says that a run refuses the column as it stands.
	Unreadable bool
}

// Template returns a commented data file to begin with. It prepares the table as it
// stands; what columns seem to be is in comments.
func Template(o Outline) ([]byte, error) {
	g := guess(o.Columns)
	data := struct {
		Name, Path, Format, ID, Key, Time, Number, Positive, Weekday, Drop string
		Decimal, Thousands, Missing, Null                                  string
		CSV                                                                bool
		Sampled                                                            int
		Types, Lines                                                       []string
	}{
		Name: quoteValue(sourceName(o.Path)), Path: quoteValue(o.Path), Format: o.Format, CSV: o.CSV, Sampled: o.Sampled,
		ID: named(g.id, "order_id"), Key: named(g.key, "user"), Time: named(g.time, "time"), Number: named(g.number, "amount"),
		Positive: quoteText(duck.Name(or(g.number, "amount")) + " > 0"), Weekday: quoteText("dayname(" + duck.Name(or(g.time, "time")) + ")"),
		Lines: g.lines, Missing: quoteValues(o.Settings.Null),
	}
	if data.Missing == "" {
		data.Null = quoteValues(o.Null)
	}
	if o.Settings.Decimal != "" {
		data.Decimal = strconv.Quote(o.Settings.Decimal)
	}
	if o.Settings.Thousands != "" {
		data.Thousands = strconv.Quote(o.Settings.Thousands)
	}
	var dropped []string
	for _, c := range o.Columns {
		declared, comment := o.Settings.Types[c.Name], ""
		switch {
		case c.Dates != "" && c.Other != "":
			declared, comment = c.Dates, "\t# or "+c.Other+": the dates fit both"
		case c.Dates != "":
			declared, comment = c.Dates, "\t# dates, which are texts in the file"
		}
		if declared != "" {
			data.Types = append(data.Types, quoteKey(c.Name)+": "+quoteValue(declared)+comment)
		}
		if c.SQL != "" && !isTrainable(c.SQL) {
			dropped = append(dropped, quoteKey(c.Name))
		}
	}
	if len(dropped) > 0 && len(dropped) < len(o.Columns) {
		data.Drop = "[" + strings.Join(dropped, ", ") + "]"
	}
	var b bytes.Buffer
	if err := fileTemplate.Execute(&b, data); err != nil {
		return nil, fmt.Errorf("data file to begin with: %w", err)
	}
	return alignComments(b.String()), nil
}

// quoteValues writes texts as the values of a list of YAML.
func quoteValues(texts []string) string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = quoteValue(text)
	}
	return strings.Join(quoted, ", ")
}

// commentColumn is where comments behind what they are about begin, if there is room.
const commentColumn = 58

// alignComments puts comments that stand behind a tab below each other.
func alignComments(text string) []byte {
	var b bytes.Buffer
	for line := range strings.Lines(text) {
		what, comment, found := strings.Cut(line, "\t")
		b.WriteString(what)
		if found {
			b.WriteString(strings.Repeat(" ", max(2, commentColumn-len([]rune(what)))) + comment)
		}
	}
	return b.Bytes()
}

// isTrainable reports a type that outputColumns writes.
func isTrainable(typ string) bool {
	return typ == "BOOLEAN" || isNumber(typ) || isTime(typ) || isNumberList(typ) ||
		slices.Contains([]string{"VARCHAR", "UUID", "TIME", "JSON"}, typ) || strings.HasPrefix(typ, "ENUM")
}

func or(c *OutlineColumn, name string) string {
	if c == nil {
		return name
	}
	return c.Name
}

// named is the name of a column, or the one given, as it stands in YAML.
func named(c *OutlineColumn, name string) string { return quoteValue(or(c, name)) }

// plainValue is a text that YAML takes for one without quotes, in lists and mappings too.
var plainValue = regexp.MustCompile(`^(\.{0,2}/)?[A-Za-z_][A-Za-z0-9_./-]*$`)

// quoteValue writes a text as a value of YAML.
func quoteValue(text string) string {
	if plainValue.MatchString(text) && !slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}, strings.ToLower(text)) {
		return text
	}
	return strconv.Quote(text)
}

// sourceName makes a name of a source of that of a file.
func sourceName(path string) string {
	base, _, _ := strings.Cut(filepath.Base(path), ".")
	name := strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_':
			return r
		case r >= 'A' && r <= 'Z':
			return unicode.ToLower(r)
		}
		return '_'
	}, base), "_")
	s := Source{Source: table.Source{Path: []string{path}}}
	if name == "" || name[0] <= '9' || name == "items" || s.validate("", name) != nil {
		return "rows"
	}
	return name
}

// guesses are columns by what they seem to be, nil where none does.
type guesses struct {
	id, key, time, number *OutlineColumn
	lines                 []string
}

// Words of names, by what they say of a column.
var (
	idWords    = []string{"id", "uuid", "guid", "key", "no", "nr", "number", "code"}
	keyWords   = []string{"user", "customer", "client", "visitor", "member", "account", "buyer", "household", "who"}
	labelWords = []string{"label", "target", "class", "outcome", "purchased", "purchase", "bought", "buys", "converted", "conversion", "clicked", "click", "churn",
		"churned", "ordered", "returned", "response", "default", "survived", "revenue"}
)

// guess sorts columns, and describes them line by line.
func guess(columns []OutlineColumn) guesses {
	var g guesses
	width := 0
	for _, c := range columns {
		width = max(width, len([]rune(quoteKey(c.Name))))
	}
	for i := range columns {
		c := &columns[i]
		words := nameWords(c.Name)
		has := func(list []string) bool {
			return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(list, w) })
		}
		last := words[max(0, len(words)-1):]
		value := c.Type != manifest.Date && c.Type != manifest.Boolean
		isID := value && slices.ContainsFunc(last, func(w string) bool { return slices.Contains(idWords, w) })
		isKey := value && (isID && has(keyWords) || slices.ContainsFunc(last, func(w string) bool { return slices.Contains(keyWords, w) }))
		var notes []string
		switch {
		case c.Type == manifest.Date:
			notes = append(notes, "a time")
			if g.time == nil {
				g.time = c
			}
		case isKey:
			notes = append(notes, "ids of users? a number only in its digits")
			if g.key == nil {
				g.key = c
			}
		case isID:
			note := "an id or a code? a number only in its digits"
			if c.Unique {
				note = "an id? nothing to learn from where all rows differ"
			}
			notes = append(notes, note)
			if g.id == nil || c.Unique && !g.id.Unique {
				g.id = c
			}
		case has(labelWords) || c.Type == manifest.Boolean && i == len(columns)-1:
			notes = append(notes, "the label? it is the target of the run file")
		case c.Type == manifest.Numeric && g.number == nil:
			g.number = c
		}
		if c.Unique && c.Type == manifest.Categorical && !isID && !isKey {
			notes = append(notes, "all different in the rows looked at")
		}
		if c.SQL != "" && !isTrainable(c.SQL) {
			notes = append(notes, "training cannot read "+c.SQL)
		} else if c.Unreadable {
			notes = append(notes, "a run refuses some of the values: see debut data inspect")
		}
		name := quoteKey(c.Name)
		line := name + strings.Repeat(" ", width-len([]rune(name))) + "  " + c.Type
		if len(notes) > 0 {
			line = fmt.Sprintf("%s%*s%s", line, max(2, 13-len(c.Type)), "", strings.Join(notes, "; "))
		}
		g.lines = append(g.lines, line)
	}
	return g
}

// nameWords cuts a name such as customer_id, customerId or CustomerID into words.
func nameWords(name string) []string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if i > 0 && unicode.IsUpper(r) && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return strings.FieldsFunc(b.String(), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}
