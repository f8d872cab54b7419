package lp_test

import (
	"context"
	"encoding/csv"
	"flag"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"debut/trainers/supply/lp"
	"debut/trainers/supply/lp/modelfile"
)

var long = flag.Bool("long", false, "solve all problems of netlib")

// quick are the problems of netlib that are solved without -long: all but the slow ones.
func quick(name string) bool {
	return !slices.Contains([]string{"maros-r7", "25fv47", "woodw", "czprob"}, name)
}

// netlib calls test with each problem and its optimum.
func netlib(t *testing.T, test func(t *testing.T, name string, p *lp.Problem, optimum float64)) {
	t.Helper()
	dir := os.Getenv("DEBUT_DATA")
	if dir == "" {
		t.Skip("the problems are looked for in DEBUT_DATA, which is not set")
	}
	f, err := os.Open(filepath.Join(dir, "lp", "optima.csv"))
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		if !*long && !quick(row[0]) {
			continue
		}
		t.Run(row[0], func(t *testing.T) {
			file, err := modelfile.Open(filepath.Join(dir, "lp", row[0]+".mps.gz"), modelfile.Options{})
			if err != nil {
				t.Fatal(err)
			}
			want, err := strconv.ParseFloat(row[2], 64)
			if err != nil {
				t.Fatal(err)
			}
			test(t, row[0], file.Problem, want)
		})
	}
}

// TestInterior solves the problems by the interior point method; it is to converge on nearly all of them.
func TestInterior(t *testing.T) {
	converged, total := 0, 0
	netlib(t, func(t *testing.T, name string, p *lp.Problem, want float64) {
		s, err := lp.Solve(context.Background(), p, lp.Options{Method: lp.Interior})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%-9s %s %.10g, %s, %d iterations, %.3f s", name, s.Status, s.Objective, s.Method, s.Iterations, s.Seconds)
		if s.Status != lp.Optimal || math.Abs(s.Objective-want) > 1e-6*math.Abs(want) {
			t.Errorf("%s, objective %.10g, not %.10g", s.Status, s.Objective, want)
		}
		total++
		if strings.HasPrefix(s.Method, "interior") {
			converged++
		}
	})
	if 10*converged < 9*total {
		t.Errorf("the method converged on %d of %d problems", converged, total)
	}
}

// TestNetlib solves the problems by our own method, and has the optimum and its proof right.
func TestNetlib(t *testing.T) {
	netlib(t, func(t *testing.T, name string, p *lp.Problem, want float64) {
		began := time.Now()
		s, err := lp.Solve(context.Background(), p, lp.Options{Method: lp.Simplex})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%-9s %s %.10g iterations %d primal %.1e dual %.1e %v", name, s.Status, s.Objective, s.Iterations, s.PrimalViolation, s.DualViolation, time.Since(began).Round(time.Millisecond/10))
		if s.Status != lp.Optimal || math.Abs(s.Objective-want) > 1e-6*math.Abs(want) {
			t.Errorf("%s, objective %.10g, not %.10g", s.Status, s.Objective, want)
		}
		if s.PrimalViolation > 1e-6 || s.DualViolation > 1e-6 {
			t.Errorf("violations: primal %g, dual %g", s.PrimalViolation, s.DualViolation)
		}
	})
}
