package serve_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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

// Rows as named values get what debut predict gives for a file of them, bit for bit, in requests of any size.
func TestPredictEqualsPredict(t *testing.T) {
	dir := t.TempDir()
	rows := 10_000
	if testing.Short() {
		rows = 600
	}
	folder, file, list := sessions(t, dir, rows)
	want := answers(t, open(t, folder), file)
	probability, prediction := column[float64](t, want, "probability"), column[string](t, want, "prediction")
	s := serving(t, serve.Options{Sources: []serve.Source{{Name: "shop", Path: folder}}})
	for lo, size := 0, 1; lo < rows; lo, size = lo+size, size*3%1000+1 {
		part := list[lo:min(lo+size, rows)]
		var got predicted
		post(t, s, "/models/shop/predict", map[string]any{"rows": part}, &got)
		if len(got.Predictions) != len(part) || got.Of != "true" {
			t.Fatalf("%d answers for %d rows, of %q", len(got.Predictions), len(part), got.Of)
		}
		for i, p := range got.Predictions {
			if p.Probability != probability[lo+i] || p.Prediction != prediction[lo+i] || p.Session != fmt.Sprintf("s%d", lo+i) {
				t.Fatalf("row %d: %+v, predict gives %v %v", lo+i, p, probability[lo+i], prediction[lo+i])
			}
		}
	}
}

// input makes a tensor of a column of rows, as JSON or as bytes.
func input(name, datatype string, width int, list []map[string]any, asBytes bool) (map[string]any, []byte) {
	var data []any
	var b []byte
	for _, row := range list {
		switch v := row[name].(type) {
		case []float64:
			for _, x := range v {
				data, b = append(data, x), binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(x)))
			}
		case float64:
			data, b = append(data, v), binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		case int:
			data, b = append(data, v), binary.LittleEndian.AppendUint64(b, uint64(v))
		case bool:
			data = append(data, v)
			if v {
				b = append(b, 1)
			} else {
				b = append(b, 0)
			}
		case string:
			data, b = append(data, v), append(binary.LittleEndian.AppendUint32(b, uint32(len(v))), v...)
		default:
			data = append(data, nil)
			switch datatype {
			case "FP64":
				b = binary.LittleEndian.AppendUint64(b, math.Float64bits(math.NaN()))
			default:
				b = binary.LittleEndian.AppendUint32(b, 0)
			}
		}
	}
	shape := []int{len(list), 1}
	if width > 1 {
		shape[1] = width
	}
	t := map[string]any{"name": name, "datatype": datatype, "shape": shape}
	if asBytes {
		t["parameters"] = map[string]any{"binary_data_size": len(b)}
		return t, b
	}
	t["data"] = data
	return t, nil
}

