package behavior

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"testing"
	"time"

	"debut/datasets"
	"debut/kernels/devices"
)

// sessionOf prepares a training that is not begun.
func sessionOf(t *testing.T, c *Config) *session {
	t.Helper()
	dev, err := devices.Open("cpu", devices.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	s := &session{cfg: c, opt: Options{Log: slog.New(slog.DiscardHandler)}, dev: dev, started: time.Now()}
	t.Cleanup(func() {
		err := dev.Close()
		if s.folder != nil {
			err = errors.Join(s.folder.Close(), err)
		}
		if err != nil {
			t.Error(err)
		}
	})
	if s.data, err = datasets.Load(context.Background(), &c.Data, "", c.Seed, s.opt.Log); err != nil {
		t.Fatal(err)
	}
	c.Data = *s.data.Resolved
	if err = s.prepare(); err != nil {
		t.Fatal(err)
	}
	if err = s.openFolder(c.Name); err != nil {
		t.Fatal(err)
	}
	if _, err = s.recall(); err != nil {
		t.Fatal(err)
	}
	return s
}

// Tensors are looked through once between two batches, and again when they have become others.
func TestNonFiniteIsLookedForOnce(t *testing.T) {
	s := sessionOf(t, configure(t, table(t, 300), networkRun))
	check := func(when, want string) {
		t.Helper()
		if name, value, err := s.keep.nonFinite(); err != nil || name != want || (name != "") != math.IsNaN(value) {
			t.Errorf("%s: the tensor %q holds %v, %v; want %q", when, name, value, err, want)
		}
	}
	good, err := s.trainer.SnapshotState(nil)
	if err != nil {
		t.Fatal(err)
	}
	const name = "output.bias"
	if err := s.model.params.Write(name, []float64{math.NaN()}); err != nil {
		t.Fatal(err)
	}
	bad, err := s.trainer.SnapshotState(nil)
	if err != nil {
		t.Fatal(err)
	}
	check("never looked", "parameter/"+name)
	check("not finite", "parameter/"+name)
	counters := s.trainer.Counters()
	if err := s.load(good, counters); err != nil {
		t.Fatal(err)
	}
	check("another state", "")
	if err := s.model.params.Write(name, []float64{math.NaN()}); err != nil {
		t.Fatal(err)
	}
	check("as no batch came in between", "")
	if err := s.load(bad, counters); err != nil {
		t.Fatal(err)
	}
	check("loaded at the same step", "parameter/"+name)
	if err := s.load(good, counters); err != nil {
		t.Fatal(err)
	}
	check("loaded", "")
	if err := s.model.params.Write(name, []float64{math.NaN()}); err != nil {
		t.Fatal(err)
	}
	counters.Batches++
	if err := s.trainer.SetCounters(counters); err != nil {
		t.Fatal(err)
	}
	check("after a batch", "parameter/"+name)
}
