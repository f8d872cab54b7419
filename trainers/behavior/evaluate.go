package behavior

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"

	"debut/datasets"
	"debut/datasets/ahead"
	"debut/datasets/encoding"
	"debut/datasets/table"
	"debut/trainers/decision"
	"debut/trainers/gradient"
	"debut/trainers/metrics"
	"debut/trainers/model"
)

// measurePart measures the model on a part, at most about limit of its rows where that is positive and the part is streamed. Of a field
// of ids that is not negative rows of the same id are ranked among themselves, too.
func (m *Model) measurePart(ctx context.Context, p *datasets.Part, limit, per int) (*metrics.Result, error) {
	s, err := m.samplePart(ctx, p, limit, per)
	if err != nil {
		return nil, err
	}
	return measure(ctx, s)
}

// samplePart scores a part, at most about limit of its rows where that is positive and the part is streamed.
// Rows are in groups by the ids of a field that is not negative; those of id 0, which stands for many values, are left to themselves.
func (m *Model) samplePart(ctx context.Context, p *datasets.Part, limit, per int) (*metrics.Sample, error) {
	// Outputs and targets of all rows are needed for a ranking; the features of one block at a time are.
	var out []float64
	var groups []uint32
	labels := new(encoding.Encoded)
	for d, err := range ahead.Of(ctx, 1, p.Blocks) {
		if err != nil {
			return nil, err
		}
		o, err := m.Score(ctx, d)
		if err != nil {
			return nil, err
		}
		out = append(out, o...)
		for r := 0; per >= 0 && r < d.Rows; r++ {
			group := uint32(d.IDs[r*d.F+per])
			if group == 0 {
				group = math.MaxUint32 - uint32(labels.Rows+r)
			}
			groups = append(groups, group)
		}
		if err := labels.Append(&encoding.Encoded{Rows: d.Rows, Target: d.Target, Weight: d.Weight}); err != nil {
			return nil, err
		}
		if limit > 0 && p.Streamed() && labels.Rows >= limit {
			break
		}
	}
	s, err := m.sample(out, labels)
	if err == nil {
		s.Groups = groups
	}
	return s, err
}

// measure measures a sample, which may not change any more.
func measure(ctx context.Context, s *metrics.Sample) (*metrics.Result, error) {
	return ahead.Await(ctx, s.Measure)
}

// sample lays the network's outputs for rows beside their targets.
func (m *Model) sample(out []float64, d *encoding.Encoded) (*metrics.Sample, error) {
	if d.Target == nil {
		return nil, fmt.Errorf("behavior: the data has no target to evaluate against")
	}
	e := m.Encoder
	s := &metrics.Sample{Task: taskOf(e), Classes: e.Target.Classes, Outputs: m.reached(out, m.Network.Outputs-1), Targets: d.Target, Weights: d.Weight}
	m.addSteps(s, out, d)
	s.Plain = e.Target.Prior
	switch s.Task {
	case metrics.TaskRegression:
		s.Outputs, s.Plain = denormalize(e, out), []float64{e.Target.Mean}
		if m.loss != nil {
			switch m.loss.Kind {
			case gradient.LossPoisson:
				s.Loss = metrics.PoissonDeviance
			case gradient.LossQuantile:
				s.Loss, s.Quantile = metrics.Pinball, m.loss.Quantile
			}
			// A model of medians, or of what is not an outlier, may well be worse by squares.
			if s.PlainBy = s.Loss; m.loss.Kind == gradient.LossMAE || m.loss.Kind == gradient.LossHuber {
				s.PlainBy = "mae"
			}
		}
	case metrics.TaskBinary:
		s.Threshold = m.Decision.At()
	}
	if s.Method = m.Decision.Calibration(); s.Method != "" {
		s.Outputs, s.Raw = m.Decision.Probabilities(s.Outputs), s.Outputs
	}
	return s, nil
}

// SetThreshold puts another threshold in the place of the model's: the probability from which on a row is predicted positive.
func (m *Model) SetThreshold(threshold float64) error {
	d := decision.Decision{Threshold: threshold}
	if err := d.Check(len(m.Encoder.Target.Classes)); err != nil {
		return err
	}
	if m.Decision != nil {
		d.Calibrator = m.Decision.Calibrator
	}
	m.Decision = &d
	return nil
}

// denormalize turns outputs of a regression model, which are in standard deviations from the mean, into values.
func denormalize(e *encoding.Encoder, out []float64) []float64 {
	v := make([]float64, len(out))
	for i, x := range out {
		v[i] = e.Target.Value(x)
	}
	return v
}

// blockRows is how many rows of a source are read, encoded and scored at a time.
const blockRows = 16 * scoreBatch

// Encode reads and encodes the rows of a source, without targets: the next block while the consumer is busy with one.
func (m *Model) Encode(ctx context.Context, src table.Source, baseDir string, in encoding.Input) iter.Seq2[encoding.Block, error] {
	return m.blocks(ctx, src, baseDir, false, in)
}

func (m *Model) blocks(ctx context.Context, src table.Source, baseDir string, needTarget bool, in encoding.Input) iter.Seq2[encoding.Block, error] {
	return ahead.Of(ctx, 1, func(ctx context.Context) iter.Seq2[encoding.Block, error] {
		return m.Encoder.Blocks(ctx, src, baseDir, needTarget, in, blockRows)
	})
}

// Task is that of the target.
func (m *Model) Task() metrics.Task { return taskOf(m.Encoder) }

// Evaluate measures the model on labeled rows. The report tells of values that training did not see.
func (m *Model) Evaluate(ctx context.Context, src table.Source, baseDir string) (*metrics.Result, encoding.EncodeReport, error) {
	return m.EvaluatePer(ctx, src, baseDir, "")
}

