package inspect

import "fmt"

// tells says what is suspicious about how a column predicts the label.
func (t *target) tells(e *examined) []Warning {
	s := e.column.Predicts
	if t == nil || s == nil || s.Value < leakage {
		return nil
	}
	remedy := drop(e.column.Name).when("unless it is known when the prediction is made")
	w := Warning{Severity: Severe, Code: "leakage", Column: e.column.Name, Remedies: []Remedy{remedy},
		Message: fmt.Sprintf("suspicious: predicts the label %s alone (%s %.4f); known only afterwards?", quoted(t.Column), measureNames[s.Measure], s.Value)}
	if t.Guessed { // and may be another column
		w.Severity = Notable
		w.Remedies = []Remedy{remedy.when("if that is the label, and this is not known when the prediction is made"), work("name another label with --label")}
	}
	return []Warning{w}
}
