package behavior

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"debut/datasets"
	"debut/engine"
	"debut/layers"
	"debut/trainers/loop"
	"debut/trainers/metrics"
	"debut/trainers/runfolder"
	"debut/trainers/tensorboard"
)

// reportEvery is the time between two reports of progress.
const reportEvery = 100 * time.Millisecond

// trainLoop does what the loop's state machine says, from the beginning or from where a checkpoint was made.
func (s *session) trainLoop(ctx context.Context, from *restored) error {
	l, err := loop.New(s.plan)
	if err != nil {
		return fmt.Errorf("behavior: %w", err)
	}
	e := &epoch{s: s, l: l, pipe: newPipeline(s, s.plan.Batch), steps: int64(s.plan.Steps()) * int64(s.plan.Epochs), boundary: true}
	defer e.pipe.close()
	e.start()
	if from != nil {
		if err := e.restore(from); err != nil {
			return err
		}
		if s.opt.Resume == ResumeBest { // what came after it is left behind now, not when the next checkpoint is due
			if err := s.keep.write(e); err != nil {
				return err
			}
		}
	}
	for {
		done, err := e.advance(ctx)
		var bad *engine.NonFiniteError
		if errors.As(err, &bad) {
			err = e.diverged(bad)
		}
		var diverged *divergedError
		if errors.As(err, &diverged) {
			if err = e.rollback(diverged); err == nil {
				continue
			}
		}
		if err != nil || done {
			return e.stop(err)
		}
	}
}

// advance does what comes next. Batches are gathered one ahead; every other event, a checkpoint, and an interruption,
// first waits until what was handed out is trained on.
func (e *epoch) advance(ctx context.Context) (done bool, err error) {
	s := e.s
	if ctx.Err() != nil {
		if err := e.flush(); err != nil {
			return false, err
		}
		if e.boundary {
			s.result.Stopped = "interrupted"
			return false, e.interrupted()
		}
	}
	ev := e.l.Next()
	if ev.Kind == loop.Batch {
		e.pipe.push(ev)
		if e.pipe.waiting > 1 {
			if err := e.trainNext(); err != nil {
				return false, err
			}
		}
		if !s.keep.wants(ev, e.l.State()) {
			return false, nil
		}
		if err := e.flush(); err != nil {
			return false, err
		}
		s.keep.periodic(e)
		return false, nil
	}
	if err := e.flush(); err != nil {
		return false, err
	}
	switch ev.Kind {
	case loop.Evaluate:
		err = e.evaluate()
	case loop.EpochEnd:
		err = e.end()
	case loop.Done:
		s.result.Stopped = e.l.State().Stopped
		e.last()
		return true, nil
	}
	if err == nil && s.keep.wants(ev, e.l.State()) {
		s.keep.periodic(e)
	}
	return false, err
}

// interrupted saves the state of a training that was told to end.
func (e *epoch) interrupted() error {
	if err := e.checkFinite(); err != nil {
		return err // where it may go back, it does, and is interrupted there
	}
	k := e.s.keep
	if err := k.write(e); err != nil {
		k.failed(err)
		return errors.Join(fmt.Errorf("no checkpoint could be written; the one of step %d is the last: %w", k.stats.Step, err), ErrInterrupted)
	}
	return ErrInterrupted
}

// last saves the state in which the training ended, so that it can be given more epochs.
func (e *epoch) last() {
	if err := e.s.keep.write(e); err != nil {
		e.s.keep.failed(err) // the model is what matters now
	}
}

// flush trains on every batch handed out, and waits until that is done.
func (e *epoch) flush() error {
	for e.pipe.waiting > 0 {
		if err := e.trainNext(); err != nil {
			return err
		}
	}
	return e.account(true)
}

// trainNext trains on the oldest batch handed out.
func (e *epoch) trainNext() error {
	began := time.Now()
	j := e.pipe.take()
	engine.AddBatchTime(e.s.opt.Profile, began)
	err := j.err
	if err == nil {
		err = e.batch(j.ev, j.feed)
	}
	e.pipe.done(j)
	return err
}

// stop notes the best evaluation.
func (e *epoch) stop(err error) error {
	if st := e.l.State(); st.HasBest {
		e.s.result.Best = &runfolder.Best{Metric: e.s.metric, Value: runfolder.Float(st.Best), Epoch: st.BestEpoch + 1, Step: st.BestStep}
	}
	return err
}

