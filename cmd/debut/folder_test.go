package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"debut/trainers/runfolder"
)

// Whatever became of run.json, a run goes on from its checkpoints, with the same bits.
func TestResumeWithoutResult(t *testing.T) {
	processes(t)
	dir := workplace(t, everythingRun+"checkpoint: {every_epochs: 1, every_minutes: 0}\n")
	debut(t, dir, 0, "train", "run.yaml", "--output", "whole", "-q")
	want := endOf(t, filepath.Join(dir, "whole", "r"))
	debut(t, dir, 0, "train", "run.yaml", "-q", "--set", "train.epochs=3")
	for name, damage := range map[string]func(path string) error{
		"missing": os.Remove,
		"empty":   func(path string) error { return os.Truncate(path, 0) },
		"pipe": func(path string) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			return syscall.Mkfifo(path, 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(dir, name, "r")
			if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(dir, "runs"))); err != nil {
				t.Fatal(err)
			}
			if err := damage(filepath.Join(folder, runfolder.ResultFile)); err != nil {
				t.Fatal(err)
			}
			before := files(t, filepath.Join(folder, "checkpoints"))
			for _, flag := range []string{"-q", "--overwrite"} {
				if text := debut(t, dir, 1, "train", "run.yaml", "--output", name, flag); !strings.Contains(text, "but checkpoints: go on from them with --resume and the run file") {
					t.Errorf("%s: %s", flag, text)
				}
			}
			if text := debut(t, dir, 1, "train", name+"/r", "--resume"); !strings.Contains(text, `but checkpoints: go on from them with the run file: debut train RUN.yaml --resume --output "`+name+`" --name "r"`) {
				t.Errorf("the folder: %s", text)
			}
			if after := files(t, filepath.Join(folder, "checkpoints")); strings.Join(after, " ") != strings.Join(before, " ") {
				t.Fatalf("the checkpoints are %q, before %q", after, before)
			}
			text := debut(t, dir, 0, "train", "run.yaml", "--resume", "--output", name, "--name", "r")
			if !strings.Contains(text, "run.json cannot be read; the run goes on from its checkpoint") {
				t.Errorf("%s", text)
			}
			endOf(t, folder).same(t, want)
		})
	}
}

// A training whose folder is taken away ends, and leaves the run alone that is there after that.
func TestFolderGoneWhileTraining(t *testing.T) {
	dir := workplace(t, longRun)
	folder := filepath.Join(dir, "runs", "r")
	args := []string{"train", "run.yaml", "-q", "--set", "checkpoint.every_steps=7"}
	for name, take := range map[string]func() error{
		"removed": func() error { return os.RemoveAll(folder) },
		"moved":   func() error { return os.Rename(folder, folder+"-moved") },
	} {
		first := start(t, dir, args...)
		first.progressed(t, folder)
		first.stop(t)
		if err := take(); err != nil {
			t.Fatal(err)
		}
		// Under the same name another one begins, and ends, while the first one stands still.
		debut(t, dir, 0, append(args, "--set", "train.epochs=2")...)
		before := snapshot(t, folder)
		first.signal(t, syscall.SIGCONT)
		first.finish(t, 1)
		if text := first.stderr.String(); strings.Count(text, "the run's folder was removed or replaced while the run was under way: runs/r") != 1 || strings.Contains(text, "the training goes on") {
			t.Errorf("%s: %s", name, text)
		}
		if after := snapshot(t, folder); after != before {
			t.Errorf("%s: the folder of the second run has changed from\n%s\nto\n%s", name, before, after)
		}
		if err := os.RemoveAll(filepath.Join(dir, "runs")); err != nil {
			t.Fatal(err)
		}
	}
}
