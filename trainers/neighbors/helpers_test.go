package neighbors

import (
	"bytes"
	"testing"

	"github.com/goccy/go-yaml"

	"debut/datasets/interactions"
)

// parse reads YAML as strictly as a run file does.
func parse(t testing.TB, text string) *interactions.Config {
	t.Helper()
	var c interactions.Config
	if err := yaml.NewDecoder(bytes.NewReader([]byte(text)), yaml.Strict()).Decode(&c); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return &c
}
