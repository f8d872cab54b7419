package serve_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"debut/trainers/serve"
)

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
