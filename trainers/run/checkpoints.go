package run

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"filippo.io/age"

	"debut/datasets/atomicfile"
	"debut/datasets/configfile"
	"debut/datasets/sealed"
	"debut/trainers/checkpoint"
	"debut/trainers/loop"
	"debut/trainers/runfolder"
)

// Checkpoints by time are this far apart by default, and further where writing one takes so long that it would be more
// than a share of the time. The first comes as soon as that share allows it, and those that follow whenever the process has run twice as
// long, until they are that far apart: a kill loses no more than half of the work, or of what came since the state was too large to be
// written. The best evaluation so far is written besides, as long as all writing takes less than that share. What the
// first writing will take is a guess, and rather too high: some files are flushed, and a disk takes so many bytes a second.
const (
	defaultInterval = 5 * time.Minute
	checkpointShare = 0.01
	flushSeconds    = 0.02
	bytesPerSecond  = 200e6
)

// savedState is the state of a training beside its tensors, as a checkpoint holds it.
type savedState struct {
	Config    string                 `json:"config"` // the run file as resolved
	Data      Fingerprint            `json:"data"`
	Device    savedDevice            `json:"device"`
	Loop      loop.State             `json:"loop"`
	Trainer   json.RawMessage        `json:"trainer"` // the task's counters
	Figures   figures                `json:"figures"`
	Epochs    []runfolder.EpochStats `json:"epochs,omitempty"`
	Rollbacks []runfolder.Rollback   `json:"rollbacks,omitempty"`
	Metrics   int64                  `json:"metrics_bytes"` // length of metrics.jsonl
	Debut     string                 `json:"debut"`         // version of the program
}

// savedDevice is what decides on the bits of a training beside configuration and data.
type savedDevice struct {
	Kind  string `json:"kind"`
	Level string `json:"level"`
}

// Fingerprint tells data apart by what a training sees of them.
type Fingerprint struct {
	Train      int    `json:"train"`      // rows
	Validation int    `json:"validation"` // rows
	SHA256     string `json:"sha256"`     // of both parts as encoded, and of the encoder
}

// checkpointer writes the checkpoints of a training.
type checkpointer struct {
	s      *session
	state  State
	store  *checkpoint.Store
	config string // the run file as resolved
	data   Fingerprint

	interval time.Duration // 0: not by time
	stretch  bool          // the interval may grow with the cost
	early    bool          // it may be shorter in the beginning
	due      time.Time
	stats    runfolder.CheckpointStats

	// The best state so far is in memory, and goes to the disk when the next checkpoint does; or, where it is too large for a copy, at once.
	onDisk    bool
	bestStep  int64
	bestState json.RawMessage
	bestSaved bool

	finite json.RawMessage // counters at which every tensor was last found finite, unless another state was loaded since
}

// newCheckpointer opens the folder of the checkpoints.
func newCheckpointer(ctx context.Context, s *session) (*checkpointer, error) {
	c := s.keeping.Checkpoint
	dir, files, err := s.checkpointFiles()
	if err != nil {
		return nil, err
	}
	store, err := checkpoint.Open(dir, checkpoint.Options{FS: files, Keep: c.Keep, Log: s.opt.Log})
	if err != nil {
		return nil, fmt.Errorf("run: %w", err)
	}
	config, err := s.resolved()
	if err != nil {
		return nil, err
	}
	k := &checkpointer{s: s, state: s.gradual.State(), store: store, config: string(config)}
	k.settle(c)
	if err := k.settleCopies(s.opt.MostCopied); err != nil {
		return nil, err
	}
	if k.data, err = s.gradual.Fingerprint(ctx); err != nil {
		return nil, fmt.Errorf("run: fingerprint of the data: %w", err)
	}
	k.plan(time.Now(), 0)
	return k, nil
}

// settle decides by the configuration how far checkpoints by time are apart.
func (k *checkpointer) settle(c Checkpoints) {
	k.interval, k.stretch, k.early = defaultInterval, true, c.unset()
	if c.EveryMinutes != nil {
		k.interval, k.stretch = time.Duration(*c.EveryMinutes*float64(time.Minute)), false
	}
}

