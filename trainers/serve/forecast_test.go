package serve_test

import (
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"debut/trainers/model"
	"debut/trainers/serve"
)

const demandRun = `family: demand
data: {source: sales.csv, keys: [store, item], time: month, target: sold, known: [promotion]}
horizon: 3
`

// selling trains a model of monthly series of two stores and two items, with the covariates of three months to come.
func selling(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("store,item,month,sold,promotion\n")
	for i := range 4 {
		for k := range 39 {
			promotion, sold := (k+i)%3/2, ""
			if k < 36 {
				sold = fmt.Sprintf("%.2f", float64(50+10*i)*(1+0.3*math.Sin(float64(k)/2))*(1+0.5*float64(promotion)))
			}
			fmt.Fprintf(&b, "%d,i%d,%d-%02d-01,%s,%d\n", 1+i/2, i%2, 2022+k/12, 1+k%12, sold, promotion)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "sales.csv"), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return train(t, dir, "demand", demandRun)
}

type forecasted struct {
	Predictions []map[string]any `json:"predictions"`
}

// Forecasts over HTTP are those of the model, of the series asked for, with what the request says of times to come and of late.
func TestForecast(t *testing.T) {
	dir := t.TempDir()
	folder := selling(t, dir)
	want, err := model.Collect(open(t, folder).(model.Forecaster).Forecast(t.Context(), model.ForecastRequest{}))
	if err != nil {
		t.Fatal(err)
	}
	s := serving(t, serve.Options{Sources: []serve.Source{{Name: "demand", Path: folder}}})
	var all, one, longer, later forecasted
	post(t, s, "/forecast", map[string]any{}, &all)
	mean := column[float64](t, want, "mean")
	if len(all.Predictions) != 12 {
		t.Fatalf("%d steps", len(all.Predictions))
	}
	for i, row := range all.Predictions {
		if row["mean"] != mean[i] || row["month"] != column[string](t, want, "month")[i] || !(row["q0.1"].(float64) <= row["q0.9"].(float64)) {
			t.Errorf("step %d: %v, the model says %v", i, row, mean[i])
		}
	}
	series := []any{map[string]any{"store": 2, "item": "i0"}}
	post(t, s, "/models/demand/forecast", map[string]any{"series": series, "horizon": 2}, &one)
	if len(one.Predictions) != 2 || one.Predictions[1]["mean"] != mean[7] || one.Predictions[0]["store"] != "2" {
		t.Errorf("one series: %v, want %v", one, mean[6:8])
	}
	covariates := []any{map[string]any{"store": 2, "item": "i0", "month": "2025-04-01", "promotion": 1}}
	post(t, s, "/forecast", map[string]any{"series": series, "horizon": 4, "covariates": covariates}, &longer)
	if len(longer.Predictions) != 4 || longer.Predictions[3]["month"] != "2025-04-01" {
		t.Errorf("with covariates: %v", longer)
	}
	update := []any{map[string]any{"store": 2, "item": "i0", "month": "2025-01-01", "promotion": 0, "sold": 500}}
	post(t, s, "/forecast", map[string]any{"series": series, "horizon": 1, "update": update}, &later)
	if len(later.Predictions) != 1 || later.Predictions[0]["month"] != "2025-02-01" || later.Predictions[0]["mean"] == mean[7] {
		t.Errorf("with later rows: %v", later)
	}
	for body, want := range map[string]struct {
		status int
		text   string
	}{
		`{"horizon": 0}`: {400, "from 1"},
		`{"horizon": 4}`: {422, "promotion of store 1, item i0 is not known for 2025-04-01"},
		`{"series": []}`: {400, "leave it out for all"},
		`{"series": [{"store": 9, "item": "i0"}]}`:                                             {422, "store 9, item i0"},
		`{"series": [{"store": 1}]}`:                                                           {400, "does not say its item"},
		`{"series": [{"store": 1, "item": "i0", "shop": 1}]}`:                                  {400, "is no key"},
		`{"series": [{"store": null, "item": "i0"}]}`:                                          {400, "null, where a text or a number is wanted"},
		`{"covariates": [{"store": 1, "item": "i0"}]}`:                                         {422, "month"},
		`{"update": [{"store": 1, "item": "i0", "month": "soon", "sold": 1, "promotion": 0}]}`: {422, "soon"},
		`{"serie": []}`:     {400, "there is no key"},
		`{"covariates": 1}`: {400, "covariates"},
	} {
		r := ask(s, http.MethodPost, "/forecast", []byte(body))
		if r.Code != want.status || !strings.Contains(r.Body.String(), want.text) || strings.Contains(r.Body.String(), "debut-serve") {
			t.Errorf("%s: %d %s, want %d %s", body, r.Code, r.Body, want.status, want.text)
		}
	}
	if r := ask(s, http.MethodPost, "/predict", []byte(`{}`)); !strings.Contains(r.Body.String(), "no model here answers predict") {
		t.Error(r.Body)
	}
	if r := ask(s, http.MethodGet, "/openapi.json", nil); !strings.Contains(r.Body.String(), "/models/demand/forecast") {
		t.Error("the description lacks /forecast")
	}
}
