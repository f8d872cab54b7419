package behavior

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"filippo.io/age"

	"debut/datasets"
	"debut/datasets/atomicfile"
	"debut/datasets/sealed"
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

// sealedFile holds what is otherwise in model.json where a model is encrypted: the weights of a linear model stand in it,
// with the values that they are for.
const sealedFile = "network.json"

// manifest is model.json.
type manifest struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	// Encrypted says that the other files are encrypted with age, under names that end in .age; their checksums are of
	// what is encrypted.
	Encrypted    bool           `json:"encrypted,omitempty"`
	Network      layers.Network `json:"network,omitzero"`
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
func (m *Model) score(ctx context.Context, d *datasets.Encoded) ([]float64, error) {
	if d.D != len(m.Network.Numeric) || d.F != len(m.Network.Fields) {
		return nil, fmt.Errorf("behavior: data of %d numeric and %d categorical features for a model of %d and %d", d.D, d.F, len(m.Network.Numeric), len(m.Network.Fields))
	}
	w := m.Network.Outputs
	out := make([]float64, 0, d.Rows*w)
	buf := make([]float32, scoreBatch*w)
	for lo := 0; lo < d.Rows; lo += scoreBatch {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
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
// is there. Where there are recipients, they alone can read the model.
func (m *Model) save(dir string, to []age.Recipient) error {
	man := manifest{Format: format, Version: formatVersion, Encrypted: len(to) > 0, SHA256: map[string]string{}}
	write := func(name string, fill func(io.Writer) error) error {
		h := sha256.New()
		place := filepath.Join(dir, name)
		if man.Encrypted {
			place += sealed.Extension
		}
		err := atomicfile.Write(place, 0o644, func(w io.Writer) error {
			w = io.MultiWriter(w, h)
			if !man.Encrypted {
				return fill(w)
			}
			in, err := sealed.Encrypt(w, to)
			if err == nil {
				err = fill(in)
			}
			if err == nil {
				err = in.Close()
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("behavior: saving the model: %w", err)
		}
		man.SHA256[name] = hex.EncodeToString(h.Sum(nil))
		return nil
	}
	asJSON := func(v manifest) func(io.Writer) error {
		return func(w io.Writer) error {
			enc := json.NewEncoder(w)
			enc.SetIndent("", "  ")
			return enc.Encode(v)
		}
	}
	meta := map[string]string{"format": format}
	if err := write(parametersFile, func(w io.Writer) error { return m.params.Save(w, meta) }); err != nil {
		return err
	}
	if err := write(encoderFile, m.Encoder.Save); err != nil {
		return err
	}
	full := man
	full.Network, full.Coefficients = m.Network, m.Coefficients
	if man.Encrypted {
		if err := write(sealedFile, asJSON(full)); err != nil {
			return err
		}
		full = man
	}
	if err := atomicfile.Write(filepath.Join(dir, runfolder.ModelFile), 0o644, asJSON(full)); err != nil {
		return fmt.Errorf("behavior: saving the model: %w", err)
	}
	return nil
}

// Open reads a trained model from a run folder or its model folder. The device stays the caller's to close. An encrypted
// model needs a key; errors of opening it match sealed.ErrNoKey and sealed.ErrWrongKey.
func Open(path string, dev kernels.Device, keys ...age.Identity) (*Model, error) {
	dir, err := runfolder.OpenModel(path)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(dir, runfolder.ModelFile))
	if err != nil {
		return nil, fmt.Errorf("behavior: %w", err)
	}
	f := modelFolder{dir: dir, keys: keys}
	name := filepath.Join(dir, runfolder.ModelFile)
	if f.man, err = readManifest(name, data); err != nil {
		return nil, err
	}
	if f.man.Encrypted {
		name = filepath.Join(dir, sealedFile)
		if data, err = f.read(sealedFile); err != nil {
			return nil, err
		}
		inner, err := readManifest(name, data)
		if err != nil {
			return nil, err
		}
		// What is sealed vouches for the rest of the model.
		for _, file := range []string{parametersFile, encoderFile} {
			if inner.SHA256[file] != f.man.SHA256[file] {
				return nil, fmt.Errorf("behavior: %s and %s in %s do not belong to one model", runfolder.ModelFile, sealedFile+sealed.Extension, dir)
			}
		}
		f.man.Network, f.man.Coefficients = inner.Network, inner.Coefficients
	} else if _, err := runfolder.OpenModel(path, encoderFile, parametersFile); err != nil {
		return nil, err
	}
	encoder, err := f.read(encoderFile)
	if err != nil {
		return nil, err
	}
	e, err := datasets.LoadEncoder(bytes.NewReader(encoder))
	if err != nil {
		return nil, fmt.Errorf("behavior: %s: %w", filepath.Join(dir, encoderFile), err)
	}
	if len(e.NumericFeatures()) != len(f.man.Network.Numeric) || len(e.CategoricalFields()) != len(f.man.Network.Fields) {
		return nil, fmt.Errorf("behavior: %s and %s in %s do not belong to one model", encoderFile, runfolder.ModelFile, dir)
	}
	m, err := newModel(f.man.Network, e, dev, engine.NewParameters(dev, kernels.Float32, 0))
	if err != nil {
		return nil, fmt.Errorf("behavior: %s: %w", name, err)
	}
	m.Coefficients = f.man.Coefficients
	file, err := f.read(parametersFile)
	if err != nil {
		return nil, err
	}
	if err := m.params.Load(file); err != nil {
		return nil, fmt.Errorf("behavior: %s: %w", filepath.Join(dir, parametersFile), err)
	}
	return m, nil
}

// readManifest parses model.json.
func readManifest(name string, data []byte) (man manifest, err error) {
	if err := json.Unmarshal(data, &man); err != nil {
		return man, fmt.Errorf("behavior: %s is damaged: %w", name, err)
	}
	if man.Format != format || man.Version != formatVersion {
		return man, fmt.Errorf("behavior: %s describes %q, version %d; this program reads %q, version %d", name, man.Format, man.Version, format, formatVersion)
	}
	return man, nil
}

// modelFolder reads the files of a model.
type modelFolder struct {
	dir  string
	man  manifest
	keys []age.Identity
}

// read reads a file, compares its checksum with that in model.json, and decrypts it where the model is encrypted.
func (f modelFolder) read(name string) ([]byte, error) {
	path := filepath.Join(f.dir, name)
	if f.man.Encrypted {
		path += sealed.Extension
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("behavior: %w", err)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != f.man.SHA256[name] {
		return nil, fmt.Errorf("behavior: %s is damaged, or of another model: its SHA-256 is not the one in %s; copy the model again, or train anew", path, runfolder.ModelFile)
	}
	if !f.man.Encrypted {
		return data, nil
	}
	var plain bytes.Buffer
	if err := sealed.DecryptFrom(&plain, bytes.NewReader(data), path, f.keys); err != nil {
		return nil, fmt.Errorf("behavior: the model is encrypted: %w", err)
	}
	return plain.Bytes(), nil
}
