package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startServer starts debut serve in a folder, and returns where it answers.
func startServer(t testing.TB, dir string, args ...string) (*process, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "out")
	p := startCommand(t, dir, exec.Command("sh", append([]string{"-c", `exec debut serve --listen 127.0.0.1:0 --json -q "$@" >"$0"`, file}, args...)...))
	p.awaitFile(t, file)
	var out struct{ Listening string }
	p.await(t, "address", func() bool {
		text, err := os.ReadFile(file)
		return err == nil && json.Unmarshal(text, &out) == nil
	})
	return p, out.Listening
}

func postJSON(t testing.TB, url string, body any) (int, string) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.Post(url, "application/json", bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	answer, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(answer)
}

// A server gives what predict gives, ends on SIGTERM with what has begun, and starts again after a kill.
func TestServe(t *testing.T) {
	dir := t.TempDir()
	debut(t, dir, 0, "demo", "--dir", "shop", "--sessions", "600", "-q")
	file, err := os.Open(filepath.Join(dir, "shop", "predictions.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	want, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	sessions, err := os.Open(filepath.Join(dir, "shop", "data", "new_sessions.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer sessions.Close()
	records, err := csv.NewReader(sessions).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]string
	for _, r := range records[1:] {
		row := map[string]string{}
		for i, name := range records[0] {
			row[name] = r[i]
		}
		rows = append(rows, row)
	}
	ask := map[string]any{"rows": rows, "ignore_unknown": true}
	check := func(url string) {
		t.Helper()
		code, text := postJSON(t, url+"/predict", ask)
		var got struct{ Predictions []map[string]any }
		if err := json.Unmarshal([]byte(text), &got); code != 200 || err != nil || len(got.Predictions) != len(rows) {
			t.Fatalf("%d %.300s, %v", code, text, err)
		}
		for i, p := range got.Predictions {
			if fmt.Sprint(p["session_id"]) != want[i+1][0] || fmt.Sprint(p["probability"]) != want[i+1][1] || fmt.Sprint(p["prediction"]) != want[i+1][2] {
				t.Fatalf("row %d: %v, predict gives %v", i, p, want[i+1])
			}
		}
	}
	p, url := startServer(t, dir, "shop/network")
	check(url)
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	pasted := regexp.MustCompile(`(?m)^debut serve runs/demo/network .*\ncurl localhost:8080(/predict) -d '(.*)'$`).FindSubmatch(readme)
	if pasted == nil {
		t.Fatal("the README asks no server of the demo's model")
	}
	if code, text := postJSON(t, url+string(pasted[1]), json.RawMessage(pasted[2])); code != 200 || !strings.Contains(text, `"probability":`) {
		t.Errorf("what the README asks: %d %s", code, text)
	}
	// Half a request costs nobody else anything, and a request that has begun is answered before the end.
	slow, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	body, err := json.Marshal(ask)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(slow, "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body[:len(body)/2]); err != nil {
		t.Fatal(err)
	}
	check(url)
	p.signal(t, syscall.SIGTERM)
	p.await(t, "refusal of new connections", func() bool {
		c, err := net.DialTimeout("tcp", strings.TrimPrefix(url, "http://"), time.Second)
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	if _, err := slow.Write(body[len(body)/2:]); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 15)
	if _, err := io.ReadFull(slow, answer); err != nil || string(answer) != "HTTP/1.1 200 OK" {
		t.Errorf("a request that had begun: %q, %v", answer, err)
	}
	_ = slow.Close()
	p.finish(t, 0)

	p, url = startServer(t, dir, "again=shop/network")
	check(url)
	p.signal(t, syscall.SIGKILL)
	p.finish(t, -1)
	p, url = startServer(t, dir, "again=shop/network/model")
	check(url)
	p.signal(t, syscall.SIGINT)
	p.finish(t, 0)
}
