package bench

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"regexp"
	"strconv"

	"debut/bench/defaults"
	"debut/bench/peers"
	"debut/kernels/philox"
	"debut/kernels/pool"
	"debut/trainers/linear"
)

// linearForm is how a case is written.
const linearForm = "shoppers, adult or generated.ROWSxNUMBERSxIDS; DEBUT_DATA names the folder of the first two, in the place of which there are generated rows where it lacks them"

// logistic is the suite of linear models that are fitted to the optimum.
var logistic = Suite{
	Name:    "linear",
	Summary: "logistic regression with a penalty, fitted to the optimum from the beginning: seconds of a fit, and how far the weights are from the peer's",
	Cases:   []string{"shoppers", "adult", "generated.200000x10x50000"},
	Form:    linearForm,
	Peer:    "scikit-learn (LogisticRegression, by the fastest of its solvers that comes to the same weights)",
	Metrics: []Metric{{Name: fitMetric, Direction: Lower}, {Name: objectiveMetric, Direction: Same}},
	Host:    func(string) bool { return true },
	measure: measureLinear,
}

const (
	fitMetric       = "seconds_per_fit"
	objectiveMetric = "objective" // what the fit makes small, a row
)

// Settings of the work.
const (
	linearL2            = 1.0
	linearPeerTolerance = 1e-10 // of the gradient
	// linearDifference is how far two programs' weights may be apart.
	linearDifference = 1e-5
	linearMostSize   = 1 << 31 // of the numbers and ids of all rows
	// A generated row has so many fields, whose values share the ids.
	linearFields = 2
)

// realRows are the sets of real data, and generated ones of about the same shape.
var realRows = map[string]struct{ set, like string }{
	"shoppers": {"test.shoppers", "generated.8600x15x15"},
	"adult":    {"test.adult", "generated.29000x6x110"},
}

var linearCase = regexp.MustCompile(`^generated\.([1-9]\d{0,8})x(\d{1,6})x([1-9]\d{0,8})$`)

// logisticProblem makes the rows of a case.
func logisticProblem(ctx context.Context, name string, r *runner) (*linear.Problem, error) {
	if of, ok := realRows[name]; ok {
		p, err := encodedRows(ctx, of.set, r)
		if !errors.Is(err, fs.ErrNotExist) {
			return p, err
		}
		if r.Log != nil {
			r.Log.Warn("measuring generated rows in the place of real ones", "case", name, "generated", of.like, "reason", err)
		}
		name = of.like
		r.result.Case = name
	}
	m := linearCase.FindStringSubmatch(name)
	if m == nil {
		return nil, fmt.Errorf("the case is not of the form %s", linearForm)
	}
	var size [3]int
	for i := range size {
		var err error
		if size[i], err = strconv.Atoi(m[i+1]); err != nil {
			return nil, err
		}
	}
	if size[2] < 2*linearFields {
		return nil, fmt.Errorf("%d ids are too few for %d fields: take at least %d", size[2], linearFields, 2*linearFields)
	}
	if size[0]*(size[1]+linearFields) > linearMostSize {
		return nil, fmt.Errorf("%d rows of %d numbers are too many: take at most %d numbers and ids in all", size[0], size[1], linearMostSize)
	}
	return generatedRows(size[0], size[1], size[2]), nil
}

// encodedRows are the training rows of a set, encoded as those of a linear model of which nothing is said.
func encodedRows(ctx context.Context, set string, r *runner) (p *linear.Problem, err error) {
	s, err := defaults.Find(set)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "debut-bench-")
	if err != nil {
		return nil, err
	}
	defer removeAll(folder, &err)
	w := defaults.NewWork(folder, r.Device.Info().Threads)
	if err := w.Prepare(ctx, s, 0); err != nil {
		return nil, err
	}
	return w.Linear(ctx)
}

