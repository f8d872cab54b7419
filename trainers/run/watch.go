package run

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"debut/datasets/warning"
	"debut/trainers/loop"
	"debut/trainers/metrics"
	"debut/trainers/runfolder"
)

// warn tells of what run.json has too.
func (s *session) warn(list ...warning.Warning) {
	warning.List(list).Log(s.opt.Log)
	s.result.Warnings = append(slices.Clone(s.result.Warnings), list...) // those of the data are the task's
}

// warnUndefined warns, once, that the validation rows do not define the metric that decides.
func (s *session) warnUndefined() {
	if s.undefined {
		return
	}
	s.undefined = true
	s.warn(warning.Warning{
		Name: warning.Undecided, Part: PartValidation,
		Message: fmt.Sprintf("the validation %s is undefined, as where all targets are the same: no epoch can be called the best by it, and none ends the training early", s.course.Metric),
		Remedy:  "take other validation rows, or another metric under train.early_stopping",
	})
}

// judge warns of what a part has shown once it is measured.
func (s *session) judge(part string, r *metrics.Result) {
	told := ""
	if part == PartValidation && s.undefined {
		told = s.course.Metric
	}
	list := r.Warnings(part, told)
	if part == PartTrain { // where a model is no better there, it is not elsewhere, and less may have been wanted of it
		list = slices.DeleteFunc(list, func(w warning.Warning) bool { return w.Name == warning.WorseThanPlain && len(s.task.Parts()) > 1 })
	}
	if w, ok := s.task.(Watcher); ok {
		list = append(list, w.Watch(part)...)
	}
	s.warn(list...)
}

// Limits of what is told of a training that was still improving: the last share of its evaluations, and the share of all improvement that
// they brought. A learning rate that falls to nothing brings less than that.
const (
	lastEvaluations = 0.2
	lastImprovement = 0.05
)

// checkImproving warns where the training ended while it was getting better.
func (s *session) checkImproving() error {
	best, total := s.result.Best, s.result.Trained
	if s.result.Stopped != loop.StoppedEpochs || best == nil || total == nil || best.Epoch < total.Epochs {
		return nil
	}
	evaluations, err := s.folder.Evaluations()
	if err != nil {
		s.opt.Log.Warn("whether the training was still improving is not known, for its metrics cannot be read", "error", err)
		return nil
	}
	gain, last := improvement(evaluations, s.course.Metric, s.course.Plan.Higher)
	if !(gain > 0) || last < lastImprovement*gain {
		return nil
	}
	folder := s.folder.Path()
	if strings.ContainsAny(folder, " \t") {
		folder = strconv.Quote(folder)
	}
	remedy := fmt.Sprintf("give it more epochs, debut train %s --resume --set train.epochs=%d", folder, 2*total.Epochs)
	if s.course.Faster != "" {
		remedy += ", or " + s.course.Faster
	}
	s.warn(warning.Warning{
		Name: warning.StillImproving, Part: PartValidation,
		Message: fmt.Sprintf("the last epoch was the best, and the last fifth of them brought %.2g %% of all that the validation %s improved: the training ended while it was getting better", 100*last/gain, s.course.Metric),
		Remedy:  remedy,
	}.With("epochs", float64(total.Epochs)).With("share", last/gain))
	return nil
}

// improvement is by how much a metric of the validation rows got better from the first evaluation to the best, and in the last of them.
func improvement(evaluations []runfolder.Evaluation, metric string, higher bool) (all, last float64) {
	var scores []float64
	for _, e := range evaluations {
		if v, ok := e.Metrics.Get(metric); ok && e.Part == PartValidation {
			if !higher {
				v = -v
			}
			scores = append(scores, v)
		}
	}
	if len(scores) < 2 {
		return 0, 0
	}
	tail := max(1, int(lastEvaluations*float64(len(scores))))
	best := slices.Max(scores)
	return best - scores[0], best - slices.Max(scores[:len(scores)-tail])
}
