package behavior

import (
	"encoding/csv"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/gonum/mat"

	"debut/datasets/encoding"
	"debut/engine"
	"debut/layers"
	"debut/trainers/metrics"
	"debut/trainers/model"
)

// linearWeights is a linear model as its network has it, on standardized features.
type linearWeights struct {
	numeric []float64 // [features, outputs]
	fields  []float64 // [rows, outputs]
	rows    []int     // of the values of all fields, those that fields has the weights of; nil: all
	bias    []float64 // [outputs]
	// covariance of all of them, as linear.Fit orders them, is to be multiplied by noise; nil where it is not known.
	covariance *mat.SymDense
	noise      float64
}

// readLinear reads the weights of a linear model from its parameters: of hashed values those that any row came to, for they may be few
// among hundreds of millions.
func readLinear(n layers.Network, e *encoding.Encoder, p *engine.Parameters) (w linearWeights, err error) {
	if len(n.Numeric) > 0 {
		if w.numeric, err = p.Read("output.weight"); err != nil {
			return w, err
		}
	}
	first := 0
	for _, f := range n.Fields {
		hashed := hashes(e, f.Name)
		for at, piece := 0, weightsAtATime/n.Outputs+1; at < f.Cardinality; at += piece {
			values := make([]float64, min(piece, f.Cardinality-at)*n.Outputs)
			if err := p.ReadFrom("output.fields", (first+at)*n.Outputs, values); err != nil {
				return w, err
			}
			for i := 0; i < len(values); i += n.Outputs {
				if weights := values[i : i+n.Outputs]; !hashed || moved(weights) {
					w.fields = append(w.fields, weights...)
					w.rows = append(w.rows, first+at+i/n.Outputs)
				}
			}
		}
		first += f.Cardinality
	}
	w.bias, err = p.Read("output.bias")
	return w, err
}

// weightsAtATime is how many weights are read at a time of a table that may be larger than what is free.
const weightsAtATime = 1 << 16

// moved says whether any weight is another than the first value, as it is saved.
func moved(weights []float64) bool {
	return slices.ContainsFunc(weights, func(x float64) bool { return float32(x) != 0 })
}

// hashes says whether a column's values are hashed.
func hashes(e *encoding.Encoder, column string) bool {
	i := slices.IndexFunc(e.Columns, func(c encoding.ColumnEncoding) bool { return c.Name == column })
	return i >= 0 && e.Columns[i].HashBuckets > 0
}

// eachField calls f for the weights that coefficients are made of, in the order of fields and their ids: the name of the feature, the row among
// those of all fields, and the weights. Those of hashed values that no row came to are left out.
func (w linearWeights) eachField(n layers.Network, e *encoding.Encoder, f func(feature string, row int, weights []float64)) {
	at := 0 // in w.fields
	first := 0
	for _, field := range n.Fields {
		hashed, name := hashes(e, field.Name), namerOf(e, field)
		for ; at < len(w.fields)/n.Outputs; at++ {
			row := at
			if w.rows != nil {
				row = w.rows[at]
			}
			if row >= first+field.Cardinality {
				break
			}
			if weights := w.fields[at*n.Outputs : (at+1)*n.Outputs]; !hashed || moved(weights) {
				f(field.Name+"="+name(row-first), row, weights)
			}
		}
		first += field.Cardinality
	}
}

