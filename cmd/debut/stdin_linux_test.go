package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// What comes by standard input has no name on the disk, so that nothing of it is left where the program is killed.
func TestStandardInputHasNoName(t *testing.T) {
	dir := workplace(t, "name: r\ndata: {source: {path: visits.csv}, target: y, id: id}\ntrain: {epochs: 1}\n")
	debut(t, dir, 0, "train", "run.yaml", "-q")
	rows, err := os.ReadFile(filepath.Join(dir, "visits.csv"))
	if err != nil {
		t.Fatal(err)
	}
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command("debut", "predict", "runs/r", "-", "-o", "out.csv", "-q")
	command.Stdin = in
	p := startCommand(t, dir, command)
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	for range 100 { // far more than what pipes and buffers hold
		if _, err := out.Write(rows); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string) {
		t.Helper()
		err := filepath.WalkDir(tmp, func(path string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			text, err := os.ReadFile(path)
			if bytes.Contains(text, []byte("Bonn")) {
				t.Errorf("%s, %s has rows", when, path)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	check("under way")
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.finish(t, -1)
	check("killed")
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}
