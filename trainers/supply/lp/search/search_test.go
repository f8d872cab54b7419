package search_test

import (
	"bufio"
	"context"
	"encoding/csv"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"debut/trainers/supply/lp/modelfile"
	"debut/trainers/supply/lp/problem"
	"debut/trainers/supply/lp/search"
)

var long = flag.Bool("long", false, "solve the integer problems that take seconds, too")

// slow are the problems that are solved with -long alone.
var slow = []string{"bell5", "misc03", "p0201", "pp08a", "dcmulti"}

func data(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("DEBUT_DATA")
	if dir == "" {
		t.Skip("the problems are looked for in DEBUT_DATA, which is not set")
	}
	return dir
}

func open(t *testing.T, dir, name string) *problem.Problem {
	t.Helper()
	file, err := modelfile.Open(filepath.Join(dir, "mip", name+".mps.gz"), modelfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return file.Problem
}

// TestMIPLIB proves the optima of MIPLIB 3.
func TestMIPLIB(t *testing.T) {
	dir := data(t)
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
		if !*long && slices.Contains(slow, row[0]) {
			continue
		}
		t.Run(row[0], func(t *testing.T) {
			p := open(t, dir, row[0])
			want, err := strconv.ParseFloat(row[1], 64)
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			r := search.Solve(context.Background(), p, search.Options{})
			t.Logf("%-8s %.9g, bound %.9g, %d nodes, %d iterations, %d cuts, %v", row[0], r.Objective, r.Bound, r.Nodes, r.Iterations, r.Cuts, time.Since(began).Round(time.Millisecond))
			if r.Status != search.Optimal || math.Abs(r.Objective-want) > 1e-6*math.Max(1, math.Abs(want)) {
				t.Errorf("status %d, objective %.10g, not %.10g", r.Status, r.Objective, want)
			}
		})
	}
}

// TestKnapsacks solves the knapsacks exactly; their optima are written with four digits after the point.
func TestKnapsacks(t *testing.T) {
	dir := filepath.Join(data(t), "knapsack")
	files, err := os.ReadDir(filepath.Join(dir, "low-dimensional"))
	if err != nil {
		t.Skip(err)
	}
	for _, file := range files {
		values := numbers(t, filepath.Join(dir, "low-dimensional", file.Name()))
		want := numbers(t, filepath.Join(dir, "low-dimensional-optimum", file.Name()))[0]
		n := int(values[0])
		p := &problem.Problem{
			Maximize: true, Matrix: problem.Matrix{Rows: 1, Columns: n, Start: []int{0}}, RowLower: []float64{math.Inf(-1)}, RowUpper: []float64{values[1]},
		}
		for j := range n {
			p.Cost = append(p.Cost, values[2+2*j])
			p.Matrix.Index, p.Matrix.Value = append(p.Matrix.Index, 0), append(p.Matrix.Value, values[3+2*j])
			p.Matrix.Start = append(p.Matrix.Start, j+1)
			p.Lower, p.Upper, p.Integer = append(p.Lower, 0), append(p.Upper, 1), append(p.Integer, true)
		}
		r := search.Solve(context.Background(), p, search.Options{})
		t.Logf("%s: %v, %d nodes, %d iterations", file.Name(), r.Objective, r.Nodes, r.Iterations)
		if r.Status != search.Optimal || math.Abs(r.Objective-want) > 5e-5 || r.Bound != r.Objective {
			t.Errorf("%s: status %d, %.10g with the bound %.10g, not %.10g", file.Name(), r.Status, r.Objective, r.Bound, want)
		}
	}
}

func numbers(t *testing.T, path string) (out []float64) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	words := bufio.NewScanner(f)
	words.Split(bufio.ScanWords)
	for words.Scan() {
		v, err := strconv.ParseFloat(words.Text(), 64)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

// TestSameBits searches with 1, 2 and 7 threads.
func TestSameBits(t *testing.T) {
	dir := data(t)
	want := ""
	for _, threads := range []int{1, 2, 7} {
		before := runtime.GOMAXPROCS(threads)
		got := ""
		for _, name := range []string{"lseu", "rgn", "gt2", "flugpl"} {
			r := search.Solve(context.Background(), open(t, dir, name), search.Options{})
			got += fmt.Sprintf("%x %x %d %d\n", r.Objective, r.X, r.Nodes, r.Iterations)
		}
		runtime.GOMAXPROCS(before)
		if want == "" {
			want = got
		} else if got != want {
			t.Errorf("%d threads: %s not %s", threads, got, want)
		}
	}
}

// TestStopped has the best point so far and its bound where the context ends a search in the midst.
func TestStopped(t *testing.T) {
	p := open(t, data(t), "misc03")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r := search.Solve(ctx, p, search.Options{Progress: func(p search.Progress) {
		if !math.IsInf(p.Best, 0) {
			cancel()
		}
	}})
	if r.Status != search.Stopped || r.X == nil {
		t.Fatalf("status %d, point %v", r.Status, r.X)
	}
	if r.Objective < 3360-1e-6 || r.Bound > 3360+1e-6 {
		t.Errorf("objective %v and bound %v are not on both sides of the optimum 3360", r.Objective, r.Bound)
	}
	if r := search.Solve(context.Background(), p, search.Options{Deadline: time.Now()}); r.Status != search.Stopped {
		t.Errorf("status %d after the deadline", r.Status)
	}
}

// TestGap stops where the gap is small enough.
func TestGap(t *testing.T) {
	p := open(t, data(t), "lseu")
	exact := search.Solve(context.Background(), p, search.Options{})
	r := search.Solve(context.Background(), p, search.Options{Gap: 0.1})
	if r.Status != search.Optimal || r.Objective > 1.1*1120*1.01 || r.Nodes >= exact.Nodes || r.Bound > 1120+1e-6 {
		t.Errorf("status %d, objective %v, bound %v after %d nodes; without a gap %d", r.Status, r.Objective, r.Bound, r.Nodes, exact.Nodes)
	}
}
