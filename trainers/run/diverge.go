package run

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"debut/trainers/checkpoint"
	"debut/trainers/loop"
	"debut/trainers/runfolder"
)

// Divergence says what a training does whose loss is no number any more.
type Divergence struct {
	Rollbacks  int     `yaml:"rollbacks,omitempty" jsonschema:"description=How often to go back to the last checkpoint and on with a lower learning rate; 0: stop (default).,minimum=0"`
	RateFactor float64 `yaml:"rate_factor,omitempty" jsonschema:"description=What the learning rate is multiplied by at each of them (default: 0.5).,exclusiveMinimum=0,maximum=1"`
}

// SetDefaults fills an empty factor.
func (d *Divergence) SetDefaults() {
	if d.Rollbacks > 0 && d.RateFactor == 0 {
		d.RateFactor = 0.5
	}
}

// Check returns an error for settings that cannot be.
func (d Divergence) Check() error {
	if d.Rollbacks < 0 || !(d.RateFactor >= 0 && d.RateFactor <= 1) || d.Rollbacks > 0 && d.RateFactor == 0 {
		return fmt.Errorf("%d rollbacks with the learning rate times %v; give 0 or more, and a factor in (0, 1]", d.Rollbacks, d.RateFactor)
	}
	return nil
}

// divergedError tells of a training that has left the finite numbers. It matches ErrDiverged.
type divergedError struct {
	epoch int
	step  int64 // from 1
	what  string
	after string // what is left, and what to do
}

// Error says where and why.
func (e *divergedError) Error() string {
	return fmt.Sprintf("epoch %d, step %d: %v: %s%s", e.epoch, e.step, ErrDiverged, e.what, e.after)
}

// Is makes it match ErrDiverged.
func (e *divergedError) Is(target error) bool { return target == ErrDiverged }

// diverged makes the error of a step, counted from 0, whose loss is no number, with its cause.
func (d *driver) diverged(step int64, loss float64) error {
	cause, err := d.s.gradual.Diagnose()
	if err != nil {
		return err
	}
	return &divergedError{epoch: d.number, step: step + 1, what: fmt.Sprintf("the loss is %v: %s", loss, cause)}
}

// rollback goes back to the best evaluation so far, or to the beginning before there is any, and on with a lower learning
// rate, where the configuration allows it; otherwise it returns the error, with what is left. It does not go back to a
// checkpoint, as the course of a training may not depend on when these are written.
func (d *driver) rollback(cause *divergedError) error {
	s := d.s
	limit := s.course.Divergence
	if len(s.result.Rollbacks) >= limit.Rollbacks {
		return s.giveUp(cause)
	}
	factor := cmp.Or(s.gradual.State().Factor(), 1) * limit.RateFactor
	rollbacks := slices.Clone(s.result.Rollbacks) // the state gone back to knows of fewer
	step, err := d.goBack(factor)
	if err != nil {
		return errors.Join(cause, err)
	}
	s.result.Rollbacks = append(rollbacks, runfolder.Rollback{Diverged: cause.step, Step: step, Rate: factor, Cause: cause.what})
	s.opt.Log.Warn("the training diverged; it goes back and on with a lower learning rate", "epoch", cause.epoch, "step", cause.step, "cause", cause.what, "back_to", step, "rate", s.gradual.Rate())
	return nil
}

// goBack restores the best state so far, or the initial one, with another factor of the learning rate, and returns its step.
func (d *driver) goBack(factor float64) (step int64, err error) {
	s := d.s
	d.ahead.drop()
	r, to := &restored{}, s.best
	if to == nil {
		if to = s.initial; to == nil {
			return 0, errors.New("run: the state before the first evaluation was too large for a copy in memory, so that there is none to go back to")
		}
		r.state.Loop = loop.State{Plan: s.course.Plan, Phase: loop.Training}
	} else if err := json.Unmarshal(s.keep.bestState, &r.state); err != nil {
		return 0, fmt.Errorf("run: the best state: %w", err)
	}
	r.step = r.state.Loop.Step
	if r.loop, err = loop.Restore(s.course.Plan, r.state.Loop); err != nil {
		return 0, err
	}
	counters, err := to.Counters()
	if err != nil {
		return 0, err
	}
	if err := s.load(to, counters); err != nil {
		return 0, err
	}
	if err := s.gradual.State().SetFactor(factor); err != nil {
		return 0, err
	}
	if err := d.restore(r); err != nil {
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
	if s.course.Calmer != "" {
		d.after += "; try " + s.course.Calmer
	}
	switch {
	case s.course.Divergence.Rollbacks > 0 || !s.course.Rollbacks:
	case from != nil:
		d.after += "; or resume with train.divergence.rollbacks"
	default:
		d.after += "; or train.divergence.rollbacks"
	}
	return errors.Join(d, err)
}
