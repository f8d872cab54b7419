package behavior

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"debut/datasets/encoding"
	"debut/datasets/table"
	"debut/engine"
	"debut/engine/onnx"
	"debut/layers"
	"debut/trainers/encodergraph"
	"debut/trainers/metrics"
	"debut/trainers/model"
	"debut/trainers/runfolder"
)

// Graphs is the one question that is asked: what the model predicts of rows.
func (m *Model) Graphs() ([]model.Graph, error) {
	if l := m.Network.Lists; len(l) > 0 {
		return nil, fmt.Errorf("behavior: ONNX cannot cut the lists of column %q into ids, and graphs do not take lists encoded; train without the column, data: {ignore: [%s]}, or export safetensors", l[0].Name, l[0].Name)
	}
	return []model.Graph{{Name: "model", Build: m.onnx, Trials: m.trial}}, nil
}

// onnx adds the model to a graph, from the columns of the data to probability and prediction.
func (m *Model) onnx(to *onnx.Graph, o model.GraphOptions) (s model.Signature, err error) {
	rows := encodergraph.Add(to, m.Encoder, o)
	s.Inputs = rows.Inputs
	feeds := map[string]onnx.Value{layers.InputNumeric: rows.Numeric}
	for _, g := range m.Network.IDInputs() {
		feeds[g.Input] = grouped(to, g, rows.Fields)
	}
	g, out := scoreGraph(m.Network)
	outputs, err := g.ONNX(to, m.params, []*engine.Node{out}, feeds)
	if err != nil {
		return s, fmt.Errorf("behavior: %w", err)
	}
	s.Outputs = m.answer(to, outputs[0])
	return s, to.Err()
}

// grouped lays the ids of a group's fields side by side, each raised by its offset.
func grouped(to *onnx.Graph, g layers.Group, fields []onnx.Value) onnx.Value {
	var ids []onnx.Value
	offsets := make([]int64, len(g.Fields))
	for i, f := range g.Fields {
		ids, offsets[i] = append(ids, fields[f]), int64(g.Offsets[i])
	}
	joined := to.NodeWith("Concat", []onnx.Attribute{onnx.Int("axis", 1)}, ids...)
	return to.Node("Add", joined, onnx.Vector(to, offsets...))
}

// Names of outputs, as predictions have them.
const (
	outputProbability = "probability"
	outputPrediction  = "prediction"
)

// answer makes of the network's outputs what predict answers.
func (m *Model) answer(to *onnx.Graph, outputs onnx.Value) []model.Port {
	target := &m.Encoder.Target
	add := func(v onnx.Value, name string, t onnx.Type, width int, about string) model.Port {
		shape := []int{onnx.Batch, width}
		to.Output(v, name, t, shape, about)
		return model.Port{Name: name, Type: t.String(), Width: width, About: about, Classes: typedClasses(target)}
	}
	task := taskOf(m.Encoder)
	if task == metrics.TaskRegression {
		v := to.NodeWith("Cast", []onnx.Attribute{onnx.Int("to", int(onnx.Double))}, outputs)
		if target.Link == encoding.LinkLog {
			v = to.Node("Exp", v)
		}
		scale, shift := target.Factor()
		v = to.Node("Add", to.Node("Mul", v, onnx.Scalar(to, scale)), onnx.Scalar(to, shift))
		return []model.Port{add(v, outputPrediction, onnx.Double, 1, "the value of "+target.Name)}
	}
	if text, err := json.Marshal(target.Classes); err == nil { // texts always can
		to.Note("classes", string(text))
	}
	var before []onnx.Value
	if m.Network.Chain {
		outputs, before = onnxSteps(to, outputs, len(target.Steps))
	}
	p := m.Decision.ONNX(to, outputs, len(target.Classes))
	if task == metrics.TaskMultiClass {
		best := to.NodeWith("ArgMax", []onnx.Attribute{onnx.Int("axis", 1)}, outputs)
		return []model.Port{
			add(p, outputProbability, onnx.Double, len(target.Classes), fmt.Sprintf("of each class, in the order %q", target.Classes)),
			add(to.Node("Gather", to.Texts(target.Classes), best), outputPrediction, onnx.String, 1, "the likeliest class"),
		}
	}
	threshold := m.Decision.At()
	to.Note("positive", target.Classes[1])
	to.Note("threshold", table.FormatNumber(threshold))
	which := to.NodeWith("Cast", []onnx.Attribute{onnx.Int("to", int(onnx.Int64))}, to.Node("GreaterOrEqual", p, onnx.Scalar(to, threshold)))
	class := to.Node("Gather", to.Texts(target.Classes), which)
	ports := []model.Port{
		add(p, outputProbability, onnx.Double, 1, fmt.Sprintf("that %s is %q", target.Name, target.Classes[1])),
		add(class, outputPrediction, onnx.String, 1, fmt.Sprintf("%q where the probability is %v or more, else %q", target.Classes[1], threshold, target.Classes[0])),
	}
	for i, name := range target.Steps {
		port := add(before[i], stepColumn(name), onnx.Double, 1, fmt.Sprintf("that %s is true", name))
		port.Classes = nil
		ports = append(ports, port)
	}
	return ports
}