// wants says whether a checkpoint is due after an event.
func (k *checkpointer) wants(ev loop.Event, after loop.State) bool {
	c := k.s.keeping.Checkpoint
	switch ev.Kind {
	case loop.Batch:
		if !ev.Step {
			return false
		}
		if c.EverySteps > 0 && after.Step%int64(c.EverySteps) == 0 {
			return true
		}
	case loop.Evaluate:
		if c.unset() && k.s.best != nil && !k.bestSaved && k.bestStep == k.state.Steps() && k.affordable(time.Since(k.s.started)) {
			return true
		}
	case loop.EpochEnd:
		if c.EveryEpochs > 0 && after.Epoch%c.EveryEpochs == 0 {
			return true
		}
	}
	return k.interval > 0 && !time.Now().Before(k.due)
}

// affordable says whether another checkpoint leaves all writing below its share of the time that the process has run.
func (k *checkpointer) affordable(ran time.Duration) bool {
	needed, err := k.needed()
	return err == nil && needed <= ran // where there is one, writing it will say what is wrong
}

// needed is how long the process must have run for another checkpoint to be affordable.
func (k *checkpointer) needed() (time.Duration, error) {
	next := k.stats.LastSeconds
	if k.stats.Written == 0 {
		next = flushSeconds
		for _, s := range k.state.Sources() {
			n, err := s.Bytes()
			if err != nil {
				return 0, err
			}
			next += float64(n) / bytesPerSecond
		}
	}
	return time.Duration((k.stats.Seconds + next) / checkpointShare * float64(time.Second)), nil
}

// plan decides when the next checkpoint by time is due: where it may be early, after least, or when it is affordable.
func (k *checkpointer) plan(now time.Time, least time.Duration) {
	wait := k.interval
	if k.stretch {
		wait = max(wait, time.Duration(k.stats.LastSeconds/checkpointShare*float64(time.Second)))
	}
	if k.early {
		if needed, err := k.needed(); err == nil {
			wait = min(wait, max(least, needed-now.Sub(k.s.started)))
		}
	}
	k.due = now.Add(wait)
}

// periodic writes a checkpoint that the configuration asks for. That it cannot be written is no reason to lose the
// training: the one before is as it was. That the folder is another's, or nowhere, is.
func (k *checkpointer) periodic(d *driver) error {
	if err := k.write(d); err != nil {
		if errors.Is(err, runfolder.ErrGone) {
			return err
		}
		k.failed(err)
	}
	now := time.Now()
	k.plan(now, now.Sub(k.s.started))
	return nil
}

// failed tells of a checkpoint that could not be written: in run.json of the last one only, in the log of the 1st, 2nd, 4th, 8th
// and so on.
func (k *checkpointer) failed(err error) {
	k.stats.Failed++
	if k.stats.Failed&(k.stats.Failed-1) == 0 {
		k.s.opt.Log.Warn("no checkpoint was written; the training goes on", "error", err, "last", k.stats.Step, "failed", k.stats.Failed)
	}
	k.stats.Error = err.Error()
}

// unwritten is why a checkpoint was not written: first of all that the folder is another's, or nowhere, since a moment ago.
func (k *checkpointer) unwritten(err error) error {
	return cmp.Or(k.s.folder.Check(), fmt.Errorf("run: %w", err))
}

