package gradient

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/engine/optim"
	"debut/trainers/metrics"
)

// What is left open follows from the number of rows and the task; what is given is kept.
func TestFit(t *testing.T) {
	for _, c := range []struct {
		rows                    int
		task                    metrics.Task
		epochs, batch, patience int
		rate, decay             float64
	}{
		{100, metrics.TaskRegression, 60, 32, 20, 0.00283, 2},
		{100, metrics.TaskBinary, 60, 32, 20, 0.000707, 2},
		{20_000, metrics.TaskBinary, 10, 128, 3, 0.00141, 0.903},
		{20_000, metrics.TaskMultiClass, 30, 128, 10, 0.00566, 0.075},
		{1_000_000, metrics.TaskBinary, 3, 1024, 3, 0.004, 0.171},
		{1_000_000_000, metrics.TaskBinary, 3, 1024, 3, 0.004, 0.000171},
	} {
		var f Config
		f.SetDefaults(true)
		f.Fit(c.rows, c.task, true, Pace{})
		if f.Epochs != c.epochs || f.Batch != c.batch || f.EarlyStopping.Patience != c.patience || *f.Optimizer.LearningRate != c.rate || *f.Optimizer.WeightDecay != c.decay {
			t.Errorf("%d rows, %s: %d epochs of batches of %d, patience %d, rate %v, decay %v; want %+v", c.rows, c.task,
				f.Epochs, f.Batch, f.EarlyStopping.Patience, *f.Optimizer.LearningRate, *f.Optimizer.WeightDecay, c)
		}
		if err := f.Validate(c.task, true); err != nil {
			t.Errorf("%d rows: %v", c.rows, err)
		}
		// A run that goes on with other epochs has the same settings otherwise, without a patience that nobody asked for.
		again := Config{Epochs: 99}
		again.SetDefaults(true)
		again.Fit(c.rows, c.task, true, Pace{})
		if *again.Optimizer.WeightDecay != c.decay || again.Schedule != f.Schedule || again.Epochs != 99 || again.EarlyStopping.Patience != 0 {
			t.Errorf("with 99 epochs: %+v", again)
		}
	}
	given := Config{Batch: 7, Optimizer: Optimizer{Kind: "adamw"}, Schedule: Schedule{Kind: "cosine", WarmupEpochs: 70}}
	given.SetDefaults(true)
	given.Fit(1000, metrics.TaskBinary, false, Pace{})
	if given.Batch != 7 || *given.Optimizer.LearningRate != 0.001 || *given.Optimizer.WeightDecay != 0.01 || given.EarlyStopping.Patience != 0 || given.Epochs != 71 {
		t.Errorf("beside what is given: %+v", given)
	}
	// Every setting that an optimizer has is written down, and no other.
	for kind, want := range map[string]string{
		"sgd": "{kind: sgd, learning_rate: 0.01, l2: 0}", "momentum": "{kind: momentum, learning_rate: 0.01, momentum: 0.9, l2: 0}", "nesterov": "{kind: nesterov, learning_rate: 0.01, momentum: 0.9, l2: 0}",
		"adam": "{kind: adam, learning_rate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-08, l2: 0}", "adagrad": "{kind: adagrad, learning_rate: 0.01, epsilon: 1e-10, l2: 0}",
		"rowwise_adagrad": "{kind: rowwise_adagrad, learning_rate: 0.01, epsilon: 1e-10, l2: 0}", "ftrl": "{kind: ftrl, learning_rate: 0.1, l1: 0, beta: 1, l2: 0}",
		"adamw": "{kind: adamw, learning_rate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-08, l2: 0, weight_decay: 0.01}", "nonesuch": "{kind: nonesuch}",
	} {
		c := Config{Optimizer: Optimizer{Kind: kind}}
		c.SetDefaults(true)
		text, err := configfile.Marshal(c.Optimizer)
		if err != nil {
			t.Fatal(err)
		}
		if got := "{" + strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", ", ") + "}"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	var linear Config
	linear.SetDefaults(false)
	if linear.Epochs != 20 || linear.Batch != 256 || linear.Optimizer.Kind != "adam" || linear.Schedule.Kind != "constant" {
		t.Errorf("of a linear model: %+v", linear)
	}
}

