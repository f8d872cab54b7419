package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"regexp"
	"runtime"
	"strconv"

	"debut/bench/peers"
	"debut/datasets/interactions"
	"debut/kernels"
	"debut/kernels/pool"
	"debut/trainers/factorization"
	"debut/trainers/ranking"
)

// factorizationForm is how a case is written.
const factorizationForm = "als|bpr|mf|topk.USERSxITEMSxPAIRSxFACTORS"

// Works of the suite.
const (
	workALS  = "als"
	workBPR  = "bpr"
	workMF   = "mf"
	workTopK = "topk"
)

// factors is the suite of models of factors of users and items.
var factors = Suite{
	Name:    "factorization",
	Summary: "factors of users and items: als, a pass over all users and all items by implicit alternating least squares; bpr and mf, gradient steps on preferences and on ratings; topk, the best 20 of all items for all users",
	Cases:   []string{"als.29858x40981x810000x64", "bpr.29858x40981x810000x64", "mf.70000x10000x5000000x64", "topk.29858x40981x810000x64"},
	Form:    factorizationForm,
	Peer:    "implicit",
	Metrics: []Metric{
		{Name: iterationMetric, Direction: Lower}, {Name: secondsMetric, Direction: Lower}, {Name: updatesMetric, Direction: Higher},
		{Name: passesMetric, Direction: Same}, {Name: epochsMetric, Direction: Same},
	},
	measure: measureFactors,
}

const (
	iterationMetric = "seconds_per_iteration"
	passesMetric    = "loss_after_10_iterations"
	updatesMetric   = "updates_per_second"
	epochsMetric    = "loss_after_2_epochs"
	recallMetric    = "recall_at_20"
	costMetric      = "picoseconds_per_term"
)

// Settings of the work. Regularization is that of implicit, of each row alike; pairs that did not occur weigh 1.
const (
	checkedPasses      = 10
	mostChecked        = 20e6 // pairs; of more one pass goes before those that are measured, and nothing else is looked at
	listedPasses       = 2    // before lists are made
	alsRegularization  = 5.0
	alsUnobserved      = 1.0
	alsConfidence      = 10 // of pairs that occurred
	alsSteps           = 3  // of conjugate gradients, as implicit has them
	recallTolerance    = 0.01
	listed             = 20
	mostFactorsOfBench = 1024
)

var factorizationCase = regexp.MustCompile(`^(als|bpr|mf|topk)\.([1-9]\d{0,7}x[1-9]\d{0,7}x[1-9]\d{0,8})x([1-9]\d{0,3})$`)

// parseFactors reads a case's name.
func parseFactors(name string) (work string, users, items, pairs, width int, err error) {
	m := factorizationCase.FindStringSubmatch(name)
	if m == nil {
		return "", 0, 0, 0, 0, fmt.Errorf("the case is not of the form %s", factorizationForm)
	}
	if _, users, items, pairs, err = parseNeighbors(peers.ImplicitSimilar + "." + m[2]); err != nil {
		return "", 0, 0, 0, 0, err
	}
	if width, err = strconv.Atoi(m[3]); err == nil && width > mostFactorsOfBench {
		err = fmt.Errorf("%d factors are too many; take at most %d", width, mostFactorsOfBench)
	}
	return m[1], users, items, pairs, width, err
}

// recall is the share of what was held back that is among the first of all items.
func recall(ctx context.Context, f *factorization.Factors, dev kernels.Device, train, held *interactions.Matrix) (float64, error) {
	e, err := ranking.Evaluate(ctx, f.Scorer(dev), held, []int{listed}, ranking.Options{Ties: ranking.NewTies(held.Columns, strconv.Itoa), Seen: train})
	if err != nil {
		return 0, err
	}
	return e.At(listed).Recall, nil
}

