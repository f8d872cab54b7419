package gradient

import (
	"math"

	"debut/datasets/configfile"
	"debut/kernels"
	"debut/trainers/metrics"
)

// LossFocal is a loss of classes; the others are of a target that is a number.
const LossFocal = "focal"

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

// defaultGamma and maxGamma are of the focal loss.
const (
	defaultGamma = 2
	maxGamma     = 100
)

// ClassWeightBalanced is the class_weight with which all classes weigh the same.
const ClassWeightBalanced = "balanced"

// CheckLoss returns an error where the loss, or what is done to classes, is none of a task.
func (c *Config) CheckLoss(task metrics.Task) error {
	classes := task == metrics.TaskBinary || task == metrics.TaskMultiClass
	if c.Loss == LossFocal && !classes {
		return configfile.Errorf("loss", "%s is of classes, and the target is a number; leave it out", c.Loss)
	}
	if c.LabelSmoothing != 0 && !classes {
		return configfile.Errorf("label_smoothing", "it is of classes, and the target is a number; leave it out")
	}
	if c.LabelSmoothing != 0 && c.Loss == LossFocal && task == metrics.TaskMultiClass {
		return configfile.Errorf("label_smoothing", "of more than two classes the loss is either smoothed or focal; leave one of them out")
	}
	if c.Loss != "" && c.Loss != LossFocal && task != metrics.TaskRegression {
		return configfile.Errorf("loss", "%s is of targets that are numbers, and the target is %s; leave it out, or set data.task: regression", c.Loss, task)
	}
	if c.ClassWeight != "" && task == metrics.TaskRegression {
		return configfile.Errorf("class_weight", "it is of classes, and the target is a number; leave it out, or set data.task: binary")
	}
	return nil
}

func (c *Config) checkLoss(task metrics.Task) (errs []error) {
	bad := func(path, format string, args ...any) { errs = append(errs, configfile.Errorf(path, format, args...)) }
	if err := configfile.OneOf("loss", c.Loss, LossSquared, LossMAE, LossHuber, LossQuantile, LossPoisson, LossFocal); err != nil {
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
	if !(c.LabelSmoothing >= 0 && c.LabelSmoothing < 1) {
		bad("label_smoothing", "%v is not in [0, 1)", c.LabelSmoothing)
	}
	switch {
	case c.Loss == LossFocal && c.Gamma != nil && *c.Gamma == 0:
		bad("gamma", "with 0 the loss is the cross-entropy, which classes have anyway; leave loss and gamma out")
	case c.Loss == LossFocal && c.Gamma != nil && !(*c.Gamma > 0 && *c.Gamma <= maxGamma):
		bad("gamma", "%v; give a number above 0 and at most %d", *c.Gamma, maxGamma)
	case c.Loss != LossFocal && c.Gamma != nil:
		bad("gamma", "it is of loss: focal")
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

// loss returns the training loss of a task, of steps before a binary target where it is a chain, and its parameter.
func (c *Config) loss(task metrics.Task, chain bool) (kernels.LossKind, float64) {
	switch task {
	case metrics.TaskBinary:
		if chain {
			return kernels.ChainLoss, 0
		}
		if c.Loss == LossFocal {
			return kernels.FocalLoss, *c.Gamma
		}
		return kernels.LogisticLoss, 0
	case metrics.TaskMultiClass:
		if c.Loss == LossFocal {
			return kernels.SoftmaxFocalLoss, *c.Gamma
		}
		return kernels.SoftmaxLoss, c.LabelSmoothing
	}
	l := losses[c.Loss]
	if l.parameter == nil {
		return l.kind, 0
	}
	return l.kind, l.parameter(c)
}
