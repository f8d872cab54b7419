// Package loop is the deterministic core of a training loop: a state machine that says
// what to do next – train on these rows, evaluate, close the epoch, stop – and
// does none of it. It reads no clock and no file and knows no model, so that the whole
// course of a training is a function of [Plan], the observed scores, and nothing else.
//
// The whole state is [State], a few numbers that go into a checkpoint: N events, a
// restart from the state, and M events are the same as N+M events.
//
//	l, err := loop.New(plan)
//	for {
//		switch e := l.Next(); e.Kind {
//		case loop.Batch:
//			// gradients of e.Rows; an optimizer step where e.Step is set
//		case loop.Evaluate:
//			verdict, err := l.Observe(score)
//		case loop.EpochEnd:
//			// statistics; a checkpoint of l.State()
//		case loop.Done:
//			return
//		}
//	}
package loop

import (
	"errors"
	"fmt"
	"math"

	"debut/kernels/philox"
)

// Plan is what a training does. It does not change while it runs.
type Plan struct {
	Rows       int    `json:"rows"`       // rows of the training part
	Batch      int    `json:"batch"`      // most rows of a batch
	Accumulate int    `json:"accumulate"` // batches of an optimizer step; 0 means 1
	Epochs     int    `json:"epochs"`     // most passes over the rows
	Shuffle    bool   `json:"shuffle"`    // a new order of the rows every epoch
	Seed       uint64 `json:"seed"`       // key of the orders
	// Streamed leaves the order of an epoch to the caller, who reads the rows from
	// where there is no room for all: batches name positions in it, not rows.
	Streamed bool `json:"streamed,omitempty"`

	// Evaluate asks for a score at the end of every epoch, and, where EvaluateSteps is
	// positive, after every so many optimizer steps as well.
	Evaluate      bool `json:"evaluate"`
	EvaluateSteps int  `json:"evaluate_steps,omitempty"`

	// Higher says that a larger score is better. A score is an improvement when
	// it beats the best so far by more than MinDelta. After Patience evaluations in
	// a row without one the training stops; 0 means never.
	Higher   bool    `json:"higher"`
	MinDelta float64 `json:"min_delta,omitempty"`
	Patience int     `json:"patience,omitempty"`
}

// ErrPlan is matched by errors about a plan that cannot be run, and about a state
// that does not belong to the plan.
var ErrPlan = errors.New("invalid training plan")

// Validate returns an error that matches [ErrPlan] for a plan that cannot be run.
func (p Plan) Validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("loop: %w: %s", ErrPlan, fmt.Sprintf(format, args...))
	}
	switch {
	case p.Rows < 1 || p.Rows > math.MaxInt32:
		return bad("%d rows; there must be 1 to %d", p.Rows, math.MaxInt32)
	case p.Batch < 1:
		return bad("batch of %d rows; it must be at least 1", p.Batch)
	case p.Accumulate < 0:
		return bad("accumulation of %d batches; it must be at least 1", p.Accumulate)
	case p.Epochs < 1:
		return bad("%d epochs; there must be at least 1", p.Epochs)
	case p.EvaluateSteps < 0:
		return bad("evaluation every %d steps; it must not be negative", p.EvaluateSteps)
	case p.Patience < 0:
		return bad("patience of %d evaluations; it must not be negative", p.Patience)
	case p.Patience > 0 && !p.Evaluate:
		return bad("early stopping needs evaluations, but there is nothing to evaluate on")
	case !(p.MinDelta >= 0) || math.IsInf(p.MinDelta, 0):
		return bad("min_delta %v; it must be finite and not negative", p.MinDelta)
	}
	return nil
}

// Batches returns the number of batches of an epoch, ⌈Rows/Batch⌉. Their sizes
// differ by at most one, so that the last is never a tiny one that batch
// normalization cannot work with.
func (p Plan) Batches() int { return (p.Rows-1)/p.Batch + 1 }

// Steps returns the number of optimizer steps of an epoch, ⌈Batches/Accumulate⌉: a
// step never spans two epochs.
func (p Plan) Steps() int { return (p.Batches()-1)/p.accumulate() + 1 }

func (p Plan) accumulate() int { return max(1, p.Accumulate) }

// bound returns the first row of batch i in the order of the epoch.
func (p Plan) bound(i int) int {
	return int(int64(i) * int64(p.Rows) / int64(p.Batches()))
}

// Phase is what happens next.
type Phase string

// The phases.
const (
	Training   Phase = "training"
	Evaluating Phase = "evaluating"
	Closing    Phase = "closing" // the end of an epoch
	Finished   Phase = "finished"
)

// Why a training stopped.
const (
	StoppedEpochs = "epochs"         // all epochs are done
	StoppedEarly  = "early_stopping" // no improvement for the plan's patience
)

