package runfolder

import (
	"fmt"
	"maps"
	"math"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"debut/datasets/warning"
	"debut/trainers/metrics"
)

// Status is how far a run has come.
type Status string

// The statuses.
const (
	Running     Status = "running"
	Finished    Status = "finished"
	Interrupted Status = "interrupted" // ended at a step's boundary by a signal, with a model
	Failed      Status = "failed"
)

// Float is a float64 that is null in JSON where it is not finite, such as the loss of a
// diverged training: the result of a run is written in any case.
type Float float64

// MarshalJSON writes the number, or null where it is NaN or infinite.
func (f Float) MarshalJSON() ([]byte, error) {
	if x := float64(f); math.IsNaN(x) || math.IsInf(x, 0) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(f), 'g', -1, 64), nil
}

// UnmarshalJSON reads what MarshalJSON wrote; null becomes NaN.
func (f *Float) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*f = Float(math.NaN())
		return nil
	}
	x, err := strconv.ParseFloat(string(data), 64)
	if err != nil {
		return fmt.Errorf("runfolder: %s is not a number", data)
	}
	*f = Float(x)
	return nil
}

// EpochStats is one pass over the training rows.
type EpochStats struct {
	Epoch         int   `json:"epoch"`           // from 1
	Loss          Float `json:"loss"`            // mean training loss
	Rows          int64 `json:"rows"`            // rows trained on
	Seconds       Float `json:"seconds"`         // time spent training, without evaluation
	RowsPerSecond Float `json:"rows_per_second"` // Rows / Seconds
}

// MaxEpochs is how many epochs run.json lists, the last ones, and a checkpoint with it. metrics.jsonl has a line for each.
const MaxEpochs = 1000

// LastEpochs returns the last MaxEpochs of a list, to which others can be appended without it growing for ever.
func LastEpochs(list []EpochStats) []EpochStats {
	if n := len(list) - MaxEpochs; n > 0 {
		copy(list, list[n:])
		list = list[:MaxEpochs]
	}
	return list
}

// Totals add up all epochs of a training.
type Totals struct {
	Epochs  int   `json:"epochs"`
	Rows    int64 `json:"rows"`    // rows trained on
	Seconds Float `json:"seconds"` // time spent training, without evaluation
}

// Best is the evaluation whose parameters the model has.
type Best struct {
	Metric string `json:"metric"`
	Value  Float  `json:"value"`
	Epoch  int    `json:"epoch"` // from 1
	Step   int64  `json:"step"`  // optimizer steps before it
}

// Versions says what a run was made with.
type Versions struct {
	Debut    string            `json:"debut"` // version or revision of the source
	Go       string            `json:"go"`
	Platform string            `json:"platform"` // operating system and architecture
	Modules  map[string]string `json:"modules,omitempty"`
}

// DataFile identifies a file that the run has read.
type DataFile struct {
	Path   string `json:"path"`
	Bytes  int64  `json:"bytes,omitempty"`
	SHA256 string `json:"sha256"`
}

// Resumption is a point at which a run was gone on with.
type Resumption struct {
	Step   int64     `json:"step"`             // optimizer steps done before it
	Best   bool      `json:"best,omitempty"`   // it was the best checkpoint, not the newest
	Device string    `json:"device,omitempty"` // kind and level of what it goes on with
	At     time.Time `json:"at"`
}

// CheckpointStats tells of the checkpoints that a process has written.
type CheckpointStats struct {
	Written     int     `json:"written"`
	Seconds     float64 `json:"seconds"`      // that writing them took
	LastSeconds float64 `json:"last_seconds"` // that writing the last one took
	Step        int64   `json:"step"`         // of the last one
	Failed      int     `json:"failed,omitempty"`
	Error       string  `json:"error,omitempty"` // why the last one was not written
}

