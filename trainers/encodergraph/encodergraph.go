// Package encodergraph writes what an encoder does to a row as nodes of a graph of ONNX: the columns of the data go in as they are, texts
// as texts, and numbers, of which those that the encoder computes with in float64 stay in it, come out as a network takes them.
//
// A missing number is NaN there, a missing text is empty. A date is a number, the seconds since 1970 in UTC, because ONNX cannot read one.
// What ONNX cannot say at all – the hash of a text, or of its n-grams – goes in encoded; a vocabulary that would make the graph slow to
// load does, too. model.Port.Encoded says why.
package encodergraph

import (
	"fmt"
	"math"
	"slices"

	"debut/datasets/encoding"
	"debut/datasets/table"
	"debut/engine/onnx"
	"debut/trainers/model"
)

// Encoded is rows as a network takes them.
type Encoded struct {
	Numeric onnx.Value   // [batch, features] in float32; "" where there are none
	Fields  []onnx.Value // of each categorical field [batch, 1] in int64
	Inputs  []model.Port // in the order of the encoder's columns
}

// builder writes the graph of an encoder.
type builder struct {
	to  *onnx.Graph
	e   *encoding.Encoder
	out *Encoded

	numbers []int // places of numeric and boolean columns
	values  onnx.Value
	missing onnx.Value // of numbers

	parts []part // of the numeric features
}

// part is some of the numeric features.
type part struct {
	value  onnx.Value // [batch, width] in float32
	places []int      // of its columns among the features, -1 for one that is none
}

// Add adds the inputs of an encoder's columns, and what becomes of them. Of a column of more values than o.Vocabulary the graph asks for
// ids. Errors stick to the graph.
func Add(to *onnx.Graph, e *encoding.Encoder, o model.GraphOptions) *Encoded {
	b := &builder{to: to, e: e, out: &Encoded{}}
	inputs := make([]onnx.Value, len(e.Columns))
	for i := range e.Columns {
		p := b.port(i, o)
		typ := map[string]onnx.Type{"string": onnx.String, "int64": onnx.Int64, "float32": onnx.Float, "float64": onnx.Double}[p.Type]
		inputs[i] = to.Input(p.Name, typ, []int{onnx.Batch, p.Width}, p.About)
		b.out.Inputs = append(b.out.Inputs, p)
		if c := &e.Columns[i]; numeric(c) {
			b.numbers = append(b.numbers, i)
		}
	}
	places := b.places()
	b.addNumbers(inputs, places)
	for i := range e.Columns {
		c := &e.Columns[i]
		to.Scope(c.Name)
		switch {
		case c.Type == table.TypeCategorical:
			b.addCategory(i, inputs[i], places[i])
		case c.Type == table.TypeDate:
			b.addDate(c, inputs[i], places[i])
		case c.Type == table.TypeVector:
			b.addVector(c, inputs[i], places[i])
		case c.Type == table.TypeText:
			b.addText(c, inputs[i], places[i])
		case c.Bounds != nil:
			b.addBuckets(i)
		}
	}
	to.Scope("")
	b.out.Numeric = b.join()
	return b.out
}

// numeric says that a column is of numbers or truth values.
func numeric(c *encoding.ColumnEncoding) bool {
	return c.Type == table.TypeNumeric || c.Type == table.TypeBoolean
}

// ids says that a graph asks for the ids of a column, and why.
func ids(c *encoding.ColumnEncoding, o model.GraphOptions) (reason string, yes bool) {
	switch {
	case c.Type != table.TypeCategorical:
		return "", false
	case c.HashBuckets > 0:
		return fmt.Sprintf("ONNX has no such hash: the id is 1 + h mod %d, h being FNV-1a 64 of the text's bytes, mixed by the finalizer of SplitMix64", c.HashBuckets), true
	case len(c.Vocabulary) > o.Vocabulary:
		return fmt.Sprintf("%d values are more than the %d that a graph may know: the id is 1 + the value's place in the vocabulary of encoder.json, 0 that of any other", len(c.Vocabulary), o.Vocabulary), true
	}
	return "", false
}

