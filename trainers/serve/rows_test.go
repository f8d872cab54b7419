package serve_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"debut/trainers/serve"
)

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

// Lists of ids come as lists of JSON, and what leads to the target is answered beside it: as debut predict does for a file, in one request
// and in many.
func TestPredictLists(t *testing.T) {
	dir := t.TempDir()
	var lines bytes.Buffer
	var list []map[string]any
	for i := range 400 {
		viewed := []string{}
		for k := range i % 4 {
			viewed = append(viewed, fmt.Sprintf("i%d", (i*i+k)%9))
		}
		carted := len(viewed) > i*7919%4
		row := map[string]any{"session": fmt.Sprintf("s%d", i), "item": fmt.Sprintf("i%d", i%9), "viewed": viewed, "carted": carted, "bought": carted && i%3 == 0}
		if i%10 == 0 {
			row["viewed"] = nil
		}
		text, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		lines.Write(append(text, '\n'))
		delete(row, "carted")
		delete(row, "bought")
		list = append(list, row)
	}
	file := filepath.Join(dir, "views.jsonl")
	if err := os.WriteFile(file, lines.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	folder := train(t, dir, "views", `
data:
  source: {path: views.jsonl}
  target: bought
  steps: [carted]
  id: session
  columns: {item: {type: categorical, min_count: 1}, viewed: {type: list, like: item}}
model: {kind: deepfm, factors: 4, hidden: [8]}
train: {epochs: 3, batch: 64}
`)
	want := answers(t, open(t, folder), file)
	probability, carted := column[float64](t, want, "probability"), column[float64](t, want, "probability_carted")
	s := serving(t, serve.Options{Sources: []serve.Source{{Name: "views", Path: folder}}})
	for lo, size := 0, 1; lo < len(list); lo, size = lo+size, 2*size {
		part := list[lo:min(lo+size, len(list))]
		var got struct {
			Predictions []struct {
				Probability float64
				Carted      float64 `json:"probability_carted"`
			}
		}
		post(t, s, "/models/views/predict", map[string]any{"rows": part}, &got)
		if len(got.Predictions) != len(part) {
			t.Fatalf("%d answers for %d rows", len(got.Predictions), len(part))
		}
		for i, p := range got.Predictions {
			if p.Probability != probability[lo+i] || p.Carted != carted[lo+i] || p.Carted < p.Probability {
				t.Fatalf("row %d: %+v, predict gives %v, %v", lo+i, p, probability[lo+i], carted[lo+i])
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
