// Package export writes a trained model in the forms that serving systems read: as graphs of ONNX, alone, in a model repository of Triton
// Inference Server or in a bundle that explains itself, and its numbers as safetensors, .npy and Parquet.
//
// What a family's models can say is theirs, by the interfaces [model.Exporter] and [model.Tensors]. A folder appears complete or not at all; export.json in it
// lists the files with their checksums.
package export

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"filippo.io/age"

	"debut/datasets/atomicfile"
	"debut/datasets/manifest"
	"debut/datasets/publish"
	"debut/datasets/sealed"
	"debut/datasets/strictjson"
	"debut/trainers/model"
)

// Formats of an export.
const (
	ONNX        = "onnx"
	Safetensors = "safetensors"
	NPY         = "npy"
	Parquet     = "parquet"
	Triton      = "triton"
	Bundle      = "bundle"
)

// Formats lists them.
func Formats() []string { return []string{ONNX, Safetensors, NPY, Parquet, Triton, Bundle} }

// Where the tables of a graph lie.
const (
	Inside = "inside"
	Beside = "beside"
)

// Defaults of options, and their bounds.
const (
	DefaultVocabulary = 1_000_000
	MaxVocabulary     = 10_000_000 // keys of a graph are in one message, which ends at 2 GiB
	DefaultK          = 10
	MaxK              = 10_000
)

// Options say what is written.
type Options struct {
	Format    string
	Folder    string
	Overwrite bool // replace an earlier export
	// Tables is where tables lie: Inside or Beside; "" is inside up to onnx.LargestInside bytes.
	Tables string
	Graph  model.GraphOptions
	// Name is that of the model, for Triton and a bundle.
	Name string
	// About tells of the training, for a bundle.
	About About
	// To can read what is written; none: everybody.
	To []age.Recipient
	// Verify runs what was written; nil: it is not run.
	Verify *Verification
	// Version is the program's.
	Version string
}

// Result is what was written.
type Result struct {
	Format string  `json:"format"`
	Folder string  `json:"folder"`
	Files  []File  `json:"files"`
	Graphs []Graph `json:"graphs,omitempty"`
	// Tensors are the names of what was taken out, where no graph was written.
	Tensors []string `json:"tensors,omitempty"`
	// Verified are comparisons with ONNX Runtime, by graph.
	Verified []Verified `json:"verified,omitempty"`
}

// File is one of an export.
type File struct {
	Name   string `json:"name"` // below the folder, with slashes
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Graph is a question that was written.
type Graph struct {
	Name string `json:"name"`
	File string `json:"file"`
	model.Signature
}

// Write exports a model.
func Write(ctx context.Context, m model.Model, o Options) (_ *Result, err error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if err := publish.Check(o.Folder, o.Overwrite, kind); err != nil {
		return nil, err
	}
	folder, err := publish.Begin(o.Folder, kind)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, folder.Discard()) }()
	w := &writer{dir: folder.Dir, o: &o, m: m, result: &Result{Format: o.Format, Folder: o.Folder}}
	switch o.Format {
	case ONNX:
		err = w.graphs(ctx, func(graph string) string { return graph + ".onnx" })
	case Triton:
		err = w.triton(ctx)
	case Bundle:
		err = w.bundle(ctx)
	case Safetensors:
		err = w.tensors(ctx)
	case NPY:
		err = w.npy(ctx)
	case Parquet:
		err = w.parquet(ctx)
	}
	if err == nil {
		err = w.manifest()
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	return w.result, folder.Commit()
}

func (o *Options) check() error {
	switch {
	case !slices.Contains(Formats(), o.Format):
		return fmt.Errorf("export: there is no format %q; there are %s", o.Format, strings.Join(Formats(), ", "))
	case o.Tables != "" && o.Tables != Inside && o.Tables != Beside:
		return fmt.Errorf("export: tables are %s or %s, not %q", Inside, Beside, o.Tables)
	case o.Graph.K < 1 || o.Graph.K > MaxK:
		return fmt.Errorf("export: lists of %d items; give a number from 1 to %d", o.Graph.K, MaxK)
	case o.Graph.Vocabulary < 0 || o.Graph.Vocabulary > MaxVocabulary:
		return fmt.Errorf("export: vocabularies of %d values; give a number from 0 to %d", o.Graph.Vocabulary, MaxVocabulary)
	}
	return nil
}

