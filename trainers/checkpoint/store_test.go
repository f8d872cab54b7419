package checkpoint

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"debut/engine/safetensors"
)

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func steps(t *testing.T, s *Store) []int64 {
	t.Helper()
	out, err := s.Steps()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func mustWrite(t *testing.T, s *Store, n int, step int64, best *int64) {
	t.Helper()
	if err := s.Write(checkpointOf(n, step, best)); err != nil {
		t.Fatal(err)
	}
}

func TestKeepsNewestAndBest(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "checkpoints")
	s := open(t, nil, dir, 2)
	if _, err := s.Latest(); !errors.Is(err, ErrNone) {
		t.Errorf("latest of an empty store: %v", err)
	}
	for i, c := range []struct {
		step, best int64 // best 0: none
		want       []int64
		bestWrite  int
	}{
		{10, 0, []int64{10}, -1},
		{20, 20, []int64{10, 20}, 1},
		{30, 20, []int64{20, 30}, 1},
		{40, 20, []int64{20, 30, 40}, 1},
		{50, 50, []int64{20, 40, 50}, 4}, // 20 is still the best of 40
		{60, 50, []int64{50, 60}, 4},
		{999_999_999_999_9, 50, []int64{50, 60, 999_999_999_999_9}, 4},
	} {
		var best *int64
		if c.best > 0 {
			best = new(c.best)
		}
		mustWrite(t, s, i, c.step, best)
		if got := steps(t, s); !reflect.DeepEqual(got, c.want) {
			t.Errorf("after step %d: %v, want %v", c.step, got, c.want)
		}
		n, b := latestWrite(t, s)
		if n != i || b != c.bestWrite {
			t.Errorf("after step %d: write %d with the best %d", c.step, n, b)
		}
	}
	l, err := s.Load(60)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.ReadAt("other", nil, 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a tensor that is not there: %v", err)
	}
	if n := writeOf(t, l); n != 5 {
		t.Errorf("step 60 is write %d", n)
	}
	if _, err := s.Load(40); !errors.Is(err, ErrNone) {
		t.Errorf("a step that was pruned: %v", err)
	}
}

func TestGoingBack(t *testing.T) {
	dir := t.TempDir()
	s := open(t, nil, dir, 3)
	for i := range 5 { // steps 10 to 50, best 30
		mustWrite(t, s, i, int64(10*i+10), nil)
	}
	mustWrite(t, s, 5, 60, new(int64(50)))
	mustWrite(t, s, 6, 55, new(int64(50))) // back to 50, from there other steps
	if got, want := steps(t, s), []int64{40, 50, 55}; !reflect.DeepEqual(got, want) {
		t.Errorf("steps %v, want %v", got, want)
	}
	if n, b := latestWrite(t, s); n != 6 || b != 4 {
		t.Errorf("write %d with the best %d", n, b)
	}
	if err := s.Write(checkpointOf(7, 70, new(int64(60)))); !errors.Is(err, ErrNone) {
		t.Errorf("a best one that was left behind: %v", err)
	}
	mustWrite(t, s, 8, 55, nil) // the same step again
	mustWrite(t, s, 9, 70, new(int64(55)))
	if n, b := latestWrite(t, s); n != 9 || b != 8 {
		t.Errorf("write %d with the best %d", n, b)
	}
	want := []string{
		"step-000000000050.json", "step-000000000050.safetensors", "step-000000000055-3.json",
		"step-000000000055-3.safetensors", "step-000000000070-3.json", "step-000000000070-3.safetensors",
	}
	if got := names(t, dir); !reflect.DeepEqual(got, want) {
		t.Errorf("files %q", got)
	}
}

func TestOpenClears(t *testing.T) {
	dir := t.TempDir()
	s := open(t, nil, dir, 1)
	mustWrite(t, s, 0, 1, nil)
	keep := []string{
		"notes.txt", ".hidden.tmp-1", "step-1.safetensors", "step-000000000002-1.safetensors", "step-000000000002-02.safetensors",
		"step-00000000000x.safetensors", "step-0000000000001.safetensors", "step--00000000001.safetensors", "model.safetensors",
		"step-000000000002.safetensors.bak", ".step-000000000002.txt.tmp-5", "step-000000000002.json.tmp-5",
	}
	drop := []string{".step-000000000002.json.tmp-123", ".step-000000000002-2.safetensors.tmp-9", "step-000000000002.safetensors", "step-000000000001-2.safetensors"}
	for _, name := range append(keep, drop...) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "step-000000000003.safetensors"), 0o700); err != nil {
		t.Fatal(err)
	}
	if len(names(t, dir)) != len(keep)+len(drop)+3 {
		t.Errorf("files %q", names(t, dir))
	}
	s = open(t, nil, dir, 1)
	left := strings.Join(names(t, dir), "\n") + "\n"
	for _, name := range append(keep, "step-000000000001.json", "step-000000000001.safetensors", "step-000000000003.safetensors") {
		if !strings.Contains(left, name+"\n") {
			t.Errorf("%s was removed", name)
		}
	}
	for _, name := range drop {
		if strings.Contains("\n"+left, "\n"+name+"\n") {
			t.Errorf("%s was left", name)
		}
	}
	if n, _ := latestWrite(t, s); n != 0 {
		t.Errorf("latest is write %d", n)
	}
}

