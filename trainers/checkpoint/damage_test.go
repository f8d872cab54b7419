package checkpoint

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"debut/engine/safetensors"
	"debut/trainers/checkpoint/faultfs"
)

// damageable is a store with steps 1 and 2, where 2 names 1 as its best one.
func damageable(t testing.TB) (*faultfs.FS, *Store) {
	t.Helper()
	fsys := faultfs.New("runs/r")
	s := open(t, fsys, faultDir, 2)
	for i, best := range []*int64{nil, new(int64(1))} {
		if err := s.Write(checkpointOf(i, int64(i+1), best)); err != nil {
			t.Fatal(err)
		}
	}
	return fsys, s
}

// wantDamage loads step 2, and wants its damage to be told with the file and, if not empty, the part of it.
func wantDamage(t *testing.T, s *Store, file, part string) {
	t.Helper()
	l, err := s.Load(2)
	if err == nil {
		l.Close()
		t.Fatal("a damaged checkpoint was loaded")
	}
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), part) {
		t.Fatalf("want damage of %s, %s: %v", file, part, err)
	}
}

// parts of a tensors file: the name of what lies at a byte.
func partAt(t *testing.T, file []byte) func(int) string {
	t.Helper()
	f, err := safetensors.Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return func(at int) string {
		for _, info := range f.Tensors() {
			if int64(at) >= info.Offset && int64(at) < info.Offset+info.Bytes {
				return fmt.Sprintf("tensor %q", info.Name)
			}
		}
		return "header"
	}
}

func TestEveryFlippedByte(t *testing.T) {
	fsys, s := damageable(t)
	cases := 0
	for _, ext := range []string{stateExt, tensorsExt} {
		name := "step-000000000002" + ext
		path := filepath.Join(faultDir, name)
		whole := fsys.Content(path)
		part := func(int) string { return "" }
		if ext == tensorsExt {
			part = partAt(t, whole)
		}
		for at := range whole {
			flips := []byte{1, 2, 4, 8, 16, 32, 64, 128}
			if at%16 == 5 { // every value
				flips = nil
				for f := 1; f < 256; f++ {
					flips = append(flips, byte(f))
				}
			}
			for _, flip := range flips {
				cases++
				bad := bytes.Clone(whole)
				bad[at] ^= flip
				fsys.SetContent(path, bad)
				wantDamage(t, s, name, part(at))
				if flip == 1 {
					if n, _ := latestWrite(t, s); n != 0 {
						t.Fatalf("instead of the damaged one write %d was found", n)
					}
				}
			}
		}
		for size := range whole {
			cases++
			fsys.SetContent(path, whole[:size:size])
			wantDamage(t, s, name, "")
		}
		fsys.SetContent(path, append(bytes.Clone(whole), 0))
		wantDamage(t, s, name, "")
		fsys.SetContent(path, nil)
		if ext == tensorsExt {
			wantDamage(t, s, name, "")
		} else if _, err := s.Load(2); !errors.Is(err, ErrNone) {
			t.Errorf("without its state file: %v", err)
		}
		fsys.SetContent(path, whole)
	}
	t.Logf("%d cases", cases)
	if n, best := latestWrite(t, s); n != 1 || best != 0 {
		t.Errorf("undamaged: write %d, best %d", n, best)
	}
}

func TestDamageIsLogged(t *testing.T) {
	fsys, _ := damageable(t)
	fsys.SetContent(filepath.Join(faultDir, "step-000000000002.json"), []byte("{}"))
	var log strings.Builder
	s, err := Open(faultDir, Options{FS: fsys, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := latestWrite(t, s); n != 0 {
		t.Errorf("write %d was found", n)
	}
	for _, want := range []string{"level=WARN", "step=2", "step-000000000002.json"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s: %s", want, log.String())
		}
	}
}

func TestDamagedBest(t *testing.T) {
	fsys, s := damageable(t)
	const best = "step-000000000001"
	r := rand.New(rand.NewPCG(1, 1))
	for _, ext := range []string{stateExt, tensorsExt} {
		path := filepath.Join(faultDir, best+ext)
		whole := fsys.Content(path)
		for range 200 {
			bad := bytes.Clone(whole)
			bad[r.IntN(len(bad))] ^= byte(1 + r.IntN(255))
			fsys.SetContent(path, bad)
			wantDamage(t, s, best+ext, "its best one, of step 1")
			_, err := s.Latest()
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "step-000000000002.json") || !strings.Contains(err.Error(), best+ext) || !strings.Contains(err.Error(), "none of the 2") {
				t.Fatalf("both are damaged: %v", err)
			}
			if _, err := s.Best(); !errors.Is(err, ErrDamaged) {
				t.Fatalf("the best is damaged: %v", err)
			}
		}
		fsys.SetContent(path, nil)
		wantDamage(t, s, "step-000000000002.json", "its best one, of step 1")
		if err := s.Write(checkpointOf(5, 3, new(int64(1)))); err == nil {
			t.Error("a checkpoint was written that names a best one without a file")
		}
		fsys.SetContent(path, whole)
	}
	path := filepath.Join(faultDir, best+stateExt)
	bad := fsys.Content(path)
	bad[50] ^= 1
	fsys.SetContent(path, bad)
	if err := s.Write(checkpointOf(5, 3, new(int64(1)))); !errors.Is(err, ErrDamaged) {
		t.Errorf("a checkpoint that names a damaged best one: %v", err)
	}
	if err := s.Write(checkpointOf(6, 3, new(int64(3)))); err != nil {
		t.Errorf("one that does not need it: %v", err)
	}
	if n, b := latestWrite(t, s); n != 6 || b != 6 {
		t.Errorf("write %d, best %d", n, b)
	}
}

// TestMixedFiles puts whole files in the places of others.
func TestMixedFiles(t *testing.T) {
	fsys, s := damageable(t)
	content := func(step int, ext string) []byte {
		return fsys.Content(filepath.Join(faultDir, fmt.Sprintf("step-%012d%s", step, ext)))
	}
	for _, ext := range []string{stateExt, tensorsExt} {
		path := filepath.Join(faultDir, "step-000000000002"+ext)
		whole := fsys.Content(path)
		fsys.SetContent(path, content(1, ext))
		wantDamage(t, s, "step-000000000002"+ext, "")
		fsys.SetContent(path, whole)
	}
	other := faultfs.New("runs/r")
	o := open(t, other, faultDir, 2)
	if err := o.Write(checkpointOf(77, 2, nil)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(faultDir, "step-000000000002"+tensorsExt)
	fsys.SetContent(path, other.Content(path))
	wantDamage(t, s, "step-000000000002"+tensorsExt, `tensor "dense.weight"`)
}

func TestReadErrors(t *testing.T) {
	fsys, s := damageable(t)
	fsys.Inject(nil)
	if _, err := s.Latest(); err != nil {
		t.Fatal(err)
	}
	for op := range fsys.Ops() {
		fsys.Inject(map[int]faultfs.Fault{op: faultfs.Fail})
		l, err := s.Latest()
		op := fsys.Trace()[op]
		switch {
		case strings.HasPrefix(op, "readdir"):
			if err == nil || errors.Is(err, ErrDamaged) || errors.Is(err, ErrNone) {
				t.Errorf("%s: %v", op, err)
			}
		case err != nil && !errors.Is(err, ErrDamaged) && !strings.HasPrefix(op, "close"):
			t.Errorf("%s: %v", op, err)
		case err == nil:
			if n := writeOf(t, l); n != 0 {
				t.Errorf("%s: write %d was found", op, n)
			}
		}
	}
}
