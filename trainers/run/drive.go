package run

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"debut/engine"
	"debut/trainers/loop"
	"debut/trainers/metrics"
	"debut/trainers/runfolder"
)

// reportEvery is the time between two reports of progress.
const reportEvery = 100 * time.Millisecond

// driver does what the loop's state machine says, and keeps the figures of the epoch under way.
type driver struct {
	s        *session
	l        *loop.Loop
	ahead    *prefetch
	steps    int64 // of the whole run
	boundary bool  // no step is half done

	number     int           // of the epoch, from 1
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

// drive trains from the beginning, or from where a checkpoint was made.
func (s *session) drive(ctx context.Context, from *restored) error {
	plan := s.course.Plan
	l, err := loop.New(plan)
	if err != nil {
		return fmt.Errorf("run: %w", err)
	}
	// What begins is short. An interruption meanwhile is noticed before the first batch, where the state can be saved.
	end, err := s.gradual.Begin(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	d := &driver{s: s, l: l, ahead: newPrefetch(s.gradual.Gather), steps: int64(plan.Steps()) * int64(plan.Epochs), boundary: true}
	defer func() {
		d.ahead.close()
		end()
	}()
	d.start()
	if from != nil {
		if err := d.restore(from); err != nil {
			return err
		}
		if s.opt.Resume == ResumeBest { // what came after it is left behind now, not when the next checkpoint is due
			if err := s.keep.write(d); err != nil {
				return err
			}
		}
	}
	for {
		done, err := d.advance(ctx)
		var bad interface{ Diverged() (int64, float64) }
		if errors.As(err, &bad) {
			err = d.diverged(bad.Diverged())
		}
		var diverged *divergedError
		if errors.As(err, &diverged) {
			if err = d.rollback(diverged); err == nil {
				continue
			}
		}
		if err != nil || done {
			return d.stop(err)
		}
	}
}

// advance does what comes next. Batches are gathered one ahead; every other event, a checkpoint, and an interruption,
// first waits until what was handed out is trained on.
func (d *driver) advance(ctx context.Context) (done bool, err error) {
	s := d.s
	if ctx.Err() != nil {
		if err := d.flush(); err != nil {
			return false, err
		}
		if d.boundary {
			s.result.Stopped = "interrupted"
			return false, d.interrupted()
		}
	}
	ev := d.l.Next()
	if ev.Kind == loop.Batch {
		d.ahead.push(ev)
		if d.ahead.waiting > 1 {
			if err := d.trainNext(); err != nil {
				return false, err
			}
		}
		if !s.keep.wants(ev, d.l.State()) {
			return false, nil
		}
		if err := d.flush(); err != nil {
			return false, err
		}
		return false, s.keep.periodic(d)
	}
	if err := d.flush(); err != nil {
		return false, err
	}
	if err := s.folder.Check(); err != nil {
		return false, err
	}
	switch ev.Kind {
	case loop.Evaluate:
		if err = d.evaluate(ctx); err != nil && ctx.Err() != nil {
			return false, nil // the next look at the context ends the training; the evaluation is repeated on resumption
		}
	case loop.EpochEnd:
		err = d.endEpoch()
	case loop.Done:
		s.result.Stopped = d.l.State().Stopped
		d.last()
		return true, nil
	}
	if err == nil && s.keep.wants(ev, d.l.State()) {
		err = s.keep.periodic(d)
	}
	return false, err
}

// interrupted saves the state of a training that was told to end.
func (d *driver) interrupted() error {
	if err := d.checkFinite(); err != nil {
		return err // where it may go back, it does, and is interrupted there
	}
	k := d.s.keep
	if err := k.write(d); err != nil {
		if errors.Is(err, runfolder.ErrGone) {
			return err
		}
		k.failed(err)
		return errors.Join(fmt.Errorf("no checkpoint could be written; the one of step %d is the last: %w", k.stats.Step, err), ErrInterrupted)
	}
	return ErrInterrupted
}

// last saves the state in which the training ended, so that it can be given more epochs.
func (d *driver) last() {
	if err := d.s.keep.write(d); err != nil {
		d.s.keep.failed(err) // the model is what matters now
	}
}

// flush trains on every batch handed out, and waits until that is done.
func (d *driver) flush() error {
	for d.ahead.waiting > 0 {
		if err := d.trainNext(); err != nil {
			return err
		}
	}
	return d.account(true)
}

// trainNext trains on the oldest batch handed out.
func (d *driver) trainNext() error {
	began := time.Now()
	b := d.ahead.take()
	engine.AddBatchTime(d.s.opt.Profile, began)
	err := b.err
	if err == nil {
		err = d.step(b.ev, b.slot)
	}
	d.ahead.done(b)
	return err
}

// stop notes the best evaluation, or that there is none.
func (d *driver) stop(err error) error {
	st := d.l.State()
	if st.HasBest {
		d.s.result.Best = &runfolder.Best{Metric: d.s.course.Metric, Value: runfolder.Float(st.Best), Epoch: st.BestEpoch + 1, Step: st.BestStep}
	}
	if st.Evaluated > 0 {
		d.s.result.Protocol = d.s.task.Describe().Protocol + d.s.choice(st.HasBest)
		if !st.HasBest && st.Bad == 0 { // also where that was evaluated before a resumption
			d.s.warnUndefined()
		}
	}
	return err
}

// figures are what a driver keeps of an epoch, for a checkpoint.
type figures struct {
	Rows       int64         `json:"rows"`
	Loss       float64       `json:"loss"`
	LossRows   int64         `json:"loss_rows"`
	Trained    time.Duration `json:"trained"` // nanoseconds
	AllRows    int64         `json:"all_rows"`
	AllTrained time.Duration `json:"all_trained"`
	Seconds    float64       `json:"seconds"` // of the run, evaluations and all
}

func (d *driver) figures() figures {
	return figures{d.rows, d.loss, d.lossRows, d.trained + time.Since(d.resumed), d.allRows, d.allSpent, d.s.seconds()}
}

func (d *driver) setFigures(f figures) {
	d.rows, d.loss, d.lossRows, d.trained, d.allRows, d.allSpent = f.Rows, f.Loss, f.LossRows, f.Trained, f.AllRows, f.AllTrained
	d.recent, d.recentRows, d.unknown = 0, 0, d.unknown[:0]
	d.s.before = f.Seconds - time.Since(d.s.started).Seconds()
}

// seconds is how long the run has taken, in this process and in those before.
func (s *session) seconds() float64 { return s.before + time.Since(s.started).Seconds() }

func (d *driver) start() {
	d.number++
	d.trained, d.rows, d.loss, d.lossRows = 0, 0, 0, 0
	d.resumed = time.Now()
}

// step trains on one micro-batch.
func (d *driver) step(ev loop.Event, slot int) error {
	if err := d.s.gradual.Step(ev, slot); err != nil {
		return err
	}
	d.rows += int64(ev.N)
	d.boundary = ev.Step
	if !ev.Step {
		return nil
	}
	if d.s.opt.Profile != nil {
		d.s.opt.Profile.EndStep()
	}
	d.unknown = append(d.unknown, ev.StepRows)
	now := time.Now()
	due := now.Sub(d.reported) >= reportEvery
	if err := d.account(due); err != nil {
		return err
	}
	if due {
		d.reported = now
		d.report(d.recent/float64(d.recentRows), nil, "", false)
		d.recent, d.recentRows = 0, 0
	}
	return nil
}

// account adds up the losses of the steps that have become known; with wait, of all. Step by step, so that the sum does not
// depend on when somebody asks for it.
func (d *driver) account(wait bool) error {
	losses, err := d.s.gradual.Losses(wait)
	for i, loss := range losses {
		rows := d.unknown[i]
		d.loss += loss * float64(rows)
		d.lossRows += int64(rows)
		d.recent += loss * float64(rows)
		d.recentRows += int64(rows)
	}
	d.unknown = append(d.unknown[:0], d.unknown[len(losses):]...)
	return err
}

func (d *driver) report(loss float64, m *metrics.Result, part string, best bool) {
	epoch := d.trained + time.Since(d.resumed)
	rate := float64(d.allRows+d.rows) / max((d.allSpent+epoch).Seconds(), 1e-9) // of all epochs, for what is to come
	plan := d.s.course.Plan
	p := Progress{
		Epoch: d.number, Epochs: plan.Epochs, Step: d.s.gradual.State().Steps(), Steps: d.steps,
		Rows: d.rows, RowsPerEpoch: int64(plan.Rows), RowsPerSecond: float64(d.rows) / max(epoch.Seconds(), 1e-9), Loss: loss, LearningRate: d.s.gradual.Rate(),
		Metrics: m, Part: part, Best: best,
	}
	p.ETA = time.Duration(float64(d.l.RowsLeft()) / rate * float64(time.Second))
	d.s.opt.Progress(p)
}

// partError names the part of the data that an error is about.
func partError(part string, err error) error { return fmt.Errorf("%s rows: %w", part, err) }

// evaluate scores the validation rows and hands the deciding metric to the loop.
func (d *driver) evaluate(ctx context.Context) error {
	d.trained += time.Since(d.resumed)
	defer func() { d.resumed = time.Now() }()
	s := d.s
	r, err := s.task.Evaluate(ctx, PartValidation)
	if err != nil {
		return partError(PartValidation, err)
	}
	score, err := r.Get(s.course.Metric)
	if err != nil {
		return err
	}
	if math.IsNaN(score) {
		s.warnUndefined()
	}
	verdict, err := d.l.Observe(score)
	if err != nil {
		return err
	}
	loss := d.loss / float64(max(d.lossRows, 1))
	s.record.evaluation(s.opt.Log, runfolder.Evaluation{
		Epoch: d.number, Step: s.gradual.State().Steps(), Rows: d.allRows + d.rows, Seconds: runfolder.Float(s.seconds()),
		Part: PartValidation, Loss: runfolder.Float(loss), Metrics: r.Values, Best: verdict.Improved,
	})
	d.resumed = time.Now()
	if verdict.Improved {
		if err := d.checkFinite(); err != nil { // a state to go back to must not be one that has diverged
			return err
		}
		if err := s.keep.noteBest(d); err != nil {
			return err
		}
	}
	d.report(loss, r, PartValidation, verdict.Improved)
	return nil
}

// checkFinite returns a *divergedError for a tensor that is not finite, which no loss has shown yet.
func (d *driver) checkFinite() error {
	name, value, err := d.s.keep.nonFinite()
	if err == nil && name != "" {
		err = &divergedError{epoch: d.number, step: d.s.gradual.State().Steps(), what: fmt.Sprintf("the tensor %q holds %v", name, value)}
	}
	return err
}

// endEpoch closes the epoch.
func (d *driver) endEpoch() error {
	if err := d.checkFinite(); err != nil {
		return err
	}
	d.trained += time.Since(d.resumed)
	d.resumed = time.Now()
	loss := d.loss / float64(max(d.lossRows, 1))
	s := d.s
	seconds := d.trained.Seconds()
	s.result.Epochs = append(s.result.Epochs, runfolder.EpochStats{
		Epoch: d.number, Loss: runfolder.Float(loss), Rows: d.rows, Seconds: runfolder.Float(seconds), RowsPerSecond: runfolder.Float(float64(d.rows) / max(seconds, 1e-9)),
	})
	s.record.epoch(s.opt.Log, s.gradual.State().Steps(), loss, s.gradual.Rate())
	if !s.validated() {
		s.record.line(s.opt.Log, runfolder.Evaluation{
			Epoch: d.number, Step: s.gradual.State().Steps(), Rows: d.allRows + d.rows, Seconds: runfolder.Float(s.seconds()), Part: PartTrain, Loss: runfolder.Float(loss),
		})
		d.report(loss, nil, "", false)
	}
	d.allSpent += d.trained
	d.allRows += d.rows
	d.total(d.number)
	d.start()
	return nil
}

// total notes what was trained in all epochs that have ended.
func (d *driver) total(epochs int) {
	d.s.result.Epochs = runfolder.LastEpochs(d.s.result.Epochs)
	d.s.result.Trained = nil
	if epochs > 0 {
		d.s.result.Trained = &runfolder.Totals{Epochs: epochs, Rows: d.allRows, Seconds: runfolder.Float(d.allSpent.Seconds())}
	}
}
