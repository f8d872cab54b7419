package behavior

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed templates/*.yaml
var templates embed.FS

// Examples lists the kinds of example run files.
func Examples() []string {
	entries, err := fs.ReadDir(templates, "templates")
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
}

// Example returns a commented run file to start from, of one of the kinds that Examples lists.
func Example(kind string) ([]byte, error) {
	b, err := templates.ReadFile("templates/" + kind + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("behavior: there is no example %q; there are %s", kind, strings.Join(Examples(), ", "))
	}
	return b, nil
}
