package bench

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"

	"debut/bench/peers"
)

// turnPairs is how often two programs take turns: an odd number, so that the median is one of them.
const turnPairs = 7

// turn works for a time, at least once, and returns how often a second.
type turn func(ctx context.Context, d time.Duration) (float64, error)

// perSecond is the turn that repeats a function.
func perSecond(run func() error) turn {
	return func(ctx context.Context, d time.Duration) (float64, error) {
		n := 0.0
		for start := time.Now(); ; {
			if err := ctx.Err(); err != nil {
				return 0, err
			}
			if err := run(); err != nil {
				return 0, err
			}
			n++
			// A clock too coarse to see the work must not make its speed infinite.
			if elapsed := max(time.Since(start), time.Nanosecond); elapsed >= d {
				return n / elapsed.Seconds(), nil
			}
		}
	}
}

// peerRun is the turn of another process.
func peerRun(p *peers.Peer) turn {
	return func(_ context.Context, d time.Duration) (float64, error) { return p.Run(d) }
}

// trial is how long each setting of a peer is tried, where a case is measured for d.
func trial(d time.Duration) time.Duration { return min(d/turnPairs, time.Second) }

// comparison is what turns have shown.
type comparison struct {
	ours, theirs         float64 // median speeds, of the runs a second
	ratio, least, utmost float64 // of ours to theirs in each pair: the median and the extremes
}

// alternate lets us and a peer take turns, each for d in all.
func alternate(ctx context.Context, d time.Duration, ours, theirs turn) (c comparison, err error) {
	var speeds [2][]float64
	var ratios []float64
	for pair := range turnPairs + 1 {
		for i, side := range []turn{ours, theirs} {
			if err := ctx.Err(); err != nil {
				return c, err
			}
			// What one left behind, garbage or threads that wait actively for more work, must not cost the other.
			runtime.GC()
			time.Sleep(min(d/turnPairs/4, 100*time.Millisecond))
			length := d / turnPairs
			if pair == 0 {
				length /= 4 // warm up, not counted
			}
			speed, err := side(ctx, length)
			if err != nil {
				return c, err
			}
			if pair > 0 {
				speeds[i] = append(speeds[i], speed)
			}
		}
		if pair > 0 {
			ratios = append(ratios, speeds[0][pair-1]/speeds[1][pair-1])
		}
	}
	slices.Sort(ratios)
	slices.Sort(speeds[0])
	slices.Sort(speeds[1])
	const middle = turnPairs / 2
	return comparison{
		ours: speeds[0][middle], theirs: speeds[1][middle],
		ratio: ratios[middle], least: ratios[0], utmost: ratios[turnPairs-1],
	}, nil
}

// report reports a comparison. A run is so many units of the metric and such a share of the machine's peak if there is one
// run a second.
func (c comparison) report(r *runner, metric string, units, share float64, peer string) {
	r.result.Peer = peer
	r.speed(metric, c.ours*units, c.ours*share)
	r.speed("peer_"+metric, c.theirs*units, c.theirs*share)
	c.reportRatio(r)
}

// reportSeconds reports how long a run takes of each, where c counts runs a second.
func (c comparison) reportSeconds(r *runner, metric, peer string) {
	r.result.Peer = peer
	r.report(metric, 1/c.ours)
	r.report("peer_"+metric, 1/c.theirs)
	c.reportRatio(r)
}

// reportRatio reports how many times as fast as the peer ours is, and within which limits.
func (c comparison) reportRatio(r *runner) {
	r.report("ratio", c.ratio)
	r.report("ratio_least", c.least)
	r.report("ratio_greatest", c.utmost)
}

// removeAll removes a folder of temporary files and reports failure where there is no other error.
func removeAll(folder string, err *error) {
	if e := os.RemoveAll(folder); e != nil && *err == nil {
		*err = fmt.Errorf("remove temporary files: %w", e)
	}
}