// epoch keeps the figures of the epoch under way.
type epoch struct {
	s        *session
	l        *loop.Loop
	pipe     *pipeline
	steps    int64 // of the whole run
	boundary bool  // no step is half done

	number     int           // from 1
	trained    time.Duration // training, without evaluation
	resumed    time.Time     // when training went on
	rows       int64
	loss       float64 // sum of the steps' mean losses, weighted by their rows
	lossRows   int64
	recent     float64 // the same since the last report
	recentRows int64
	unknown    []int // rows of the steps whose losses are not known yet
	reported   time.Time
	allSpent   time.Duration
	allRows    int64
}

// figures are what an epoch keeps, for a checkpoint.
type figures struct {
	Rows       int64         `json:"rows"`
	Loss       float64       `json:"loss"`
	LossRows   int64         `json:"loss_rows"`
	Trained    time.Duration `json:"trained"` // nanoseconds
	AllRows    int64         `json:"all_rows"`
	AllTrained time.Duration `json:"all_trained"`
	Seconds    float64       `json:"seconds"` // of the run, evaluations and all
}

func (e *epoch) figures() figures {
	return figures{e.rows, e.loss, e.lossRows, e.trained + time.Since(e.resumed), e.allRows, e.allSpent, e.s.seconds()}
}

func (e *epoch) setFigures(f figures) {
	e.rows, e.loss, e.lossRows, e.trained, e.allRows, e.allSpent = f.Rows, f.Loss, f.LossRows, f.Trained, f.AllRows, f.AllTrained
	e.recent, e.recentRows, e.unknown = 0, 0, e.unknown[:0]
	e.s.before = f.Seconds - time.Since(e.s.started).Seconds()
}

// seconds is how long the run has taken, in this process and in those before.
func (s *session) seconds() float64 { return s.before + time.Since(s.started).Seconds() }

func (e *epoch) start() {
	e.number++
	e.trained, e.rows, e.loss, e.lossRows = 0, 0, 0, 0
	e.resumed = time.Now()
}

// batch trains on one micro-batch, whose rows a feeder holds.
func (e *epoch) batch(ev loop.Event, feed *feeder) error {
	t, n := e.s.trainer, ev.N
	if err := t.SetRows(n); err != nil {
		return err
	}
	if err := feed.feedFeatures(t.Program, n); err != nil {
		return err
	}
	if err := engine.Feed(t.Program, layers.InputTarget, feed.target[:n]); err != nil {
		return err
	}
	if err := engine.Feed(t.Program, layers.InputWeight, feed.weight[:n]); err != nil {
		return err
	}
	if err := feed.feedScale(t.Program, ev.StepRows); err != nil {
		return err
	}
	if err := t.Step(ev.Step, e.s.opt.Profile); err != nil {
		return err
	}
	e.rows += int64(n)
	e.boundary = ev.Step
	if !ev.Step {
		return nil
	}
	if e.s.opt.Profile != nil {
		e.s.opt.Profile.EndStep()
	}
	e.unknown = append(e.unknown, ev.StepRows)
	now := time.Now()
	due := now.Sub(e.reported) >= reportEvery
	if err := e.account(due); err != nil {
		return err
	}
	if due {
		e.reported = now
		e.report(e.recent/float64(e.recentRows), nil, "", false)
		e.recent, e.recentRows = 0, 0
	}
	return nil
}

// account adds up the losses of the steps that have become known; with wait, of all. Step by step, so that the sum does not
// depend on when somebody asks for it.
func (e *epoch) account(wait bool) error {
	losses, err := e.s.trainer.Losses(wait)
	for i, loss := range losses {
		rows := e.unknown[i]
		e.loss += loss * float64(rows)
		e.lossRows += int64(rows)
		e.recent += loss * float64(rows)
		e.recentRows += int64(rows)
	}
	e.unknown = append(e.unknown[:0], e.unknown[len(losses):]...)
	return err
}

