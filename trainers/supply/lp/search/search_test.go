package search_test

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
	"debut/trainers/supply/lp/search"
)

var long = flag.Bool("long", false, "solve all integer problems")

func TestMIPLIB(t *testing.T) {
	dir := os.Getenv("DEBUT_DATA")
	if dir == "" {
		t.Skip("DEBUT_DATA is not set")
	}
	f, err := os.Open(filepath.Join(dir, "mip", "optima.csv"))
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		t.Run(row[0], func(t *testing.T) {
			file, err := modelfile.Open(filepath.Join(dir, "mip", row[0]+".mps.gz"), modelfile.Options{})
			if err != nil {
				t.Fatal(err)
			}
			p := file.Problem
			want, _ := strconv.ParseFloat(row[1], 64)
			began := time.Now()
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			r := search.Solve(ctx, p, search.Options{})
			m, n := p.Size()
			t.Logf("%-9s %5d %5d ints %d status %d %.9g bound %.9g want %.9g nodes %d iterations %d cuts %d %v", row[0], m, n, p.Integers(), r.Status, r.Objective, r.Bound, want, r.Nodes, r.Iterations, r.Cuts, time.Since(began).Round(time.Millisecond/10))
			if r.Status != search.Optimal || math.Abs(r.Objective-want) > 1e-6*math.Max(1, math.Abs(want)) {
				t.Errorf("objective %.10g, not %.10g", r.Objective, want)
			}
		})
	}
}
