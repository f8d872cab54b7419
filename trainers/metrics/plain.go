package metrics

import (
	"fmt"
	"math"

	"debut/datasets/warning"
)

// Plain compares a model with the plainest one there is: what is learned from the training rows without looking at a feature, and
// answered for all.
type Plain struct {
	Answer string  `json:"answer"` // what it answers: the mean, the share of each class, what most users have
	Metric string  `json:"metric"` // that they are compared by
	Value  float64 `json:"value"`  // of the plain answer
	Model  float64 `json:"model"`  // of the model
	Error  float64 `json:"error"`  // standard error of Model; 0 where it is not known
}

// Remedies of models that are worse than a plain answer.
const (
	simpler       = "try a simpler model (model: {kind: linear}) and look whether the columns say anything of the target (debut data inspect)"
	calibrateThem = "where AUC is well above 0.5, decision: {calibration: %s} makes probabilities of a good order of the rows; else " + simpler
)

// plain compares the outputs of a sample with its plain answer; nil where there is none.
func (s *Sample) plain(outputs []float64) *Plain {
	if s.Plain == nil {
		return nil
	}
	p := &Plain{Answer: "the share of each class", Metric: "log_loss"}
	var ofModel, ofPlain func(i int) float64
	switch s.Task {
	case TaskBinary:
		ofModel = func(i int) float64 { return logLoss(outputs[i], s.Targets[i]) }
		ofPlain = func(i int) float64 { return -math.Log(s.Plain[int(s.Targets[i])]) }
	case TaskMultiClass:
		c := len(s.Classes)
		ofModel = func(i int) float64 { return softmaxLoss(outputs[i*c:(i+1)*c], int(s.Targets[i])) }
		ofPlain = func(i int) float64 { return -math.Log(s.Plain[int(s.Targets[i])]) }
	default:
		p.Answer = "the mean"
		loss := func(p, y float64) float64 { return (y - p) * (y - p) }
		switch p.Metric = s.PlainBy; s.PlainBy {
		case PoissonDeviance:
			loss = Deviance
		case Pinball:
			loss = PinballOf(s.Quantile)
		case "mae":
			loss = func(p, y float64) float64 { return math.Abs(y - p) }
		default:
			p.Metric = "mse"
		}
		ofModel = func(i int) float64 { return loss(outputs[i], s.Targets[i]) }
		ofPlain = func(i int) float64 { return loss(s.Plain[0], s.Targets[i]) }
	}
	var total, model, plain sum
	for i := range s.Targets {
		if w := weightAt(s.Weights, i); w > 0 {
			total.add(w)
			model.add(w * ofModel(i))
			plain.add(w * ofPlain(i))
		}
	}
	p.Model, p.Value = model.value()/total.value(), plain.value()/total.value()
	var squares sum
	for i := range s.Targets {
		if w := weightAt(s.Weights, i); w > 0 {
			d := w * (ofModel(i) - p.Model)
			squares.add(d * d)
		}
	}
	p.Error = math.Sqrt(squares.value()) / total.value()
	if d := p.Model + p.Value + p.Error; math.IsNaN(d) || math.IsInf(d, 0) { // a class that training has not seen, a rate of zero
		return nil
	}
	return p
}

// softmaxLoss is the log-loss of logits for the class y.
func softmaxLoss(z []float64, y int) float64 {
	largest, rest := z[0], 0.0
	for _, v := range z {
		largest = max(largest, v)
	}
	for _, v := range z {
		rest += math.Exp(v - largest)
	}
	return math.Log(rest) + largest - z[y]
}

// Warnings tells what is worth knowing of the measures of a part of a run, or, where that is "", of a file: what is undefined, but for a
// metric that has been told already, and that the model is worse than a plain answer.
func (r *Result) Warnings(part, told string) (list warning.List) {
	rows := "the " + Unit(r.Task)
	if part != "" {
		rows = "the " + part + " " + Unit(r.Task)
	}
	for _, gap := range r.Gaps(told) {
		if part != "" {
			gap = fmt.Sprintf("%s %s: %s", part, Unit(r.Task), gap)
		}
		list = append(list, warning.Warning{Name: warning.Undefined, Part: part, Message: gap})
	}
	p := r.Plain
	if p == nil {
		return list
	}
	higher, err := Higher(p.Metric)
	if err != nil || higher && p.Model >= p.Value || !higher && p.Model <= p.Value {
		return list
	}
	return append(list, warning.Warning{
		Name: warning.WorseThanPlain, Part: part, Remedy: catalogs[r.Task].Plain,
		Message: fmt.Sprintf("for %s the model is worse than answering %s every time: %s is %.4g, and %.4g without a model", rows, p.Answer, p.Metric, p.Model, p.Value),
	}.With("model", p.Model).With("plain", p.Value).With("rows", float64(r.Rows)))
}

// Limits of what is told of a difference between validation and test: standard errors, and the share of the smaller value.
const (
	farErrors = 4
	farShare  = 0.25
)

// Far warns where the model does so differently on validation and on test rows that neither chance nor little matters: what was chosen by
// the validation rows was chosen for other rows.
func Far(validation, test *Result) (w warning.Warning, far bool) {
	if validation == nil || test == nil || validation.Plain == nil || test.Plain == nil || validation.Plain.Metric != test.Plain.Metric {
		return w, false
	}
	v, t := validation.Plain, test.Plain
	apart, chance := math.Abs(v.Model-t.Model), math.Hypot(v.Error, t.Error)
	if !(chance > 0) || apart < farErrors*chance || apart < farShare*min(v.Model, t.Model) {
		return w, false
	}
	return warning.Warning{
		Name:    warning.FarFromTest,
		Message: fmt.Sprintf("%s is %.4g for the validation %s and %.4g for test, %.3g standard errors apart: what was chosen by the ones was not chosen for the others", v.Metric, v.Model, Unit(validation.Task), t.Model, apart/chance),
		Remedy:  "take validation rows that are like the test rows: more of them (data.split.validation), or drawn from the same time, groups or files",
	}.With("validation", v.Model).With("test", t.Model).With("standard_errors", apart/chance), true
}