// Rollback is a point to which a training went back because it diverged.
type Rollback struct {
	Diverged int64   `json:"diverged"` // the step whose loss was no number, from 1
	Step     int64   `json:"step"`     // optimizer steps done at the checkpoint
	Rate     float64 `json:"rate"`     // what the learning rate is multiplied by from there on
	Cause    string  `json:"cause"`
}

// RunResult is run.json: what came out of a run, and all that is needed to tell two
// runs apart. The order of the fields is that of the file.
type RunResult struct {
	Status       Status                     `json:"status"`
	Error        string                     `json:"error,omitempty"` // why it failed
	Name         string                     `json:"name"`
	Family       string                     `json:"family,omitempty"` // of models; "": of a version that had behavior alone
	Task         metrics.Task               `json:"task,omitempty"`
	Protocol     string                     `json:"protocol,omitempty"` // how rows were split and what was chosen on which part
	Metrics      map[string]*metrics.Result `json:"metrics,omitempty"`  // by part: train, validation, test
	Best         *Best                      `json:"best,omitempty"`
	Stopped      string                     `json:"stopped,omitempty"`    // why training ended
	Epochs       []EpochStats               `json:"epochs,omitempty"`     // the last MaxEpochs
	Trained      *Totals                    `json:"trained,omitempty"`    // in all epochs
	Parameters   int64                      `json:"parameters,omitempty"` // numbers that were trained
	Device       string                     `json:"device,omitempty"`
	DeviceReason string                     `json:"device_reason,omitempty"` // why that device
	SIMD         string                     `json:"simd,omitempty"`          // instruction set of the kernels
	Threads      int                        `json:"threads,omitempty"`
	Seed         uint64                     `json:"seed"`
	Config       string                     `json:"config,omitempty"`    // run file the run was started with
	Directory    string                     `json:"directory,omitempty"` // working folder that relative paths start from
	Command      []string                   `json:"command,omitempty"`   // that started the run, or went on with it; without secrets
	Data         []DataFile                 `json:"data,omitempty"`
	Read         any                        `json:"read,omitempty"`  // what was found out about the data: types, how dates are written
	Found        any                        `json:"found,omitempty"` // what the model says of the data, beside its metrics
	Warnings     warning.List               `json:"warnings,omitempty"`
	Checkpoints  *CheckpointStats           `json:"checkpoints,omitempty"`
	Resumed      []Resumption               `json:"resumed,omitempty"`
	Rollbacks    []Rollback                 `json:"rollbacks,omitempty"`
	Sealed       string                     `json:"sealed,omitempty"` // the encrypted file that has what is left out here
	Versions     Versions                   `json:"versions,omitzero"`
	Started      time.Time                  `json:"started,omitzero"`
	Finished     time.Time                  `json:"finished,omitzero"`
}

// WithoutValues returns the result without what holds values of the data, how often they occur or the names of their columns.
func (r *RunResult) WithoutValues() *RunResult {
	out := *r
	out.Read, out.Found, out.Warnings = nil, nil, nil
	if r.Error != "" { // which may quote a value
		out.Error = "it is told in " + SealedFile + ", which is encrypted"
	}
	out.Metrics = maps.Clone(r.Metrics)
	for part, m := range out.Metrics {
		if m != nil {
			figures := *m
			figures.Classes, figures.Confusion, figures.Calibration, figures.Plain = nil, nil, nil, nil
			out.Metrics[part] = &figures
		}
	}
	return &out
}

// CurrentVersions returns the versions of the running program and, of the modules it was
// built with, those in modules; all of them where modules is empty.
func CurrentVersions(modules ...string) Versions {
	v := Versions{Debut: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Debut = info.Main.Version
	}
	wanted := make(map[string]bool, len(modules))
	for _, m := range modules {
		wanted[m] = true
	}
	for _, dep := range info.Deps {
		if len(wanted) > 0 && !wanted[dep.Path] {
			continue
		}
		if v.Modules == nil {
			v.Modules = map[string]string{}
		}
		if dep.Replace != nil {
			dep = dep.Replace
		}
		v.Modules[dep.Path] = dep.Version
	}
	return v
}