// port describes the input of a column.
func (b *builder) port(column int, o model.GraphOptions) model.Port {
	c := &b.e.Columns[column]
	p := model.Port{Name: c.Name, Width: 1}
	switch c.Type {
	case table.TypeCategorical:
		p.Type, p.About = "string", "a category, without blanks around it; an empty text is a missing value"
		if reason, yes := ids(c, o); yes {
			p.Type, p.Encoded, p.About = "int64", reason, fmt.Sprintf("the id of a category, 0 to %d; -1 is a missing value", c.Cardinality()-1)
		}
	case table.TypeDate:
		p.Type, p.About = "float64", "a date as seconds since 1970-01-01T00:00:00Z; NaN is a missing value"
	case table.TypeBoolean:
		p.Type, p.About = "float64", "1 for true, 0 for false; NaN is a missing value"
	case table.TypeVector:
		p.Type, p.Width, p.About = "float32", c.Width, "a vector; one that begins with NaN is a missing value"
	case table.TypeText:
		p.Type, p.Width, p.About = "float32", c.Width, "the hashed n-grams of a text; what begins with NaN is a missing value"
		p.Encoded = "ONNX cannot cut texts into words and hash them"
	default:
		p.Type, p.About = "float64", "a number; NaN is a missing value"
	}
	return p
}

// places returns where the numeric features of each column lie.
func (b *builder) places() [][]int {
	at := 0
	out := make([][]int, len(b.e.Columns))
	for _, f := range b.e.NumericFeatures() {
		i := slices.IndexFunc(b.e.Columns, func(c encoding.ColumnEncoding) bool { return c.Name == f.Source })
		out[i] = append(out[i], at)
		at++
	}
	return out
}

// addNumbers lays all numbers side by side, so that a few nodes serve many columns.
func (b *builder) addNumbers(inputs []onnx.Value, places [][]int) {
	n := len(b.numbers)
	if n == 0 {
		return
	}
	to := b.to
	to.Scope("numbers")
	var x []onnx.Value
	fill, low, high, mean, scale := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	logs, clip, indicator := make([]bool, n), false, false
	feature, flag := slices.Repeat([]int{-1}, n), slices.Repeat([]int{-1}, n)
	for k, i := range b.numbers {
		c := &b.e.Columns[i]
		x = append(x, inputs[i])
		fill[k], logs[k], scale[k] = c.FillNumber, c.Log1p, 1
		low[k], high[k] = math.Inf(-1), math.Inf(1)
		if c.Clip {
			clip, low[k], high[k] = true, c.Low, c.High
		}
		if len(c.Features) > 0 {
			mean[k], scale[k], feature[k] = c.Features[0].Mean, c.Features[0].Scale, places[i][0]
		}
		if c.Indicator {
			indicator, flag[k] = true, places[i][len(places[i])-1]
		}
	}
	v := concat(to, x)
	b.missing = to.Node("IsNaN", v)
	v = to.Node("Where", b.missing, onnx.Vector(to, fill...), v)
	if slices.Contains(logs, true) { // sign(x)·log(1+|x|)
		l := to.Node("Mul", to.Node("Sign", v), to.Node("Log", to.Node("Add", to.Node("Abs", v), onnx.Scalar(to, 1.0))))
		v = to.Node("Where", onnx.Vector(to, logs...), l, v)
	}
	if clip {
		v = to.Node("Min", to.Node("Max", v, onnx.Vector(to, low...)), onnx.Vector(to, high...))
	}
	b.values = v
	if slices.ContainsFunc(feature, func(at int) bool { return at >= 0 }) {
		b.part(standardized(to, v, mean, scale), feature)
	}
	if indicator {
		b.part(single(to, b.missing), flag)
	}
}

// column is a column of what addNumbers laid side by side.
func (b *builder) column(of onnx.Value, k int) onnx.Value {
	if len(b.numbers) == 1 {
		return of
	}
	return b.to.NodeWith("Gather", []onnx.Attribute{onnx.Int("axis", 1)}, of, onnx.Vector(b.to, int64(k)))
}

// addBuckets counts the bounds below a number.
func (b *builder) addBuckets(column int) {
	to, k := b.to, slices.Index(b.numbers, column)
	bounds := b.e.Columns[column].Bounds
	above := to.Node("Less", onnx.Constant(to, bounds, 1, len(bounds)), b.column(b.values, k))
	count := to.Node("ReduceSum", to.NodeWith("Cast", []onnx.Attribute{onnx.Int("to", int(onnx.Int64))}, above), onnx.Vector[int64](to, 1))
	id := to.Node("Add", count, onnx.Scalar[int64](to, 1))
	b.field(to.Node("Where", b.column(b.missing, k), onnx.Scalar[int64](to, 0), id))
}

