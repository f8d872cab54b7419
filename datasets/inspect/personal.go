package inspect

import (
	"fmt"

	"debut/datasets/configfile"
	"debut/datasets/personal"
	"debut/datasets/prepare"
	"debut/datasets/table"
	"debut/datasets/wording"
)

// personalWarnings are about data on persons.
func personalWarnings(c *Column) []Warning {
	var out []Warning
	for _, f := range c.Personal {
		w := Warning{Severity: Warn, Code: "personal", Column: c.Name}
		switch {
		case f.ByName:
			w.Message = "by its name: " + string(f.Kind)
			if !f.Kind.Direct() {
				w.Severity = Notable
			}
		case f.Within:
			w.Rows = int64(f.Values)
			w.Message = fmt.Sprintf("%s within the text of %s of %s values looked at, such as %s", f.Kind, wording.Thousands(int64(f.Values)), wording.Thousands(int64(f.Checked)), f.Example)
		default:
			w.Rows = int64(f.Values)
			w.Message = fmt.Sprintf("%s in %s of %s values looked at, such as %s", f.Kind, wording.Thousands(int64(f.Values)), wording.Thousands(int64(f.Checked)), f.Example)
		}
		generalize := func(g prepare.Generalization) Remedy {
			return step(prepare.Step{Generalize: map[string]prepare.Generalization{c.Name: g}})
		}
		var remedy Remedy
		switch {
		case f.Within:
			remedy = step(prepare.Step{Mask: configfile.Strings{c.Name}})
		case f.Kind == personal.PersonID:
			remedy = step(prepare.Step{Pseudonymize: map[string]string{c.Name: "customer"}})
		case f.Kind == personal.Email:
			remedy = step(prepare.Step{Pseudonymize: map[string]string{c.Name: "email"}})
		case f.Kind == personal.Birth && c.Type == table.TypeDate:
			remedy = generalize(prepare.Generalization{Unit: "year"})
		case f.Kind == personal.Location && c.Type == table.TypeNumeric:
			remedy = generalize(prepare.Generalization{Width: 1000})
		case f.Kind == personal.Location && c.Type == table.TypeCategorical:
			remedy = generalize(prepare.Generalization{Prefix: 2})
		case f.Kind == personal.Sensitive:
			remedy = drop(c.Name).when("unless its use is lawful and fair")
		default:
			remedy = drop(c.Name)
		}
		w.Remedies = []Remedy{remedy}
		out = append(out, w)
	}
	return out
}
