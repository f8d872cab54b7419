package engine

import (
	"fmt"
	"math"

	"debut/kernels"
)

// losses keeps the losses of steps until somebody takes them. Where the device runs behind, it is asked for them every
// kernels.GuardHistory batches, or when somebody cannot wait.
type losses struct {
	guarding kernels.Guarding // of a device that runs behind; nil: each loss is looked at when it is made
	expected []expected       // batches whose loss is not known yet
	step     float64          // of the micro-batches of the present step that are known
	known    []float64        // of whole steps, not taken yet
}

// expected is a batch that is queued: where the trainer was before, to go back there.
type expected struct {
	count Counters
	micro int
	ends  bool // the step
}

func (l *losses) full() bool { return len(l.expected) == kernels.GuardHistory }

func (l *losses) expect(c Counters, micro int, ends bool) {
	l.expected = append(l.expected, expected{c, micro, ends})
}

func (l *losses) add(loss float64, ends bool) {
	l.step += loss
	if ends {
		l.known = append(l.known, l.step)
		l.step = 0
	}
}

// forget drops the losses of steps that are taken back.
func (l *losses) forget() {
	l.expected, l.known, l.step = l.expected[:0], l.known[:0], 0
}

// Losses returns the losses of the steps done since it was last called, in order; the slice is valid until the next Step.
// Where the device runs behind they are those that are known, or with wait all of them, after the device has done
// what is queued: so it must be called before anything else is asked of the trainer than further steps. The error may be
// a *NonFiniteError, see Step; the steps before that one are returned with it.
func (t *Trainer) Losses(wait bool) ([]float64, error) {
	var err error
	if wait && len(t.losses.expected) > 0 {
		err = t.askLosses()
	}
	out := t.losses.known
	t.losses.known = t.losses.known[:0]
	return out, err
}

// askLosses asks the device for the losses of queued batches. If it halted at one, the trainer is as it was before that batch.
func (t *Trainer) askLosses() error {
	s, err := t.losses.guarding.Guarded()
	if err != nil {
		return err
	}
	list := t.losses.expected
	if n := len(s.Passed); n > len(list) || s.Halted != (n < len(list)) {
		return fmt.Errorf("engine: the device knows %d losses of %d batches", n, len(list))
	}
	for i, v := range s.Passed {
		t.losses.add(float64(v), list[i].ends)
	}
	t.losses.expected = list[:0]
	if !s.Halted {
		return nil
	}
	bad := list[len(s.Passed)]
	t.count, t.micro = bad.count, bad.micro
	return &NonFiniteError{Step: t.count.Steps, Loss: s.Value}
}

// checkLoss looks at the loss of the present batch: it returns a *NonFiniteError if that is none.
func (t *Trainer) checkLoss(ends bool) error {
	var loss float64
	if t.dtype == kernels.Float64 {
		if err := kernels.Download(t.dev, t.loss64[:], t.loss.Buf, t.loss.Offset); err != nil {
			return err
		}
		loss = t.loss64[0]
	} else {
		if err := kernels.Download(t.dev, t.loss32[:], t.loss.Buf, t.loss.Offset); err != nil {
			return err
		}
		loss = float64(t.loss32[0])
	}
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return &NonFiniteError{Step: t.count.Steps, Loss: loss}
	}
	t.losses.add(loss, ends)
	return nil
}
