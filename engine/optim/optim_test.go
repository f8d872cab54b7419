package optim

import (
	"math"
	"strings"
	"testing"

	"debut/kernels"
)

func TestSchedules(t *testing.T) {
	cases := []struct {
		name string
		s    Schedule
		at   map[int64]float64
	}{
		{"constant", Schedule{}, map[int64]float64{0: 1, 1000: 1}},
		{"warm-up", Schedule{Warmup: 4}, map[int64]float64{0: 0.25, 1: 0.5, 3: 1, 4: 1}},
		{"step", Schedule{Kind: Step, Every: 10, Gamma: 0.5}, map[int64]float64{0: 1, 9: 1, 10: 0.5, 25: 0.25}},
		{"step after warm-up", Schedule{Kind: Step, Every: 10, Gamma: 0.5, Warmup: 5}, map[int64]float64{0: 0.2, 14: 1, 15: 0.5}},
		{"cosine", Schedule{Kind: Cosine, Total: 100}, map[int64]float64{0: 1, 50: 0.5, 100: 0, 500: 0}},
		{"cosine with a floor", Schedule{Kind: Cosine, Total: 110, Warmup: 10, Floor: 0.2}, map[int64]float64{0: 0.1, 10: 1, 60: 0.6, 110: 0.2}},
	}
	for _, c := range cases {
		if err := c.s.Check(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		for step, want := range c.at {
			if got := c.s.Factor(step); math.Abs(got-want) > 1e-12 {
				t.Errorf("%s: step %d: %v, want %v", c.name, step, got, want)
			}
		}
	}
}

func TestHyper(t *testing.T) {
	o := Defaults(kernels.Adam)
	o.Schedule = Schedule{Warmup: 2}
	var h [kernels.HyperLen]float64
	o.Hyper(0, &h)
	if want := o.LearningRate / 2; h[kernels.HyperRate] != want {
		t.Errorf("rate %v, want %v", h[kernels.HyperRate], want)
	}
	// After one step m = (1−β₁)g and v = (1−β₂)g²: the corrections make them g and g².
	if got := h[kernels.HyperCorrect1] * (1 - o.Beta1); math.Abs(got-1) > 1e-12 {
		t.Errorf("first moment is corrected to %v", got)
	}
	if got := h[kernels.HyperCorrect2] * (1 - o.Beta2); math.Abs(got-1) > 1e-9 {
		t.Errorf("second moment is corrected to %v", got)
	}
	Defaults(kernels.SGD).Hyper(5, &h)
	if h != [kernels.HyperLen]float64{0.01, 1, 1, 1} {
		t.Errorf("sgd: %v", h)
	}
}

func TestCheck(t *testing.T) {
	if err := Defaults(kernels.AdamW).Check(); err != nil {
		t.Error(err)
	}
	bad := map[string]func(*Config){
		"learning rate": func(c *Config) { c.LearningRate = 0 },
		"momentum":      func(c *Config) { c.Momentum = 1 },
		"negative":      func(c *Config) { c.L2 = math.NaN() },
		"weight decay":  func(c *Config) { c.WeightDecay = 0.1 },
		"warm-up":       func(c *Config) { c.Schedule.Warmup = -1 },
		"step schedule": func(c *Config) { c.Schedule.Kind = Step },
		"cosine":        func(c *Config) { c.Schedule = Schedule{Kind: Cosine, Total: 5, Warmup: 5} },
	}
	for want, spoil := range bad {
		c := Defaults(kernels.Adam)
		spoil(&c)
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestNames(t *testing.T) {
	for _, name := range Kinds() {
		if k, err := ParseKind(name); err != nil || k.String() != name {
			t.Errorf("%s: %v, %v", name, k, err)
		}
	}
	if _, err := ParseKind("adma"); err == nil || !strings.Contains(err.Error(), "adagrad") {
		t.Errorf("unknown optimizer: %v", err)
	}
	for k := Constant; k <= Cosine; k++ {
		if got, err := ParseSchedule(k.String()); err != nil || got != k {
			t.Errorf("%v: %v, %v", k, got, err)
		}
	}
	if _, err := ParseSchedule("linear"); err == nil {
		t.Error("unknown schedule is no error")
	}
}