// The Open Inference Protocol gives the same, of JSON and of binary tensors.
func TestInfer(t *testing.T) {
	folder, file, list := sessions(t, t.TempDir(), 300)
	want := answers(t, open(t, folder), file)
	probability := column[float64](t, want, "probability")
	s := serving(t, serve.Options{Sources: []serve.Source{{Name: "shop", Path: folder}}})
	var meta struct {
		Inputs, Outputs []struct{ Name, Datatype string }
	}
	if err := json.Unmarshal(ask(s, "GET", "/v2/models/shop", nil).Body.Bytes(), &meta); err != nil || len(meta.Inputs) != 8 || len(meta.Outputs) != 2 {
		t.Fatalf("metadata %+v, %v", meta, err)
	}
	for _, asBytes := range []bool{false, true} {
		var inputs []any
		var tail []byte
		for _, in := range meta.Inputs {
			datatype, width := in.Datatype, 1
			switch in.Name {
			case "code", "visits":
				datatype = "INT64"
			case "picture":
				width = 3
			}
			x, b := input(in.Name, datatype, width, list, asBytes)
			inputs, tail = append(inputs, x), append(tail, b...)
		}
		q := map[string]any{"id": "q1", "inputs": inputs, "outputs": []any{map[string]any{"name": "probability", "parameters": map[string]any{"binary_data": asBytes}}}}
		head, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		w := ask(s, "POST", "/v2/models/shop/infer", append(head, tail...), "Inference-Header-Content-Length", strconv.Itoa(len(head)))
		if w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		body := w.Body.Bytes()
		var values []byte
		if asBytes {
			n, err := strconv.Atoi(w.Header().Get("Inference-Header-Content-Length"))
			if err != nil {
				t.Fatal(err)
			}
			body, values = body[:n], body[n:]
		}
		var got struct {
			ID      string
			Outputs []struct {
				Name  string
				Shape []int
				Data  []float64
			}
		}
		if err := json.Unmarshal(body, &got); err != nil || got.ID != "q1" || len(got.Outputs) != 1 || got.Outputs[0].Shape[0] != len(list) {
			t.Fatalf("%v in %s", err, body)
		}
		for i := range list {
			p := 0.0
			if asBytes {
				p = math.Float64frombits(binary.LittleEndian.Uint64(values[8*i:]))
			} else {
				p = got.Outputs[0].Data[i]
			}
			if p != probability[i] {
				t.Fatalf("bytes %v, row %d: %v, predict gives %v", asBytes, i, p, probability[i])
			}
		}
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

// Lists are those of the model, for users it knows and others, and by what they did since.
func TestRecommend(t *testing.T) {
	for name, text := range map[string]string{"als": alsRun, "neighbors": neighborsRun} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			folder := shopping(t, dir, text)
			m := open(t, folder)
			s := serving(t, serve.Options{Sources: []serve.Source{{Name: "lists", Path: folder}}})
			wanted := func(r model.Request) (lists []model.List) {
				for l, err := range m.(model.Recommender).Recommend(context.Background(), r) {
					if err != nil {
						t.Fatal(err)
					}
					lists = append(lists, l)
				}
				return lists
			}
			same := func(what string, got, want []model.List) {
				t.Helper()
				a, _ := json.Marshal(got)
				b, _ := json.Marshal(want)
				if !bytes.Equal(a, b) {
					t.Errorf("%s: %s, the model gives %s", what, a, b)
				}
			}
			users := []string{"u1", "u7", "nobody", "u33"}
			var got listed
			post(t, s, "/recommend", map[string]any{"users": users, "k": 5}, &got)
			same("lists", got.Lists, wanted(model.Request{Users: users, K: 5}))

			got = listed{}
			post(t, s, "/models/lists/recommend", map[string]any{"histories": map[string]any{"new": []any{map[string]any{"item": "i3", "event": "buy"}, map[string]any{"item": "i5", "event": "view"}}}, "k": 5}, &got)
			history := filepath.Join(dir, "history.csv")
			if err := os.WriteFile(history, []byte("user,item,event\nnew,i3,buy\nnew,i5,view\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			h, _, err := m.(model.Folder).ReadHistories(context.Background(), table.Source{Path: configfile.Strings{history}}, "")
			if err != nil {
				t.Fatal(err)
			}
			folded := wanted(model.Request{Users: []string{"new"}, Histories: h, K: 5})
			same("histories", got.Lists, folded)

			var taken struct{ Taken, Held int }
			post(t, s, "/events", map[string]any{"events": []any{map[string]any{"user": "new", "item": "i3", "event": "buy"}, map[string]any{"user": "new", "item": "i5", "event": "view"}}}, &taken)
			got = listed{}
			post(t, s, "/recommend", map[string]any{"users": []string{"new"}, "k": 5}, &got)
			same("events", got.Lists, folded)
			if taken.Taken != 2 || taken.Held != 2 {
				t.Errorf("taken %+v", taken)
			}

			// What a user did since is beside what the model knows of him: he is not shown it again.
			before := listed{}
			post(t, s, "/recommend", map[string]any{"users": []string{"u7"}, "k": 5}, &before)
			top := before.Lists[0].Items[0]
			post(t, s, "/events", map[string]any{"events": []any{map[string]any{"user": "u7", "item": top, "event": "view"}}}, &taken)
			got = listed{}
			post(t, s, "/recommend", map[string]any{"users": []string{"u7"}, "k": 40}, &got)
			seen := map[string]bool{}
			for _, l := range wanted(model.Request{Users: []string{"u7"}, K: 40}) {
				for _, i := range l.Items {
					seen[i] = true
				}
			}
			if l := got.Lists[0]; !l.Folded || len(l.Items) != len(seen)-1 {
				t.Errorf("after an event %d items, folded %v; %d before", len(l.Items), l.Folded, len(seen))
			}
			for _, i := range got.Lists[0].Items {
				if i == top || !seen[i] {
					t.Errorf("item %s, which the user has, is listed", i)
				}
			}

			got = listed{}
			post(t, s, "/similar", map[string]any{"items": []string{"i3"}, "k": 4}, &got)
			l, err := m.(model.Similarer).Similar("i3", 4)
			if err != nil {
				t.Fatal(err)
			}
			same("similar", got.Lists, []model.List{l})

			// The audience of an item are the users who have it highest in the lists of all items.
			var audience struct {
				Users  []string
				Scores []float32
			}
			post(t, s, "/audience", map[string]any{"item": "i3", "k": 5}, &audience)
			score := map[string]float32{}
			for _, l := range wanted(model.Request{K: 40}) {
				for k, i := range l.Items {
					if i == "i3" {
						score[l.User] = l.Scores[k]
					}
				}
			}
			if len(audience.Users) != min(5, len(score)) {
				t.Errorf("an audience of %v", audience.Users)
			}
			for k, u := range audience.Users {
				higher := 0
				for _, v := range score {
					if v > audience.Scores[k] {
						higher++
					}
				}
				if v, ok := score[u]; !ok || v != audience.Scores[k] || higher > k {
					t.Errorf("user %s, %d in the audience with %v: his list has %v, and %d users a higher score", u, k, audience.Scores[k], v, higher)
				}
			}
		})
	}
}

// Ratings are predicted as debut predict does.
func TestRatings(t *testing.T) {
	dir := t.TempDir()
	folder := shopping(t, dir, ratingRun)
	s := serving(t, serve.Options{Sources: []serve.Source{{Name: "ratings", Path: folder}}})
	file := filepath.Join(dir, "pairs.csv")
	if err := os.WriteFile(file, []byte("user,item\nu1,i4\nnobody,i4\nu3,nothing\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	want := column[float64](t, answers(t, open(t, folder), file), "prediction")
	var got struct {
		Predictions []struct{ Prediction float64 }
	}
	post(t, s, "/predict", map[string]any{"rows": []any{map[string]any{"user": "u1", "item": "i4"}, map[string]any{"user": "nobody", "item": "i4"}, map[string]any{"user": "u3", "item": "nothing"}}}, &got)
	for i, w := range want {
		if got.Predictions[i].Prediction != w {
			t.Errorf("row %d: %v, predict gives %v", i, got.Predictions[i].Prediction, w)
		}
	}
	// An event without a value is no rating of 1.
	if w := ask(s, "POST", "/events", []byte(`{"events": [{"user": "u1", "item": "i4"}]}`)); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "event 1: the value is missing") {
		t.Errorf("an event without a rating: %d %s", w.Code, w.Body)
	}
	if w := ask(s, "POST", "/events", []byte(`{"events": [{"user": "u1", "item": "i4", "value": 4}]}`)); w.Code != http.StatusAccepted {
		t.Errorf("a rating: %d %s", w.Code, w.Body)
	}
}

// What cannot be meant is an error of the caller's that says where, and tells nothing of this machine.
func TestBadRequests(t *testing.T) {
	dir := t.TempDir()
	folder, _, list := sessions(t, dir, 300)
	lists := shopping(t, dir, alsRun)
	s := serving(t, serve.Options{Sources: []serve.Source{{Name: "shop", Path: folder}, {Name: "lists", Path: lists}}, Limits: serve.Limits{Rows: 5, Body: 4000}})
	with := func(change func(row map[string]any)) string {
		row := map[string]any{}
		for k, v := range list[1] {
			row[k] = v
		}
		change(row)
		text, err := json.Marshal(map[string]any{"rows": []any{list[2], row}})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	set := func(name string, v any) string { return with(func(row map[string]any) { row[name] = v }) }
	raw := func(name, value string) string {
		return strings.Replace(set(name, "HERE"), `"HERE"`, value, 1)
	}
	const infer = "/v2/models/shop/infer"
	for name, c := range map[string]struct {
		path, body string
		status     int
		want       string
	}{
		"empty":                {"/predict", "", 400, "ends in the middle"},
		"half":                 {"/predict", `{"rows": [{"price": 1`, 400, "ends in the middle"},
		"no JSON":              {"/predict", `price=1`, 400, "no JSON"},
		"two":                  {"/predict", set("price", 1) + "{}", 400, "follows the end"},
		"list":                 {"/predict", `[1]`, 400, "a list, where an object is wanted"},
		"rows are a text":      {"/predict", `{"rows": "all"}`, 400, `\"rows\": a text, where a list`},
		"no rows":              {"/predict", `{"rows": []}`, 400, "none"},
		"rows missing":         {"/predict", `{}`, 400, "rows are missing"},
		"other key":            {"/predict", `{"row": []}`, 400, `did you mean`},
		"NaN":                  {"/predict", raw("price", "NaN"), 400, "no JSON at byte"},
		"infinite":             {"/predict", raw("price", "1e999"), 400, `row 2: \"price\": \"1e999\" is too large`},
		"text for a number":    {"/predict", set("price", "cheap"), 400, `\"price\": \"cheap\" is not a number`},
		"number for a vector":  {"/predict", set("picture", 3), 400, `row 2: \"picture\"`},
		"short vector":         {"/predict", set("picture", []int{1}), 400, `a vector of 1 numbers`},
		"long vector":          {"/predict", set("picture", []int{1, 2, 3, 4, 5}), 400, "more than 3"},
		"text in a vector":     {"/predict", set("picture", []any{1, "x", 3}), 400, "a text in a vector"},
		"object":               {"/predict", set("city", map[string]int{"a": 1}), 400, "an object is no value"},
		"list for a text":      {"/predict", set("city", []int{1}), 400, `row 2: \"city\"`},
		"neither true":         {"/predict", set("known", 7), 400, "neither true nor false"},
		"bad date":             {"/predict", set("day", "soon"), 400, `\"soon\" is not a date`},
		"missing column":       {"/predict", with(func(row map[string]any) { delete(row, "price") }), 400, `row 2: \"price\": the column is missing`},
		"unknown column":       {"/predict", set("prize", 1), 400, `row 2: \"prize\": the model has no such column`},
		"twice":                {"/predict", `{"rows":[{"price":1,"price":2}]}`, 400, "given twice"},
		"too many rows":        {"/predict", `{"rows": [` + strings.Repeat("{},", 6) + `{}], "allow_missing": true}`, 400, "more than 5 rows"},
		"too long":             {"/predict", strings.Repeat(" ", 5000), 413, "more than 4000"},
		"surrogate":            {"/predict", raw("city", `"\ud800"`), 400, ""},
		"invalid UTF-8":        {"/predict", raw("city", "\"\xff\""), 400, ""},
		"nothing given":        {"/predict", `{"rows": [{}], "allow_missing": true}`, 400, "no column of the model"},
		"no model":             {"/models/nix/predict", `{}`, 404, "no model"},
		"not its answer":       {"/models/lists/predict", `{}`, 404, "answers recommend, similar, audience, events, not predict"},
		"path":                 {"/models", `{}`, 405, "GET"},
		"version":              {"/v2/models/shop/versions/9/infer", `{}`, 404, "no such version"},
		"inputs":               {infer, `{}`, 400, "inputs"},
		"shape":                {infer, `{"inputs": [{"name": "price", "datatype": "FP64", "shape": [-1], "data": [1]}]}`, 400, "shape"},
		"huge shape":           {infer, `{"inputs": [{"name": "price", "datatype": "FP64", "shape": [5, 4611686018427387904], "data": [1]}]}`, 400, "shape"},
		"many rows":            {infer, `{"inputs": [{"name": "price", "datatype": "FP64", "shape": [1000000000], "data": [1]}]}`, 400, "more than 5"},
		"few values":           {infer, `{"inputs": [{"name": "price", "datatype": "FP64", "shape": [2], "data": [1]}]}`, 400, "1 values for the shape"},
		"many values":          {infer, `{"inputs": [{"name": "price", "datatype": "FP64", "shape": [1], "data": [1, 2]}]}`, 400, "more values"},
		"datatype":             {infer, `{"inputs": [{"name": "price", "datatype": "FP99", "shape": [1], "data": [1]}]}`, 400, "FP99"},
		"text of FP64":         {infer, `{"inputs": [{"name": "price", "datatype": "FP64", "shape": [1], "data": ["1"]}]}`, 400, "FP64"},
		"no input":             {infer, `{"inputs": [{"name": "prize", "datatype": "FP64", "shape": [1], "data": [1]}]}`, 400, "no such input"},
		"input twice":          {infer, `{"inputs": [{"name": "price", "datatype": "FP64", "shape": [1], "data": [1]}, {"name": "price", "datatype": "FP64", "shape": [1], "data": [1]}]}`, 400, "twice"},
		"input missing":        {infer, `{"inputs": [{"name": "price", "datatype": "FP64", "shape": [1], "data": [1]}]}`, 400, "is missing"},
		"bytes that are not":   {infer, `{"inputs": [{"name": "price", "datatype": "FP64", "shape": [1], "parameters": {"binary_data_size": 8}}]}`, 400, "bytes are left"},
		"negative size":        {infer, `{"inputs": [{"name": "price", "datatype": "FP64", "shape": [1], "parameters": {"binary_data_size": -8}}]}`, 400, "binary_data_size is -8"},
		"no users":             {"/recommend", `{"users": []}`, 400, "users"},
		"users":                {"/recommend", `{"users": "u1"}`, 400, "users"},
		"k":                    {"/recommend", `{"users": ["u1"], "k": 0}`, 400, "k"},
		"large k":              {"/recommend", `{"users": ["u1"], "k": 1000000}`, 400, "k"},
		"unknown key":          {"/recommend", `{"users": ["u1"], "kk": 1}`, 400, "kk"},
		"other letters":        {"/recommend", `{"users": ["u1"], "Users": ["u2"]}`, 400, "there is no key"},
		"k is a text":          {"/recommend", `{"users": ["u1"], "k": "5"}`, 400, `\"k\": a whole number is wanted`},
		"a weight too large":   {"/recommend", `{"users": ["u1"], "items": {"i1": 1e300}}`, 400, `\"items.i1\": a number`},
		"diversity":            {"/recommend", `{"users": ["u1"], "diversity": 2}`, 400, "diversity"},
		"kind of event":        {"/recommend", `{"users": ["u1"], "seen_by": ["like"]}`, 422, "there is no kind of event"},
		"no such items":        {"/recommend", `{"users": ["u1"], "items": {"zzz": 1}}`, 422, "none of the model's items"},
		"weight":               {"/recommend", `{"users": ["u1"], "items": {"i1": -1}}`, 400, "weight"},
		"endless weight":       {"/recommend", `{"users": ["u1"], "items": {"i1": 1e38, "i2": 3e38}}`, 400, "at most 1e+06"},
		"user without an id":   {"/recommend", `{"users": ["u1", null]}`, 400, "user 2 has no id"},
		"history of another":   {"/recommend", `{"users": ["u1"], "histories": {"u2": [{"item": "i1", "event": "buy"}]}}`, 400, "not among the users"},
		"long id":              {"/events", `{"events": [{"user": "u1", "item": "` + strings.Repeat("i", 1025) + `", "event": "buy"}]}`, 422, "event 1: an id of 1025 bytes"},
		"too large for INT8":   {infer, `{"inputs": [{"name": "price", "datatype": "INT8", "shape": [1], "data": [128]}]}`, 400, "128 is none of datatype INT8"},
		"a part of INT32":      {infer, `{"inputs": [{"name": "price", "datatype": "INT32", "shape": [1], "data": [1.5]}]}`, 400, "1.5 is none of datatype INT32"},
		"too large for FP32":   {infer, `{"inputs": [{"name": "price", "datatype": "FP32", "shape": [1], "data": [1e39]}]}`, 400, "1e39 is none of datatype FP32"},
		"largest of UINT64":    {infer, `{"inputs": [{"name": "price", "datatype": "UINT64", "shape": [1], "data": [18446744073709551615]}]}`, 400, "the input is missing"},
		"long name":            {"/predict", set(strings.Repeat("n", 3000), 1), 400, "the model has no such column"},
		"kind in a history":    {"/recommend", `{"histories": {"u1": [{"item": "i1", "event": "like"}]}}`, 422, "like"},
		"negative value":       {"/events", `{"events": [{"user": "u1", "item": "i1", "event": "buy", "value": -1}]}`, 422, "value"},
		"event without item":   {"/events", `{"events": [{"user": "u1", "event": "buy"}]}`, 422, "item is missing"},
		"no events":            {"/events", `{"events": []}`, 400, "none"},
		"audience of nothing":  {"/audience", `{}`, 400, "item"},
		"unknown audience":     {"/audience", `{"item": "zzz", "k": 3}`, 404, "does not know"},
		"large audience":       {"/audience", `{"item": "i1", "k": 100}`, 400, "from 1 to 5"},
		"unknown similar item": {"/similar", `{"items": ["zzz"]}`, 404, "does not know"},
	} {
		w := ask(s, "POST", c.path, []byte(c.body))
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: %d %s; want %d with %q", name, w.Code, w.Body, c.status, c.want)
		}
		var e struct{ Error string }
		if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || e.Error == "" {
			t.Errorf("%s: the answer is no error: %s", name, w.Body)
		}
		if w.Body.Len() > 1000 {
			t.Errorf("%s: an answer of %d bytes", name, w.Body.Len())
		}
		if w.Code == http.StatusMethodNotAllowed && w.Header().Get("Allow") != "GET" {
			t.Errorf("%s: allowed is %q", name, w.Header().Get("Allow"))
		}
		if strings.Contains(w.Body.String(), dir) || strings.Contains(w.Body.String(), ".go:") {
			t.Errorf("%s: the answer tells of this machine: %s", name, w.Body)
		}
	}
	// The remedies that messages name lead to an answer.
	for name, body := range map[string]string{
		"allow_missing": strings.Replace(with(func(row map[string]any) { delete(row, "price") }), `{"rows"`, `{"allow_missing": true, "rows"`, 1),
		"behind":        strings.TrimSuffix(with(func(row map[string]any) { delete(row, "price") }), "}") + `, "allow_missing": true}`,
		"unknown":       strings.Replace(set("prize", 1), `{"rows"`, `{"ignore_unknown": true, "rows"`, 1),
		"null":          set("price", nil),
		"escaped":       strings.Replace(set("price", 3), `"price":3`, `"pr\u0069ce":3`, 1),
	} {
		if w := ask(s, "POST", "/predict", []byte(body)); w.Code != 200 {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

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

// Events are bounded: the oldest leave.
func TestEventsAreBounded(t *testing.T) {
	folder := shopping(t, t.TempDir(), neighborsRun)
	s := serving(t, serve.Options{Sources: []serve.Source{{Name: "m", Path: folder}}, Limits: serve.Limits{Events: 50, OfAUser: 10}})
	var taken struct{ Held int }
	for i := range 300 {
		user := fmt.Sprintf("n%d", i/20)
		post(t, s, "/events", map[string]any{"events": []any{map[string]any{"user": user, "item": fmt.Sprintf("i%d", i%40), "event": "view"}}}, &taken)
		if taken.Held > 50 {
			t.Fatalf("%d events are held", taken.Held)
		}
	}
	var got listed
	post(t, s, "/recommend", map[string]any{"users": []string{"n0", "n14"}}, &got)
	if got.Lists[0].Folded || !got.Lists[1].Folded {
		t.Errorf("folded %v and %v", got.Lists[0].Folded, got.Lists[1].Folded)
	}
	// Events are found by what their ids stand for.
	post(t, s, "/events", map[string]any{"events": []any{map[string]any{"user": " n99 ", "item": "i1", "event": "view"}, map[string]any{"user": "12.0", "item": "i1", "event": "view"}}}, &taken)
	post(t, s, "/recommend", map[string]any{"users": []string{"n99", "12"}}, &got)
	if !got.Lists[0].Folded || !got.Lists[1].Folded {
		t.Errorf("of ids that are written otherwise: folded %v and %v", got.Lists[0].Folded, got.Lists[1].Folded)
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

// Whatever comes, the answer is JSON and no fault of the server.
func FuzzRequests(f *testing.F) {
	dir := f.TempDir()
	folder, _, list := sessions(f, dir, 300)
	lists := shopping(f, dir, alsRun)
	s := serving(f, serve.Options{Sources: []serve.Source{{Name: "shop", Path: folder}, {Name: "lists", Path: lists}}})
	rows, err := json.Marshal(map[string]any{"rows": list[:2]})
	if err != nil {
		f.Fatal(err)
	}
	paths := []string{"/predict", "/v2/models/shop/infer", "/recommend", "/similar", "/events"}
	for i, body := range []string{
		string(rows), `{"inputs": [{"name": "price", "datatype": "FP64", "shape": [1], "data": [[1]]}], "parameters": {"allow_missing": true}}`, `{"users": ["u1"], "k": 3, "because": true}`,
		`{"items": ["i1"], "k": 2}`, `{"events": [{"user": "u1", "item": "i1", "event": "buy", "value": 2, "time": 5}]}`,
	} {
		f.Add(uint8(i), []byte(body), "")
	}
	f.Add(uint8(1), []byte(`{"inputs": [{"name": "price", "datatype": "FP64", "shape": [1], "parameters": {"binary_data_size": 8}}], "parameters": {"allow_missing": true}}12345678`), "137")
	f.Fuzz(func(t *testing.T, path uint8, body []byte, head string) {
		w := ask(s, "POST", paths[int(path)%len(paths)], body, "Inference-Header-Content-Length", head)
		if w.Code >= 500 || w.Code < 200 || w.Header().Get("Content-Type") == "application/json" && !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	})
}