// Tables have the optimizer of all parameters, or one of their own, whose errors name it.
func TestOptimizerOfTables(t *testing.T) {
	number := func(v float64) *float64 { return &v }
	for _, c := range []struct {
		tables      Optimizer
		want, wrong string // the settings, or the path and what is wrong
	}{
		{Optimizer{}, "", ""},
		{Optimizer{Kind: "auto"}, "", ""},
		{Optimizer{Kind: "rowwise_adagrad", L2: number(0.5)}, "rowwise_adagrad 0.01 0.5", ""},
		{Optimizer{Kind: "ftrl", L1: number(-1)}, "", "tables.optimizer.l1"},
		{Optimizer{Kind: "sgd", L1: number(1)}, "", "tables.optimizer.l1"},
		{Optimizer{Kind: "nonesuch"}, "", "tables.optimizer.kind"},
		{Optimizer{LearningRate: number(1)}, "", "tables.optimizer.kind"},
	} {
		f := Config{Tables: Tables{Optimizer: c.tables}}
		f.SetDefaults(true)
		f.Fit(1000, metrics.TaskBinary, false, Pace{})
		err := f.Validate(metrics.TaskBinary, false)
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%+v: error %v, want one of %s", c.tables, err, c.wrong)
			}
			continue
		}
		if err != nil {
			t.Errorf("%+v: %v", c.tables, err)
		}
		o, tables, err := f.optimizers(2, 100)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if tables != nil {
			got = fmt.Sprint(tables.Kind, " ", tables.LearningRate, " ", tables.L2)
			if tables.Schedule != o.Schedule {
				t.Errorf("%+v: the schedule is %+v, of all parameters %+v", c.tables, tables.Schedule, o.Schedule)
			}
		}
		if got != c.want {
			t.Errorf("%+v: %q, want %q", c.tables, got, c.want)
		}
	}
}

// A setting of another optimizer is refused, of all parameters and of tables, and what the message names is a remedy.
func TestSettingsOfOthers(t *testing.T) {
	given := func(kind, name string) Optimizer {
		o := Optimizer{Kind: kind}
		for _, s := range o.particulars(new(optim.Config)) {
			if s.name == name {
				*s.field = new(0.25)
			}
		}
		return o
	}
	wrong := func(o Optimizer, tables bool) error {
		c := Config{Optimizer: o}
		if tables {
			c = Config{Tables: Tables{Optimizer: o}}
		}
		c.SetDefaults(true)
		return c.Validate(metrics.TaskBinary, false)
	}
	for _, kind := range append([]string{KindAuto, ""}, optim.Kinds()...) {
		for _, s := range new(Optimizer).particulars(new(optim.Config)) {
			o := given(kind, s.name)
			own, err := o.kind()
			if kind == "" {
				own, err = defaultKind, nil
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, tables := range []bool{false, true} {
				if tables && (kind == "" || kind == KindAuto) {
					continue // those of all parameters
				}
				err := wrong(o, tables)
				if slices.Contains(s.kinds, own) {
					if err != nil {
						t.Errorf("%s of %s: %v", s.name, kind, err)
					}
					continue
				}
				path := map[bool]string{false: "optimizer.", true: "tables.optimizer."}[tables] + s.name
				if err == nil || !strings.Contains(err.Error(), path+": "+s.name+" is a setting of ") || !strings.Contains(err.Error(), "leave it out, or take optimizer: {kind: "+s.kinds[0].String()+"}") {
					t.Errorf("%s of %s: %v", s.name, kind, err)
				}
				if err := wrong(given(s.kinds[0].String(), s.name), tables); err != nil {
					t.Errorf("the remedy: %v", err)
				}
			}
		}
	}
	if err := wrong(Optimizer{Kind: "adam", WeightDecay: new(0.0)}, false); err != nil {
		t.Errorf("no decay: %v", err)
	}
}
