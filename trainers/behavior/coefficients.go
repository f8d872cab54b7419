package behavior

import (
	"fmt"

	"debut/datasets/encoding"
	"debut/engine"
	"debut/layers"
	"debut/trainers/metrics"
	"debut/trainers/model"
)

// linearWeights is a linear model as its network has it, on standardized features.
type linearWeights struct {
	numeric []float64 // [features, outputs]
	fields  []float64 // [values of all fields, outputs]
	bias    []float64 // [outputs]
}

// readLinear reads the weights of a linear model from its parameters.
func readLinear(n layers.Network, p *engine.Parameters) (w linearWeights, err error) {
	if len(n.Numeric) > 0 {
		if w.numeric, err = p.Read("output.weight"); err != nil {
			return w, err
		}
	}
	if len(n.Fields) > 0 {
		if w.fields, err = p.Read("output.fields"); err != nil {
			return w, err
		}
	}
	w.bias, err = p.Read("output.bias")
	return w, err
}

// coefficients undoes standardization. It returns nil where a feature is spread over bins: its weights are those of
// bins, not of the column.
func coefficients(n layers.Network, e *encoding.Encoder, w linearWeights) *model.Coefficients {
	for _, f := range n.Numeric {
		if f.Edges != nil {
			return nil
		}
	}
	scale, shift := 1.0, 0.0
	if taskOf(e) == metrics.TaskRegression {
		scale, shift = e.Target.Scale, e.Target.Mean
	}
	all := make([]model.Coefficients, n.Outputs)
	for o := range all {
		c := &all[o]
		if n.Outputs > 1 {
			c.Output = e.Target.Classes[o]
		}
		c.Intercept = shift + scale*w.bias[o]
		for i, f := range e.NumericFeatures() {
			v := scale * w.numeric[i*n.Outputs+o] / f.Scale
			name := f.Name
			if f.Transformed {
				name = "transformed(" + f.Name + ")"
			}
			c.Features = append(c.Features, model.Coefficient{Feature: name, Value: v})
			c.Intercept -= v * f.Mean
		}
		row := 0
		for _, f := range n.Fields {
			values := fieldValues(e, f)
			for id := range f.Cardinality {
				c.Features = append(c.Features, model.Coefficient{Feature: f.Name + "=" + values[id], Value: scale * w.fields[(row+id)*n.Outputs+o]})
			}
			row += f.Cardinality
		}
	}
	first := all[0]
	first.More = all[1:]
	return &first
}

// fieldValues names the ids of a categorical field.
func fieldValues(e *encoding.Encoder, f layers.Field) []string {
	names := make([]string, f.Cardinality)
	for i := range names {
		names[i] = fmt.Sprintf("#%d", i)
	}
	names[0] = "(other)"
	for _, c := range e.Columns {
		if c.Name != f.Name {
			continue
		}
		for i, v := range c.Vocabulary {
			if i+1 < len(names) {
				names[i+1] = v
			}
		}
		if id := int(c.MissingID); id > 0 && id < len(names) {
			names[id] = "(missing)"
		}
	}
	return names
}
