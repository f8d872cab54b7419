package serve_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"debut/trainers/serve"
)

// A folder that changes takes over without a request lost or mixed; a damaged one is refused, and the old one goes on.
func TestTakeover(t *testing.T) {
	dir := t.TempDir()
	first, file, list := sessions(t, dir, 300)
	second := train(t, dir, "other", "data: {source: {path: data.jsonl}, target: bought, id: session, columns: {city: {type: categorical, min_count: 1}, code: {type: categorical}, day: {type: date}, title: {type: text, dimensions: 64}, picture: {type: vector}}}\nmodel: {hidden: [{units: 4}]}\ntrain: {epochs: 1, batch: 64}\n")
	link := filepath.Join(dir, "live")
	point := func(to string) {
		t.Helper()
		if err := os.Symlink(to, link+".new"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(link+".new", link); err != nil {
			t.Fatal(err)
		}
	}
	point(first)
	wanted := map[string]float64{} // the probability of row 5, by version
	var versions []string
	for _, folder := range []string{first, second} {
		one := serving(t, serve.Options{Sources: []serve.Source{{Name: "m", Path: folder}}})
		versions = append(versions, one.Names()[0].Version)
		wanted[versions[len(versions)-1]] = column[float64](t, answers(t, open(t, folder), file), "probability")[5]
	}
	var refused atomic.Int64
	log := slog.New(counting{slog.DiscardHandler, &refused})
	s := serving(t, serve.Options{Sources: []serve.Source{{Name: "m", Path: link}}, Poll: time.Millisecond, Log: log})
	body, err := json.Marshal(map[string]any{"rows": list[5:6]})
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var asking sync.WaitGroup
	var asked atomic.Int64
	for range 4 {
		asking.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				w := ask(s, "POST", "/predict", body)
				var got predicted
				if err := json.Unmarshal(w.Body.Bytes(), &got); w.Code != 200 || err != nil || got.Predictions[0].Probability != wanted[got.Version] {
					t.Errorf("%d %s, wanted %v", w.Code, w.Body, wanted)
					return
				}
				asked.Add(1)
			}
		})
	}
	until := func(what string, ok func() bool) {
		t.Helper()
		for range 2000 {
			if ok() {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
		t.Fatalf("%s: not in ten seconds", what)
	}
	for i := range 6 {
		point([]string{second, first}[i%2])
		until("takeover", func() bool { return s.Names()[0].Version == versions[1-i%2] })
	}
	damaged := filepath.Join(dir, "damaged")
	if err := os.CopyFS(damaged, os.DirFS(second)); err != nil {
		t.Fatal(err)
	}
	parameters := filepath.Join(damaged, "model", "parameters.safetensors")
	text, err := os.ReadFile(parameters)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)-1] ^= 1
	if err := os.WriteFile(parameters, text, 0o644); err != nil {
		t.Fatal(err)
	}
	point(damaged)
	until("refusal", func() bool { return refused.Load() > 0 })
	if v := s.Names()[0].Version; v != versions[0] {
		t.Errorf("a damaged model answers: %s", v)
	}
	text[len(text)-1] ^= 1
	if err := os.WriteFile(parameters, text, 0o644); err != nil {
		t.Fatal(err)
	}
	until("the model that is mended", func() bool { return s.Names()[0].Version == versions[1] })
	close(stop)
	asking.Wait()
	if asked.Load() == 0 {
		t.Error("nothing was asked")
	}
}

// counting counts errors that are logged.
type counting struct {
	slog.Handler
	errors *atomic.Int64
}

func (c counting) Enabled(context.Context, slog.Level) bool { return true }

func (c counting) Handle(_ context.Context, r slog.Record) error {
	if r.Level >= slog.LevelError {
		c.errors.Add(1)
	}
	return nil
}

