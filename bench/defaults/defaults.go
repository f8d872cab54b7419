// Package defaults measures what a run file of three lines is worth: the data, the target, and nothing said about columns,
// model or training. Sets have two halves. On those of [Choose] the defaults were chosen, by the program choose beside this
// package; those of [Test] say how good they are on data that had no part in it.
package defaults

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"debut/datasets"
	"debut/datasets/configfile"
	"debut/datasets/duck"
	"debut/datasets/manifest"
	"debut/datasets/prepare"
	"debut/trainers/behavior"
	"debut/trainers/families"
	"debut/trainers/linear"
	"debut/trainers/metrics"
	"debut/trainers/run"
)

// DataVariable names the folder of real data.
const DataVariable = "DEBUT_DATA"

var uniform = regexp.MustCompile(`\{(\d+)\}`)

// Work is where a split of a set is made and trained on.
type Work struct {
	Folder  string // for files; the caller removes it
	Data    string // the folder of real data
	Threads int
	set     *Set
	made    *manifest.Dataset
}

// NewWork returns work in a folder, with the real data that the environment names.
func NewWork(folder string, threads int) *Work {
	data := os.Getenv(DataVariable)
	if data == "" {
		data = filepath.Join("..", "shared", "data")
	}
	if absolute, err := filepath.Abs(data); err == nil {
		data = absolute
	}
	return &Work{Folder: folder, Data: data, Threads: threads}
}

// Target is the column to be predicted.
func (w *Work) Target() string { return w.set.Target }

func (w *Work) prepared() string { return filepath.Join(w.Folder, "prepared") }

// Prepare makes the parts of a split of a set.
func (w *Work) Prepare(ctx context.Context, s *Set, split int) (err error) {
	w.set = s
	w.made, err = w.prepare(ctx, s, split)
	return err
}

func (w *Work) prepare(ctx context.Context, s *Set, split int) (*manifest.Dataset, error) {
	if err := os.MkdirAll(w.Folder, 0o700); err != nil {
		return nil, err
	}
	text, err := s.plan(ctx, w, split)
	if err != nil {
		return nil, err
	}
	cfg := new(prepare.Config)
	if err := configfile.Parse(s.Name+".yaml", []byte(text), cfg, nil); err != nil {
		return nil, err
	}
	cfg.Output, cfg.Threads = w.prepared(), w.Threads
	return prepare.Run(ctx, cfg, prepare.Options{Overwrite: true})
}

// Trained is what a training came to.
type Trained struct {
	Test, Validation *metrics.Result
	Epochs, Best     int
	Parameters       int64
	TrainRows        int64
	TestRows         int64
}

// Train trains the three lines, with settings laid over them as --set has them.
func (w *Work) Train(ctx context.Context, overrides ...string) (*Trained, error) {
	text := fmt.Appendf(nil, "name: run\noutput: %q\ndevice: cpu\nthreads: %d\ndata: {prepared: %q, target: %q}\n", filepath.Join(w.Folder, "runs"), w.Threads, w.prepared(), w.set.Target)
	cfg, err := families.Parse("run.yaml", text, overrides)
	if err != nil {
		return nil, err
	}
	out, err := run.Train(ctx, cfg, run.Options{ConfigPath: "run.yaml", Overwrite: true})
	if err != nil {
		return nil, err
	}
	t := &Trained{Test: out.Result.Metrics[run.PartTest], Validation: out.Result.Metrics[run.PartValidation], Epochs: len(out.Result.Epochs)}
	if b := out.Result.Best; b != nil {
		t.Best = b.Epoch
	}
	t.TrainRows, t.TestRows = w.made.Part(manifest.Train).Rows, w.made.Part(manifest.Test).Rows
	if t.Test == nil {
		return nil, fmt.Errorf("the run has no test part")
	}
	return t, nil
}

// Linear returns the training rows as a linear model of two classes has them of which nothing is said, without a penalty.
func (w *Work) Linear(ctx context.Context) (*linear.Problem, error) {
	cfg, err := behavior.Parse("run.yaml", fmt.Appendf(nil, "name: run\ndata: {prepared: %q, target: %q}\nmodel: {kind: linear}\n", w.prepared(), w.set.Target), nil)
	if err != nil {
		return nil, err
	}
	data, err := datasets.Load(ctx, &cfg.Data, "", cfg.Seed, nil)
	if err != nil {
		return nil, err
	}
	defer data.Close()
	rows, err := data.Train.Together(ctx)
	if err != nil {
		return nil, err
	}
	p := &linear.Problem{Rows: rows.Rows, Numeric: rows.Numeric, D: rows.D, IDs: rows.IDs, Weight: rows.Weight, Target: rows.Target, Outputs: 1, Loss: linear.Logistic}
	for _, f := range data.Encoder.CategoricalFields() {
		p.Cardinalities = append(p.Cardinalities, f.Cardinality)
	}
	return p, nil
}

// Column is a column as a peer reads it.
type Column struct {
	Name  string `json:"name"`
	Kind  string `json:"kind"` // a type of package manifest
	Code  bool   `json:"code"` // whole numbers that name things
	Width int    `json:"width,omitempty"`
}

// Export writes the rows for peers: rest.csv, which has the training rows and those of validation behind them, and test.csv. A vector
// becomes a column for each number.
func (w *Work) Export(ctx context.Context) ([]Column, error) {
	var columns []Column
	selected := ""
	for _, c := range w.made.Columns {
		if c.ID || c.Name == w.set.Target {
			continue
		}
		column := Column{Name: c.Name, Kind: c.Type, Width: c.Width}
		for _, code := range w.set.Codes {
			column.Code = column.Code || code == c.Name
		}
		columns = append(columns, column)
		name := quoted(c.Name)
		switch c.Type {
		case manifest.Vector:
			for k := range c.Width {
				selected += fmt.Sprintf("%s[%d] AS %s, ", name, k+1, quoted(fmt.Sprintf("%s.%d", c.Name, k)))
			}
		case manifest.Date:
			selected += fmt.Sprintf("epoch(%s) AS %s, ", name, name)
		case manifest.Boolean:
			selected += fmt.Sprintf("%s::INT AS %s, ", name, name)
		default:
			selected += name + ", "
		}
	}
	selected += quoted(w.set.Target)
	file := func(part string) string { return filepath.Join(w.prepared(), w.made.Part(part).File) }
	for name, from := range map[string]string{
		"rest.csv": fmt.Sprintf("[%s, %s]", duck.Literal(file(manifest.Train)), duck.Literal(file(manifest.Validation))),
		"test.csv": fmt.Sprintf("[%s]", duck.Literal(file(manifest.Test))),
	} {
		if err := statement(ctx, fmt.Sprintf("COPY (SELECT %s FROM read_parquet(%s)) TO %s (HEADER)", selected, from, duck.Literal(filepath.Join(w.Folder, name)))); err != nil {
			return nil, err
		}
	}
	return columns, nil
}

// statement runs a statement of DuckDB.
func statement(ctx context.Context, sql string) error {
	db, err := duck.Open(duck.Options{Threads: 1})
	if err != nil {
		return err
	}
	defer db.Close()
	return db.Query(ctx, sql, nil)
}

// quoted is a name in SQL.
func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
