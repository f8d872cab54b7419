package decision

import (
	"debut/engine/onnx"
)

// ONNX adds the probabilities of a model's logits to a graph, calibrated where there is a calibration, all in float64: of two classes [batch,
// 1], those of the positive one; of more [batch, classes].
func (d *Decision) ONNX(to *onnx.Graph, logits onnx.Value, classes int) onnx.Value {
	z := to.NodeWith("Cast", []onnx.Attribute{onnx.Int("to", int(onnx.Double))}, logits)
	switch d.Calibration() {
	case isotonic:
		return d.interpolated(to, z)
	case platt:
		z = to.Node("Add", to.Node("Mul", z, onnx.Scalar(to, d.Slope)), onnx.Scalar(to, *d.Intercept))
	case Temperature:
		z = to.Node("Mul", z, onnx.Scalar(to, d.Slope))
	}
	if classes > 2 {
		return to.NodeWith("Softmax", []onnx.Attribute{onnx.Int("axis", 1)}, z)
	}
	return to.Node("Sigmoid", z)
}

// interpolated is a line through knots, as a sum over the stretches between them: each adds what it rises, times the share of it that lies
// below the logit.
func (c *Calibrator) interpolated(to *onnx.Graph, z onnx.Value) onnx.Value {
	n := len(c.Knots) - 1
	if n == 0 {
		return to.Node("Add", to.Node("Mul", z, onnx.Scalar(to, 0.0)), onnx.Scalar(to, c.Probabilities[0]))
	}
	length, rise := make([]float64, n), make([]float64, n)
	for i := range n {
		length[i], rise[i] = c.Knots[i+1]-c.Knots[i], c.Probabilities[i+1]-c.Probabilities[i]
	}
	share := to.Node("Div", to.Node("Sub", z, onnx.Constant(to, c.Knots[:n], 1, n)), onnx.Constant(to, length, 1, n))
	share = to.Node("Min", to.Node("Max", share, onnx.Scalar(to, 0.0)), onnx.Scalar(to, 1.0))
	return to.Node("Add", to.Node("MatMul", share, onnx.Constant(to, rise, n, 1)), onnx.Scalar(to, c.Probabilities[0]))
}