// generatedRows are rows of numbers and of two fields whose values share so many ids, some of them frequent and most of them rare, with
// classes drawn by a model of all of them.
func generatedRows(rows, d, ids int) *linear.Problem {
	r := philox.New(1, philox.StreamOf("bench.linear"))
	p := &linear.Problem{Rows: rows, D: d, Cardinalities: []int{ids - ids/3, ids / 3}, Outputs: 1, Loss: linear.Logistic, L2: linearL2}
	weights := make([]float64, d+ids)
	for i := range weights {
		weights[i] = r.NormFloat64() / 2
	}
	p.Numeric, p.IDs, p.Target = make([]float32, 0, rows*d), make([]int32, 0, rows*linearFields), make([]float64, rows)
	for row := range rows {
		z := -1.0
		for j := range d {
			x := float32(r.NormFloat64())
			p.Numeric = append(p.Numeric, x)
			z += weights[j] * float64(x)
		}
		at := d
		for _, c := range p.Cardinalities {
			id := int(float64(c) * r.Float64() * r.Float64())
			p.IDs = append(p.IDs, int32(id))
			z += weights[at+id]
			at += c
		}
		if r.Float64() < 1/(1+math.Exp(-z)) {
			p.Target[row] = 1
		}
	}
	return p
}

func measureLinear(ctx context.Context, name string, r *runner) error {
	p, err := logisticProblem(ctx, name, r)
	if err != nil {
		return err
	}
	p.L2 = linearL2
	workers := pool.New(r.Device.Info().Threads)
	defer workers.Close()
	var fit *linear.Fitted
	run := func() (err error) {
		fit, err = linear.Fit(ctx, p, workers, nil)
		return err
	}
	if err := run(); err != nil {
		return err
	}
	if !fit.Converged {
		return fmt.Errorf("after %d iterations the fit has not come to the optimum", fit.Iterations)
	}
	done := false
	if r.Peers {
		if done, err = compareLinear(ctx, r, p, fit, run); err != nil {
			return err
		}
	}
	if !done {
		_, median, err := r.repeat(ctx, run)
		if err != nil {
			return err
		}
		r.report(fitMetric, median.Seconds())
	}
	r.report("iterations", float64(fit.Iterations))
	r.report("weights", float64(len(fit.Theta)))
	r.report(objectiveMetric, fit.Objective/float64(p.Rows))
	return nil
}

// compareLinear takes turns with scikit-learn. Where that is not installed, it says so and has done nothing.
func compareLinear(ctx context.Context, r *runner, p *linear.Problem, fit *linear.Fitted, run func() error) (done bool, err error) {
	folder, err := os.MkdirTemp("", "debut-bench-")
	if err != nil {
		return false, err
	}
	defer removeAll(folder, &err)
	w := peers.LogisticWork{
		Rows: p.Rows, D: p.D, Cardinalities: p.Cardinalities, L2: p.L2, Tolerance: linearPeerTolerance, Numeric: p.Numeric, IDs: p.IDs,
		Target: make([]float32, p.Rows),
	}
	for i, y := range p.Target {
		w.Target[i] = float32(y)
	}
	near := func(theta []float64) bool { return largestDifference(theta, fit.Theta) <= linearDifference }
	peer, theirs, err := peers.StartLogisticRegression(ctx, folder, w, r.Device.Info().Threads, trial(r.Duration), near)
	if errors.Is(err, peers.ErrAbsent) {
		r.absent(err)
		return false, nil
	}
	for _, f := range theirs {
		prefix := "peer_" + f.Solver + "_" + f.Form + "_"
		r.report(prefix+"difference", largestDifference(f.Theta, fit.Theta))
		r.report(prefix+"seconds", f.Seconds)
		r.report(prefix+"iterations", float64(f.Iterations))
	}
	if err != nil {
		return false, err
	}
	defer peer.Close()
	c, err := alternate(ctx, r.Duration, perSecond(run), peerRun(peer.Peer))
	if err != nil {
		return false, err
	}
	c.reportSeconds(r, fitMetric, peer.Version()+", "+peer.Settings())
	r.report("difference", largestDifference(peer.Theta, fit.Theta))
	return true, nil
}

// largestDifference returns how far weights are apart, at most.
func largestDifference(a, b []float64) float64 {
	most := 0.0
	for i, v := range a {
		most = max(most, math.Abs(v-b[i]))
	}
	return most
}
