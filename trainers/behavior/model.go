package behavior

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"debut/datasets"
	"debut/datasets/atomicfile"
	"debut/engine"
	"debut/kernels"
	"debut/layers"
	"debut/trainers/runfolder"
)

// Files of a model folder, beside model.json.
const (
	encoderFile    = "encoder.json"
	parametersFile = "parameters.safetensors"
)

// format names what model.json describes, with the version of the layout.
const (
	format        = "debut behavior model"
	formatVersion = 1
)

// scoreBatch is how many rows a model scores at once.
const scoreBatch = 1024

// manifest is model.json.
type manifest struct {
	Format       string         `json:"format"`
	Version      int            `json:"version"`
	Network      layers.Network `json:"network"`
	Coefficients *Coefficients  `json:"coefficients,omitempty"`
	// SHA256 of the other files of the model, by name, in hexadecimal.
	SHA256 map[string]string `json:"sha256"`
}

// Model is a trained model, ready to score. It is used by one goroutine at a time.
type Model struct {
	Encoder *datasets.Encoder
	Network layers.Network
	// Coefficients of a linear model in the units of the data; nil for a network.
	Coefficients *Coefficients

	dev    kernels.Device
	params *engine.Parameters
	out    *engine.Node
	prog   *engine.Program
	feed   *feeder
	rows   []int32
}

// newModel builds the evaluation program of a network on parameters that may be trained at the same time.
func newModel(n layers.Network, e *datasets.Encoder, dev kernels.Device, params *engine.Parameters) (*Model, error) {
	if err := n.Check(); err != nil {
		return nil, err
	}
	m := &Model{Encoder: e, Network: n, dev: dev, params: params, feed: newFeeder(n, scoreBatch), rows: make([]int32, scoreBatch)}
	g, out := scoreGraph(n)
	if err := g.Err(); err != nil {
		return nil, err
	}
	m.out = out
	var err error
	m.prog, err = engine.Compile(g, engine.Options{Device: dev, Parameters: params, Outputs: []*engine.Node{m.out}})
	return m, err
}

// scoreGraph builds the graph that scores rows.
func scoreGraph(n layers.Network) (*engine.Graph, *engine.Node) {
	g := engine.NewGraph(kernels.Float32, scoreBatch)
	return g, n.Build(&layers.Builder{Graph: g})
}

// score returns the network's outputs for every row, [Rows, Outputs].
func (m *Model) score(d *datasets.Encoded) ([]float64, error) {
	if d.D != len(m.Network.Numeric) || d.F != len(m.Network.Fields) {
		return nil, fmt.Errorf("behavior: data of %d numeric and %d categorical features for a model of %d and %d", d.D, d.F, len(m.Network.Numeric), len(m.Network.Fields))
	}
	w := m.Network.Outputs
	out := make([]float64, 0, d.Rows*w)
	buf := make([]float32, scoreBatch*w)
	for lo := 0; lo < d.Rows; lo += scoreBatch {
		rows := m.rows[:min(scoreBatch, d.Rows-lo)]
		for i := range rows {
			rows[i] = int32(lo + i)
		}
		if err := m.prog.SetRows(len(rows)); err != nil {
			return nil, err
		}
		m.feed.features(d, rows, 0)
		if err := m.feed.feedFeatures(m.prog, len(rows)); err != nil {
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

// feedFeatures hands the gathered features of so many rows to a program.
func (f *feeder) feedFeatures(p *engine.Program, rows int) error {
	if n := len(f.numeric); n > 0 {
		if err := engine.Feed(p, layers.InputNumeric, f.numeric[:rows*n/len(f.weight)]); err != nil {
			return err
		}
	}
	for k, g := range f.groups {
		if err := p.FeedIDs(g.Input, f.grouped[k][:rows*len(g.Fields)]); err != nil {
			return err
		}
	}
	return nil
}

// save writes the model's files into a folder, each complete or not at all. model.json comes last: with it the model
// is there.
func (m *Model) save(dir string) error {
	sums := map[string]string{}
	write := func(name string, fill func(io.Writer) error) error {
		h := sha256.New()
		err := atomicfile.Write(filepath.Join(dir, name), 0o644, func(w io.Writer) error { return fill(io.MultiWriter(w, h)) })
		if err != nil {
			return fmt.Errorf("behavior: saving the model: %w", err)
		}
		sums[name] = hex.EncodeToString(h.Sum(nil))
		return nil
	}
	meta := map[string]string{"format": format}
	if err := write(parametersFile, func(w io.Writer) error { return m.params.Save(w, meta) }); err != nil {
		return err
	}
	if err := write(encoderFile, m.Encoder.Save); err != nil {
		return err
	}
	return write(runfolder.ModelFile, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(manifest{format, formatVersion, m.Network, m.Coefficients, sums})
	})
}

// Open reads a trained model from a run folder or its model folder. The device stays the caller's to close.
func Open(path string, dev kernels.Device) (*Model, error) {
	dir, err := runfolder.OpenModel(path, encoderFile, parametersFile)
	if err != nil {
		return nil, err
	}
	var man manifest
	data, err := os.ReadFile(filepath.Join(dir, runfolder.ModelFile))
	if err != nil {
		return nil, fmt.Errorf("behavior: %w", err)
	}
	name := filepath.Join(dir, runfolder.ModelFile)
	if err := json.Unmarshal(data, &man); err != nil {
		return nil, fmt.Errorf("behavior: %s is damaged: %w", name, err)
	}
	if man.Format != format || man.Version != formatVersion {
		return nil, fmt.Errorf("behavior: %s describes %q, version %d; this program reads %q, version %d", name, man.Format, man.Version, format, formatVersion)
	}
	encoder, err := readChecked(dir, encoderFile, man)
	if err != nil {
		return nil, err
	}
	e, err := datasets.LoadEncoder(bytes.NewReader(encoder))
	if err != nil {
		return nil, fmt.Errorf("behavior: %s: %w", filepath.Join(dir, encoderFile), err)
	}
	if len(e.NumericFeatures()) != len(man.Network.Numeric) || len(e.CategoricalFields()) != len(man.Network.Fields) {
		return nil, fmt.Errorf("behavior: %s and %s in %s do not belong to one model", encoderFile, runfolder.ModelFile, dir)
	}
	m, err := newModel(man.Network, e, dev, engine.NewParameters(dev, kernels.Float32, 0))
	if err != nil {
		return nil, fmt.Errorf("behavior: %s: %w", name, err)
	}
	m.Coefficients = man.Coefficients
	file, err := readChecked(dir, parametersFile, man)
	if err != nil {
		return nil, err
	}
	if err := m.params.Load(file); err != nil {
		return nil, fmt.Errorf("behavior: %s: %w", filepath.Join(dir, parametersFile), err)
	}
	return m, nil
}

// readChecked reads a file of a model and compares its checksum with that in model.json.
func readChecked(dir, name string, man manifest) ([]byte, error) {
	path := filepath.Join(dir, name)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("behavior: %w", err)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != man.SHA256[name] {
		return nil, fmt.Errorf("behavior: %s is damaged, or of another model: its SHA-256 is not the one in %s; copy the model again, or train anew", path, runfolder.ModelFile)
	}
	return data, nil
}
