package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"debut/trainers/checkpoint/faultfs"
)

func sampleState() (*state, id) {
	c := id{2, 17}
	return &state{Format: format, Version: version, Step: 17, Best: new(int64(5)), State: json.RawMessage(`{"rate":1e-3,"keys":["a<b",18446744073709551615]}`),
		Tensors: tensors{File: c.tensorsName(), Bytes: 100, HeaderBytes: 80, HeaderSum: sum(strings.Repeat("0a", 32)), Sums: map[string]sum{"b": sum(strings.Repeat("ff", 32)), "a \"<\"": sum(strings.Repeat("01", 32))}}}, c
}

func TestStateRoundTrip(t *testing.T) {
	s, c := sampleState()
	for _, raw := range []string{`{"rate":1e-3,"keys":["a\u003cb",18446744073709551615]}`, `null`, `""`, `[]`} {
		s.State = json.RawMessage(raw)
		file, err := s.encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := decode(file, c)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, s) {
			t.Errorf("read %+v, written %+v", got, s)
		}
	}
}

// TestSealedStates are files with the right checksum that no version wrote.
func TestSealedStates(t *testing.T) {
	s, c := sampleState()
	content, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := decode(seal(content), c); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"blank":             {`,"step"`, `, "step"`},
		"order":             {`"step":17,"best":5`, `"best":5,"step":17`},
		"key twice":         {`"step":17`, `"step":17,"step":17`},
		"key of no meaning": {`"step":17`, `"step":17,"x":1`},
		"spelling of key":   {`"step"`, `"Step"`},
		"number":            {`"bytes":100`, `"bytes":1e2`},
		"name twice":        {`"b":"`, `"b":"00","b":"`},
		"escape":            {`"b"`, `"\u0062"`},
		"state missing":     {`,"state":{"rate":1e-3,"keys":["a\u003cb",18446744073709551615]}`, ``},
		"other step":        {`"step":17`, `"step":18`},
		"other file":        {`017-2.safe`, `017.safe`},
		"best afterwards":   {`"best":5`, `"best":18`},
		"best negative":     {`"best":5`, `"best":-5`},
		"format":            {`debut checkpoint`, `debut model`},
		"version 0":         {`"version":1`, `"version":0`},
		"version as text":   {`"version":1`, `"version":"1"`},
	} {
		changed := bytes.Replace(content, []byte(change[0]), []byte(change[1]), 1)
		if bytes.Equal(changed, content) {
			t.Fatalf("%s: nothing to change", name)
		}
		if _, err := decode(seal(changed), c); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNewerVersion(t *testing.T) {
	fsys := faultfs.New("runs/r")
	s := open(t, fsys, faultDir, 2)
	mustWrite(t, s, 0, 1, nil)
	mustWrite(t, s, 1, 2, nil)
	// Of a later version only the frame, the format and the version are known.
	fsys.SetContent(filepath.Join(faultDir, "step-000000000002.json"), seal([]byte(`{"layout":[3],"version":2,"format":"debut checkpoint"}`)))
	for name, load := range map[string]func() (*Loaded, error){
		"latest": s.Latest, "best": s.Best, "load": func() (*Loaded, error) { return s.Load(2) },
	} {
		_, err := load()
		if !errors.Is(err, ErrNewer) || errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "written by a newer debut: version 2, this program reads 1") {
			t.Errorf("%s: %v", name, err)
		}
	}
	l, err := s.Load(1)
	if err != nil {
		t.Fatal(err)
	}
	if n := writeOf(t, l); n != 0 {
		t.Errorf("step 1 is write %d", n)
	}
}

func TestStateFileTooLarge(t *testing.T) {
	fsys, s := damageable(t)
	fsys.SetContent(filepath.Join(faultDir, "step-000000000002.json"), make([]byte, maxState+1))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	wantDamage(t, s, "step-000000000002.json", "at most")
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes allocated", n)
	}
}

func TestNames(t *testing.T) {
	for _, c := range []id{{1, 0}, {1, 7}, {2, 7}, {1, 999_999_999_999}, {31, 1_000_000_000_000}, {1, 1<<63 - 1}} {
		for name, ext := range map[string]string{c.stateName(): stateExt, c.tensorsName(): tensorsExt} {
			if got, e, ok := parseName(name); got != c || e != ext || !ok {
				t.Errorf("%s is %v %s %v", name, got, e, ok)
			}
		}
	}
	for _, name := range []string{
		"", "step-", "step-.json", "step-1.json", "step-000000000001", "step-000000000001.txt", "step-000000000001-.json", "step-000000000001-1.json",
		"step-000000000001-2-2.json", "step-+00000000001.json", "step-9999999999999999999.json", "step-000000000001-9999999999999999999.json",
		"step-000000000001.JSON", "Step-000000000001.json", " step-000000000001.json", "step-0000000000011.json.json",
	} {
		if c, _, ok := parseName(name); ok {
			t.Errorf("%q was taken for %v", name, c)
		}
	}
}

func FuzzState(f *testing.F) {
	s, c := sampleState()
	file, err := s.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	content, _ := unseal(file)
	f.Add(content)
	f.Add(bytes.Replace(content, []byte(`"version":1`), []byte(`"version":2`), 1))
	f.Add(bytes.Replace(content, []byte(`"best":5`), []byte(`"best":null`), 1))
	f.Add([]byte(`{"format":"debut checkpoint","version":1}`))
	f.Add([]byte(`{}`))
	f.Add([]byte(strings.Repeat(`{"a":`, 100)))
	f.Fuzz(func(t *testing.T, data []byte) {
		// As a file, which the checksum stops, and as the content of one, which nothing stops.
		files := [][]byte{data}
		if len(data) > 0 {
			files = append(files, seal(data))
		}
		for _, file := range files {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got, err := decode(file, c)
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20+64*uint64(len(file)) {
				t.Fatalf("%d bytes allocated for a file of %d", n, len(file))
			}
			if err != nil {
				if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNewer) {
					t.Fatalf("neither damaged nor newer: %v", err)
				}
				continue
			}
			again, err := got.encode()
			if err != nil || !bytes.Equal(again, file) {
				t.Fatalf("written again it is %q, %v", again, err)
			}
		}
	})
}
