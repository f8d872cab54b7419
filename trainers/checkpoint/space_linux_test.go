package checkpoint

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"debut/trainers/checkpoint/disktest"
)

// TestFullDisk fills a real file system.
func TestFullDisk(t *testing.T) { disktest.Run(t, 25, fillDisk) }

// wantStep checks that the newest checkpoint is that of a step, with a table of that byte.
func wantStep(t *testing.T, s *Store, step int64, fill byte) {
	t.Helper()
	l, err := s.Latest()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make([]byte, 100)
	if err := l.ReadAt("table", got, 1<<20-50); err != nil || l.Step != step || got[0] != fill || got[99] != fill {
		t.Fatalf("step %d of %d, %v: %v", l.Step, fill, got, err)
	}
}

// fillDisk is the test: a store whose disk is filled by itself, and by others, and becomes read-only.
func fillDisk(t *testing.T, dir string) {
	store := filepath.Join(dir, "checkpoints")
	s := open(t, nil, store, 9)
	// By checkpoints: of 5 MiB, four fit into 25, as the files of a run need some, too.
	var err error
	step := int64(1)
	for ; err == nil && step < 20; step++ {
		err = s.Write(tableOf(step, 5, byte(step)))
	}
	if step-1 != 5 || !errors.Is(err, ErrNoSpace) || !strings.Contains(err.Error(), "free") {
		t.Fatalf("step %d: %v", step-1, err)
	}
	t.Log(err)
	wantStep(t, s, 4, 4)
	if got := names(t, store); len(got) != 8 {
		t.Fatalf("files %q", got)
	}
	s = open(t, nil, store, 1)
	if err := s.Write(tableOf(5, 5, 5)); !errors.Is(err, ErrNoSpace) { // however few are kept: first the new one must be there
		t.Fatalf("without room: %v", err)
	}
	for _, id := range []id{{1, 1}, {1, 2}} {
		if err := errors.Join(os.Remove(filepath.Join(store, id.stateName())), os.Remove(filepath.Join(store, id.tensorsName()))); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Write(tableOf(5, 5, 5)); err != nil {
		t.Fatalf("with room again: %v", err)
	}
	wantStep(t, s, 5, 5)

	// By others, while the checkpoint is written: the look at the free space was right, and the disk is full all the same.
	ballast := filepath.Join(dir, "ballast")
	c := tableOf(6, 5, 6)
	read := c.Tensors[0].Read
	c.Tensors[0].Read = func(dst []byte, off int64) error {
		if off == 2<<20 {
			if err := fill(ballast); err != nil {
				return err
			}
		}
		return read(dst, off)
	}
	err = s.Write(c)
	if !errors.Is(err, ErrNoSpace) || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("a disk filled by others: %v", err)
	}
	t.Log(err)
	wantStep(t, s, 5, 5)
	if got := names(t, store); len(got) != 2 {
		t.Fatalf("files %q", got)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(tableOf(6, 5, 6)); err != nil {
		t.Fatal(err)
	}
	wantStep(t, s, 6, 6)

	// Read-only from one moment to the next, as file systems become after an error, for the superuser, too.
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Logf("not tested read-only: %v", err)
		return
	}
	if err := s.Write(tableOf(7, 1, 7)); !errors.Is(err, syscall.EROFS) {
		t.Fatalf("a read-only file system: %v", err)
	}
	s = open(t, nil, store, 1)
	wantStep(t, s, 6, 6)
}

// fill writes until the disk is full.
func fill(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		if _, err := f.Write(make([]byte, 1<<16)); err != nil {
			if errors.Is(err, syscall.ENOSPC) {
				return nil
			}
			return fmt.Errorf("ballast: %w", err)
		}
	}
}