func measureFactors(ctx context.Context, name string, r *runner) error {
	work, users, items, pairs, width, err := parseFactors(name)
	if err != nil {
		return err
	}
	workers := pool.New(cmp.Or(r.Device.Info().Threads, runtime.GOMAXPROCS(0))) // GPUs have none
	defer workers.Close()
	train, held := tastePairs(workers, users, items, pairs, alsConfidence)
	if work == workBPR || work == workMF {
		return measureUpdates(ctx, r, work, train, width, workers)
	}
	a, err := factorization.NewALS(r.Device, train, factorization.ModelConfig{
		Factors: width, Regularization: new(alsRegularization), Exponent: new(0.0), Unobserved: new(alsUnobserved), Steps: alsSteps,
	}, 1)
	if err != nil {
		return err
	}
	if work == workTopK {
		for range listedPasses {
			if _, err := a.Pass(ctx); err != nil {
				return err
			}
		}
		return measureLists(ctx, r, a.Factors(), train, workers)
	}
	return measureALS(ctx, r, a, train, held, width)
}

// measureALS measures passes.
func measureALS(ctx context.Context, r *runner, a *factorization.ALS, train, held *interactions.Matrix, width int) (err error) {
	run := func() error { _, err := a.Pass(ctx); return err }
	checked := train.Len() <= mostChecked
	loss, found := 0.0, 0.0
	if checked {
		for range checkedPasses {
			if loss, err = a.Pass(ctx); err != nil {
				return err
			}
		}
		if found, err = recall(ctx, a.Factors(), r.Device, train, held); err != nil {
			return err
		}
		if r.Peers {
			done, err := compareFactors(ctx, r, train, held, width, loss, found, run)
			if done || err != nil {
				return err
			}
		}
	}
	_, median, err := r.repeat(ctx, run)
	if err != nil {
		return err
	}
	t := median.Seconds()
	r.report(iterationMetric, t)
	// What bounds the work: each pair's row twice, and a product of the Gram matrix with each row, for every product of a solution.
	d, products, n, rows := float64(width), float64(alsSteps+1), float64(train.Len()), float64(train.Rows+train.Columns)
	r.report("gflop_per_second", products*(8*d*n+2*d*d*rows)/t/1e9)
	r.report(costMetric, t/(n*d*d+rows*d*d*d)*1e12) // terms of the systems of equations that a pass stands for
	if checked {
		r.report(passesMetric, loss)
		r.report(recallMetric, found)
	}
	return nil
}

// squares describes the work to implicit.
func squares(train *interactions.Matrix, width int) peers.Squares {
	return peers.Squares{
		Users: train.Rows, Items: train.Columns, Factors: width, Regularization: alsRegularization, K: listed,
		Pairs: peers.Pairs{Offsets: train.Offsets, Indices: train.Indices, Values: train.Values},
	}
}

// compareFactors takes turns with implicit. Where that is not installed, it says so and has done nothing.
func compareFactors(ctx context.Context, r *runner, train, held *interactions.Matrix, width int, loss, found float64, run func() error) (done bool, err error) {
	folder, err := os.MkdirTemp("", "debut-bench-")
	if err != nil {
		return false, err
	}
	defer removeAll(folder, &err)
	peer, err := peers.StartImplicitALS(ctx, folder, squares(train, width), r.Device.Info().Threads)
	if errors.Is(err, peers.ErrAbsent) {
		r.absent(err)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer peer.Close()
	theirs := &factorization.Factors{Width: width}
	if theirs.Users, theirs.Items, err = peer.Factors(checkedPasses); err != nil {
		return false, err
	}
	recalled, err := recall(ctx, theirs, r.Device, train, held)
	if err != nil {
		return false, err
	}
	// The objectives differ by what a pair that occurred weighs beside those that did not, and so do the factors; what they are good for must not be less.
	chance := 2 * math.Sqrt(recalled*(1-recalled)/float64(max(held.Len(), 1))) // both begin at random
	if found < recalled-recallTolerance-chance {
		return false, fmt.Errorf("recall@%d is %.4f and that of implicit %.4f after %d passes of each: the work is not as good", listed, found, recalled, checkedPasses)
	}
	c, err := alternate(ctx, r.Duration, perSecond(run), peerRun(peer.Peer))
	if err != nil {
		return false, err
	}
	c.reportSeconds(r, iterationMetric, peer.Version()+", "+peer.Settings())
	r.report(passesMetric, loss)
	r.report(recallMetric, found)
	r.report("peer_"+recallMetric, recalled)
	return true, nil
}
