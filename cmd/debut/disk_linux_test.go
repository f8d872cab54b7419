package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"debut/trainers/checkpoint/disktest"
	"debut/trainers/runfolder"
)

// fill leaves so many bytes free on a disk.
func fill(t *testing.T, disk string, leave uint64) {
	t.Helper()
	var s syscall.Statfs_t
	if err := syscall.Statfs(disk, &s); err != nil {
		t.Fatal(err)
	}
	size := int64(s.Bavail*uint64(s.Bsize)) - int64(leave)
	if size < 0 {
		t.Fatalf("less than %d bytes are free", leave)
	}
	if err := os.WriteFile(filepath.Join(disk, "ballast"), make([]byte, size), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A disk that fills up while a training is under way takes no checkpoint away.
func TestDiskFillsUp(t *testing.T) {
	processes(t)
	disktest.Run(t, 12, func(t *testing.T, disk string) {
		dir := workplace(t, longRun)
		debut(t, dir, 0, "train", "run.yaml", "--output", "whole", "-q")
		want := endOf(t, filepath.Join(dir, "whole", "r"))
		folder := filepath.Join(disk, "r")
		train := []string{"train", "run.yaml", "--output", disk, "--set", "checkpoint.every_epochs=2"}
		for _, c := range []struct {
			name  string
			leave uint64
		}{{"into the reserve", 1000 << 10}, {"to the last byte", 0}} {
			if err := os.RemoveAll(folder); err != nil {
				t.Fatal(err)
			}
			p := start(t, dir, train...)
			p.await(t, "a checkpoint", func() bool {
				found, err := filepath.Glob(filepath.Join(folder, "checkpoints", "*.json"))
				return err == nil && len(found) > 0
			})
			p.stop(t)
			fill(t, disk, c.leave)
			p.signal(t, syscall.SIGCONT)
			if c.leave > 0 {
				p.finish(t, 0) // checkpoints are no reason to end a training
				if text := p.stderr.String(); !strings.Contains(text, "no checkpoint was written; the training goes on") || !strings.Contains(text, "not enough disk space") {
					t.Errorf("%s: no warning:\n%s", c.name, text)
				}
				end := endOf(t, folder)
				end.same(t, want)
				if s := end.result.Checkpoints; s == nil || s.Failed == 0 || s.Written == 0 || s.Step != newest(t, folder) || !strings.Contains(s.Error, "not enough disk space") {
					t.Errorf("%s: run.json tells of the checkpoints %+v", c.name, s)
				}
			} else {
				p.finish(t, 1) // metrics and model cannot be written
				if text := p.stderr.String(); !strings.Contains(text, "no space left on device") {
					t.Errorf("%s: the message does not say why:\n%s", c.name, text)
				}
			}
			if step := newest(t, folder); step <= 0 || step >= want.evaluations[len(want.evaluations)-1].Step {
				t.Errorf("%s: the newest checkpoint is of step %d", c.name, step)
			}
			if err := os.Remove(filepath.Join(disk, "ballast")); err != nil {
				t.Fatal(err)
			}
			text := debut(t, dir, 0, append(slices.Clone(train), "--resume")...)
			if !strings.Contains(text, "INF resumed step=") {
				t.Errorf("%s: not resumed:\n%s", c.name, text)
			}
			end := endOf(t, folder)
			end.same(t, want)
			if s := end.result.Checkpoints; s == nil || s.Failed != 0 || s.Error != "" {
				t.Errorf("%s: with room again, run.json tells of %+v", c.name, s)
			}
		}
	})
}

// Where nothing can be written nothing is begun, and what is there stays.
func TestReadOnlyFolders(t *testing.T) {
	disktest.Run(t, 12, func(t *testing.T, disk string) {
		dir := workplace(t, everythingRun)
		train := []string{"train", "run.yaml", "-q", "--output", disk}
		debut(t, dir, 0, train...)
		folder := filepath.Join(disk, "r")
		before := snapshot(t, disk)
		check := func(where string, args ...string) {
			t.Helper()
			text := debut(t, dir, 1, append(slices.Clone(train), args...)...)
			if !strings.Contains(text, "read-only file system") || strings.Count(text, "\n") > 3 {
				t.Errorf("%s, %q: %s", where, args, text)
			}
			if after := snapshot(t, disk); after != before {
				t.Errorf("%s, %q: the folder has changed from\n%s\nto\n%s", where, args, before, after)
			}
		}
		// The run folder alone, over itself.
		if err := syscall.Mount(folder, folder, "", syscall.MS_BIND, ""); err != nil {
			t.Skipf("this user may not mount: %v", err)
		}
		if err := syscall.Mount("", folder, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, ""); err != nil {
			t.Skipf("this user may not mount read-only: %v", err)
		}
		check("the run folder", "--resume", "--set", "train.epochs=9")
		check("the run folder", "--overwrite")
		if err := syscall.Unmount(folder, 0); err != nil {
			t.Fatal(err)
		}
		// The whole disk.
		if err := syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
			t.Skipf("this user may not mount read-only: %v", err)
		}
		check("the output", "--resume", "--set", "train.epochs=9")
		check("the output", "--overwrite")
		check("the output", "--name", "other")
		// Reading is not affected.
		debut(t, dir, 0, "evaluate", filepath.Join(disk, "r"), "visits.csv")
		if _, err := runfolder.Open(folder); err != nil {
			t.Error(err)
		}
	})
}
