package loop

import "time"

// Progress is what a person wants to see while a training runs. Whoever drives the
// loop fills it in: the loop itself reads no clock.
type Progress struct {
	Epoch         int           // current epoch, from 0
	Epochs        int           // most epochs
	Batch         int           // batches done in the epoch
	Batches       int           // batches of an epoch
	Step          int64         // optimizer steps done
	Rows          int64         // rows trained on in all
	Loss          float64       // mean training loss over the epoch so far
	RowsPerSecond float64       // of late
	Left          time.Duration // estimate without early stopping, 0 where unknown
}

// ProgressFunc is called now and then by whoever drives the loop, always from the same
// goroutine, and must return soon.
type ProgressFunc func(Progress)

// Progress returns where the loop stands. loss and rowsPerSecond come from the
// caller, who has measured them.
func (l *Loop) Progress(loss, rowsPerSecond float64) Progress {
	p := Progress{
		Epoch: l.state.Epoch, Epochs: l.plan.Epochs,
		Batch: l.state.Batch, Batches: l.plan.Batches(),
		Step: l.state.Step, Rows: l.state.Rows,
		Loss: loss, RowsPerSecond: rowsPerSecond,
	}
	const longest = 1e9 // seconds; more is no estimate but an accident of a slow start
	if rowsPerSecond > 0 {
		if seconds := float64(l.RowsLeft()) / rowsPerSecond; seconds < longest {
			p.Left = time.Duration(seconds * float64(time.Second))
		}
	}
	return p
}