// addCategory looks a text up, or takes an id.
func (b *builder) addCategory(column int, in onnx.Value, places []int) {
	to, c := b.to, &b.e.Columns[column]
	l := b.e.Labels(column)
	var missing onnx.Value
	if b.out.Inputs[column].Encoded == "" {
		b.field(encoder(to, in, append(l.Texts, ""), append(l.IDs, l.Missing)))
		if c.Indicator {
			missing = encoder(to, in, []string{""}, []int32{1})
		}
	} else {
		zero, none := onnx.Scalar[int64](to, 0), to.Node("Equal", in, onnx.Scalar[int64](to, -1))
		inside := to.Node("And", to.Node("GreaterOrEqual", in, zero), to.Node("Less", in, onnx.Scalar(to, int64(c.Cardinality()))))
		b.field(to.Node("Where", none, onnx.Scalar(to, int64(l.Missing)), to.Node("Where", inside, in, zero)))
		missing = none
	}
	if c.Indicator {
		b.part(single(to, missing), places)
	}
}

// encoder maps texts to ids, 0 for those that are not listed.
func encoder(to *onnx.Graph, in onnx.Value, texts []string, ids []int32) onnx.Value {
	return to.NodeWith("ai.onnx.ml.LabelEncoder", []onnx.Attribute{onnx.TextList("keys_strings", texts), onnx.Ints("values_int64s", ids), onnx.Int("default_int64", 0)}, in)
}

// addVector fills, scales and standardizes a vector.
func (b *builder) addVector(c *encoding.ColumnEncoding, in onnx.Value, places []int) {
	to := b.to
	missing := b.first(in)
	x := to.NodeWith("Cast", []onnx.Attribute{onnx.Int("to", int(onnx.Double))}, in)
	if c.L2 {
		length := to.NodeWith("ReduceL2", []onnx.Attribute{onnx.Ints("axes", []int64{1})}, x)
		x = to.Node("Div", x, to.Node("Where", to.Node("Equal", length, onnx.Scalar(to, 0.0)), onnx.Scalar(to, 1.0), length))
	}
	fill := c.FillVector
	if fill == nil {
		fill = make([]float64, c.Width)
	}
	x = to.Node("Where", missing, onnx.Vector(to, fill...), x)
	if c.Means == nil {
		b.part(single(to, x), places[:c.Width])
	} else {
		b.part(standardized(to, x, c.Means, c.Scales), places[:c.Width])
	}
	if c.Indicator {
		b.part(single(to, missing), places[c.Width:])
	}
}

// addText takes what a text was hashed to.
func (b *builder) addText(c *encoding.ColumnEncoding, in onnx.Value, places []int) {
	to := b.to
	missing := b.first(in)
	b.part(to.Node("Where", missing, onnx.Scalar[float32](to, 0), in), places[:c.Width])
	if c.Indicator {
		b.part(single(to, missing), places[c.Width:])
	}
}

// first says which rows begin with NaN.
func (b *builder) first(in onnx.Value) onnx.Value {
	return b.to.Node("IsNaN", b.to.NodeWith("Gather", []onnx.Attribute{onnx.Int("axis", 1)}, in, onnx.Vector[int64](b.to, 0)))
}

func (b *builder) field(id onnx.Value) { b.out.Fields = append(b.out.Fields, id) }

func (b *builder) part(v onnx.Value, places []int) { b.parts = append(b.parts, part{v, places}) }

// join lays the numeric features side by side in their order.
func (b *builder) join() onnx.Value {
	var values []onnx.Value
	from := make([]int64, len(b.e.NumericFeatures()))
	at, straight := int64(0), true
	for _, p := range b.parts {
		values = append(values, p.value)
		for _, place := range p.places {
			if place >= 0 {
				from[place] = at
			}
			straight = straight && int64(place) == at
			at++
		}
	}
	if len(values) == 0 {
		return ""
	}
	v := concat(b.to, values)
	if straight {
		return v
	}
	return b.to.NodeWith("Gather", []onnx.Attribute{onnx.Int("axis", 1)}, v, onnx.Vector(b.to, from...))
}

// concat lays values side by side.
func concat(to *onnx.Graph, values []onnx.Value) onnx.Value {
	if len(values) == 1 {
		return values[0]
	}
	return to.NodeWith("Concat", []onnx.Attribute{onnx.Int("axis", 1)}, values...)
}

// single makes float32 of numbers or truth values.
func single(to *onnx.Graph, v onnx.Value) onnx.Value {
	return to.NodeWith("Cast", []onnx.Attribute{onnx.Int("to", int(onnx.Float))}, v)
}

// standardized is (v − mean)/scale in float32.
func standardized(to *onnx.Graph, v onnx.Value, mean, scale []float64) onnx.Value {
	return single(to, to.Node("Div", to.Node("Sub", v, onnx.Vector(to, mean...)), onnx.Vector(to, scale...)))
}
