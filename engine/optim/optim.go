// Package optim describes optimizers and learning-rate schedules. The arithmetic is the device's
// ([kernels.Optimizer]); this package checks settings and says which rate and corrections a step uses.
package optim

import (
	"fmt"
	"math"

	"debut/kernels"
)

// Config is the optimizer of a run.
type Config struct {
	Kind         kernels.OptimizerKind
	LearningRate float64
	Momentum     float64 // of Momentum and Nesterov
	Beta1, Beta2 float64 // of Adam and AdamW
	Epsilon      float64 // of Adam, AdamW, Adagrad and RowwiseAdagrad
	L1, Beta     float64 // of FTRL
	L2           float64 // coupled: L2·w is added to the gradient; FTRL has its own way
	WeightDecay  float64 // decoupled, AdamW only
	ClipNorm     float64 // gradients are scaled down to this global norm; 0: not at all
	Schedule     Schedule
}

// Kinds lists the optimizers by the names that run files use.
func Kinds() []string {
	var out []string
	for _, k := range kernels.Optimizers() {
		out = append(out, k.String())
	}
	return out
}

// ParseKind returns the optimizer of a name.
func ParseKind(name string) (kernels.OptimizerKind, error) {
	for _, k := range kernels.Optimizers() {
		if k.String() == name {
			return k, nil
		}
	}
	return 0, errorOf("optimizer.kind", "there is no optimizer %q; there are %v", name, Kinds())
}

// Defaults returns a configuration with the usual settings of an optimizer, without a schedule.
func Defaults(k kernels.OptimizerKind) Config {
	c := Config{Kind: k, LearningRate: 0.001, Momentum: 0.9, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, Beta: 1}
	switch k {
	case kernels.SGD, kernels.Momentum, kernels.Nesterov:
		c.LearningRate = 0.01
	case kernels.AdamW:
		c.WeightDecay = 0.01
	case kernels.Adagrad, kernels.RowwiseAdagrad:
		c.LearningRate, c.Epsilon = 0.01, 1e-10
	case kernels.FTRL:
		c.LearningRate = 0.1
	}
	return c
}

// Error says that a setting makes no sense.
type Error struct {
	// Setting is the setting as run files call it, below the section of the training: "optimizer.beta1", "schedule.gamma".
	Setting string
	Msg     string // what is wrong
}

// Error returns the message.
func (e *Error) Error() string { return "optim: " + e.Msg }

func errorOf(setting, format string, args ...any) error {
	return &Error{Setting: setting, Msg: fmt.Sprintf(format, args...)}
}

// Check returns an *Error for settings that make no sense.
func (c Config) Check() error {
	if !(c.LearningRate > 0) || math.IsInf(c.LearningRate, 0) {
		return errorOf("optimizer.learning_rate", "a learning rate of %v; it must be positive", c.LearningRate)
	}
	for _, f := range []struct {
		setting string
		value   float64
	}{{"momentum", c.Momentum}, {"beta1", c.Beta1}, {"beta2", c.Beta2}} {
		if !(f.value >= 0 && f.value < 1) {
			return errorOf("optimizer."+f.setting, "%s %v is not in [0, 1)", f.setting, f.value)
		}
	}
	for _, f := range []struct {
		setting, name string
		value         float64
	}{{"optimizer.epsilon", "epsilon", c.Epsilon}, {"optimizer.l1", "L1", c.L1}, {"optimizer.l2", "L2", c.L2}, {"optimizer.beta", "beta", c.Beta}, {"optimizer.weight_decay", "weight decay", c.WeightDecay}, {"clip_norm", "clip norm", c.ClipNorm}} {
		if !(f.value >= 0) || math.IsInf(f.value, 0) {
			return errorOf(f.setting, "%s %v; it must be a number that is not negative", f.name, f.value)
		}
	}
	if c.WeightDecay > 0 && c.Kind != kernels.AdamW {
		return errorOf("optimizer.weight_decay", "weight decay is AdamW's; %v takes L2 instead", c.Kind)
	}
	if c.L1 > 0 && c.Kind != kernels.FTRL {
		return errorOf("optimizer.l1", "L1 is of %v; %v has none", kernels.FTRL, c.Kind)
	}
	return c.Schedule.Check()
}

