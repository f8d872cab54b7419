package serve_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/table"
	"debut/kernels"
	"debut/kernels/devices"
	"debut/trainers/families"
	"debut/trainers/model"
	"debut/trainers/run"
	"debut/trainers/serve"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// train trains a run file in a folder and returns the run's folder.
func train(t testing.TB, dir, name, text string) string {
	t.Helper()
	cfg, err := families.Parse("run.yaml", []byte("name: "+name+"\nseed: 3\ndevice: cpu\nthreads: 1\n"+text), []string{"output=" + strconv.Quote(filepath.Join(dir, "runs"))})
	if err != nil {
		t.Fatal(err)
	}
	o, err := run.Train(context.Background(), cfg, run.Options{BaseDir: dir, Overwrite: true})
	if err != nil {
		t.Fatal(err)
	}
	return o.Folder
}

func device() (kernels.Device, error) { return devices.Open("cpu", devices.Options{Threads: 1}) }

// open opens a model for as long as the test runs.
func open(t testing.TB, folder string) model.Model {
	t.Helper()
	dev, err := device()
	if err != nil {
		t.Fatal(err)
	}
	m, err := families.Open(folder, dev)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if c, ok := m.(io.Closer); ok {
			_ = c.Close()
		}
		_ = dev.Close()
	})
	return m
}

// serving starts a server of models.
func serving(t testing.TB, opt serve.Options) *serve.Server {
	t.Helper()
	opt.Device = device
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	s, err := serve.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// ask sends a request to the handler.
func ask(s *serve.Server, method, path string, body []byte, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, bytes.NewReader(body))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func post(t testing.TB, s *serve.Server, path string, body any, into any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	w := ask(s, "POST", path, text)
	if w.Code/100 != 2 {
		t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
		t.Fatalf("%s: %v in %s", path, err, w.Body)
	}
}

// sessions writes rows of every type of column, some values missing, some unseen, and trains on the first half of them. It returns the
// run's folder, the file of all rows and the rows as JSON has them.
func sessions(t testing.TB, dir string, rows int) (folder, file string, list []map[string]any) {
	t.Helper()
	var lines, learned bytes.Buffer
	for i := range rows {
		row := map[string]any{
			"session": fmt.Sprintf("s%d", i), "price": float64(i*7919%1000) / 8, "visits": i % 9, "known": i%3 == 0, "city": fmt.Sprintf("City %d \"é\"", i*i%23),
			"code": i % 5, "day": fmt.Sprintf("2026-%02d-%02d", 1+i%12, 1+i%28), "title": fmt.Sprintf("red shoe number %d", i%17),
			"picture": []float64{float64(i%10) / 10, float64(i%7) / 7, 0.5}, "bought": (i*7919%1000)/8+10*(i%9) > 90,
		}
		if i%11 == 0 {
			row["price"] = nil
		}
		if i%13 == 0 {
			row["city"] = nil
		}
		if i%17 == 0 {
			row["day"] = nil
		}
		text, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		lines.Write(append(text, '\n'))
		if i < rows/2 {
			learned.Write(append(text, '\n'))
		}
		delete(row, "bought")
		list = append(list, row)
	}
	file = filepath.Join(dir, "all.jsonl")
	for path, text := range map[string][]byte{file: lines.Bytes(), filepath.Join(dir, "data.jsonl"): learned.Bytes()} {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return train(t, dir, "shop", `
data:
  source: {path: data.jsonl}
  target: bought
  id: session
  columns: {city: {type: categorical, min_count: 1}, code: {type: categorical}, day: {type: date}, title: {type: text, dimensions: 64}, picture: {type: vector}}
model: {hidden: [{units: 8}]}
train: {epochs: 2, batch: 64}
`), file, list
}

// answers are what predict gives for a file.
func answers(t testing.TB, m model.Model, file string) *model.Predictions {
	t.Helper()
	p, err := model.Collect(m.(model.Predictor).Predict(context.Background(), table.Source{Path: configfile.Strings{file}}, "", encoding.Input{}))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func column[T any](t testing.TB, p *model.Predictions, name string) []T {
	t.Helper()
	for _, c := range p.Columns {
		if c.Name == name {
			if v, ok := c.Values.([]T); ok {
				return v
			}
			t.Fatalf("column %s: %T", name, c.Values)
		}
	}
	t.Fatalf("there is no column %s", name)
	return nil
}

type predicted struct {
	Version     string
	Of          string `json:"probability_of"`
	Predictions []struct {
		Session     string
		Probability float64
		Prediction  any
	}
}

// shopping writes who views what and rates it, and trains recommenders on it.
func shopping(t testing.TB, dir string, text string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("user,item,event,rating\n")
	for u := range 60 {
		for k := range 8 + u%5 {
			i := (u*u + k*(1+u%3)) % 40
			event := "view"
			if k%4 == 3 {
				event = "buy"
			}
			fmt.Fprintf(&b, "u%d,i%d,%s,%d\n", u, i, event, 1+(u+i)%5)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "events.csv"), []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return train(t, dir, "lists", text)
}

const (
	alsRun       = "family: factorization\ndata: {sources: [{path: events.csv}], columns: {event: event}, weights: {view: 1, buy: 3}, split: {method: none}}\nmodel: {algorithm: als, factors: 8, unobserved: 0.1, regularization: 0.01}\ntrain: {epochs: 3}\n"
	neighborsRun = "family: neighbors\ndata: {sources: [{path: events.csv}], columns: {event: event}, weights: {view: 1, buy: 3}, split: {method: none}}\nmodel: {kind: item}\n"
	ratingRun    = "family: factorization\ndata: {sources: [{path: events.csv}], columns: {value: rating}, aggregate: mean, split: {method: none}}\nmodel: {algorithm: bias, regularization: 1}\n"
)

type listed struct{ Lists []model.List }
