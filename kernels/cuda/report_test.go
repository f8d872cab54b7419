package cuda

import (
	"errors"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"debut/kernels"
)

func TestVersion(t *testing.T) {
	for v, want := range map[Version]string{0: "unknown", 11080: "11.8", 12040: "12.4", 13000: "13.0"} {
		if got := v.String(); got != want {
			t.Errorf("%d: %s, want %s", int(v), got, want)
		}
	}
}

func TestCapability(t *testing.T) {
	for c, want := range map[Capability]bool{{6, 2}: false, {7, 0}: true, {7, 5}: true, {12, 0}: true} {
		if got := c.supported(); got != want {
			t.Errorf("%v: %v", c, got)
		}
	}
}

func TestCheck(t *testing.T) {
	r := Report{Devices: []GPU{
		{Index: 0, Name: "Old", Reason: "it is old"},
		{Index: 1, Name: "New", Usable: true},
	}}
	r.conclude()
	if r.Reason != "" || len(r.Usable()) != 1 || r.Usable()[0].Index != 1 {
		t.Errorf("reason %q, usable %v", r.Reason, r.Usable())
	}
	if err := r.Check(1); err != nil {
		t.Errorf("Check(1): %v", err)
	}
	for index, want := range map[int]string{
		-1: "cuda:-1: there is no such GPU; the last is cuda:1",
		0:  "cuda:0: Old cannot be used: it is old",
		2:  "cuda:2: there is no such GPU; the last is cuda:1",
	} {
		if err := r.Check(index); !errors.Is(err, kernels.ErrUnsupported) || err.Error() != want {
			t.Errorf("Check(%d): %v, want %s", index, err, want)
		}
	}
	r.Devices = r.Devices[:1]
	r.conclude()
	if want := "cuda:0 (Old): it is old"; r.Reason != want {
		t.Errorf("reason %q, want %q", r.Reason, want)
	}
	if err := (Report{Reason: "none here"}).Check(0); !errors.Is(err, kernels.ErrUnsupported) || err.Error() != "cuda:0: none here" {
		t.Errorf("Check without GPUs: %v", err)
	}
}

// Package cu ends the program where there is no driver unless cudrv is linked too, and only this package sees to that.
func TestNothingElseImportsCu(t *testing.T) {
	const root = "../.."
	here := filepath.Join(root, "kernels", "cuda")
	files := 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && strings.HasPrefix(entry.Name(), "."), entry.IsDir() && path == here:
			return fs.SkipDir
		case entry.IsDir() || filepath.Ext(path) != ".go":
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		files++
		for _, spec := range f.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if name == "gorgonia.org/cu" || strings.HasPrefix(name, "gorgonia.org/cu/") || name == "debut/kernels/cuda/cudrv" {
				t.Errorf("%s imports %s; use debut/kernels/cuda", path, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files == 0 {
		t.Error("no Go files were found")
	}
}
