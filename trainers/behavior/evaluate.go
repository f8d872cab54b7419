package behavior

import (
	"context"
	"fmt"
	"math"

	"debut/datasets"
	"debut/trainers/metrics"
)

// threshold is the probability from which a row counts as predicted positive.
const threshold = 0.5

// measure scores encoded data with targets.
func (m *Model) measure(ctx context.Context, d *datasets.Encoded) (*metrics.Result, error) {
	out, err := m.score(ctx, d)
	if err != nil {
		return nil, err
	}
	return measure(m.Encoder, out, d)
}

// measure compares a network's outputs with the targets.
func measure(e *datasets.Encoder, out []float64, d *datasets.Encoded) (*metrics.Result, error) {
	if d.Target == nil {
		return nil, fmt.Errorf("behavior: the data has no target to evaluate against")
	}
	weights := widen(d.Weight)
	switch task(e) {
	case metrics.TaskBinary:
		r, err := metrics.Binary(out, widen(d.Target), weights, threshold)
		if err == nil {
			r.NameClasses(e.Target.Classes)
		}
		return r, err
	case metrics.TaskMultiClass:
		labels := make([]int, d.Rows)
		for i, t := range d.Target {
			labels[i] = int(t)
		}
		return metrics.MultiClass(out, len(e.Target.Classes), labels, weights, e.Target.Classes)
	}
	return metrics.Regression(denormalize(e, out), widen(d.Target), weights)
}

// denormalize turns outputs of a regression model, which are in standard deviations from the mean, into values.
func denormalize(e *datasets.Encoder, out []float64) []float64 {
	v := make([]float64, len(out))
	for i, x := range out {
		v[i] = e.Target.Mean + targetScale(e)*x
	}
	return v
}

// targetScale is the standard deviation of the target, 1 where it is constant.
func targetScale(e *datasets.Encoder) float64 {
	if e.Target.Scale > 0 {
		return e.Target.Scale
	}
	return 1
}

// widen converts to float64; nil stays nil.
func widen(v []float32) []float64 {
	if v == nil {
		return nil
	}
	w := make([]float64, len(v))
	for i, x := range v {
		w[i] = float64(x)
	}
	return w
}

// Evaluate measures the model on labeled rows. The report tells of values that training did not see.
func (m *Model) Evaluate(ctx context.Context, src datasets.Source, baseDir string) (*metrics.Result, datasets.EncodeReport, error) {
	d, report, err := m.read(ctx, src, baseDir, true)
	if err != nil {
		return nil, report, err
	}
	r, err := m.measure(ctx, d)
	return r, report, err
}

// read reads and encodes a source the way the training rows were.
func (m *Model) read(ctx context.Context, src datasets.Source, baseDir string, needTarget bool) (*datasets.Encoded, datasets.EncodeReport, error) {
	f, err := m.Encoder.Read(ctx, src, baseDir, needTarget)
	if err != nil {
		return nil, datasets.EncodeReport{}, err
	}
	return m.Encoder.Encode(ctx, f, needTarget)
}

// Predictions are the model's answers, column by column, one row a row of the data.
type Predictions struct {
	Rows    int
	Columns []datasets.OutputColumn
}

// Predict answers for rows without a target. Id columns of the data come first; then, for two classes, "probability" of
// the positive one and "prediction"; for several, "prediction" and "probability_<class>" of each; for numbers
// "prediction".
func (m *Model) Predict(ctx context.Context, src datasets.Source, baseDir string) (*Predictions, datasets.EncodeReport, error) {
	d, report, err := m.read(ctx, src, baseDir, false)
	if err != nil {
		return nil, report, err
	}
	out, err := m.score(ctx, d)
	if err != nil {
		return nil, report, err
	}
	for i, v := range out {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, report, fmt.Errorf("behavior: the prediction of row %d is %v; look for extreme values in it, or at the model's training", i/m.Network.Outputs+1, v)
		}
	}
	p := &Predictions{Rows: d.Rows}
	for _, c := range d.IDColumns {
		p.add(c.Name, c.Values)
	}
	classes := m.Encoder.Target.Classes
	switch task(m.Encoder) {
	case metrics.TaskBinary:
		probability, prediction := make([]float64, d.Rows), make([]string, d.Rows)
		for i, z := range out {
			probability[i] = 1 / (1 + math.Exp(-z))
			prediction[i] = classes[0]
			if probability[i] >= threshold {
				prediction[i] = classes[1]
			}
		}
		p.add("probability", probability)
		p.add("prediction", prediction)
	case metrics.TaskMultiClass:
		p.multiClass(out, classes)
	default:
		p.add("prediction", denormalize(m.Encoder, out))
	}
	return p, report, nil
}

// add appends a column.
func (p *Predictions) add(name string, values any) {
	p.Columns = append(p.Columns, datasets.OutputColumn{Name: name, Values: values})
}

// multiClass adds the likeliest class of each row and a column of probabilities for each class.
func (p *Predictions) multiClass(out []float64, classes []string) {
	c := len(classes)
	prediction := make([]string, p.Rows)
	probability := make([][]float64, c)
	for k := range probability {
		probability[k] = make([]float64, p.Rows)
	}
	for i := range p.Rows {
		z := out[i*c : (i+1)*c]
		best := 0
		for k := range z {
			if z[k] > z[best] {
				best = k
			}
		}
		sum := 0.0
		for k := range z {
			probability[k][i] = math.Exp(z[k] - z[best])
			sum += probability[k][i]
		}
		for k := range z {
			probability[k][i] /= sum
		}
		prediction[i] = classes[best]
	}
	p.add("prediction", prediction)
	for k, name := range classes {
		p.add("probability_"+name, probability[k])
	}
}
