package families

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestTemplatesAreValid(t *testing.T) {
	list, err := Templates()
	if err != nil || list[0].Kind != "classification" {
		t.Fatalf("%v, %v", list, err)
	}
	for _, template := range list {
		c, err := Parse(template.Kind+".yaml", template.Text, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.Base().Family != template.Family {
			t.Errorf("%s is a run file of %s, not of %s", template.Kind, c.Base().Family, template.Family)
		}
	}
}

func TestSchemas(t *testing.T) {
	for _, name := range append(Names(), "") {
		s, err := Schema(name)
		if err != nil || !json.Valid(s) || !bytes.Contains(s, []byte(`"checkpoint"`)) || !bytes.Contains(s, []byte(`"precision"`)) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// What a run file may say in short the schema knows, the path of its data, widths of layers, and the patience.
func TestSchemaOfShortForms(t *testing.T) {
	if _, err := Parse("run.yaml", []byte("data: {source: x.csv, target: y}\nmodel: {hidden: [128, 64]}\ntrain: {early_stopping: 8}\n"), nil); err != nil {
		t.Fatal(err)
	}
	text, err := Schema("")
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		Defs map[string]struct{ AnyOf []struct{ Type string } } `json:"$defs"`
	}
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"table.Source": "string", "layers.Block": "integer", "run.EarlyStopping": "integer"} {
		if forms := s.Defs[name].AnyOf; len(forms) != 2 || forms[0].Type != want || forms[1].Type != "object" {
			t.Errorf("the forms of %s are %v", name, forms)
		}
	}
}

// Of a key in the wrong section, and of a switch where a number belongs, the error's remedy is a file without one.
func TestMisplaced(t *testing.T) {
	for _, c := range []struct{ wrong, says, right string }{
		{"model: {dropout: 0.1, hidden: [128, 64]}", "dropout is a key of each section in model.hidden, {units: …, dropout: …}", "model: {hidden: [{units: 128, dropout: 0.1}, 64]}"},
		{"model: {loss: mae}", "loss is a key of train", "train: {loss: mae}"},
		{"learning_rate: 0.1", "learning_rate is a key of train.optimizer", "train: {optimizer: {learning_rate: 0.1}}"},
		{"train: {early_stopping: true}", "write early_stopping: 8 ", "train: {early_stopping: 8}"},
		{"train: {epochs: 5, early_stopping: false}", "or leave it out", "train: {epochs: 5}"},
	} {
		const data = "data: {source: x.csv, target: y}\n"
		if _, err := Parse("run.yaml", []byte(data+c.wrong), nil); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v does not say %q", c.wrong, err, c.says)
		}
		if _, err := Parse("run.yaml", []byte(data+c.right), nil); err != nil {
			t.Errorf("%s: %v", c.right, err)
		}
	}
}

func TestUnknownFamily(t *testing.T) {
	_, err := Parse("run.yaml", []byte("name: a\nfamily: behaviors\n"), nil)
	if err == nil || !strings.HasPrefix(err.Error(), "run.yaml:2:9: ") || !strings.Contains(err.Error(), `did you mean "behavior"`) {
		t.Errorf("%v", err)
	}
	if _, err := Schema("behaviors"); err == nil {
		t.Error("there is a schema of a family that is none")
	}
}
