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

func TestUnknownFamily(t *testing.T) {
	_, err := Parse("run.yaml", []byte("name: a\nfamily: behaviors\n"), nil)
	if err == nil || !strings.HasPrefix(err.Error(), "run.yaml:2:9: ") || !strings.Contains(err.Error(), `did you mean "behavior"`) {
		t.Errorf("%v", err)
	}
	if _, err := Schema("behaviors"); err == nil {
		t.Error("there is a schema of a family that is none")
	}
}
