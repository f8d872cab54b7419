package behavior

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"debut/datasets/encoding"
	"debut/engine"
	"debut/engine/safetensors"
	"debut/kernels"
	"debut/layers"
	"debut/trainers/metrics"
	"debut/trainers/model"
)

// checkNetwork compares a network with the encoder that feeds it. Errors begin with the network's field.
func checkNetwork(n layers.Network, e *encoding.Encoder) error {
	// Before features are listed: the encoder can ask for many in a few bytes.
	switch numeric, fields := e.Sizes(); {
	case numeric != len(n.Numeric):
		return fmt.Errorf("numeric: there are %d features, the encoder makes %d", len(n.Numeric), numeric)
	case fields != len(n.Fields):
		return fmt.Errorf("fields: there are %d, the encoder makes %d", len(n.Fields), fields)
	}
	want := describe(ModelConfig{Factors: n.Factors}, e)
	if n.Chain != want.Chain {
		return fmt.Errorf("chain: %v, the encoder's target has %d steps before it", n.Chain, len(e.Target.Steps))
	}
	if n.Outputs != want.Outputs {
		return fmt.Errorf("outputs: %d, the encoder's target makes %d", n.Outputs, want.Outputs)
	}
	for i, f := range n.Numeric {
		w := want.Numeric[i]
		if f.Name != w.Name {
			return fmt.Errorf("numeric.%d.name: %q, the encoder makes %q", i, f.Name, w.Name)
		}
		if f.Column != w.Column {
			return fmt.Errorf("numeric.%d.column: %q, the encoder makes %q of %q", i, f.Column, f.Name, w.Column)
		}
		if !slices.Equal(f.Edges, w.Edges) {
			return fmt.Errorf("numeric.%d.edges: those of %q are not the encoder's", i, f.Name)
		}
	}
	for i, f := range e.CategoricalFields() {
		got := n.Fields[i]
		switch {
		case got.Name != f.Name:
			return fmt.Errorf("fields.%d.name: %q, the encoder makes %q", i, got.Name, f.Name)
		case got.Cardinality != f.Cardinality:
			return fmt.Errorf("fields.%d.cardinality: %d, the encoder makes %d ids of %q", i, got.Cardinality, f.Cardinality, f.Name)
		case f.EmbeddingDim > 0 && got.Dim != f.EmbeddingDim:
			return fmt.Errorf("fields.%d.dim: %d, the encoder asks for %d", i, got.Dim, f.EmbeddingDim)
		}
	}
	lists := e.ListFields()
	if len(lists) != len(n.Lists) {
		return fmt.Errorf("lists: there are %d, the encoder makes %d", len(n.Lists), len(lists))
	}
	for i, l := range lists {
		got := n.Lists[i]
		switch {
		case got.Name != l.Name:
			return fmt.Errorf("lists.%d.name: %q, the encoder makes %q", i, got.Name, l.Name)
		case got.Cardinality != l.Cardinality:
			return fmt.Errorf("lists.%d.cardinality: %d, the encoder makes %d ids of %q", i, got.Cardinality, l.Cardinality, l.Name)
		case got.Length != l.Length || got.Each != l.Each:
			return fmt.Errorf("lists.%d.length: %d, the encoder makes %d places of %q, or they are to be pooled otherwise", i, got.Length, l.Length, l.Name)
		case l.EmbeddingDim > 0 && got.Dim != l.EmbeddingDim:
			return fmt.Errorf("lists.%d.dim: %d, the encoder asks for %d", i, got.Dim, l.EmbeddingDim)
		}
	}
	return nil
}

// checkParameters compares the header of a file of parameters with a network and the device, without reading values or making any.
func checkParameters(n layers.Network, dev kernels.Device, f io.ReaderAt, size int64) error {
	if memory := dev.Info().Memory; memory > 0 && size > memory {
		return fmt.Errorf("it has %d bytes, and the device %d: %w", size, memory, kernels.ErrOutOfMemory)
	}
	file, err := safetensors.Open(f, size)
	if err != nil {
		return err
	}
	if !maps.Equal(file.Metadata(), parametersMeta()) {
		return fmt.Errorf("its metadata are %.200q, not those of a model's parameters", file.Metadata())
	}
	// The graph is as large as the network's description, and the parameters that it asks for are compared with the file's.
	g, _ := scoreGraph(n)
	if err := g.Err(); err != nil {
		return err
	}
	return engine.CheckParameters(g, file, n.Retired()...)
}

// closeness is how far coefficients may be from those that follow from the parameters, which are rounded to 32 bits when they
// are saved: as a share, and in standard deviations where they are next to nothing.
const (
	closeness     = 1e-5
	closeToNought = 1e-36
)

