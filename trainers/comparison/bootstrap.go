package comparison

import (
	"context"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"gonum.org/v1/gonum/stat/distuv"

	"debut/kernels/philox"
)

// jackknifeGroups is how many groups of rows are left out, one at a time, to learn the acceleration. The skewness of the influence of
// groups, by which it goes, is that of rows over the root of their number, and so is the acceleration that follows.
const jackknifeGroups = 200

// replicates are the values of statistics in every draw.
type replicates struct {
	values    []float64   // of the rows as they are
	drawn     [][]float64 // [statistic][replicate]
	jackknife [][]float64 // [statistic][group left out]
}

// streams of random numbers.
var (
	streamDraws  = philox.StreamOf("trainers/comparison/draws")
	streamGroups = philox.StreamOf("trainers/comparison/groups")
)

// resample computes statistics of n rows, of draws of them, and of the rows less a group.
func resample(ctx context.Context, n int, statistics []statistic, opt Options) (*replicates, error) {
	r := &replicates{values: make([]float64, len(statistics))}
	groups := min(n, jackknifeGroups)
	for range statistics {
		r.drawn = append(r.drawn, make([]float64, opt.Replicates))
		r.jackknife = append(r.jackknife, make([]float64, groups))
	}
	group := philox.New(opt.Seed, streamGroups).Perm(n)
	for i := range group {
		group[i] %= int32(groups)
	}
	// Each job fills its own places, whoever takes it.
	jobs := 1 + groups + opt.Replicates
	var next atomic.Int64
	var wg sync.WaitGroup
	threads := opt.Threads
	if threads < 1 {
		threads = runtime.GOMAXPROCS(0)
	}
	for range min(threads, jobs) {
		wg.Go(func() {
			counts := make([]uint8, n)
			for ctx.Err() == nil {
				job := int(next.Add(1)) - 1
				if job >= jobs {
					return
				}
				switch {
				case job == 0:
					fill(counts, 1)
					for s, st := range statistics {
						r.values[s] = st.value(counts)
					}
				case job <= groups:
					g := job - 1
					for i := range counts {
						counts[i] = 1
						if int(group[i]) == g {
							counts[i] = 0
						}
					}
					for s, st := range statistics {
						r.jackknife[s][g] = st.value(counts)
					}
				default:
					b := job - 1 - groups
					draw(counts, philox.Key(opt.Seed, streamDraws), uint32(b))
					for s, st := range statistics {
						r.drawn[s][b] = st.value(counts)
					}
				}
			}
		})
	}
	wg.Wait()
	return r, ctx.Err()
}

func fill(counts []uint8, v uint8) {
	for i := range counts {
		counts[i] = v
	}
}

// draw counts how often each row is among as many drawn with replacement. That one is drawn more than 255 times of n has a chance
// below 1/255!.
func draw(counts []uint8, key [2]uint32, replicate uint32) {
	fill(counts, 0)
	n := uint64(len(counts))
	var block [4]uint32
	for i := range counts {
		// The upper half of a product is uniform to n/2³², and, of many rows, to n/2⁶⁴.
		if n > 1<<20 {
			if i%2 == 0 {
				block = philox.Block(key, [4]uint32{uint32(i / 2), uint32(uint64(i/2) >> 32), replicate, 1})
			}
			at := i % 2 * 2
			counts[mulHigh(uint64(block[at])<<32|uint64(block[at+1]), n)]++
			continue
		}
		if i%4 == 0 {
			block = philox.Block(key, [4]uint32{uint32(i / 4), 0, replicate, 0})
		}
		counts[uint64(block[i%4])*n>>32]++
	}
}

// distribution is what resampling says of a statistic.
type distribution struct {
	value        float64
	sorted       []float64 // draws that have a value
	undefined    float64   // share of those that have none
	acceleration float64
}

// distribution returns that of a statistic.
func (r *replicates) distribution(s int) distribution {
	return distribute(r.values[s], slices.Clone(r.drawn[s]), r.jackknife[s])
}