// labels gathers targets and weights, behind those of so many rows that are there: targets of a regression in standard
// deviations, weights about 1.
func (f *feeder) labels(s *session, d *datasets.Encoded, rows []int32, there int) {
	target, weight := f.target[there:there+len(rows)], f.weight[there:there+len(rows)]
	d.Gather(&datasets.Batch{Target: f.target, Weight: f.weight}, there, rows)
	if s.task == metrics.TaskRegression {
		mean, scale := s.data.Encoder.Target.Mean, targetScale(s.data.Encoder)
		for i, t := range target {
			target[i] = float32((float64(t) - mean) / scale)
		}
	}
	if d.Weight != nil {
		for i := range weight {
			weight[i] = float32(float64(weight[i]) / s.weightMean)
		}
	}
}

// feedScale feeds one over the rows of the step.
func (f *feeder) feedScale(p *engine.Program, stepRows int) error {
	f.scale[0] = 1 / float32(stepRows)
	return engine.Feed(p, layers.InputScale, f.scale[:])
}

func (e *epoch) report(loss float64, m *metrics.Result, part string, best bool) {
	spent := e.allSpent + e.trained + time.Since(e.resumed)
	rate := float64(e.allRows+e.rows) / max(spent.Seconds(), 1e-9)
	p := Progress{
		Epoch: e.number, Epochs: e.s.plan.Epochs, Step: e.s.trainer.Steps(), Steps: e.steps,
		Rows: e.rows, RowsPerEpoch: int64(e.s.plan.Rows), RowsPerSecond: rate, Loss: loss, LearningRate: e.s.trainer.Rate(),
		Metrics: m, Part: part, Best: best,
	}
	p.ETA = time.Duration(float64(e.l.RowsLeft()) / rate * float64(time.Second))
	e.s.opt.Progress(p)
}

// evaluate scores the validation rows and hands the deciding metric to the loop.
func (e *epoch) evaluate() error {
	e.trained += time.Since(e.resumed)
	defer func() { e.resumed = time.Now() }()
	s := e.s
	r, err := s.model.measurePart(context.Background(), s.validation(), 0)
	if err != nil {
		return fmt.Errorf("behavior: validation rows: %w", err)
	}
	score, err := r.Get(s.metric)
	if err != nil {
		return err
	}
	verdict, err := e.l.Observe(score)
	if err != nil {
		return err
	}
	loss := e.loss / float64(max(e.lossRows, 1))
	s.record.evaluation(s.opt.Log, runfolder.Evaluation{
		Epoch: e.number, Step: s.trainer.Steps(), Rows: e.allRows + e.rows, Seconds: runfolder.Float(s.seconds()),
		Part: PartValidation, Loss: runfolder.Float(loss), Metrics: r.Values, Best: verdict.Improved,
	})
	e.resumed = time.Now()
	if verdict.Improved {
		if err := e.checkFinite(); err != nil { // a state to go back to must not be one that has diverged
			return err
		}
		if err := s.keep.noteBest(e); err != nil {
			return err
		}
	}
	e.report(loss, r, PartValidation, verdict.Improved)
	return nil
}

// checkFinite returns a *divergedError for a tensor that is not finite, which no loss has shown yet.
func (e *epoch) checkFinite() error {
	name, value, err := e.s.keep.nonFinite()
	if err == nil && name != "" {
		err = &divergedError{epoch: e.number, step: e.s.trainer.Steps(), what: fmt.Sprintf("the tensor %q holds %v", name, value)}
	}
	return err
}

// end closes the epoch.
func (e *epoch) end() error {
	if err := e.checkFinite(); err != nil {
		return err
	}
	e.trained += time.Since(e.resumed)
	e.resumed = time.Now()
	loss := e.loss / float64(max(e.lossRows, 1))
	s := e.s
	seconds := e.trained.Seconds()
	s.result.Epochs = append(s.result.Epochs, runfolder.EpochStats{
		Epoch: e.number, Loss: runfolder.Float(loss), Rows: e.rows, Seconds: runfolder.Float(seconds), RowsPerSecond: runfolder.Float(float64(e.rows) / max(seconds, 1e-9)),
	})
	s.record.epoch(s.opt.Log, s.trainer.Steps(), loss, s.trainer.Rate())
	if s.validation() == nil {
		e.report(loss, nil, "", false)
	}
	e.allSpent += e.trained
	e.allRows += e.rows
	e.start()
	return nil
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
