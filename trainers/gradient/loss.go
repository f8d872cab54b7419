package gradient

import (
	"math"

	"debut/datasets/configfile"
	"debut/kernels"
	"debut/trainers/metrics"
)

// Losses of a target that is a number.
const (
	LossSquared  = "squared"
	LossMAE      = "mae"
	LossHuber    = "huber"
	LossQuantile = "quantile"
	LossPoisson  = "poisson"
)

// losses are the kernels of each, with the parameter that a configuration gives it.
var losses = map[string]struct {
	kind      kernels.LossKind
	parameter func(c *Config) float64
}{
	"":           {kind: kernels.SquaredLoss},
	LossSquared:  {kind: kernels.SquaredLoss},
	LossMAE:      {kernels.QuantileLoss, func(*Config) float64 { return 0.5 }}, // half of it
	LossHuber:    {kernels.HuberLoss, func(c *Config) float64 { return c.Delta }},
	LossQuantile: {kernels.QuantileLoss, func(c *Config) float64 { return c.Quantile }},
	LossPoisson:  {kind: kernels.PoissonLoss},
}

// ClassWeightBalanced is the class_weight with which all classes weigh the same.
const ClassWeightBalanced = "balanced"

// CheckLoss returns an error where the loss, or the weights of classes, are none of a task.
func (c *Config) CheckLoss(task metrics.Task) error {
	if c.Loss != "" && task != metrics.TaskRegression {
		return configfile.Errorf("loss", "%s is of targets that are numbers, and the target is %s; leave it out, or set data.task: regression", c.Loss, task)
	}
	if c.ClassWeight != "" && task == metrics.TaskRegression {
		return configfile.Errorf("class_weight", "it is of classes, and the target is a number; leave it out, or set data.task: binary")
	}
	return nil
}

func (c *Config) checkLoss(task metrics.Task) (errs []error) {
	bad := func(path, format string, args ...any) { errs = append(errs, configfile.Errorf(path, format, args...)) }
	if err := configfile.OneOf("loss", c.Loss, LossSquared, LossMAE, LossHuber, LossQuantile, LossPoisson); err != nil {
		return append(errs, err)
	}
	if err := configfile.OneOf("class_weight", c.ClassWeight, ClassWeightBalanced); err != nil {
		errs = append(errs, err)
	}
	if task != "" {
		if err := c.CheckLoss(task); err != nil {
			errs = append(errs, err)
		}
	}
	switch {
	case c.Loss == LossQuantile && !(c.Quantile > 0 && c.Quantile < 1):
		bad("quantile", "%v; the loss quantile needs one between 0 and 1: 0.9 predicts what nine of ten stay below", c.Quantile)
	case c.Loss != LossQuantile && c.Quantile != 0:
		bad("quantile", "it is of loss: quantile")
	case c.Loss == LossHuber && !(c.Delta > 0 && !math.IsInf(c.Delta, 0)):
		bad("delta", "%v; give a positive number of standard deviations", c.Delta)
	case c.Loss != LossHuber && c.Delta != 0:
		bad("delta", "it is of loss: huber")
	}
	return errs
}

// loss returns the training loss of a task, and its parameter.
func (c *Config) loss(task metrics.Task) (kernels.LossKind, float64) {
	switch task {
	case metrics.TaskBinary:
		return kernels.LogisticLoss, 0
	case metrics.TaskMultiClass:
		return kernels.SoftmaxLoss, 0
	}
	l := losses[c.Loss]
	if l.parameter == nil {
		return l.kind, 0
	}
	return l.kind, l.parameter(c)
}
