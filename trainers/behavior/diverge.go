package behavior

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"debut/engine"
	"debut/trainers/checkpoint"
	"debut/trainers/loop"
	"debut/trainers/runfolder"
)

// divergedError tells of a training that has left the finite numbers. It matches ErrDiverged.
type divergedError struct {
	epoch int
	step  int64 // from 1
	what  string
	after string // what is left, and what to do
}

// Error says where and why.
func (e *divergedError) Error() string {
	return fmt.Sprintf("behavior: epoch %d, step %d: %v: %s%s", e.epoch, e.step, ErrDiverged, e.what, e.after)
}

// Is makes it match ErrDiverged.
func (e *divergedError) Is(target error) bool { return target == ErrDiverged }

// diverged makes the error of a step whose loss is no number, with its cause.
func (e *epoch) diverged(bad *engine.NonFiniteError) error {
	cause, err := e.s.trainer.Diagnose()
	if err != nil {
		return err
	}
	return &divergedError{epoch: e.number, step: bad.Step + 1, what: fmt.Sprintf("the loss is %v: %s", bad.Loss, cause)}
}

// rollback goes back to the best evaluation so far, or to the beginning before there is any, and on with a lower learning
// rate, where the configuration allows it; otherwise it returns the error, with what is left. It does not go back to a
// checkpoint, as the course of a training may not depend on when these are written.
func (e *epoch) rollback(d *divergedError) error {
	s := e.s
	limit := s.cfg.Train.Divergence
	if len(s.result.Rollbacks) >= limit.Rollbacks {
		return s.giveUp(d)
	}
	rate := cmp.Or(s.trainer.Counters().Rate, 1) * limit.RateFactor
	rollbacks := slices.Clone(s.result.Rollbacks) // the state gone back to knows of fewer
	step, err := e.goBack(rate)
	if err != nil {
		return errors.Join(d, err)
	}
	s.result.Rollbacks = append(rollbacks, runfolder.Rollback{Diverged: d.step, Step: step, Rate: rate, Cause: d.what})
	s.opt.Log.Warn("the training diverged; it goes back and on with a lower learning rate", "epoch", d.epoch, "step", d.step, "cause", d.what, "back_to", step, "rate", s.trainer.Rate())
	return nil
}

// goBack restores the best state so far, or the initial one, with another factor of the learning rate, and returns its step.
func (e *epoch) goBack(rate float64) (step int64, err error) {
	s := e.s
	for e.pipe.waiting > 0 { // batches that are not wanted any more
		e.pipe.done(e.pipe.take())
	}
	r, to := &restored{}, s.best
	if to == nil {
		to = s.initial
		r.state.Loop = loop.State{Plan: s.plan, Phase: loop.Training}
	} else if err := json.Unmarshal(s.keep.bestState, &r.state); err != nil {
		return 0, fmt.Errorf("behavior: the best state: %w", err)
	}
	r.step = r.state.Loop.Step
	if r.loop, err = loop.Restore(s.plan, r.state.Loop); err != nil {
		return 0, err
	}
	counters := to.Counters
	counters.Rate = rate
	if err := s.load(to, counters); err != nil {
		return 0, err
	}
	if err := e.restore(r); err != nil {
		return 0, err
	}
	s.keep.bestSaved = false // it belongs to the course that begins now
	return r.step, nil
}

// giveUp says what is left of a training that diverged, and what to do.
func (s *session) giveUp(d *divergedError) error {
	d.after = "; there is no checkpoint yet"
	from, err := s.keep.store.Latest()
	if err == nil {
		d.after = fmt.Sprintf("; the last good checkpoint is that of step %d in %s", from.Step, s.keep.store.Dir())
		err = from.Close()
	} else if errors.Is(err, checkpoint.ErrNone) {
		err = nil
	}
	d.after += "; try a lower train.optimizer.learning_rate, train.clip_norm, or clip in a column's transform"
	switch {
	case s.cfg.Train.Divergence.Rollbacks > 0:
	case from != nil:
		d.after += "; or resume with train.divergence.rollbacks"
	default:
		d.after += "; or train.divergence.rollbacks"
	}
	return errors.Join(d, err)
}
