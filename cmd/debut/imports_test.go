package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"debut/trainers/families"
)

// floors of the house, from the ground: a package imports from its own floor and from those below.
var floors = []string{"kernels", "engine", "layers", "trainers", "bench", "cmd"}

// bottom are packages below kernels that know nothing of kernels, for everybody.
var bottom = []string{"debut/kernels/hostmemory", "debut/kernels/philox", "debut/kernels/pool", "debut/kernels/rawbytes"}

// rooms of datasets, from the ground: what words messages use, how a configuration is read and secrets are found, tables,
// what is learned of them, and a run's data. The other packages below datasets serve these, or are built on them.
var rooms = []string{"debut/datasets/nearest", "debut/datasets/wording", "debut/datasets/configfile", "debut/datasets/sealed", "debut/datasets/table",
	"debut/datasets/encoding", "debut/datasets"}

// onlyOf is what packages of datasets may import of the module at most.
var onlyOf = map[string][]string{
	"debut/datasets/wording":    nil,
	"debut/datasets/configfile": {"debut/datasets/nearest", "debut/datasets/wording"},
	"debut/datasets/sealed":     {"debut/datasets/nearest", "debut/datasets/wording", "debut/datasets/configfile"},
}

// importer is a package with what it imports, as go list prints it.
type importer struct {
	ImportPath string
	Imports    []string
}

// listed returns the packages of the module.
func listed(t *testing.T) (list []importer) {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "debut/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p importer
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	if len(list) < 30 {
		t.Fatalf("%d packages", len(list))
	}
	return list
}

// room returns the folder at the top that a package lies in.
func room(pkg string) string {
	top, _, _ := strings.Cut(strings.TrimPrefix(pkg, "debut/"), "/")
	return top
}

// allowed says why a package may not import another, or "".
func allowed(from, to string) string {
	if !strings.HasPrefix(to, "debut/") || slices.Contains(bottom, to) {
		return ""
	}
	if only, limited := onlyOf[from]; limited && !slices.Contains(only, to) {
		return "it imports no more than " + strings.Join(only, ", ")
	}
	if at, above := slices.Index(rooms, from), slices.Index(rooms, to); at >= 0 && above > at {
		return "what reads tables knows nothing of encoding, and neither of a run's data"
	}
	a, b := room(from), room(to)
	switch {
	case a == "datasets" && b != "datasets":
		return "datasets knows nothing of models and kernels"
	case b == "datasets":
		if slices.Contains([]string{"trainers", "bench", "cmd"}, a) || a == "datasets" {
			return ""
		}
		return "the floors below trainers know nothing of data"
	case slices.Index(floors, b) > slices.Index(floors, a):
		return "imports run downwards"
	}
	isFamily := func(pkg string) bool {
		return path.Dir(pkg) == "debut/trainers" && slices.Contains(families.Names(), path.Base(pkg))
	}
	switch {
	case isFamily(to) && from != "debut/trainers/families" && !strings.HasPrefix(from, to+"/") && a != "bench": // bench times algorithms by themselves
		return "families are reached through trainers/families, and know nothing of each other"
	case to == "debut/trainers/families" && a == "trainers" && !slices.Contains([]string{"export", "serve", "tuning", "launch"}, path.Base(from)):
		return "what trains a model does not know all families"
	}
	return ""
}

// TestImports holds the plan of the house: see .github/ARCHITECTURE.md.
func TestImports(t *testing.T) {
	for _, p := range listed(t) {
		for _, to := range p.Imports {
			if why := allowed(p.ImportPath, to); why != "" {
				t.Errorf("%s imports %s: %s", p.ImportPath, to, why)
			}
		}
	}
	for _, wrong := range [][2]string{
		{"debut/kernels/cpu", "debut/engine"}, {"debut/engine", "debut/datasets"}, {"debut/datasets", "debut/trainers/run"},
		{"debut/trainers/neighbors", "debut/trainers/behavior"}, {"debut/cmd/debut", "debut/trainers/behavior"},
		{"debut/trainers/behavior", "debut/trainers/families"}, {"debut/datasets/split", "debut/kernels"}, {"debut/trainers/run", "debut/bench"},
		{"debut/datasets/table", "debut/datasets/encoding"}, {"debut/datasets/table", "debut/datasets"}, {"debut/datasets/encoding", "debut/datasets"},
		{"debut/datasets/configfile", "debut/datasets/table"}, {"debut/datasets/configfile", "debut/datasets/duck"},
	} {
		if allowed(wrong[0], wrong[1]) == "" {
			t.Errorf("%s may import %s", wrong[0], wrong[1])
		}
	}
}
