package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"debut/trainers/families"
)

// The README must not promise what the program does not have.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := bytes.Cut(text, []byte("```yaml\n"))
	example, _, closed := bytes.Cut(rest, []byte("```"))
	if !ok || !closed {
		t.Fatal("there is no run file in the README")
	}
	if _, err := families.Parse("README.md", example, nil); err != nil {
		t.Errorf("the README's run file: %v", err)
	}
	of := map[string]bool{}
	for _, block := range bytes.Split(text, []byte("```yaml\n"))[1:] {
		block, _, _ = bytes.Cut(block, []byte("```"))
		if !bytes.HasPrefix(block, []byte("family:")) {
			continue
		}
		c, err := families.Parse("README.md", block, nil)
		if err != nil {
			t.Errorf("the README's run file: %v", err)
			continue
		}
		of[c.Base().Family] = true
	}
	for _, name := range families.Names() {
		if !bytes.Contains(text, []byte("| `"+name+"`")) {
			t.Errorf("the README has no line of the family %s", name)
		}
		if !of[name] && name != families.Names()[0] { // its run file is the first, and names no family
			t.Errorf("the README has no run file of the family %s", name)
		}
	}
	root := newApp(nil, nil).root()
	commands := regexp.MustCompile("(?m)(?:^|`)debut ([a-z]+)(?: ([a-z]+))?").FindAllSubmatch(text, -1)
	if len(commands) < 10 {
		t.Fatalf("found only %d commands in the README", len(commands))
	}
	for _, c := range commands {
		name := string(c[1])
		if name == "trains" || name == "is" { // a sentence
			continue
		}
		found, _, err := root.Find([]string{name, string(c[2])})
		if err != nil || found.Name() != name && found.Name() != string(c[2]) {
			t.Errorf("the README names %q, which is no command", strings.TrimPrefix(string(c[0]), "`"))
		}
	}
}