func TestWriteRefuses(t *testing.T) {
	dir := t.TempDir()
	s := open(t, nil, dir, 2)
	mustWrite(t, s, 0, 5, nil)
	broken := errors.New("broken")
	with := func(change func(*Checkpoint)) Checkpoint {
		c := checkpointOf(1, 6, nil)
		change(&c)
		return c
	}
	for name, c := range map[string]Checkpoint{
		"negative step":        with(func(c *Checkpoint) { c.Step = -1 }),
		"best not there":       with(func(c *Checkpoint) { c.Best = new(int64(4)) }),
		"best in the future":   with(func(c *Checkpoint) { c.Best = new(int64(7)) }),
		"best negative":        with(func(c *Checkpoint) { c.Best = new(int64(-1)) }),
		"state not JSON":       with(func(c *Checkpoint) { c.State = []byte("{") }),
		"state not UTF-8":      with(func(c *Checkpoint) { c.State = []byte("\"\xff\"") }),
		"state too large":      with(func(c *Checkpoint) { c.State = []byte(`"` + strings.Repeat("x", maxState) + `"`) }),
		"names twice":          with(func(c *Checkpoint) { c.Tensors = append(c.Tensors, c.Tensors[0]) }),
		"type unknown":         with(func(c *Checkpoint) { c.Tensors[0].Dtype = "F31" }),
		"without Read":         with(func(c *Checkpoint) { c.Tensors[1].Read = nil }),
		"a source that fails":  with(func(c *Checkpoint) { c.Tensors[1].Read = func([]byte, int64) error { return broken } }),
		"larger than the disk": with(func(c *Checkpoint) { c.Tensors[0].Shape = []int{1 << 30, 1 << 30} }),
	} {
		err := s.Write(c)
		if err == nil {
			t.Errorf("%s: written", name)
			continue
		}
		if name == "a source that fails" && (!errors.Is(err, broken) || !strings.Contains(err.Error(), "table")) {
			t.Errorf("%s: %v", name, err)
		}
		if name == "larger than the disk" && runtime.GOOS == "linux" && !errors.Is(err, ErrNoSpace) {
			t.Errorf("%s: %v", name, err)
		}
		if got := names(t, dir); len(got) != 2 {
			t.Errorf("%s: files left: %q", name, got)
		}
	}
	if n, _ := latestWrite(t, s); n != 0 {
		t.Errorf("latest is write %d", n)
	}
	if _, err := Open(dir, Options{Keep: -1}); err == nil {
		t.Error("a negative number to keep was accepted")
	}
}

func TestReadOnlyFolder(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("the superuser may write into read-only folders")
	}
	dir := t.TempDir()
	mustWrite(t, open(t, nil, dir, 2), 0, 5, nil)
	if err := os.WriteFile(filepath.Join(dir, ".step-000000000006.json.tmp-1"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Chmod(dir, 0o700) }()
	s := open(t, nil, dir, 2) // clearing away fails and is only logged
	if n, _ := latestWrite(t, s); n != 0 {
		t.Errorf("latest is write %d", n)
	}
	if err := s.Write(checkpointOf(1, 6, nil)); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("write: %v", err)
	}
}

// TestLargeTensor passes more than one piece through the buffers.
func TestLargeTensor(t *testing.T) {
	s := open(t, nil, t.TempDir(), 1)
	const n = 5<<20 + 12
	c := Checkpoint{Step: 1, Tensors: []safetensors.Source{{Name: "table", Dtype: safetensors.F32, Shape: []int{n / 4}, Read: func(dst []byte, off int64) error {
		for i := range dst {
			dst[i] = byte((off + int64(i)) % 251)
		}
		return nil
	}}}}
	if err := s.Write(c); err != nil {
		t.Fatal(err)
	}
	l, err := s.Latest()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if string(l.State) != "null" || l.Best != nil {
		t.Errorf("state %s, best %v", l.State, l.Best)
	}
	got := make([]byte, 1000)
	for off := int64(0); off+1000 <= n; off += 777_777 {
		if err := l.ReadAt("table", got, off); err != nil {
			t.Fatal(err)
		}
		for i := range got {
			if got[i] != byte((off+int64(i))%251) {
				t.Fatalf("byte %d is %d", off+int64(i), got[i])
			}
		}
	}
}