// Hyper fills what step t (0, 1, …) hands to the device's update kernels, but for the clip factor, which is 1, and the share, which is 0.
func (c Config) Hyper(t int64, out *[kernels.HyperLen]float64) {
	out[kernels.HyperRate] = c.LearningRate * c.Schedule.Factor(t)
	out[kernels.HyperFactor], out[kernels.HyperShare] = 1, 0
	out[kernels.HyperCorrect1], out[kernels.HyperCorrect2] = 1, 1
	if c.Kind == kernels.Adam || c.Kind == kernels.AdamW {
		out[kernels.HyperCorrect1] = 1 / (1 - math.Pow(c.Beta1, float64(t+1)))
		out[kernels.HyperCorrect2] = 1 / (1 - math.Pow(c.Beta2, float64(t+1)))
	}
}

// ScheduleKind is the course of the learning rate.
type ScheduleKind uint8

// The schedules.
const (
	Constant ScheduleKind = iota // 1
	Step                         // Gamma^⌊t/Every⌋
	Cosine                       // from 1 down to Floor over Total steps along half a cosine (Loshchilov, Hutter, 2017)
)

// String returns the schedule's name as run files spell it.
func (k ScheduleKind) String() string {
	switch k {
	case Constant:
		return "constant"
	case Step:
		return "step"
	case Cosine:
		return "cosine"
	}
	return fmt.Sprintf("schedule(%d)", uint8(k))
}

// ParseSchedule returns the schedule of a name.
func ParseSchedule(name string) (ScheduleKind, error) {
	for k := Constant; k <= Cosine; k++ {
		if k.String() == name {
			return k, nil
		}
	}
	return 0, errorOf("schedule.kind", "there is no schedule %q; there are %v, %v and %v", name, Constant, Step, Cosine)
}

// Schedule scales the learning rate by the step. Steps are those of the optimizer: a batch, or several accumulated.
type Schedule struct {
	Kind   ScheduleKind
	Warmup int64   // the first steps rise linearly: step t < Warmup is scaled by (t+1)/Warmup
	Every  int64   // of Step
	Gamma  float64 // of Step
	Total  int64   // of Cosine, warm-up included
	Floor  float64 // of Cosine, a share of the rate
}

// Check returns an *Error for settings that make no sense.
func (s Schedule) Check() error {
	switch {
	case s.Warmup < 0:
		return errorOf("schedule.warmup_epochs", "a warm-up of %d steps", s.Warmup)
	case s.Kind == Step && s.Every < 1:
		return errorOf("schedule.step_epochs", "a step schedule every %d steps; it takes at least 1", s.Every)
	case s.Kind == Step && !(s.Gamma > 0 && s.Gamma <= 1):
		return errorOf("schedule.gamma", "a step schedule with factor %v; it must be in (0, 1]", s.Gamma)
	case s.Kind == Cosine && s.Total <= s.Warmup:
		return errorOf("schedule.warmup_epochs", "a cosine schedule of %d steps, %d of them warm-up", s.Total, s.Warmup)
	case s.Kind == Cosine && !(s.Floor >= 0 && s.Floor <= 1):
		return errorOf("schedule.floor", "a cosine schedule down to %v of the rate; it must be in [0, 1]", s.Floor)
	}
	return nil
}

// Factor returns the scale of the learning rate at step t (0, 1, …).
func (s Schedule) Factor(t int64) float64 {
	if t < s.Warmup {
		return float64(t+1) / float64(s.Warmup)
	}
	t -= s.Warmup
	switch s.Kind {
	case Step:
		return math.Pow(s.Gamma, float64(t/s.Every))
	case Cosine:
		x := min(1, float64(t)/float64(s.Total-s.Warmup))
		return s.Floor + (1-s.Floor)*(1+math.Cos(math.Pi*x))/2
	}
	return 1
}
