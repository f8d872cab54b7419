package bench

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"testing"
)

// restless is a machine whose speeds drift, and which others burst in upon. Its clock is the work done on it.
type restless struct {
	rnd   *rand.Rand
	drift [3]float64 // logarithms, of compute, memory and answers
	burst float64    // seconds left of the present one
	depth [3]float64 // what it leaves of each
	noise float64    // of each measurement
	calm  bool       // less than half the drift, and no bursts
}

var kinds = [3]string{"compute", "memory", answersKind}

// later lets time pass: drifts are Ornstein-Uhlenbeck processes that half an hour makes anew, mostly in common; bursts last
// for 2 s on average and come every 20 s.
func (m *restless) later(seconds float64) {
	const memory = 600.0
	spread, own := 0.1, 0.02
	if m.calm {
		spread, own = 0.04, 0.01
	}
	keep := math.Exp(-seconds / memory)
	common := m.rnd.NormFloat64()
	for k := range m.drift {
		m.drift[k] = keep*m.drift[k] + math.Sqrt(1-keep*keep)*(spread*common+own*m.rnd.NormFloat64())
	}
	if m.burst -= seconds; m.burst > 0 {
		return
	}
	m.burst, m.depth = 0, [3]float64{1, 1, 1}
	// Of a long time only the end can have begun one that is still there.
	if !m.calm && m.rnd.Float64() < 1-math.Exp(-min(seconds, 2)/20) {
		m.burst = 2 * m.rnd.ExpFloat64()
		deep := 0.4 + 0.5*m.rnd.Float64()
		m.depth = [3]float64{deep, math.Sqrt(deep), deep * deep}
	}
}

// simulated is a case on such a machine, as a meter.
type simulated struct {
	*restless
	speed   float64
	weights [3]float64 // by which it follows the machine's speeds
	seconds float64    // of a round
}

func (s *simulated) round(_ context.Context, cases []string) (*Results, error) {
	out := &Results{Format: ResultsFormat, Suite: "mlp", Asked: cases}
	for _, name := range cases {
		s.later(s.seconds)
		jitter := func() float64 { return math.Exp(s.noise * s.rnd.NormFloat64()) }
		c, speed := Case{Name: name, Speeds: map[string][]float64{}}, s.speed
		for k, kind := range kinds {
			now := math.Exp(s.drift[k]) * s.depth[k]
			c.Speeds[kind] = []float64{1000 * now * jitter()}
			speed *= math.Pow(now, s.weights[k])
		}
		// One measurement in twenty is hit by what the yardstick has not seen.
		if s.rnd.Float64() < 0.05 {
			speed *= 0.3 + 0.7*s.rnd.Float64()
		}
		c.Metrics = []Series{{Metric: "rows_per_second", Direction: Higher, Samples: []float64{1e6 * speed * jitter()}}}
		out.Cases = append(out.Cases, c)
	}
	return out, nil
}

// simulate measures a baseline, and hours later a program of another speed at the gate; or lets the two take turns.
func simulate(t *testing.T, seed uint64, noise, speed float64, turns, calm bool) map[string]int {
	rnd := rand.New(rand.NewPCG(seed, 1))
	s := &simulated{restless: &restless{rnd: rnd, noise: noise, calm: calm}, speed: 1, seconds: 0.7}
	compute, answers := 0.5+0.5*rnd.Float64(), 0.3*rnd.Float64()
	s.weights = [3]float64{(1 - answers) * compute, (1 - answers) * (1 - compute), answers}
	g := &gate{GateOptions: GateOptions{FailBelow: 0.9, Log: slog.New(slog.DiscardHandler)}, own: s, tolerance: lossTolerance}
	g.pause = func(context.Context) error { s.later(gatePause.Seconds()); return nil }
	s.later(1e5)
	cases := []string{"a"}
	if turns {
		before := *s
		g.theirs = &before // on the same machine
	} else {
		if _, err := g.lot(t.Context(), cases); err != nil {
			t.Fatal(err)
		}
		g.base, g.now = g.now, nil
		s.later(1e5)
	}
	s.speed = speed
	report, err := g.run(t.Context(), cases)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, v := range report.Verdicts {
		got[v.Verdict]++
	}
	return got
}

// On a machine that drifts by a tenth and is burst in upon, noise alone does not close the gate, and a fifth less is found.
func TestGateOnRestlessMachine(t *testing.T) {
	const gates = 1000
	for _, c := range []struct {
		noise, speed float64
		turns, calm  bool
		least, most  float64 // of the gates that fall
	}{
		{0.02, 1, false, false, 0, 0.002}, {0.05, 1, false, false, 0, 0.002}, {0.02, 0.95, false, false, 0, 0.02},
		{0.02, 1, true, false, 0, 0.001}, {0.05, 1, true, false, 0, 0.001}, {0.02, 0.95, true, false, 0, 0.02},
		{0.02, 0.8, false, false, 0.8, 1}, {0.05, 0.8, false, false, 0.75, 1}, {0.02, 0.7, false, false, 0.93, 1},
		{0.02, 0.8, true, false, 0.99, 1}, {0.05, 0.8, true, false, 0.98, 1},
		{0.02, 1, false, true, 0, 0.001}, {0.02, 0.8, false, true, 0.95, 1},
	} {
		t.Run(fmt.Sprintf("noise %v speed %v turns %v calm %v", c.noise, c.speed, c.turns, c.calm), func(t *testing.T) {
			t.Parallel()
			all := map[string]int{}
			for seed := range uint64(gates) {
				for verdict, n := range simulate(t, seed, c.noise, c.speed, c.turns, c.calm) {
					all[verdict] += n
				}
			}
			share := float64(all[Fallen]) / gates
			t.Logf("noise %v, speed %v, turns %v, calm %v: %.4f fall, %.4f are unclear", c.noise, c.speed, c.turns, c.calm, share, float64(all[Unclear])/gates)
			if share < c.least || share > c.most {
				t.Errorf("%.4f of the gates fall, want %v … %v", share, c.least, c.most)
			}
		})
	}
}