// coefficients undoes standardization. It returns nil where a feature is spread over bins, whose weights are those of
// bins, not of the column, and of lists.
func coefficients(n layers.Network, e *encoding.Encoder, w linearWeights) *model.Coefficients {
	if len(n.Lists) > 0 {
		return nil
	}
	for _, f := range n.Numeric {
		if f.Edges != nil {
			return nil
		}
	}
	scale, shift := 1.0, 0.0
	if taskOf(e) == metrics.TaskRegression {
		scale, shift = e.Target.Units()
	}
	all := make([]model.Coefficients, n.Outputs)
	for o := range all {
		c := &all[o]
		if n.Outputs > 1 {
			c.Output = e.Target.Classes[o]
		}
		c.Intercept = shift + scale*w.bias[o]
		shifts := []float64{1} // what the intercept is made of, of the standardized weights
		for i, f := range e.NumericFeatures() {
			standardized := scale * w.numeric[i*n.Outputs+o]
			v := standardized / f.Scale
			name := f.Name
			if f.Transformed {
				name = "transformed(" + f.Name + ")"
			}
			c.Features = append(c.Features, model.Coefficient{
				Feature: name, Value: v, Standardized: standardized, StandardError: w.deviation(1+i, o, n.Outputs, scale/f.Scale),
			})
			c.Intercept -= v * f.Mean
			shifts = append(shifts, -f.Mean/f.Scale)
		}
		c.StandardError = w.deviationOfSum(shifts, o, n.Outputs, scale)
	}
	w.eachField(n, e, func(feature string, row int, weights []float64) {
		for o, x := range weights {
			v := scale * x
			all[o].Features = append(all[o].Features, model.Coefficient{
				Feature: feature, Value: v, Standardized: v, StandardError: w.deviation(1+len(n.Numeric)+row, o, n.Outputs, scale),
			})
		}
	})
	first := all[0]
	first.More = all[1:]
	return &first
}

// deviation returns the standard error of weight i of an output times scale; nil where it is not known, and of a reference value.
func (w linearWeights) deviation(i, output, outputs int, scale float64) *float64 {
	if w.covariance == nil {
		return nil
	}
	at := i*outputs + output
	return standardError(w.noise*w.covariance.At(at, at), scale)
}

// deviationOfSum returns the standard error of scale·Σ factor·weight of an output's first weights.
func (w linearWeights) deviationOfSum(factors []float64, output, outputs int, scale float64) *float64 {
	if w.covariance == nil {
		return nil
	}
	variance := 0.0
	for i, f := range factors {
		for j, g := range factors {
			variance += f * g * w.covariance.At(i*outputs+output, j*outputs+output)
		}
	}
	return standardError(w.noise*variance, scale)
}

func standardError(variance, scale float64) *float64 {
	v := math.Abs(scale) * math.Sqrt(variance)
	if !(v > 0) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// coefficientsFile lists the coefficients of a linear model for other programs, beside model.json.
const coefficientsFile = "coefficients.csv"

// writeCoefficients writes a table of coefficients, those that move the outcome most first: by the size of the standardized ones.
func writeCoefficients(to io.Writer, c *model.Coefficients) error {
	out := csv.NewWriter(to)
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	quotient := func(value float64, deviation *float64) (e, z string) {
		if deviation == nil {
			return "", ""
		}
		return number(*deviation), number(value / *deviation)
	}
	all := append([]model.Coefficients{*c}, c.More...)
	head := []string{"feature", "coefficient", "standard_error", "z", "standardized"}
	if len(all) > 1 {
		head = append([]string{"class"}, head...)
	}
	if err := out.Write(head); err != nil {
		return err
	}
	for _, k := range all {
		write := func(feature string, value float64, deviation *float64, standardized string) error {
			e, z := quotient(value, deviation)
			row := []string{feature, number(value), e, z, standardized}
			if len(all) > 1 {
				row = append([]string{k.Output}, row...)
			}
			return out.Write(row)
		}
		if err := write("(intercept)", k.Intercept, k.StandardError, ""); err != nil {
			return err
		}
		for _, f := range k.Sorted() {
			if err := write(f.Feature, f.Value, f.StandardError, number(f.Standardized)); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

// fieldNames names the ids of a categorical field one by one: of hashed values there may be many.
func fieldNames(e *encoding.Encoder, f layers.Field) iter.Seq[string] {
	name := namerOf(e, f)
	return func(yield func(string) bool) {
		for id := range f.Cardinality {
			if !yield(name(id)) {
				return
			}
		}
	}
}

// namerOf returns what names the ids of a categorical field.
func namerOf(e *encoding.Encoder, f layers.Field) func(id int) string {
	var c encoding.ColumnEncoding
	if i := slices.IndexFunc(e.Columns, func(c encoding.ColumnEncoding) bool { return c.Name == f.Name }); i >= 0 {
		c = e.Columns[i]
	}
	return func(id int) string {
		switch {
		case c.MissingID > 0 && id == int(c.MissingID):
			return "(missing)"
		case id == 0:
			return "(other)"
		case id <= len(c.Vocabulary):
			return c.Vocabulary[id-1]
		}
		return fmt.Sprintf("#%d", id)
	}
}