// difference returns the distribution of one statistic less another.
func (r *replicates) difference(a, b int) distribution {
	less := func(x, y []float64) []float64 {
		out := make([]float64, len(x))
		for i := range x {
			out[i] = x[i] - y[i]
		}
		return out
	}
	return distribute(r.values[a]-r.values[b], less(r.drawn[a], r.drawn[b]), less(r.jackknife[a], r.jackknife[b]))
}

// distribute takes draws, which it sorts.
func distribute(value float64, drawn, jackknife []float64) distribution {
	all := len(drawn)
	drawn = slices.DeleteFunc(drawn, math.IsNaN)
	slices.Sort(drawn)
	d := distribution{value: value, sorted: drawn, undefined: 1 - float64(len(drawn))/float64(all)}
	jackknife = slices.DeleteFunc(slices.Clone(jackknife), math.IsNaN)
	mean := 0.0
	for _, v := range jackknife {
		mean += v
	}
	mean /= float64(len(jackknife))
	squares, cubes := 0.0, 0.0
	for _, v := range jackknife {
		u := mean - v
		squares += u * u
		cubes += u * u * u
	}
	if squares > 0 {
		d.acceleration = cubes / (6 * math.Pow(squares, 1.5))
	}
	return d
}

// usable says whether there are draws enough.
func (d *distribution) usable() bool {
	return !math.IsNaN(d.value) && d.undefined <= maxUndefined && len(d.sorted) > 0
}

// below is the share of draws below a value, of equal ones half, and never 0 or 1: a draw more could lie anywhere.
func (d *distribution) below(v float64) float64 {
	first, _ := slices.BinarySearch(d.sorted, v)
	last := first
	for last < len(d.sorted) && d.sorted[last] == v {
		last++
	}
	n := float64(len(d.sorted))
	return min(max(float64(first+last)/2, 0.5)/n, 1-0.5/n)
}

// interval is the BCa interval.
func (d *distribution) interval(confidence float64) Interval {
	if !d.usable() {
		return Interval{math.NaN(), math.NaN()}
	}
	bias := quantile(d.below(d.value))
	at := func(level float64) float64 {
		z := bias + quantile(level)
		return d.quantile(normal(bias + z/(1-d.acceleration*z)))
	}
	tail := (1 - confidence) / 2
	return Interval{at(tail), at(1 - tail)}
}

// quantile interpolates between draws.
func (d *distribution) quantile(level float64) float64 {
	at := level*float64(len(d.sorted)+1) - 1
	low := int(math.Floor(at))
	switch {
	case low < 0:
		return d.sorted[0]
	case low >= len(d.sorted)-1:
		return d.sorted[len(d.sorted)-1]
	}
	share := at - float64(low)
	return d.sorted[low] + share*(d.sorted[low+1]-d.sorted[low])
}

// deviation is the standard deviation of the draws: the bootstrap's standard error.
func (d *distribution) deviation() float64 {
	mean, squares := 0.0, 0.0
	for _, v := range d.sorted {
		mean += v / float64(len(d.sorted))
	}
	for _, v := range d.sorted {
		squares += (v - mean) * (v - mean)
	}
	return math.Sqrt(squares / float64(len(d.sorted)-1))
}

// symmetric is the interval of a difference: so many standard errors to both sides.
func (d *distribution) symmetric(confidence float64) Interval {
	if !d.usable() {
		return Interval{math.NaN(), math.NaN()}
	}
	half := quantile(1-(1-confidence)/2) * d.deviation()
	return Interval{d.value - half, d.value + half}
}

// p is the p-value of no difference, two-sided, of so many rows. Where all draws are alike it is that of the sign test, for each row
// then says the same.
func (d *distribution) p(rows int) float64 {
	if !d.usable() {
		return math.NaN()
	}
	if d.value == 0 {
		return 1
	}
	if s := d.deviation(); s > 1e-12*math.Abs(d.value) {
		return 2 * normal(-math.Abs(d.value)/s)
	}
	return math.Pow(2, 1-float64(rows))
}

var standard = distuv.UnitNormal

func quantile(level float64) float64 { return standard.Quantile(level) }
func normal(z float64) float64       { return standard.CDF(z) }
