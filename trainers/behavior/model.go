package behavior

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"filippo.io/age"

	"debut/datasets/encoding"
	"debut/datasets/strictjson"
	"debut/engine"
	"debut/engine/safetensors"
	"debut/kernels"
	"debut/layers"
	"debut/trainers/decision"
	"debut/trainers/gradient"
	"debut/trainers/model"
	"debut/trainers/modelfolder"
)

// Files of a model folder, beside model.json.
const (
	encoderFile    = "encoder.json"
	parametersFile = "parameters.safetensors"
)

// formatVersion is that of the layout of model folders.
const formatVersion = 1

// A model scores scoreBatch rows at once, fewer where its widest layer would then have more than scoreValues values: what it
// takes is bounded by that and its parameters.
const (
	scoreBatch  = 1024
	scoreValues = 1 << 23
)

func scoreRows(n layers.Network) int { return max(1, min(scoreBatch, scoreValues/n.Width())) }

// details are what model.json describes a model with.
type details struct {
	Network      layers.Network      `json:"network"`
	Coefficients *model.Coefficients `json:"coefficients,omitempty"`
	Loss         *trainedFor         `json:"loss,omitempty"`
	Decision     kept                `json:"decision,omitzero,omitempty"`
}

// kept is a decision in model.json, left out where there is none.
type kept struct{ *decision.Decision }

// MarshalJSON implements json.Marshaler.
func (k kept) MarshalJSON() ([]byte, error) { return json.Marshal(k.Decision) }

// UnmarshalJSON implements json.Unmarshaler; null, which is not written, is refused.
func (k *kept) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		return errors.New("decision is null")
	}
	k.Decision = new(decision.Decision)
	return strictjson.Unmarshal(text, k.Decision)
}

// trainedFor is the loss of a regression that is not the squared one: it is measured too.
type trainedFor struct {
	Kind     string  `json:"kind"`
	Quantile float64 `json:"quantile,omitempty"`
}

// lossOf returns what is kept of a loss; nil of the squared one and of those of classes.
func lossOf(c gradient.Config) *trainedFor {
	if c.Loss == "" || c.Loss == gradient.LossSquared || c.Loss == gradient.LossFocal {
		return nil
	}
	return &trainedFor{c.Loss, c.Quantile}
}

// check compares a loss with the target.
func (l *trainedFor) check(t *encoding.TargetEncoding) error {
	kind, quantile := "", 0.0
	if l != nil {
		kind, quantile = l.Kind, l.Quantile
		if t.Task != encoding.TaskRegression || !slices.Contains([]string{gradient.LossMAE, gradient.LossHuber, gradient.LossQuantile, gradient.LossPoisson}, kind) {
			return fmt.Errorf("loss.kind: %.60q is none of the task %s", kind, t.Task)
		}
	}
	switch {
	case (kind == gradient.LossPoisson) != (t.Link == encoding.LinkLog):
		return fmt.Errorf("loss.kind: %q, and the target's link is %q", kind, t.Link)
	case (kind == gradient.LossQuantile) != (quantile > 0 && quantile < 1) || kind != gradient.LossQuantile && quantile != 0:
		return fmt.Errorf("loss.quantile: %v for the loss %q", quantile, kind)
	}
	return nil
}

// Model is a trained model, ready to score. It is used by one goroutine at a time.
type Model struct {
	Encoder *encoding.Encoder
	Network layers.Network
	// Coefficients of a linear model in the units of the data; nil for a network.
	Coefficients *model.Coefficients
	// Decision makes probabilities and predictions of what Score returns; nil where the scores are the probabilities' logits and the
	// likelier class is predicted.
	Decision *decision.Decision

	loss   *trainedFor
	params *engine.Parameters
	out    *engine.Node
	prog   *engine.Program
	feed   *gradient.Feeder
	rows   []int32
}

// newModel builds the evaluation program of a network on parameters that may be trained at the same time.
func newModel(n layers.Network, e *encoding.Encoder, loss *trainedFor, dev kernels.Device, params *engine.Parameters) (*Model, error) {
	if err := n.Check(); err != nil {
		return nil, err
	}
	g, out := scoreGraph(n)
	if err := g.Err(); err != nil {
		return nil, err
	}
	// Parameters first: those of a file tell whether the network is its own before anything is made after the network's sizes.
	if err := params.DeclareAll(g); err != nil {
		return nil, err
	}
	rows := scoreRows(n)
	m := &Model{Encoder: e, Network: n, loss: loss, params: params, out: out, feed: gradient.NewFeeder(n, rows), rows: make([]int32, rows)}
	var err error
	m.prog, err = engine.Compile(g, engine.Options{Device: dev, Parameters: params, Outputs: []*engine.Node{m.out}})
	return m, err
}

// scoreGraph builds the graph that scores rows.
func scoreGraph(n layers.Network) (*engine.Graph, *engine.Node) {
	g := engine.NewGraph(kernels.Float32, scoreRows(n))
	return g, n.Build(&layers.Builder{Graph: g})
}

// Family is the family's name.
func (m *Model) Family() string { return Family }

// IDs names the id columns of the training data.
func (m *Model) IDs() []string { return m.Encoder.ID }

