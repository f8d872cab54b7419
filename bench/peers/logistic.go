package peers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// LogisticWork is rows and what scikit-learn's LogisticRegression is to make small: the sum of their losses and L2/2 times that of the
// squared weights, the intercept's left out.
type LogisticWork struct {
	Rows          int       `json:"rows"`
	D             int       `json:"d"`
	Cardinalities []int     `json:"cardinalities"` // of the fields
	L2            float64   `json:"l2"`
	Tolerance     float64   `json:"tolerance"` // of the largest element of the gradient
	Numeric       []float32 `json:"-"`         // [Rows, D]
	IDs           []int32   `json:"-"`         // [Rows, len(Cardinalities)]
	Target        []float32 `json:"-"`         // [Rows]: 0 or 1
}

// features is how many weights there are, the intercept among them.
func (w *LogisticWork) features() int {
	n := 1 + w.D
	for _, c := range w.Cardinalities {
		n += c
	}
	return n
}

// LogisticRegression is scikit-learn's LogisticRegression; a run is a fit.
type LogisticRegression struct {
	*Peer
	Theta []float64 // what it fits
}

// LogisticFit is what a solver of scikit-learn came to.
type LogisticFit struct {
	Solver, Form string    // such as newton-cg, sparse
	Theta        []float64 // [1 + D + ΣCardinalities]
	Seconds      float64
	Iterations   int
}

const (
	// denseBytes is the most that a dense matrix of all rows may take.
	denseBytes = 1 << 30
	// choleskyFeatures are the most weights whose Hessian scikit-learn is asked to factorize.
	choleskyFeatures = 4096
	// settledSeconds is how long a fit on a dense matrix takes at least for the settings of its libraries to matter; a sparse one is not theirs.
	settledSeconds = 0.01
)

// solvers lists what is worth trying, by solver and form of the matrix.
func (w *LogisticWork) solvers() (all [][2]string) {
	forms := []string{"sparse"}
	if int64(w.Rows)*int64(w.features()) <= denseBytes/8 {
		forms = append(forms, "dense")
	}
	for _, form := range forms {
		for _, solver := range []string{"lbfgs", "newton-cg", "newton-cholesky"} {
			if solver != "newton-cholesky" || w.features() <= choleskyFeatures {
				all = append(all, [2]string{solver, form})
			}
		}
	}
	return all
}

// StartLogisticRegression starts scikit-learn on rows, with at most so many threads, at the fastest of its solvers that come as near to weights as
// asked, on the form of the matrix that suits it, and at the best settings of its libraries; what each solver came to is returned too.
// The folder is for files; the caller removes it.
func StartLogisticRegression(ctx context.Context, folder string, w LogisticWork, threads int, trial time.Duration, near func(theta []float64) bool) (*LogisticRegression, []LogisticFit, error) {
	python, err := findPython(ctx, "scikit-learn", "python3-sklearn", "sklearn")
	if err != nil {
		return nil, nil, err
	}
	spec, err := json.Marshal(w)
	if err != nil {
		return nil, nil, fmt.Errorf("peers: %w", err)
	}
	if err := os.WriteFile(filepath.Join(folder, "logistic.json"), spec, 0o600); err != nil {
		return nil, nil, fmt.Errorf("peers: %w", err)
	}
	if err := errors.Join(writeRaw(filepath.Join(folder, "numbers.raw"), w.Numeric), writeRaw(filepath.Join(folder, "ids.raw"), w.IDs), writeRaw(filepath.Join(folder, "targets.raw"), w.Target)); err != nil {
		return nil, nil, err
	}
	if _, err := unpack(folder, "serving.py"); err != nil { // which the script imports
		return nil, nil, err
	}
	script, err := unpack(folder, "sklearn_logistic.py")
	if err != nil {
		return nil, nil, err
	}
	begin := func(l libraries) (*Peer, error) { return start(ctx, l, python, script, folder) }
	p, err := begin(libraries{openBLAS: threads, openMP: threads})
	if err != nil {
		return nil, nil, err
	}
	fits, err := w.try(p, folder)
	if err != nil {
		p.Close()
		return nil, nil, err
	}
	var fastest *LogisticFit
	for i := range fits {
		if f := &fits[i]; near(f.Theta) && (fastest == nil || f.Seconds < fastest.Seconds) {
			fastest = f
		}
	}
	if fastest == nil {
		p.Close()
		return nil, fits, fmt.Errorf("peers: none of %d solvers of scikit-learn comes to the same weights", len(fits))
	}
	chosen := request{"set " + fastest.Solver + " " + fastest.Form, fmt.Sprintf("LogisticRegression(C=%v, tol=%v, solver=%s) %s", 1/w.L2, w.Tolerance, fastest.Solver, fastest.Form)}
	if fastest.Form == "dense" && fastest.Seconds > settledSeconds {
		p.Close()
		p, _, err = best(ctx, threads, trial, []request{chosen}, begin)
	} else {
		err = p.set(chosen)
	}
	if err != nil {
		return nil, nil, err
	}
	return &LogisticRegression{p, fastest.Theta}, fits, nil
}

// try fits by each solver once.
func (w *LogisticWork) try(p *Peer, folder string) (fits []LogisticFit, err error) {
	for _, s := range w.solvers() {
		if _, err := p.ask("set %s %s", s[0], s[1]); err != nil {
			return nil, err
		}
		a, err := p.ask("fit")
		if err != nil {
			return nil, err
		}
		f := LogisticFit{Solver: s[0], Form: s[1], Seconds: a.Values["seconds"], Iterations: int(a.Values["iterations"])}
		if f.Theta, err = readRaw[float64](filepath.Join(folder, "theta.f64"), w.features()); err != nil {
			return nil, err
		}
		fits = append(fits, f)
	}
	return fits, nil
}
