package runfolder

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"debut/trainers/metrics"
)

// TestList: runs are listed whatever lies beside them.
func TestList(t *testing.T) {
	root := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	result := RunResult{Status: Finished, Name: "a", Metrics: map[string]*metrics.Result{
		"validation": {Task: metrics.TaskBinary, Values: metrics.Values{{Name: "auc", Value: .8}}},
		"test":       {Task: metrics.TaskBinary, Values: metrics.Values{{Name: "auc", Value: math.NaN()}}},
	}}
	text, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	put("a/run.json", string(text))
	put("a/run.yaml", "seed: 1\n")
	put("b/run.json", `{"status":"finished","metrics":{"test":null}}`)
	put("broken/run.json", `{"status":"finished",`)
	put("wrong/run.json", `{"status":"finished","seed":"x"}`)
	put("list/run.json", `[1]`)
	put("other/run.json", `{"status":7}`)
	put("others/run.json", `{"status":"done"}`)
	put("empty/x", "")
	put(".a.old-1/run.json", string(text))
	put("killed/run.json", `{"status":"running"}`)
	put("file", "")
	if err := os.MkdirAll(filepath.Join(root, "pipe"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(root, "pipe", "run.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	going, err := Create(root, "going", false)
	if err != nil {
		t.Fatal(err)
	}
	entries, foreign, err := List(root)
	if err != nil || foreign != 4 {
		t.Fatalf("%d foreign folders, %v", foreign, err)
	}
	status := map[string]string{}
	for _, e := range entries {
		status[filepath.Base(e.Path)] = e.Problem
		if e.Result != nil {
			status[filepath.Base(e.Path)] = string(e.Result.Status)
		}
	}
	for name, want := range map[string]string{
		"a": "finished", "b": "finished", "killed": "killed", "going": "running",
		"broken": "run.json: unexpected end", "wrong": "run.json: json: cannot unmarshal string", "pipe": "run.json is no regular file",
	} {
		if !strings.HasPrefix(status[name], want) {
			t.Errorf("%s: %q, want %q", name, status[name], want)
		}
		delete(status, name)
	}
	if len(status) > 0 {
		t.Errorf("listed too: %v", status)
	}
	if v, ok := entries[0].Metric("auc"); !ok || !math.IsNaN(v) {
		t.Errorf("auc %v, %v", v, ok)
	}
	if v, ok := entries[0].Metric("validation.auc"); !ok || v != .8 {
		t.Errorf("validation.auc %v, %v", v, ok)
	}
	if _, ok := entries[1].Metric("test.auc"); ok {
		t.Error("a metric of a run that has none")
	}
	if err := going.Close(); err != nil {
		t.Fatal(err)
	}
	if one, _, err := List(filepath.Join(root, "a")); err != nil || len(one) != 1 || string(one[0].Config) != "seed: 1\n" {
		t.Errorf("%+v, %v", one, err)
	}
	if _, _, err := List(filepath.Join(root, "nothing")); err == nil {
		t.Error("a folder that is not there is listed")
	}
}

// TestListDoesNotLock: looking whether a run is under way does not keep one from beginning.
func TestListDoesNotLock(t *testing.T) {
	root := t.TempDir()
	f, err := Create(root, "a", false)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			default:
				_, _, _ = List(root)
				time.Sleep(time.Millisecond)
			}
		}
	}()
	for range 20 {
		f, err := Resume(root, "a")
		if err != nil {
			t.Error(err)
			break
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	close(done)
	<-ended
}
