package behavior

import (
	"math"

	"debut/datasets/encoding"
	"debut/engine/onnx"
	"debut/trainers/metrics"
	"debut/trainers/model"
)

// Outputs of a chain of steps are the logits of each step among those who took the one before. What is asked is of all rows: the probability
// of a step is the product of those up to it, and that of the target the product of all.

// reached returns the logits of having taken the steps up to number last, from 0, of outputs for rows: those of a network without steps as
// they are.
func (m *Model) reached(out []float64, last int) []float64 {
	if !m.Network.Chain {
		return out
	}
	k := m.Network.Outputs
	logits := make([]float64, len(out)/k)
	for r := range logits {
		z := out[r*k]
		for _, next := range out[r*k+1 : r*k+last+1] {
			z = bothLogit(z, next)
		}
		logits[r] = z
	}
	return logits
}

// bothLogit is the logit of the product of two probabilities, of their logits: −log(e⁻ᵃ + e⁻ᵇ + e⁻ᵃ⁻ᵇ).
func bothLogit(a, b float64) float64 {
	top := max(-a, -b, -a-b)
	return -top - math.Log(math.Exp(-a-top)+math.Exp(-b-top)+math.Exp(-a-b-top))
}

// addSteps adds to a sample what is measured of the steps before the target, of all rows, and of each step among the rows that took the one
// before. The targets, which are numbers of steps taken, become whether the last one was.
func (m *Model) addSteps(s *metrics.Sample, out []float64, d *encoding.Encoded) {
	if !m.Network.Chain {
		return
	}
	k := m.Network.Outputs
	names := append(append([]string(nil), m.Encoder.Target.Steps...), m.Encoder.Target.Name)
	taken := func(step int) []float64 {
		y := make([]float64, d.Rows)
		for r, n := range d.Target {
			if n > float64(step) {
				y[r] = 1
			}
		}
		return y
	}
	s.Targets = taken(k - 1)
	for step := range k - 1 {
		s.Steps = append(s.Steps, metrics.Step{Name: names[step], Outputs: m.reached(out, step), Targets: taken(step), Weights: d.Weight})
	}
	for step := 1; step < k; step++ {
		among := metrics.Step{Name: names[step] + " of " + names[step-1]}
		for r, n := range d.Target {
			if n < float64(step) {
				continue
			}
			y := 0.0
			if n > float64(step) {
				y = 1
			}
			among.Outputs, among.Targets = append(among.Outputs, out[r*k+step]), append(among.Targets, y)
			if d.Weight != nil {
				among.Weights = append(among.Weights, d.Weight[r])
			}
		}
		s.Steps = append(s.Steps, among)
	}
}

// stepColumn is the column of predictions, and the output of a graph, with the probability of a step before the target.
func stepColumn(step string) string { return outputProbability + "_" + step }

// predictSteps adds the probabilities of the steps before the target to predictions.
func (m *Model) predictSteps(p *model.Predictions, out []float64) {
	for i, name := range m.Encoder.Target.Steps {
		probability := m.reached(out, i)
		for r, z := range probability {
			probability[r] = metrics.Sigmoid(z)
		}
		p.Add(stepColumn(name), probability)
	}
}

// onnxSteps returns the logits [B, 1] of the target and the probabilities [B, 1] of the steps before it, of the outputs of a chain.
func onnxSteps(to *onnx.Graph, outputs onnx.Value, steps int) (logit onnx.Value, before []onnx.Value) {
	z := to.NodeWith("Cast", []onnx.Attribute{onnx.Int("to", int(onnx.Double))}, outputs)
	at := func(step int) onnx.Value {
		return to.Node("Slice", z, onnx.Vector(to, int64(step)), onnx.Vector(to, int64(step+1)), onnx.Vector[int64](to, 1))
	}
	logit = at(0)
	for step := 1; step <= steps; step++ {
		before = append(before, to.Node("Sigmoid", logit))
		a, b := to.Node("Neg", logit), to.Node("Neg", at(step))
		logit = to.Node("Neg", to.NodeWith("ReduceLogSumExp", []onnx.Attribute{onnx.Ints("axes", []int64{1}), onnx.Int("keepdims", 1)},
			to.NodeWith("Concat", []onnx.Attribute{onnx.Int("axis", 1)}, a, b, to.Node("Add", a, b))))
	}
	return logit, before
}