// State is the whole state of a loop. It survives JSON unchanged.
type State struct {
	Plan      Plan    `json:"plan"`
	Phase     Phase   `json:"phase"`
	Epoch     int     `json:"epoch"`      // epochs closed
	Batch     int     `json:"batch"`      // batches handed out in the current epoch; the row cursor
	Step      int64   `json:"step"`       // optimizer steps handed out in all
	Rows      int64   `json:"rows"`       // rows handed out in all
	Evaluated int64   `json:"evaluated"`  // scores observed
	HasBest   bool    `json:"has_best"`   // a finite score has been observed
	Best      float64 `json:"best"`       // best score
	BestEpoch int     `json:"best_epoch"` // epoch it was reached in, from 0
	BestStep  int64   `json:"best_step"`  // optimizer steps before it
	Bad       int     `json:"bad"`        // evaluations since without improvement
	Stopped   string  `json:"stopped"`    // why it stopped, "" while it runs
}

// Kind is a kind of event.
type Kind int

// The kinds of events.
const (
	Batch    Kind = iota // compute gradients of Event.Rows
	Evaluate             // compute the score and hand it to Observe
	EpochEnd             // the epoch is over
	Done                 // the training is over, see State.Stopped
)

// String returns the name of the kind.
func (k Kind) String() string {
	switch k {
	case Batch:
		return "batch"
	case Evaluate:
		return "evaluate"
	case EpochEnd:
		return "epoch end"
	case Done:
		return "done"
	}
	return fmt.Sprintf("kind %d", int(k))
}

// Event is one thing to do.
type Event struct {
	Kind  Kind
	Epoch int // from 0

	// For a Batch only: positions From to From+N of the epoch's order, and the Rows that stand there,
	// nil in a streamed plan. Rows belongs to the loop, holds until the event after EpochEnd, and must
	// not be changed.
	From, N  int
	Rows     []int32
	First    bool // first batch of its step: gradients start from zero
	Step     bool // last batch of its step: apply the gradients
	StepRows int  // rows of all batches of the step, what the sum of gradients is divided by
}

// Loop is a running training. It is not safe for concurrent use.
type Loop struct {
	plan  Plan
	state State
	order []int32 // the rows in the order of epoch ordered
	epoch int     // the epoch that order is of, -1 for none
}

// New starts a training. The error matches [ErrPlan].
func New(plan Plan) (*Loop, error) {
	return Restore(plan, State{Plan: plan, Phase: Training})
}

// Restore continues from a state. The plan must be the one that the state was made under,
// as far as rows, their order and steps are concerned; epochs and early stopping may
// differ: a training that ended because its epochs were done, or its patience, goes on where
// there is more of them now. The error matches [ErrPlan].
func Restore(plan Plan, s State) (*Loop, error) {
	if err := plan.Validate(); err != nil {
		return nil, err
	}
	was := s.Plan
	differs := func(what string, before, now any) error {
		return fmt.Errorf("loop: %w: the checkpoint was made with %s %v, now it is %v; resume with the same, or start anew", ErrPlan, what, before, now)
	}
	switch {
	case was.Rows != plan.Rows:
		return nil, differs("training rows", was.Rows, plan.Rows)
	case was.Batch != plan.Batch:
		return nil, differs("batch", was.Batch, plan.Batch)
	case was.accumulate() != plan.accumulate():
		return nil, differs("accumulate", was.accumulate(), plan.accumulate())
	case was.Streamed != plan.Streamed:
		return nil, differs("streaming:", was.Streamed, plan.Streamed)
	case was.Shuffle != plan.Shuffle:
		return nil, differs("shuffle", was.Shuffle, plan.Shuffle)
	case was.Seed != plan.Seed:
		return nil, differs("seed", was.Seed, plan.Seed)
	case was.Higher != plan.Higher && s.HasBest:
		return nil, differs("a larger score being better:", was.Higher, plan.Higher)
	}
	batches := plan.Batches()
	broken := func(what string) error {
		return fmt.Errorf("loop: %w: the checkpoint's loop state is damaged: %s", ErrPlan, what)
	}
	switch s.Phase {
	case Training, Evaluating, Closing, Finished:
	default:
		return nil, broken(fmt.Sprintf("phase %q", s.Phase))
	}
	switch {
	case s.Epoch < 0 || s.Batch < 0 || s.Batch > batches || s.Step < 0 || s.Rows < 0 || s.Evaluated < 0 || s.Bad < 0:
		return nil, broken("a counter is out of range")
	case s.Phase == Training && s.Batch == batches:
		return nil, broken("an epoch is over but not closed")
	case (s.Phase == Evaluating || s.Phase == Closing) && s.Batch == 0:
		return nil, broken("an epoch ends before it began")
	case s.Phase == Finished && s.Stopped == "":
		return nil, broken("it finished for no reason")
	case math.IsNaN(s.Best) || math.IsInf(s.Best, 0):
		return nil, broken("the best score is not a number")
	}
	if s.Phase == Finished && s.Stopped == StoppedEpochs && s.Epoch < plan.Epochs {
		s.Phase, s.Stopped = Training, ""
	}
	if s.Phase == Finished && s.Stopped == StoppedEarly && (plan.Patience == 0 || s.Bad < plan.Patience) {
		s.Phase, s.Stopped = Training, ""
	}
	if s.Phase == Training && s.Epoch >= plan.Epochs {
		s.Phase, s.Stopped = Finished, StoppedEpochs
	}
	if s.Phase == Evaluating && !plan.Evaluate {
		s.Phase = Training
		if s.Batch == batches {
			s.Phase = Closing
		}
	}
	s.Plan = plan
	return &Loop{plan: plan, state: s, epoch: -1}, nil
}

