package table

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Wording is where the reader of a message can change how data are read: it says in whose words remedies are.
type Wording uint8

// The wordings of remedies.
const (
	RunFile     Wording = iota // the data section of a run file
	DataFile                   // a source of the file of data prepare
	CommandLine                // options of a command, such as predict with a finished model
)

// The keys of Remedy.Set.
const (
	SetNull      = "null"
	SetType      = "types"
	SetDecimal   = "decimal"
	SetThousands = "thousands"
	SetComment   = "comment"
	SetEncoding  = "encoding"
	SetDelimiter = "delimiter"
	SetHeader    = "header"
	SetNames     = "names"
	SetQuery     = "query"
)

// Remedy is something that mends what an error or a warning is about: settings of a source, as data, or work that a
// person has to do. Each command words it for where its user can make it.
type Remedy struct {
	When     string    // the condition under which it is right, such as "if it stands for a missing value"
	Settings []Setting // of the source; empty where it is work by hand
	Work     string    // "correct it"
}

// Setting is a key of a source and its value.
type Setting struct {
	Set    string   // one of the constants
	Column string   // that SetType is about
	Values []string // of SetNull and SetNames all, of others one
}

// set makes a remedy of one setting.
func set(key string, values ...string) Remedy {
	return Remedy{Settings: []Setting{{Set: key, Values: values}}}
}

// DeclareType is the remedy that gives a column a type.
func DeclareType(column, typ string) Remedy {
	return Remedy{Settings: []Setting{{Set: SetType, Column: column, Values: []string{typ}}}}
}

// ManualRemedy is a remedy that a person has to apply.
func ManualRemedy(text string) Remedy { return Remedy{Work: text} }

// when adds a condition.
func (r Remedy) when(condition string) Remedy {
	r.When = condition
	return r
}

// Apply returns the source with the remedy's settings. The source given stays as it is.
func (r Remedy) Apply(src Source) Source {
	src = src.Clone()
	for _, s := range r.Settings {
		s.apply(&src)
	}
	return src
}

func (s Setting) apply(src *Source) {
	switch s.Set {
	case SetNull:
		src.Null = append(slices.Clone(src.Null), s.Values...)
	case SetType:
		src.Types = maps.Clone(src.Types)
		if src.Types == nil {
			src.Types = map[string]string{}
		}
		src.Types[s.Column] = s.Values[0]
	case SetDecimal:
		src.Decimal = s.Values[0]
	case SetThousands:
		src.Thousands = s.Values[0]
	case SetComment:
		src.Comment = s.Values[0]
	case SetEncoding:
		src.Encoding = s.Values[0]
	case SetDelimiter:
		src.Delimiter = Delimiter(s.Values[0])
	case SetHeader:
		header := s.Values[0] == "true"
		src.Header = &header
	case SetNames:
		src.Names = slices.Clone(s.Values)
	case SetQuery:
		src.Query = s.Values[0]
	}
}

// Text words the remedy.
func (r Remedy) Text(w Wording) string {
	text := r.Work
	if len(r.Settings) > 0 {
		items := make([]string, len(r.Settings))
		for i, s := range r.Settings {
			items[i] = s.text(w)
		}
		separator := ", "
		if w == CommandLine {
			separator = " "
		}
		verb := "set "
		if w == CommandLine {
			verb = "pass "
		}
		text = verb + strings.Join(items, separator)
	}
	if r.When != "" {
		text = r.When + ", " + text
	}
	return text
}

// text writes the setting as a line to add, or an option.
func (s Setting) text(w Wording) string {
	if w == CommandLine {
		switch s.Set {
		case SetType:
			return "--" + s.Set + " " + shellWord(s.Column+"="+s.Values[0])
		case SetHeader: // a flag without a value is true, whatever follows
			return "--" + s.Set + "=" + s.Values[0]
		case SetNull:
			options := make([]string, len(s.Values))
			for i, v := range s.Values {
				options[i] = "--" + s.Set + " " + shellWord(listItem(v))
			}
			return strings.Join(options, " ")
		case SetNames:
			names := make([]string, len(s.Values))
			for i, v := range s.Values {
				names[i] = listItem(v)
			}
			return "--" + s.Set + " " + shellWord(strings.Join(names, ","))
		}
		return "--" + s.Set + " " + shellWord(s.Values[0])
	}
	switch s.Set {
	case SetNull, SetNames:
		values := make([]string, len(s.Values))
		for i, v := range s.Values {
			values[i] = strconv.Quote(v)
		}
		return s.Set + ": [" + strings.Join(values, ", ") + "]"
	case SetType:
		if w == RunFile && isColumnType(s.Values[0]) {
			return fmt.Sprintf("columns: {%s: {type: %s}}", yamlText(s.Column), s.Values[0])
		}
		return fmt.Sprintf("types: {%s: %s}", yamlText(s.Column), yamlText(s.Values[0]))
	case SetQuery:
		// What ends a value between braces, where the others of the source may stand, is quoted too.
		if sql := s.Values[0]; strings.Contains(sql, ": ") || strings.Contains(sql, " #") || strings.ContainsAny(sql, ",[]{}") {
			return s.Set + ": " + strconv.Quote(sql)
		}
		return s.Set + ": " + s.Values[0]
	case SetHeader:
		return s.Set + ": " + s.Values[0]
	}
	return s.Set + ": " + yamlText(s.Values[0])
}

// wordRemedies joins remedies, the first the most likely one.
func wordRemedies(remedies []Remedy, w Wording) string {
	texts := make([]string, len(remedies))
	for i, r := range remedies {
		texts[i] = r.Text(w)
	}
	return strings.Join(texts, "; or ")
}

var (
	plainYAML = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	// wordsYAML are read as something else than text where they are not quoted.
	wordsYAML = regexp.MustCompile(`^(?i:y|n|yes|no|on|off|true|false|null|nan)$`)
	plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:=,-]+$`)
)

// listItem writes a text as one of an option's list, whose texts stand between commas, as fields of a CSV do.
func listItem(s string) string {
	if strings.ContainsAny(s, ",\"\n\r") {
		return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	return s
}

// yamlText writes a text for YAML, in quotes where it needs them.
func yamlText(s string) string {
	if plainYAML.MatchString(s) && !wordsYAML.MatchString(s) {
		return s
	}
	return strconv.Quote(s)
}

// shellWord writes a text for a shell, in quotes where it needs them.
func shellWord(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
