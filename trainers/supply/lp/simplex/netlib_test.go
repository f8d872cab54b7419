package simplex_test

import (
	"context"
	"encoding/csv"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"debut/trainers/supply/lp/modelfile"
	"debut/trainers/supply/lp/simplex"
)

var long = flag.Bool("long", false, "solve all problems of netlib")

// TestNetlib solves the problems without presolve.
func TestNetlib(t *testing.T) {
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
		if row[0] == "maros-r7" && !*long {
			continue
		}
		t.Run(row[0], func(t *testing.T) {
			file, err := modelfile.Open(filepath.Join(dir, "lp", row[0]+".mps.gz"), modelfile.Options{})
			if err != nil {
				t.Fatal(err)
			}
			p := file.Problem
			want, _ := strconv.ParseFloat(row[2], 64)
			began := time.Now()
			s := simplex.New(p)
			status := s.Solve(context.Background(), true, simplex.Limits{})
			took := time.Since(began)
			got := p.Value(s.Primal())
			m, n := p.Size()
			t.Logf("%-9s %5d %5d %6d status %d %.9g %.9g iterations %d factor %d %v", row[0], m, n, p.Nonzeros(), status, got, want, s.Iterations, s.Factorizations, took.Round(time.Millisecond/10))
			if status != simplex.Optimal || math.Abs(got-want) > 1e-6*math.Abs(want) {
				t.Errorf("objective %.10g, not %.10g", got, want)
			}
		})
	}
}