// typedClasses are the classes of a target as JSON has values of its type; nil where there are none.
func typedClasses(t *encoding.TargetEncoding) (list []any) {
	for _, c := range t.Classes {
		var v any = c
		switch t.Type {
		case table.TypeNumeric:
			v = json.Number(c)
		case table.TypeBoolean:
			v = c == "true"
		}
		list = append(list, v)
	}
	return list
}

// trial answers for rows as predict does, with the inputs that the graph is to be given for them.
func (m *Model) trial(ctx context.Context, s model.Signature, rows *table.Frame) (t model.Trial, err error) {
	typed, err := m.Encoder.Typed(rows)
	if err != nil {
		return t, err
	}
	encoded, _, err := m.Encoder.Encode(ctx, typed, false)
	if err != nil {
		return t, err
	}
	t.Rows = encoded.Rows
	if t.Inputs, err = encodergraph.Feed(m.Encoder, s.Inputs, typed, encoded); err != nil {
		return t, err
	}
	encoded.IDColumns = nil
	p, err := m.predict(ctx, encoding.Block{Encoded: encoded})
	if err != nil {
		return t, err
	}
	t.Outputs = map[string]onnx.Tensor{}
	var probabilities [][]float64
	for _, c := range p.Columns {
		switch v := c.Values.(type) {
		case []string:
			t.Outputs[outputPrediction] = onnx.NewTensor(v, 1)
		case []float64:
			if c.Name == outputPrediction || m.Network.Chain && c.Name != outputProbability {
				t.Outputs[c.Name] = onnx.NewTensor(v, 1)
			} else {
				probabilities = append(probabilities, v)
			}
		}
	}
	if n := len(probabilities); n > 0 {
		all := make([]float64, 0, n*p.Rows)
		for r := range p.Rows {
			for _, of := range probabilities {
				all = append(all, of[r])
			}
		}
		t.Outputs[outputProbability] = onnx.NewTensor(all, n)
	}
	return t, nil
}

// ReadRows reads rows for a trial, of the columns of the features.
func (m *Model) ReadRows(ctx context.Context, src table.Source, baseDir string, limit int) (*table.Frame, error) {
	options := m.Encoder.ReadOptions(false)
	options.Applied = true
	for f, err := range table.Blocks(ctx, src, baseDir, options, limit) {
		return f, err
	}
	return nil, errors.New("behavior: there are no rows to try the model with")
}

// ReadPart reads rows of a part of the run's data as they are written, at most so many.
func (c *Config) ReadPart(ctx context.Context, m model.Model, baseDir, part string, limit int, log *slog.Logger) (*table.Frame, []runfolder.DataFile, error) {
	b, ok := m.(*Model)
	if !ok {
		return nil, nil, fmt.Errorf("behavior: a model of the family %s", m.Family())
	}
	names := b.Encoder.Needed(false)
	d, p, err := c.reload(ctx, b, baseDir, part, names, log)
	if err != nil {
		return nil, nil, err
	}
	defer d.Close()
	columns, codes := make([]*table.Series, len(names)), make([]map[string]int32, len(names))
	for i, name := range names {
		columns[i], codes[i] = &table.Series{Name: name, Kind: table.Text}, map[string]int32{}
	}
	rows := 0
	for block, err := range p.Blocks(ctx) {
		if err != nil {
			return nil, nil, err
		}
		n := min(block.Rows, limit-rows)
		for _, carried := range block.IDColumns {
			if i := slices.Index(names, carried.Name); i >= 0 {
				appendTexts(columns[i], codes[i], carried.Values[:n])
			}
		}
		if rows += n; rows == limit {
			break
		}
	}
	f, err := table.NewFrame(columns...)
	if err != nil {
		return nil, nil, err
	}
	for i, c := range b.Encoder.Columns {
		// Dates are carried with the year first, however the files write them.
		if c.Type == table.TypeDate {
			if s, err := f.Retyped(columns[i], c.Type, ""); err == nil {
				s.Layout = c.DateLayout
				f.Columns[i] = s
			}
		}
	}
	return f, filesOf(d), nil
}

// appendTexts appends texts, of which empty ones are missing values. codes are those of the distinct ones so far.
func appendTexts(s *table.Series, codes map[string]int32, values []string) {
	for _, v := range values {
		code, ok := codes[v]
		if v == "" {
			code = -1
		} else if !ok {
			code = int32(len(s.Dict))
			codes[v], s.Dict = code, append(s.Dict, v)
		}
		s.Codes = append(s.Codes, code)
	}
}

// EncoderFiles is what says how the inputs are encoded that a graph takes encoded.
func (m *Model) EncoderFiles() map[string]func(io.Writer) error {
	return map[string]func(io.Writer) error{encoderFile: m.Encoder.Save}
}

// ExampleRows makes up rows.
func (m *Model) ExampleRows(n int) *table.Frame { return m.Encoder.Example(n) }