// write writes a checkpoint of the present state, between two steps. Before it the best state so far, if that is not
// on the disk yet.
func (k *checkpointer) write(d *driver) error {
	began := time.Now()
	s, step := k.s, k.state.Steps()
	if err := s.folder.Check(); err != nil {
		return err
	}
	name, value, err := k.nonFinite()
	if err != nil {
		return err
	}
	if name != "" { // an earlier checkpoint is the last good one; what is wrong shows at the next loss or at the epoch's end
		return fmt.Errorf("run: step %d: the tensor %q holds %v", step, name, value)
	}
	state, err := k.describe(d)
	if err != nil {
		return err
	}
	c := checkpoint.Checkpoint{Step: step, State: state, Tensors: k.state.Sources()}
	if s.best != nil {
		best := k.bestStep
		c.Best = &best
		if best != step && !k.bestSaved {
			if err := k.store.Write(checkpoint.Checkpoint{Step: best, Best: &best, State: k.bestState, Tensors: s.best.Sources()}); err != nil {
				return k.unwritten(err)
			}
			k.bestSaved = true
		}
	}
	if err := k.store.Write(c); err != nil {
		return k.unwritten(err)
	}
	if c.Best != nil && *c.Best == step {
		k.bestSaved = true
	}
	k.wrote(step, began)
	return nil
}

// wrote notes that a checkpoint was written.
func (k *checkpointer) wrote(step int64, began time.Time) {
	k.stats.Written++
	k.stats.Step, k.stats.LastSeconds, k.stats.Error = step, time.Since(began).Seconds(), ""
	k.stats.Seconds += k.stats.LastSeconds
}

// nonFinite is the state's NonFinite, which reads every tensor, but looks only once between two batches.
func (k *checkpointer) nonFinite() (name string, value float64, err error) {
	now, err := k.state.Counters()
	if err != nil {
		return "", 0, err
	}
	if k.finite != nil && bytes.Equal(k.finite, now) {
		return "", 0, nil
	}
	name, value, err = k.state.NonFinite()
	if err == nil && name == "" {
		k.finite = now
	}
	return name, value, err
}

// describe returns the state file's content.
func (k *checkpointer) describe(d *driver) (json.RawMessage, error) {
	s := k.s
	size, err := s.record.log.Size()
	if err != nil {
		return nil, err
	}
	counters, err := k.state.Counters()
	if err != nil {
		return nil, err
	}
	info := s.info()
	state, err := json.Marshal(savedState{
		Config: k.config, Data: k.data, Device: savedDevice{info.Kind, info.Level},
		Loop: d.l.State(), Trainer: counters, Figures: d.figures(), Epochs: s.result.Epochs, Rollbacks: s.result.Rollbacks,
		Metrics: size, Debut: s.opt.Version,
	})
	if err != nil {
		return nil, fmt.Errorf("run: state of the training: %w", err)
	}
	return state, nil
}

// noteBest keeps the present state as the best one.
func (k *checkpointer) noteBest(d *driver) (err error) {
	if k.bestState, err = k.describe(d); err != nil {
		return err
	}
	k.bestStep, k.bestSaved = k.state.Steps(), false
	if k.onDisk {
		return k.storeBest()
	}
	best, err := k.state.Snapshot(k.s.best)
	if err != nil {
		return err
	}
	k.s.best = best
	return nil
}

// checkpointFiles makes the folder of the checkpoints, and is its file system, one that encrypts where a key is named.
func (s *session) checkpointFiles() (dir string, files atomicfile.FS, err error) {
	dir, files, err = s.folder.Subfolder(runfolder.CheckpointsDir)
	if err != nil {
		return "", nil, err
	}
	if s.opt.CheckpointFS != nil {
		files = s.opt.CheckpointFS
	}
	if s.identity != nil {
		files = checkpoint.Sealed(files, s.identity)
	}
	return dir, files, nil
}

// readIdentity reads the key of the checkpoints, where one is named.
func (s *session) readIdentity() error {
	secret := s.keeping.Checkpoint.Identity
	if secret == nil {
		return nil
	}
	text, err := secret.Read(s.opt.BaseDir, "identity", s.opt.Log)
	if err != nil {
		return configfile.Prefix("checkpoint", err)
	}
	keys, err := sealed.Identities(text, "")
	if err != nil {
		return configfile.Errorf("checkpoint.identity", "%v", err)
	}
	key, ok := keys[0].(*age.X25519Identity)
	if !ok || len(keys) != 1 {
		return configfile.Errorf("checkpoint.identity", "it holds %d keys, or one of another kind; it needs one that age-keygen has made", len(keys))
	}
	s.identity = key
	return nil
}