// Score returns the network's outputs for every row, [Rows, Outputs].
func (m *Model) Score(ctx context.Context, d *encoding.Encoded) ([]float64, error) {
	if n := m.Network; d.D != len(n.Numeric) || d.F != len(n.Fields) || d.L != n.ListWidth() {
		return nil, fmt.Errorf("behavior: data of %d numeric and %d categorical features and %d places of lists for a model of %d, %d and %d", d.D, d.F, d.L, len(n.Numeric), len(n.Fields), n.ListWidth())
	}
	w := m.Network.Outputs
	out := make([]float64, 0, d.Rows*w)
	buf := make([]float32, len(m.rows)*w)
	for lo := 0; lo < d.Rows; lo += len(m.rows) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		rows := m.rows[:min(len(m.rows), d.Rows-lo)]
		for i := range rows {
			rows[i] = int32(lo + i)
		}
		if err := m.prog.SetRows(len(rows)); err != nil {
			return nil, err
		}
		m.feed.Features(d, rows, 0)
		if err := m.feed.Feed(m.prog, len(rows)); err != nil {
			return nil, err
		}
		if err := m.prog.Run(); err != nil {
			return nil, err
		}
		n, err := engine.Read(m.prog, m.out, buf)
		if err != nil {
			return nil, err
		}
		for _, v := range buf[:n] {
			out = append(out, float64(v))
		}
	}
	return out, nil
}

// save writes the model.
func (m *Model) save(to *modelfolder.Writer) error {
	if err := to.File(parametersFile, func(w io.Writer) error { return m.params.Save(w, parametersMeta()) }); err != nil {
		return err
	}
	if err := to.File(encoderFile, m.Encoder.Save); err != nil {
		return err
	}
	if m.Coefficients != nil {
		if err := to.File(coefficientsFile, func(w io.Writer) error { return writeCoefficients(w, m.Coefficients) }); err != nil {
			return err
		}
	}
	return to.Close(formatVersion, details{m.Network, m.Coefficients, m.loss, kept{m.Decision}})
}

// parametersMeta is what the file of parameters says of itself.
func parametersMeta() map[string]string { return map[string]string{"format": "debut behavior model"} }

// Open reads a trained model from a run folder or its model folder. The device stays the caller's to close. An encrypted
// model needs a key; errors of opening it match sealed.ErrNoKey and sealed.ErrWrongKey.
func Open(path string, dev kernels.Device, keys ...age.Identity) (*Model, error) {
	r, err := modelfolder.Open(path, keys...)
	if err != nil {
		return nil, err
	}
	if r.Family() != Family {
		return nil, r.Errorf("a model of the family %q, not of %q: %w", r.Family(), Family, modelfolder.ErrFormat)
	}
	return Read(r, dev)
}

// Read reads a model from its folder. The device stays the caller's to close. Nothing in the folder is trusted: each file is
// compared with the others before it is used, and before memory is made after what it says.
func Read(r *modelfolder.Reader, dev kernels.Device) (*Model, error) {
	if err := r.Version(formatVersion); err != nil {
		return nil, err
	}
	var d details
	if err := r.Details(&d); err != nil {
		return nil, err
	}
	files := []string{encoderFile, parametersFile}
	if d.Coefficients != nil && r.Has(coefficientsFile) { // earlier versions wrote none
		files = append(files, coefficientsFile)
	}
	if err := r.Only(files...); err != nil {
		return nil, err
	}
	if err := d.Network.Check(); err != nil {
		return nil, r.Misfit("network: %w", err)
	}
	encoder, err := r.Read(encoderFile)
	if err != nil {
		return nil, err
	}
	e, err := encoding.LoadEncoder(bytes.NewReader(encoder))
	if err != nil {
		return nil, r.FileError(encoderFile, err)
	}
	if err := checkNetwork(d.Network, e); err != nil {
		return nil, r.Misfit("it and %s do not belong to one model: network.%w", encoderFile, err)
	}
	if err := d.Loss.check(&e.Target); err != nil {
		return nil, r.Misfit("it and %s do not belong to one model: %w", encoderFile, err)
	}
	var m *Model
	err = r.Stream(parametersFile, func(f io.ReaderAt, size int64) error {
		return checkParameters(d.Network, dev, f, size)
	}, func(f io.ReaderAt, size int64) error {
		file, err := safetensors.Open(f, size)
		if err != nil {
			return err
		}
		params := engine.OpenParameters(dev, kernels.Float32, file)
		if m, err = newModel(d.Network, e, d.Loss, dev, params); err != nil {
			return err
		}
		for _, spec := range d.Network.Retired() {
			if err := params.Retire(spec); err != nil {
				return err
			}
		}
		return params.Complete()
	})
	if err != nil {
		return nil, err
	}
	if m.Coefficients, err = checkCoefficients(m, d.Coefficients); err != nil {
		return nil, r.Misfit("it and %s do not belong to one model: coefficients%w", parametersFile, err)
	}
	if slices.Contains(files, coefficientsFile) {
		listed, err := r.Read(coefficientsFile)
		if err != nil {
			return nil, err
		}
		var want bytes.Buffer
		if err := writeCoefficients(&want, m.Coefficients); err != nil {
			return nil, err
		}
		if !bytes.Equal(listed, want.Bytes()) {
			return nil, r.Misfit("its coefficients are not those of %s", coefficientsFile)
		}
	}
	if err := d.Decision.Check(len(e.Target.Classes)); err != nil {
		return nil, r.Misfit("decision.%w", err)
	}
	m.Decision = d.Decision.Decision
	return m, nil
}