// Without one of the tokens there is no answer; the file is read again when it changes, and one that cannot be read leaves them as they were.
func TestTokens(t *testing.T) {
	dir := t.TempDir()
	folder := shopping(t, dir, neighborsRun)
	file := filepath.Join(dir, "tokens")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("short\n")
	if _, err := serve.New(serve.Options{Sources: []serve.Source{{Name: "m", Path: folder}}, Device: device, Tokens: file, Log: slog.New(slog.DiscardHandler)}); err == nil || !strings.Contains(err.Error(), "can be guessed") {
		t.Errorf("a short token: %v", err)
	}
	write("# tokens\n0123456789abcdef0123\nfedcba9876543210fedc\n")
	var told atomic.Int64
	s := serving(t, serve.Options{Sources: []serve.Source{{Name: "m", Path: folder}}, Tokens: file, Poll: time.Millisecond, Log: slog.New(counting{slog.DiscardHandler, &told})})
	body := []byte(`{"users": ["u1"]}`)
	code := func(token string) int {
		return ask(s, "POST", "/recommend", body, "Authorization", token).Code
	}
	for token, want := range map[string]int{"": 401, "Bearer": 401, "Bearer x": 401, "Basic 0123456789abcdef0123": 401, "Bearer 0123456789abcdef0123": 200, "bearer fedcba9876543210fedc": 200} {
		if got := code(token); got != want {
			t.Errorf("%q: %d, want %d", token, got, want)
		}
	}
	if w := ask(s, "GET", "/metrics", nil); w.Code != 401 {
		t.Errorf("measures without a token: %d", w.Code)
	}
	if w := ask(s, "GET", "/v2/health/ready", nil); w.Code != 200 {
		t.Errorf("readiness needs a token: %d", w.Code)
	}
	write("")
	time.Sleep(20 * time.Millisecond)
	if got := code("Bearer 0123456789abcdef0123"); got != 200 {
		t.Errorf("an empty file of tokens: %d", got)
	}
	write("aaaaaaaaaaaaaaaaaaaaaaaa\n")
	for i := 0; code("Bearer aaaaaaaaaaaaaaaaaaaaaaaa") != 200; i++ {
		if i == 1000 {
			t.Fatal("the new token is not known after five seconds")
		}
		time.Sleep(5 * time.Millisecond)
	}
	if got := code("Bearer 0123456789abcdef0123"); got != 401 {
		t.Errorf("a token that was taken away: %d", got)
	}
	// A file that is gone is told once, and the tokens hold.
	before := told.Load()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	for i := 0; told.Load() == before; i++ {
		if i == 1000 {
			t.Fatal("that the file is gone is not told after five seconds")
		}
		time.Sleep(5 * time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond)
	if n := told.Load() - before; n != 1 || code("Bearer aaaaaaaaaaaaaaaaaaaaaaaa") != 200 {
		t.Errorf("that the file is gone is told %d times", n)
	}
}

// More requests than the limit lets through are told to wait; a server that is to end says so.
func TestRateAndReadiness(t *testing.T) {
	folder := shopping(t, t.TempDir(), neighborsRun)
	s := serving(t, serve.Options{Sources: []serve.Source{{Name: "m", Path: folder}}, Limits: serve.Limits{Rate: 2}})
	codes := map[int]int{}
	for range 10 {
		w := ask(s, "POST", "/similar", []byte(`{"items": ["i1"]}`))
		codes[w.Code]++
		if w.Code == http.StatusTooManyRequests && w.Header().Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	if codes[200] < 2 || codes[429] < 5 {
		t.Errorf("codes %v", codes)
	}
	s.Drain()
	if w := ask(s, "GET", "/v2/health/ready", nil); w.Code != 503 {
		t.Errorf("a server that ends is ready: %d", w.Code)
	}
	if w := ask(s, "GET", "/v2/health/live", nil); w.Code != 200 {
		t.Errorf("a server that ends does not live: %d", w.Code)
	}
	for _, want := range []string{`debut_requests_total{answer="similar",code="429"`, "debut_model_info", "go_goroutines"} {
		if text := ask(s, "GET", "/metrics", nil).Body.String(); !strings.Contains(strings.ReplaceAll(text, `,model=""`, ""), want) && !strings.Contains(text, `code="429"`) {
			t.Errorf("measures lack %s:\n%s", want, text)
		}
	}
	var schema struct {
		OpenAPI string
		Paths   map[string]any
	}
	if err := json.Unmarshal(ask(s, "GET", "/openapi.json", nil).Body.Bytes(), &schema); err != nil || schema.OpenAPI != "3.1.0" || schema.Paths["/models/m/recommend"] == nil {
		t.Errorf("the description %+v, %v", schema, err)
	}
}
