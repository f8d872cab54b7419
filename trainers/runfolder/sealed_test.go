package runfolder

import (
	"encoding/json"
	"strings"
	"testing"

	"debut/datasets/warning"
	"debut/trainers/metrics"
)

// TestWithoutValues: nothing of what values of the data are in is left, and the result itself is as it was.
func TestWithoutValues(t *testing.T) {
	const value = "quagga"
	r := &RunResult{
		Status: Failed, Name: "r", Error: `line 3: "` + value + `" is not a number`, Warnings: warning.List{{Column: value, Message: value}}, Read: map[string]string{"column": value},
		Metrics: map[string]*metrics.Result{
			"test": {
				Task: metrics.TaskBinary, Rows: 2, Values: metrics.Values{{Name: "accuracy", Value: 0.5}},
				Classes: []metrics.Class{{Class: value}}, Confusion: &metrics.Confusion{Classes: []string{value}},
				Calibration: &metrics.Calibration{Bins: []metrics.Bin{{Weight: 2, Observed: 0.5}}},
			},
			"validation": nil,
		},
	}
	before, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	open := r.WithoutValues()
	text, err := json.Marshal(open)
	if err != nil {
		t.Fatal(err)
	}
	for _, telling := range []string{value, "confusion", "classes", "observed"} {
		if strings.Contains(string(text), telling) {
			t.Errorf("%s is left: %s", telling, text)
		}
	}
	if got := open.Metrics["test"]; got.Rows != 2 || len(got.Values) != 1 || !strings.Contains(open.Error, SealedFile) || open.Status != Failed {
		t.Errorf("%s", text)
	}
	if after, err := json.Marshal(r); err != nil || string(after) != string(before) {
		t.Errorf("the result is changed: %s, %v", after, err)
	}
}
