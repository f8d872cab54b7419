package export_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"debut/datasets/publish"
	"debut/datasets/sealed"
	"debut/datasets/table"
	"debut/engine/onnx"
	"debut/engine/onnxruntime/onnxruntimetest"
	"debut/trainers/export"
	"debut/trainers/model"
	"debut/trainers/runfolder"
)

// message is a request or a response of a bundle.
type message struct {
	Inputs  []part `json:"inputs"`
	Outputs []part `json:"outputs"`
}

type part struct {
	Name     string `json:"name"`
	Datatype string `json:"datatype"`
	Shape    []int  `json:"shape"`
	Data     []any  `json:"data"`
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// tensorOf makes a tensor of a part of a message; null is NaN.
func tensorOf(t *testing.T, p part) onnx.Tensor {
	t.Helper()
	out := onnx.Tensor{Shape: p.Shape}
	var texts []string
	var numbers []float64
	for _, v := range p.Data {
		switch v := v.(type) {
		case string:
			texts = append(texts, v)
		case float64:
			numbers = append(numbers, v)
		case nil:
			numbers = append(numbers, math.NaN())
		default:
			t.Fatalf("%s has a %T", p.Name, v)
		}
	}
	if out.Data = numbers; p.Datatype == "BYTES" {
		out.Data = texts
	}
	return out
}

// A bundle's example is answered by ONNX Runtime as its response says, its checksums are those of its files, and its schema and card name
// every input.
func TestBundle(t *testing.T) {
	dir := folder(t)
	m := trained(t, dir, cases(t)["behavior/network/bought"])
	o := options(t, export.Bundle)
	o.About = export.About{License: filepath.Join(dir, "terms.txt"), Run: &runfolder.RunResult{Name: "a | b", Protocol: "split by chance"}}
	if err := os.WriteFile(o.About.License, []byte("as you like\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := export.Write(context.Background(), m, o)
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(out.Folder, name) }
	sums, err := os.ReadFile(at("SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(sums)), "\n")
	if len(lines) != len(out.Files)-1 {
		t.Errorf("%d checksums of %d files", len(lines), len(out.Files))
	}
	for _, line := range lines {
		sum, name, _ := strings.Cut(line, "  ")
		text, err := os.ReadFile(at(name))
		if got := sha256.Sum256(text); err != nil || hex.EncodeToString(got[:]) != sum {
			t.Errorf("%s: %v", name, err)
		}
	}
	card, err := os.ReadFile(at("MODEL_CARD.md"))
	if err != nil {
		t.Fatal(err)
	}
	schema, err := os.ReadFile(at("request.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(schema) {
		t.Error("the schema is no JSON")
	}
	for _, p := range out.Graphs[0].Inputs {
		if !bytes.Contains(card, []byte("| "+p.Name+" | "+p.Type)) || !bytes.Contains(schema, []byte(`"const": "`+p.Name+`"`)) {
			t.Errorf("the card or the schema lacks %s", p.Name)
		}
	}
	for _, want := range []string{`a \| b`, "split by chance", "See LICENSE"} {
		if !bytes.Contains(card, []byte(want)) {
			t.Errorf("the card lacks %q", want)
		}
	}
	var request, response message
	readJSON(t, at("example_request.json"), &request)
	readJSON(t, at("example_response.json"), &response)
	in := map[string]onnx.Tensor{}
	for _, p := range request.Inputs {
		in[p.Name] = tensorOf(t, p)
	}
	got := onnxruntimetest.RunFile(t, onnxruntimetest.Open(t), at("model.onnx"), in)
	var c model.Comparison
	want := model.Trial{Rows: 3, Outputs: map[string]onnx.Tensor{}}
	for _, p := range response.Outputs {
		want.Outputs[p.Name] = tensorOf(t, p)
	}
	if err := c.Compare(want, got); err != nil || c.Largest > 1e-5 || c.Texts > 0 || len(response.Outputs) != 2 {
		t.Errorf("%+v: %v", c, err)
	}
}

// What is written for some is read by them, and verified all the same.
func TestEncrypted(t *testing.T) {
	dir := folder(t)
	m := trained(t, dir, factors)
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	o := options(t, export.ONNX)
	o.To = []age.Recipient{key.Recipient()}
	o.Tables = export.Beside
	runtime := onnxruntimetest.Open(t)
	o.Verify = &export.Verification{Runtime: runtime, Limit: 20, Threads: 1}
	out, err := export.Write(context.Background(), m, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Verified) != 2 || out.Verified[0].Largest > 1e-5 {
		t.Errorf("%+v", out.Verified)
	}
	plain := t.TempDir()
	for _, f := range out.Files {
		name, ok := strings.CutSuffix(f.Name, sealed.Extension)
		if !ok {
			t.Errorf("%s is to be read by everybody", f.Name)
			continue
		}
		text, err := os.ReadFile(filepath.Join(out.Folder, f.Name))
		if err != nil {
			t.Fatal(err)
		}
		var open bytes.Buffer
		if err := sealed.DecryptFrom(&open, bytes.NewReader(text), f.Name, []age.Identity{key}); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(plain, name), open.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	answer := onnxruntimetest.RunFile(t, runtime, filepath.Join(plain, "model.onnx"), map[string]onnx.Tensor{"user": onnx.NewTensor([]string{"u1"}, 1)})
	if items, ok := answer["items"].Data.([]string); !ok || len(items) != 7 || items[0] == "" {
		t.Errorf("%v", answer["items"])
	}
}

// A folder is complete or absent, and what is no export stays.
func TestComplete(t *testing.T) {
	dir := folder(t)
	m := trained(t, dir, cases(t)["behavior/linear/bought"])
	o := options(t, export.ONNX)
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := export.Write(canceled, m, o); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	o.Verify = &export.Verification{} // without rows
	if _, err := export.Write(context.Background(), m, o); err == nil || !strings.Contains(err.Error(), "verified on rows of data") {
		t.Errorf("%v", err)
	}
	o.Verify = nil
	if entries, err := os.ReadDir(filepath.Dir(o.Folder)); err != nil || len(entries) > 0 {
		t.Errorf("%v is left: %v", entries, err)
	}
	if err := os.MkdirAll(o.Folder, 0o755); err != nil {
		t.Fatal(err)
	}
	mine := filepath.Join(o.Folder, "mine.txt")
	if err := os.WriteFile(mine, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	o.Overwrite = true
	if _, err := export.Write(context.Background(), m, o); !errors.Is(err, publish.ErrExists) {
		t.Errorf("%v", err)
	}
	if err := os.Remove(mine); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second replaces the first
		if _, err := export.Write(context.Background(), m, o); err != nil {
			t.Fatal(err)
		}
	}
	x, ok := m.(model.RowReader)
	if !ok {
		t.Fatalf("%T", m)
	}
	rows, err := x.ReadRows(context.Background(), table.Source{Path: []string{filepath.Join(dir, "rows.csv")}}, "", 7)
	if err != nil || rows.Rows != 7 {
		t.Errorf("%d rows: %v", rows.Rows, err)
	}
	for want, change := range map[string]func(o *export.Options){
		`no format "onyx"`: func(o *export.Options) { o.Format = "onyx" }, `not "within"`: func(o *export.Options) { o.Tables = "within" },
		"lists of 0 items": func(o *export.Options) { o.Graph.K = 0 }, "vocabularies of -1 values": func(o *export.Options) { o.Graph.Vocabulary = -1 },
	} {
		wrong := o
		change(&wrong)
		if _, err := export.Write(context.Background(), m, wrong); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