// State returns the state to save. Taken after an event has been carried out, it
// continues with the next. An Evaluate is carried out by [Loop.Observe].
func (l *Loop) State() State { return l.state }

// RowsLeft returns the rows still to be trained on if the training is not
// stopped early: with the rate so far, the time that is left.
func (l *Loop) RowsLeft() int64 {
	if l.state.Phase == Finished || l.state.Stopped != "" {
		return 0
	}
	epochs := int64(l.plan.Epochs-l.state.Epoch) * int64(l.plan.Rows)
	return max(0, epochs-int64(l.plan.bound(l.state.Batch)))
}

// Next returns what to do next. It counts a Batch or EpochEnd as done, repeats Evaluate
// until its score is observed, and Done for ever.
func (l *Loop) Next() Event {
	s := &l.state
	switch s.Phase {
	case Evaluating:
		return Event{Kind: Evaluate, Epoch: s.Epoch}
	case Closing:
		e := Event{Kind: EpochEnd, Epoch: s.Epoch}
		s.Epoch++
		s.Batch = 0
		s.Phase = Training
		if s.Epoch >= l.plan.Epochs && s.Stopped == "" {
			s.Stopped = StoppedEpochs
		}
		if s.Stopped != "" {
			s.Phase = Finished
		}
		return e
	case Finished:
		return Event{Kind: Done, Epoch: s.Epoch}
	}
	return l.nextBatch()
}

// nextBatch hands out the next batch of the epoch.
func (l *Loop) nextBatch() Event {
	s := &l.state
	batches, accumulate := l.plan.Batches(), l.plan.accumulate()
	i := s.Batch
	first := i - i%accumulate
	last := min(first+accumulate, batches) - 1
	from, to := l.plan.bound(i), l.plan.bound(i+1)
	e := Event{
		Kind: Batch, Epoch: s.Epoch, From: from, N: to - from,
		First: i == first, Step: i == last, StepRows: l.plan.bound(last+1) - l.plan.bound(first),
	}
	if !l.plan.Streamed {
		l.arrange()
		e.Rows = l.order[from:to:to]
	}
	s.Batch++
	s.Rows += int64(e.N)
	if e.Step {
		s.Step++
	}
	switch {
	case s.Batch == batches && l.plan.Evaluate:
		s.Phase = Evaluating
	case s.Batch == batches:
		s.Phase = Closing
	case e.Step && l.plan.Evaluate && l.plan.EvaluateSteps > 0 && s.Step%int64(l.plan.EvaluateSteps) == 0:
		s.Phase = Evaluating
	}
	return e
}

// orderStream keeps the orders apart from the other random numbers of a seed.
var orderStream = philox.StreamOf("trainers/loop: order of an epoch")

// arrange puts the rows in the order of the current epoch, a function of seed and
// epoch alone.
func (l *Loop) arrange() {
	if l.epoch == l.state.Epoch {
		return
	}
	if l.order == nil {
		l.order = make([]int32, l.plan.Rows)
		for i := range l.order {
			l.order[i] = int32(i)
		}
	}
	if l.plan.Shuffle {
		philox.New(l.plan.Seed, orderStream+uint64(l.state.Epoch)).PermInto(l.order)
	}
	l.epoch = l.state.Epoch
}

// Verdict is what a score means.
type Verdict struct {
	Improved bool // the best so far: keep these parameters
	Stop     bool // the patience is used up; EpochEnd and Done follow
}

// ErrNotEvaluating is returned by [Loop.Observe] when no score was asked for.
var ErrNotEvaluating = errors.New("loop: a score was observed but none was asked for")

// Observe takes the score that an Evaluate asked for. One that is infinite, of a diverged
// model, is never an improvement. One that is NaN, of a metric that the rows do not define,
// says nothing: it is no improvement, and takes none of the patience.
func (l *Loop) Observe(score float64) (Verdict, error) {
	s := &l.state
	if s.Phase != Evaluating {
		return Verdict{}, ErrNotEvaluating
	}
	var v Verdict
	s.Evaluated++
	switch {
	case l.improves(score):
		v.Improved = true
		s.HasBest, s.Best, s.BestEpoch, s.BestStep, s.Bad = true, score, s.Epoch, s.Step, 0
	case !math.IsNaN(score):
		s.Bad++
		v.Stop = l.plan.Patience > 0 && s.Bad >= l.plan.Patience
	}
	s.Phase = Training
	if v.Stop {
		s.Stopped = StoppedEarly
	}
	if v.Stop || s.Batch == l.plan.Batches() {
		s.Phase = Closing
	}
	return v, nil
}

func (l *Loop) improves(score float64) bool {
	if math.IsNaN(score) || math.IsInf(score, 0) {
		return false
	}
	if !l.state.HasBest {
		return true
	}
	if l.plan.Higher {
		return score > l.state.Best+l.plan.MinDelta
	}
	return score < l.state.Best-l.plan.MinDelta
}
