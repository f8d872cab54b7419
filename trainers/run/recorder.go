package run

import (
	"errors"
	"log/slog"
	"time"

	"debut/trainers/metrics"
	"debut/trainers/runfolder"
	"debut/trainers/tensorboard"
)

// Progress tells how far a training is.
type Progress struct {
	Epoch, Epochs int   // from 1
	Step, Steps   int64 // of the whole run
	Rows          int64 // of this epoch
	RowsPerEpoch  int64
	RowsPerSecond float64
	Loss          float64 // mean over the rows since the last report
	LearningRate  float64
	ETA           time.Duration   // without early stopping
	Metrics       *metrics.Result // after an evaluation, else nil
	Part          string          // of Metrics
	Best          bool            // Metrics are the best so far
}

// recorder writes the course of a training: metrics.jsonl and TensorBoard events.
type recorder struct {
	log    *runfolder.MetricsLog
	events *tensorboard.File
	told   bool // of the first failure
}

func newRecorder(f *runfolder.Folder, at time.Time) (*recorder, error) {
	log, err := f.Metrics()
	if err != nil {
		return nil, err
	}
	events, err := f.Events(at)
	if err != nil {
		_ = log.Close() // the error that matters is the first
		return nil, err
	}
	return &recorder{log: log, events: events}, nil
}

// failed tells the first time that the course could not be written, as on a full disk: no reason to end a training.
func (r *recorder) failed(log *slog.Logger, err error) {
	if !r.told {
		log.Warn("the course of the training could not be written; the training goes on", "error", err)
	}
	r.told = true
}

func (r *recorder) evaluation(log *slog.Logger, ev runfolder.Evaluation) {
	err := r.log.Append(ev)
	scalars := make([]tensorboard.Scalar, 0, len(ev.Metrics))
	for _, v := range ev.Metrics {
		scalars = append(scalars, tensorboard.Scalar{Tag: ev.Part + "/" + v.Name, Value: v.Value})
	}
	if err = errors.Join(err, r.events.Scalars(time.Now(), ev.Step, scalars...)); err != nil {
		r.failed(log, err)
	}
}

// line writes a line of metrics.jsonl alone.
func (r *recorder) line(log *slog.Logger, ev runfolder.Evaluation) {
	if err := r.log.Append(ev); err != nil {
		r.failed(log, err)
	}
}

func (r *recorder) epoch(log *slog.Logger, step int64, loss, rate float64) {
	err := r.events.Scalars(time.Now(), step, tensorboard.Scalar{Tag: "train/loss", Value: loss}, tensorboard.Scalar{Tag: "train/learning_rate", Value: rate})
	if err != nil {
		r.failed(log, err)
	}
}

func (r *recorder) close() error {
	err := r.log.Close()
	if cerr := r.events.Close(); err == nil {
		err = cerr
	}
	return err
}