// writer is one export.
type writer struct {
	dir    string
	o      *Options
	m      model.Model
	result *Result
}

// file writes a file, encrypted where there are recipients.
func (w *writer) file(name string, fill func(io.Writer) error) (err error) {
	if len(w.o.To) > 0 {
		name += sealed.Extension
	}
	path := filepath.Join(w.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	out := &counted{to: bufio.NewWriterSize(f, 1<<16), sum: sha256.New()}
	if err := seal(out, w.o.To, fill); err != nil {
		return fmt.Errorf("export: %s: %w", name, err)
	}
	if err := errors.Join(out.to.Flush(), f.Sync()); err != nil {
		return fmt.Errorf("export: %s: %w", name, err)
	}
	w.result.Files = append(w.result.Files, File{name, out.n, hex.EncodeToString(out.sum.Sum(nil))})
	return nil
}

// seal has a file filled, encrypted where there are recipients.
func seal(out io.Writer, to []age.Recipient, fill func(io.Writer) error) error {
	if len(to) == 0 {
		return fill(out)
	}
	in, err := sealed.Encrypt(out, to)
	if err != nil {
		return err
	}
	if err := fill(in); err != nil {
		return err
	}
	return in.Close()
}

// counted tells the size and the checksum of what passes.
type counted struct {
	to  *bufio.Writer
	sum interface {
		io.Writer
		Sum(b []byte) []byte
	}
	n int64
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.to.Write(b)
	c.n += int64(n)
	_, _ = c.sum.Write(b[:n]) // hash.Hash documents that Write never fails
	return n, err
}

// json writes a value.
func (w *writer) json(name string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("export: %s: %w", name, err)
	}
	return w.text(name, string(text)+"\n")
}

func (w *writer) text(name, text string) error {
	return w.file(name, func(out io.Writer) error {
		_, err := io.WriteString(out, text)
		return err
	})
}

// manifestFile lists the files of an export. It tells an export from other folders.
const manifestFile = "export.json"

// described is the contents of manifestFile.
type described struct {
	Format    string            `json:"format"`
	Version   int               `json:"version"`
	Kind      string            `json:"kind"`
	Family    string            `json:"family"`
	Program   string            `json:"program"`
	Encrypted bool              `json:"encrypted,omitempty"`
	SHA256    map[string]string `json:"sha256"`
}

const (
	exportFormat  = "debut export"
	exportVersion = 1
)

// manifest writes manifestFile, last and in the clear: it tells nothing of the model.
func (w *writer) manifest() error {
	d := described{Format: exportFormat, Version: exportVersion, Kind: w.o.Format, Family: w.m.Family(), Program: "debut " + w.o.Version, Encrypted: len(w.o.To) > 0, SHA256: map[string]string{}}
	for _, f := range w.result.Files {
		d.SHA256[f.Name] = f.SHA256
	}
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return atomicfile.Write(filepath.Join(w.dir, manifestFile), 0o644, func(out io.Writer) error {
		_, err := out.Write(append(text, '\n'))
		return err
	})
}

// maxManifest bounds a manifest that is read.
const maxManifest = 1 << 24

// kind recognizes exports, which another may replace.
func kind(dir string) (owns func(name string) bool, err error) {
	text, err := atomicfile.Read(filepath.Join(dir, manifestFile), maxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s has no %s: %w", filepath.Base(dir), manifestFile, manifest.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	var d described
	if err := strictjson.Unmarshal(text, &d); err != nil || d.Format != exportFormat {
		return nil, fmt.Errorf("%s in %s is none of an export; choose another folder", manifestFile, filepath.Base(dir))
	}
	return func(name string) bool {
		_, ok := d.SHA256[name]
		return ok || name == manifestFile
	}, nil
}