// checkCoefficients compares the coefficients that are saved beside a linear model with those that follow from its parameters.
// Errors begin with the place in the coefficients, behind a dot.
func checkCoefficients(m *Model, c *model.Coefficients) (*model.Coefficients, error) {
	if !m.Network.Linear() {
		if c != nil {
			return nil, fmt.Errorf(": a network has none")
		}
		return nil, nil
	}
	w, err := readLinear(m.Network, m.Encoder, m.params)
	if err != nil {
		return nil, fmt.Errorf(": %w", err)
	}
	want := coefficients(m.Network, m.Encoder, w)
	switch {
	case want == nil && c == nil:
		return nil, nil
	case want == nil:
		return nil, fmt.Errorf(": a model of lists, or of features that are spread over bins, has none")
	case c == nil:
		return nil, fmt.Errorf(": there are none")
	case len(c.More) != len(want.More):
		return nil, fmt.Errorf(".more: there are those of %d further outputs, not of %d", len(c.More), len(want.More))
	}
	slack := slackOf(m.Network, m.Encoder, w)
	if err := compareCoefficients("", withoutUnmoved(m.Encoder, c), want, slack[0]); err != nil {
		return nil, err
	}
	for o := range c.More {
		place := ".more." + strconv.Itoa(o)
		if len(c.More[o].More) > 0 {
			return nil, fmt.Errorf("%s.more: there is no more", place)
		}
		if err := compareCoefficients(place, withoutUnmoved(m.Encoder, &c.More[o]), &want.More[o], slack[o+1]); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// withoutUnmoved leaves out the coefficients of hashed values that no row came to, which earlier versions listed.
func withoutUnmoved(e *encoding.Encoder, c *model.Coefficients) *model.Coefficients {
	var prefixes []string
	for _, column := range e.Columns {
		if column.HashBuckets > 0 {
			prefixes = append(prefixes, column.Name+"=")
		}
	}
	if len(prefixes) == 0 {
		return c
	}
	kept := *c
	kept.Features = slices.DeleteFunc(slices.Clone(c.Features), func(f model.Coefficient) bool {
		return f.Value == 0 && slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(f.Feature, p) })
	})
	return &kept
}

// slackOf returns how far each coefficient, and last the intercept, may be from what follows from the parameters: [outputs][].
func slackOf(n layers.Network, e *encoding.Encoder, w linearWeights) [][]float64 {
	scale, shift := 1.0, 0.0
	if taskOf(e) == metrics.TaskRegression {
		scale, shift = e.Target.Units()
	}
	of := func(v float64) float64 { return scale * (closeness*math.Abs(v) + closeToNought) }
	features := e.NumericFeatures()
	all, intercepts := make([][]float64, n.Outputs), make([]float64, n.Outputs)
	for o := range all {
		intercept := of(w.bias[o]) + closeness*math.Abs(shift)
		for i, f := range features {
			v := of(w.numeric[i*n.Outputs+o]) / f.Scale
			all[o] = append(all[o], v)
			intercept += v * math.Abs(f.Mean)
		}
		intercepts[o] = intercept
	}
	w.eachField(n, e, func(_ string, _ int, weights []float64) {
		for o, x := range weights {
			all[o] = append(all[o], of(x))
		}
	})
	for o, x := range intercepts {
		all[o] = append(all[o], x)
	}
	return all
}

func compareCoefficients(place string, got, want *model.Coefficients, slack []float64) error {
	if got.Output != want.Output {
		return fmt.Errorf("%s.output: %q, the class is %q", place, got.Output, want.Output)
	}
	if len(got.Features) != len(want.Features) {
		return fmt.Errorf("%s.features: there are %d, the model has %d", place, len(got.Features), len(want.Features))
	}
	negative := func(e *float64) bool { return e != nil && !(*e >= 0) }
	if negative(got.StandardError) {
		return fmt.Errorf("%s.standard_error: %v is negative", place, *got.StandardError)
	}
	off := func(a, b, slack float64) bool { return !(math.Abs(a-b) <= slack) }
	for i, f := range got.Features {
		if w := want.Features[i]; f.Feature != w.Feature {
			return fmt.Errorf("%s.features.%d.feature: %q, the model's is %q", place, i, f.Feature, w.Feature)
		} else if off(f.Value, w.Value, slack[i]) {
			return fmt.Errorf("%s.features.%d.value: %v, the model's is %v", place, i, f.Value, w.Value)
		} else if s := f.Standardized; s != 0 && off(s*w.Value, w.Standardized*f.Value, closeness*math.Abs(w.Standardized*w.Value)) {
			return fmt.Errorf("%s.features.%d.standardized: %v, the model's is %v", place, i, s, w.Standardized)
		} else if negative(f.StandardError) {
			return fmt.Errorf("%s.features.%d.standard_error: %v is negative", place, i, *f.StandardError)
		}
	}
	if last := slack[len(slack)-1]; off(got.Intercept, want.Intercept, last) {
		return fmt.Errorf("%s.intercept: %v, the model's is %v", place, got.Intercept, want.Intercept)
	}
	return nil
}
