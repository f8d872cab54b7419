package inspect

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"debut/datasets"
	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/prepare"
	"debut/datasets/table"
)

// Remedy is what mends what a warning is about, as data: settings of the source, steps of data prepare, or settings of
// the data section of a run file. Where it has none of these it is work for a person.
type Remedy struct {
	table.Remedy // settings of the source, the condition under which it is right, or work
	Steps        []prepare.Step
	Run          *datasets.Config
}

// ByHand reports a remedy that nothing but a person can apply.
func (r Remedy) ByHand() bool { return len(r.Settings) == 0 && len(r.Steps) == 0 && r.Run == nil }

// step is a remedy by data prepare.
func step(s prepare.Step) Remedy { return Remedy{Steps: []prepare.Step{s}} }

func drop(column string) Remedy { return step(prepare.Step{Drop: configfile.Strings{column}}) }

// sqlStep replaces a column by an expression.
func sqlStep(expression, column string) Remedy {
	return step(prepare.Step{SQL: "SELECT * REPLACE (" + expression + " AS " + sqlName(column) + ") FROM input"})
}

// castStep makes numbers of a column, and missing values of what is none.
func castStep(column string) Remedy {
	return step(prepare.Step{Cast: map[string]prepare.Cast{column: {To: "DOUBLE", OnError: "null"}}})
}

// filter keeps the rows for which a condition holds.
func filter(where, reason string) Remedy {
	return step(prepare.Step{Filter: &prepare.Filter{Where: where, Reason: reason}})
}

// inRun is a remedy by settings of a run.
func inRun(c datasets.Config) Remedy { return Remedy{Run: &c} }

// runColumn is a remedy by settings of a run about a column.
func runColumn(name string, c encoding.Column) Remedy {
	return inRun(datasets.Config{Columns: map[string]encoding.Column{name: c}})
}

// set is a remedy by a setting of the source.
func set(key string, values ...string) Remedy {
	return Remedy{Remedy: table.Remedy{Settings: []table.Setting{{Set: key, Values: values}}}}
}

// declared gives a column a type.
func declared(column, typ string) Remedy {
	return Remedy{Remedy: table.Remedy{Settings: []table.Setting{{Set: table.SetType, Column: column, Values: []string{typ}}}}}
}

// work is a remedy by hand.
func work(text string) Remedy { return Remedy{Remedy: table.Remedy{Work: text}} }

// when adds the condition under which a remedy is right.
func (r Remedy) when(condition string) Remedy {
	r.When = condition
	return r
}

// withoutValues is a remedy that shows no values of the data.
func (r Remedy) withoutValues() Remedy {
	for _, s := range r.Settings {
		if s.Set == table.SetNull {
			return work("list it under null of the source").when(r.When)
		}
	}
	if strings.Contains(r.When, `"`) { // it shows what a value would mean
		r.When = "if its numbers are written so"
	}
	return r
}

// Source returns the settings of a source as lines of YAML in the file of data prepare, "" where there are none.
func (r Remedy) Source() string {
	return inner(flow(r.Apply(table.Source{})))
}

// RunFile returns the lines to add to a run file, "" where there are none.
func (r Remedy) RunFile() string {
	var c datasets.Config
	if r.Run != nil {
		c = *r.Run
	}
	c.Source = r.Apply(c.Source)
	c.Columns = maps.Clone(c.Columns)
	for name, typ := range c.Source.Types {
		// Types of a run file are written with its columns; others, such as layouts of dates, are the source's alone.
		if slices.Contains(columnTypes, typ) {
			if c.Columns == nil {
				c.Columns = map[string]encoding.Column{}
			}
			column := c.Columns[name]
			column.Type = typ
			c.Columns[name] = column
			delete(c.Source.Types, name)
		}
	}
	if text := flow(c); text != "{}" {
		return "data: " + text
	}
	return ""
}

var columnTypes = []string{table.TypeNumeric, table.TypeCategorical, table.TypeBoolean, table.TypeDate, table.TypeText, table.TypeVector}

// DataSteps returns the steps for the file of data prepare, "" where there are none.
func (r Remedy) DataSteps() string {
	if len(r.Steps) == 0 {
		return ""
	}
	return "steps: " + flow(r.Steps)
}

// Options returns the options of a command that reads the table, such as data inspect, "" where there are none.
func (r Remedy) Options() string {
	if len(r.Settings) == 0 {
		return ""
	}
	return strings.TrimPrefix(table.Remedy{Settings: r.Settings}.Text(table.CommandLine), "pass ")
}

// inner returns a mapping without its braces.
func inner(mapping string) string {
	return strings.TrimSuffix(strings.TrimPrefix(mapping, "{"), "}")
}

// Text words the remedy.
func (r Remedy) Text() string {
	var parts []string
	if steps := r.DataSteps(); steps != "" {
		parts = append(parts, steps)
	}
	source, run := r.Source(), r.RunFile()
	switch {
	case source != "" && run == "data: {source: {"+source+"}}":
		parts = append(parts, source+" of the source")
	default:
		if run != "" {
			parts = append(parts, "in the run file: "+run)
		}
		if source != "" {
			parts = append(parts, "at the source in a data file: "+source)
		}
	}
	if options := r.Options(); options != "" {
		parts = append(parts, "here: "+options)
	}
	text := strings.Join(parts, "; ")
	if r.Work != "" {
		text = r.Work
	}
	if r.When != "" {
		text = r.When + ": " + text
	}
	return text
}

// MarshalJSON writes the lines to add, by the file they are for.
func (r Remedy) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		When   string `json:"when,omitempty"`
		Source string `json:"source,omitempty"`
		Run    string `json:"run_file,omitempty"`
		Steps  string `json:"data_file,omitempty"`
		// Options are those of a command that reads the table.
		Options string `json:"options,omitempty"`
		Work    string `json:"work,omitempty"`
		ByHand  bool   `json:"by_hand,omitempty"`
	}{r.When, r.Source(), r.RunFile(), r.DataSteps(), r.Options(), r.Work, r.ByHand()})
}

// Remedy words what can be done, "" where nothing is proposed.
func (w Warning) Remedy() string {
	texts := make([]string, len(w.Remedies))
	for i, r := range w.Remedies {
		texts[i] = r.Text()
	}
	text := strings.Join(texts, "; or ")
	if len(texts) > 0 && !slices.ContainsFunc(w.Remedies, func(r Remedy) bool { return !r.ByHand() }) {
		text = "by hand: " + text
	}
	return text
}

// MarshalJSON writes the warning with its remedies as data and as a text.
func (w Warning) MarshalJSON() ([]byte, error) {
	type fields Warning // without this method
	return json.Marshal(struct {
		fields
		Remedy string `json:"remedy,omitempty"`
	}{fields(w), w.Remedy()})
}
