package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"debut/trainers/metrics"
	"debut/trainers/run"
	"debut/trainers/runfolder"
)

// progress shows how a training goes on.
type progress interface {
	update(run.Progress)
	close()
}

// newProgress returns a bar on a terminal, elsewhere lines of text or JSON, and nothing where the console is quiet.
func (c *console) newProgress(asJSON bool) progress {
	switch {
	case c.quiet:
		return silence{}
	case asJSON:
		return &lines{to: c.err, format: jsonLine}
	case c.terminal:
		return &bar{console: c}
	}
	return &lines{to: c.err, format: textLine}
}

// silence shows nothing.
type silence struct{}

func (silence) update(run.Progress) {}
func (silence) close()              {}

// lines writes a line for every evaluation, or, where there are none, every epoch.
type lines struct {
	to     io.Writer
	format func(run.Progress) string
	last   run.Progress // not written yet, if pending
	// pending says that the epoch of last has had no line.
	pending bool
}

func (l *lines) update(p run.Progress) {
	if l.pending && p.Epoch > l.last.Epoch {
		l.write(l.last)
	}
	if p.Metrics != nil {
		l.write(p)
		return
	}
	if p.Epoch > l.last.Epoch {
		l.pending = true
	}
	l.last = p
}

func (l *lines) close() {
	if l.pending {
		l.write(l.last)
	}
}

func (l *lines) write(p run.Progress) {
	l.last, l.pending = p, false
	// A training goes on where nobody can watch it any more.
	_, _ = io.WriteString(l.to, l.format(p))
}

func textLine(p run.Progress) string {
	s := fmt.Sprintf("epoch %d/%d  step %d  loss %s", p.Epoch, p.Epochs, p.Step, number(p.Loss))
	if p.Metrics != nil {
		s += "  " + p.Part + " " + headline(p.Metrics.Task, p.Metrics.Values)
	}
	s += "  " + rate(p.RowsPerSecond)
	if p.Best {
		s += "  best"
	}
	return s + "\n"
}

// progressLine is a line of progress in JSON.
type progressLine struct {
	Event         string          `json:"event"` // "progress"
	Epoch         int             `json:"epoch"`
	Epochs        int             `json:"epochs"`
	Step          int64           `json:"step"`
	Steps         int64           `json:"steps"`
	Loss          runfolder.Float `json:"loss"`
	LearningRate  runfolder.Float `json:"learning_rate"`
	RowsPerSecond runfolder.Float `json:"rows_per_second"`
	ETASeconds    runfolder.Float `json:"eta_seconds"`
	// Metrics have the shape that they have in run.json.
	Metrics map[string]*metrics.Result `json:"metrics,omitempty"`
	Best    bool                       `json:"best,omitempty"`
}

func jsonLine(p run.Progress) string {
	l := progressLine{
		Event: "progress", Epoch: p.Epoch, Epochs: p.Epochs, Step: p.Step, Steps: p.Steps,
		Loss: runfolder.Float(p.Loss), LearningRate: runfolder.Float(p.LearningRate),
		RowsPerSecond: runfolder.Float(p.RowsPerSecond), ETASeconds: runfolder.Float(p.ETA.Seconds()),
		Best: p.Best,
	}
	if m := p.Metrics; m != nil {
		l.Metrics = map[string]*metrics.Result{p.Part: m.Brief()}
	}
	text, err := encodeJSON(l, "")
	if err != nil {
		return "" // numbers that are not finite are null, so nothing here can fail
	}
	return text
}

// bar is a bar on a terminal, below the lines of the epochs that have ended: the learning curve is there when it is gone. It begins with the first update, when the steps are known.
type bar struct {
	console *console
	bars    *mpb.Progress
	bar     *mpb.Bar
	mu      sync.Mutex
	now     run.Progress
	scores  string // of the last evaluation
	curve   *lines // of the epochs, which stay above the bar
}

func (b *bar) update(p run.Progress) {
	b.mu.Lock()
	b.now = p
	if p.Metrics != nil {
		b.scores = p.Part + " " + headline(p.Metrics.Task, p.Metrics.Values)
	}
	b.mu.Unlock()
	if b.bars == nil {
		b.begin(p.Steps)
	}
	b.curve.update(p)
	b.bar.SetCurrent(min(p.Step, max(p.Steps-1, 0))) // the bar is full when the training says so
}

func (b *bar) begin(steps int64) {
	b.bars = mpb.New(mpb.WithOutput(b.console.err), mpb.WithAutoRefresh())
	b.curve = &lines{to: b.bars, format: textLine}
	show := func(f func(p run.Progress) string) decor.Decorator {
		return decor.Any(func(decor.Statistics) string {
			b.mu.Lock()
			defer b.mu.Unlock()
			return f(b.now)
		})
	}
	b.bar = b.bars.New(max(steps, 1), mpb.BarStyle().Lbound("").Filler("━").Tip("━").Padding("╌").Rbound(""),
		mpb.BarRemoveOnComplete(), mpb.BarWidth(24),
		mpb.PrependDecorators(show(func(p run.Progress) string { return fmt.Sprintf("epoch %d/%d ", p.Epoch, p.Epochs) })),
		mpb.AppendDecorators(
			show(func(p run.Progress) string {
				return fmt.Sprintf(" %s  loss %s", rate(p.RowsPerSecond), number(p.Loss))
			}),
			show(func(run.Progress) string {
				if b.scores == "" {
					return ""
				}
				return "  " + b.scores
			}),
			show(func(p run.Progress) string { return "  " + p.ETA.Round(time.Second).String() + " left" }),
		))
	b.console.logs.redirect(b.bars)
}

func (b *bar) close() {
	if b.bars == nil {
		return
	}
	b.curve.close()
	b.console.logs.redirect(b.console.err)
	b.bar.Abort(true)
	b.bars.Wait()
}
