package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"debut/datasets/storefront"
	"debut/engine/onnxruntime"
)

// The script of the README serves an exported model, and answers as predict does.
func TestServingByNode(t *testing.T) {
	node, err := exec.LookPath("node")
	library := onnxruntime.Find("")
	modules, _, found := strings.Cut(library, string(filepath.Separator)+"onnxruntime-node"+string(filepath.Separator))
	if err != nil || !found {
		t.Skipf("not served by Node.js: it takes node and npm's onnxruntime-node, which %s names; the library is %s", onnxruntime.Variable, library)
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := bytes.Cut(readme, []byte("```js\n"))
	script, _, closed := bytes.Cut(rest, []byte("```\n"))
	if lines := bytes.Count(script, []byte("\n")); !ok || !closed || lines > 30 {
		t.Fatalf("the README has no script of at most 30 lines, but one of %d", lines)
	}
	dir := t.TempDir()
	cfg := storefront.DefaultConfig()
	cfg.Sessions, cfg.Users = 400, 130
	if _, err := storefront.WriteCSV(filepath.Join(dir, "data"), cfg); err != nil {
		t.Fatal(err)
	}
	if _, err := storefront.WriteNewSessions(filepath.Join(dir, "data"), cfg, 80); err != nil {
		t.Fatal(err)
	}
	run := "name: shoppers\ndata: {source: {path: data/sessions.csv}, target: purchased, id: session_id, ignore: [user_id, timestamp]}\ntrain: {epochs: 2}\n"
	for name, text := range map[string]string{"run.yaml": run, "serve.js": string(script)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"train", "run.yaml", "-q"}, {"export", "runs/shoppers", "-o", "out", "-q"}, {"predict", "runs/shoppers", "data/new_sessions.csv", "-o", "out.csv", "-q"}} {
		cmd := exec.Command("debut", args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "DEBUT_CUDA_DRIVER=none")
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
	server := exec.Command(node, "serve.js", "out", "0")
	server.Dir, server.Env = dir, append(os.Environ(), "NODE_PATH="+modules)
	var stderr bytes.Buffer
	server.Stderr = &stderr
	stdout, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	}()
	port, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("%v: %s", err, &stderr)
	}
	request, err := json.Marshal(records(t, filepath.Join(dir, "data", "new_sessions.csv"), map[string]any{"TRUE": true, "FALSE": false}))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Post("http://127.0.0.1:"+strings.TrimSpace(port), "application/json", bytes.NewReader(request))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var answers []struct {
		Probability float64 `json:"probability"`
		Prediction  string  `json:"prediction"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answers); err != nil {
		t.Fatal(err)
	}
	want := records(t, filepath.Join(dir, "out.csv"), nil)
	if len(answers) != len(want) || len(want) != 80 {
		t.Fatalf("%d answers, want %d", len(answers), len(want))
	}
	for i, a := range answers {
		p, err := strconv.ParseFloat(fmt.Sprint(want[i]["probability"]), 64)
		if err != nil || math.Abs(a.Probability-p) > 1e-5 || a.Prediction != want[i]["prediction"] {
			t.Errorf("row %d: %+v, want %v: %v", i, a, want[i], err)
		}
	}
}

// records reads a table as rows by column, without what is missing; values are texts, but for those that stand for something else.
func records(t *testing.T, path string, stand map[string]any) (rows []map[string]any) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, fields := range all[1:] {
		row := map[string]any{}
		for c, name := range all[0] {
			if fields[c] == "" {
				continue
			}
			row[name] = fields[c]
			if v, ok := stand[fields[c]]; ok {
				row[name] = v
			}
		}
		rows = append(rows, row)
	}
	return rows
}
