package forecast

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"iter"
	"math"
	"runtime"
	"testing"

	"debut/kernels/philox"
	"debut/kernels/pool"
)

func months(n int) iter.Seq[Series] {
	return func(yield func(Series) bool) {
		for i := range n {
			s := generated(uint64(i), 40)
			if i%17 == 5 {
				s.Values = s.Values[:1]
			}
			if i%17 == 6 {
				s.Values[3] = math.Inf(1)
			}
			if !yield(s) {
				return
			}
		}
	}
}

// Same bits for any number of threads; a bad series is an error of its own and keeps nobody else from an answer.
func TestAllThreads(t *testing.T) {
	o := Options{Horizon: 6, Levels: levels80, Seed: 3}
	sum := func(threads int) uint64 {
		p := pool.New(threads)
		defer p.Close()
		h := fnv.New64a()
		next, failed := 0, 0
		err := All(context.Background(), p, months(24), &Rule{}, o, func(i int, p *Prediction, err error) error {
			if i != next {
				t.Fatalf("series %d came after %d", i, next-1)
			}
			next++
			if err != nil {
				failed++
				if !errors.Is(err, ErrInput) {
					t.Error(err)
				}
				return nil
			}
			for _, v := range append([][]float64{p.Mean}, p.Quantiles...) {
				for _, x := range v {
					_ = binary.Write(h, binary.LittleEndian, x)
				}
			}
			return nil
		})
		if err != nil || next != 24 || failed != 2 {
			t.Fatalf("%d series, %d failed, %v", next, failed, err)
		}
		return h.Sum64()
	}
	one := sum(1)
	for _, threads := range []int{2, 7} {
		if got := sum(threads); got != one {
			t.Errorf("%d threads: %x, one: %x", threads, got, one)
		}
	}
}

func TestAllEnds(t *testing.T) {
	stop := errors.New("enough")
	err := All(context.Background(), nil, months(600), SeasonalNaive{}, Options{Horizon: 1}, func(i int, _ *Prediction, _ error) error {
		if i == 300 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err = All(ctx, nil, months(600), SeasonalNaive{}, Options{Horizon: 1}, func(i int, _ *Prediction, _ error) error {
		if i >= batchSize {
			t.Fatal("it goes on after its context ended")
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Memory does not grow with the number of series: 10⁵ of 100 weeks with -long, 3·10³ without.
func TestAllMemory(t *testing.T) {
	n := 3_000
	if *long {
		n = 100_000
	}
	weeks := func(yield func(Series) bool) {
		for i := range n {
			stream := philox.New(5, uint64(i))
			y := make([]float64, 100)
			for j := range y {
				y[j] = math.Floor(20 * stream.Float64())
			}
			if !yield(Series{Values: y, Periods: []int{52}}) {
				return
			}
		}
	}
	p := pool.New(2)
	defer p.Close()
	fast := Median{[]Method{SeasonalNaive{}, Theta{Optimized: true, Dynamic: true}, ETS{Form: "AAdN"}}}
	var largest uint64
	err := All(context.Background(), p, weeks, fast, Options{Horizon: 8, Levels: levels80}, func(i int, _ *Prediction, err error) error {
		if i%1000 == 999 {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			largest = max(largest, m.HeapAlloc)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if largest > 32<<20 {
		t.Errorf("%d series take %d MiB of heap", n, largest>>20)
	}
}

// Intervals that are too narrow are widened to what they promise on series that the calibration did not see; series that show fewer seasons
// without their end than with it teach nothing.
func TestCalibration(t *testing.T) {
	o := Options{Horizon: 3, Levels: levels80}
	walks := func(from, to int) iter.Seq[Series] {
		return func(yield func(Series) bool) {
			for i := from; i < to; i++ {
				s := philox.New(3, uint64(i))
				y, v := make([]float64, 63), 100.0
				for j := range y {
					v += s.NormFloat64()
					y[j] = v
				}
				if !yield(Series{Values: y}) {
					return
				}
			}
		}
	}
	narrow := narrowed{SeasonalNaive{}}
	c, err := Calibrate(walks(0, 300), o, 1, each, func(iter.Seq[Series]) Method { return narrow })
	if err != nil || c.Scores != 900 {
		t.Fatalf("%+v, %v", c, err)
	}
	covered, n := 0.0, 0.0
	for s := range walks(300, 800) {
		p, err := Calibrated{narrow, c}.Forecast(s.Cut(3), o)
		if err != nil {
			t.Fatal(err)
		}
		covered += Coverage(s.Values[60:], p.Quantiles[0], p.Quantiles[2])
		n++
	}
	if share := covered / n; share < 0.77 || share > 0.83 {
		t.Errorf("calibrated intervals of 80 %% cover %.3f", share)
	}
	weeks := func(yield func(Series) bool) {
		for i := range 100 {
			values := append(make([]float64, 100), 1, 2, 3, 4, 5)
			if i%5 == 0 { // a few without a season, which would be calibrated alone
				values = values[70:]
			}
			if !yield(Series{Values: values, Periods: []int{52}}) {
				return
			}
		}
	}
	c, err = Calibrate(weeks, Options{Horizon: 12, Levels: levels80}, 1, each, func(iter.Seq[Series]) Method { return narrow })
	if err != nil || c.Scores != 0 || c.Factors[0][0] != 1 {
		t.Errorf("weeks of two years: %+v, %v", c, err)
	}
}

// narrowed halves the distances of quantiles from the mean.
type narrowed struct{ Method }

func (m narrowed) Forecast(s Series, o Options) (*Prediction, error) {
	p, err := m.Method.Forecast(s, o)
	if err == nil {
		for _, q := range p.Quantiles {
			for i := range q {
				q[i] = (q[i] + p.Mean[i]) / 2
			}
		}
	}
	return p, err
}