// EvaluatePer is Evaluate and, of two classes, the AUC of the rows that have the same text in a column; "" for none.
func (m *Model) EvaluatePer(ctx context.Context, src table.Source, baseDir, column string) (*metrics.Result, encoding.EncodeReport, error) {
	s, report, err := m.sampleRows(ctx, src, baseDir, column)
	if err != nil {
		return nil, report, err
	}
	r, err := measure(ctx, s)
	return r, report, err
}

// Sample answers for labeled rows. The report tells of values that training did not see.
func (m *Model) Sample(ctx context.Context, src table.Source, baseDir string) (*metrics.Sample, encoding.EncodeReport, error) {
	return m.sampleRows(ctx, src, baseDir, "")
}

// sampleRows answers for labeled rows, in groups by a column where one is named.
func (m *Model) sampleRows(ctx context.Context, src table.Source, baseDir, column string) (*metrics.Sample, encoding.EncodeReport, error) {
	// A ranking needs outputs and targets of all rows, and no more of them.
	var out []float64
	var report encoding.EncodeReport
	var in encoding.Input
	groups := grouping{column: column, numbers: map[string]uint32{}}
	if column != "" {
		in.Keep = []string{column}
	}
	labels := new(encoding.Encoded)
	for b, err := range m.blocks(ctx, src, baseDir, true, in) {
		if err != nil {
			return nil, report, err
		}
		report = b.Report
		o, err := m.Score(ctx, b.Encoded)
		if err != nil {
			return nil, report, err
		}
		out = append(out, o...)
		groups.add(b.Encoded)
		if err := labels.Append(&encoding.Encoded{Rows: b.Rows, Target: b.Target, Weight: b.Weight}); err != nil {
			return nil, report, err
		}
	}
	s, err := m.sample(out, labels)
	if err == nil {
		s.Groups = groups.rows
	}
	return s, report, err
}

// grouping numbers the texts of a column in the order in which they come.
type grouping struct {
	column  string
	numbers map[string]uint32
	rows    []uint32
}

func (g *grouping) add(d *encoding.Encoded) {
	if g.column == "" {
		return
	}
	i := slices.IndexFunc(d.IDColumns, func(c encoding.IDColumn) bool { return c.Name == g.column })
	for _, text := range d.IDColumns[i].Values {
		n, ok := g.numbers[text]
		if !ok {
			n = uint32(len(g.numbers))
			g.numbers[text] = n
		}
		g.rows = append(g.rows, n)
	}
}

// Predict answers for rows without a target. Columns that are carried through come first; then, for two classes, "probability" of
// the positive one and "prediction"; for several, "prediction" and "probability_<class>" of each; for numbers
// "prediction".
func (m *Model) Predict(ctx context.Context, src table.Source, baseDir string, in encoding.Input) iter.Seq2[*model.Predictions, error] {
	return m.answers(ctx, m.Encode(ctx, src, baseDir, in))
}

// answers answers for encoded rows.
func (m *Model) answers(ctx context.Context, blocks iter.Seq2[encoding.Block, error]) iter.Seq2[*model.Predictions, error] {
	return func(yield func(*model.Predictions, error) bool) {
		for b, err := range blocks {
			var p *model.Predictions
			if err == nil {
				p, err = m.predict(ctx, b)
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// predict answers for some rows.
func (m *Model) predict(ctx context.Context, b encoding.Block) (*model.Predictions, error) {
	out, err := m.Score(ctx, b.Encoded)
	if err != nil {
		return nil, err
	}
	return m.Answer(out, b)
}

// Columns lists the columns of the features.
func (m *Model) Columns() []model.Column { return model.ColumnsOf(m.Encoder) }

// EncodeRows encodes rows in memory, without targets.
func (m *Model) EncodeRows(ctx context.Context, f *table.Frame, in encoding.Input) (encoding.Block, error) {
	return m.Encoder.EncodeRows(ctx, f, in)
}

// Answer makes of the network's outputs for rows probabilities and predictions.
func (m *Model) Answer(out []float64, b encoding.Block) (*model.Predictions, error) {
	for i, v := range out {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("behavior: the prediction of row %d is %v; look for extreme values in it, or at the model's training", b.First+i/m.Network.Outputs+1, v)
		}
	}
	p := &model.Predictions{First: b.First, Rows: b.Rows, Report: b.Report}
	p.Carry(b.Encoded)
	classes := m.Encoder.Target.Classes
	switch taskOf(m.Encoder) {
	case metrics.TaskBinary:
		probability, prediction := make([]float64, b.Rows), make([]string, b.Rows)
		threshold := m.Decision.At()
		for i, z := range m.Decision.Probabilities(m.reached(out, m.Network.Outputs-1)) {
			probability[i] = 1 / (1 + math.Exp(-z))
			prediction[i] = classes[0]
			if probability[i] >= threshold {
				prediction[i] = classes[1]
			}
		}
		p.Positive, p.Threshold = classes[1], threshold
		p.Add("probability", probability)
		p.Add("prediction", prediction)
		m.predictSteps(p, out)
	case metrics.TaskMultiClass:
		multiClass(p, m.Decision.Probabilities(out), classes)
	default:
		p.Add("prediction", denormalize(m.Encoder, out))
	}
	return p, nil
}

// multiClass adds the likeliest class of each row and a column of probabilities for each class.
func multiClass(p *model.Predictions, out []float64, classes []string) {
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
	p.Add("prediction", prediction)
	for k, name := range classes {
		p.Add("probability_"+name, probability[k])
	}
}
