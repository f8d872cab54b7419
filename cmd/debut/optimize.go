package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"debut/datasets/atomicfile"
	"debut/datasets/nearest"
	"debut/datasets/wording"
	"debut/trainers/supply/lp"
	"debut/trainers/supply/lp/modelfile"
)

// optimized is what optimize answers.
type optimized struct {
	File            string   `json:"file"`
	Status          string   `json:"status"`
	Objective       *float64 `json:"objective"` // null where no point was found
	Bound           *float64 `json:"bound"`     // null where none is known
	Gap             *float64 `json:"gap"`
	Method          string   `json:"method"`
	Seconds         float64  `json:"seconds"`
	Rows            int      `json:"rows"`
	Columns         int      `json:"columns"`
	Nonzeros        int      `json:"nonzeros"`
	Integers        int      `json:"integers"`
	Iterations      int      `json:"iterations"`
	Nodes           int      `json:"nodes"`
	PrimalViolation float64  `json:"primal_violation"`
	DualViolation   float64  `json:"dual_violation"`
	Notes           []string `json:"notes,omitempty"`
}

// optimizeFlags are the flags of optimize.
type optimizeFlags struct {
	solution, method string
	limit            time.Duration
	gap              float64
	fixed, asJSON    bool
}

func (a *app) optimize() *cobra.Command {
	f := &optimizeFlags{}
	cmd := &cobra.Command{
		Use:   "optimize MODEL",
		Short: "Solve a linear or integer program",
		Long: `Solve a linear or integer program. MODEL is a file in the MPS form, fixed or free, or in the LP form where its name ends in .lp; it may be packed by gzip.

The answer is verified against the file before it is told: a point by its rows and bounds, an optimum of a linear program by its multipliers, that there is
none by multipliers or a direction that prove it. Integer programs are solved to a gap of zero. Ctrl-C and --time-limit end with the best point so
far and the bound that is proven. Exit code 0: an answer, be it that the model is infeasible; 1: no point was found in time, or nothing could be verified.`,
		Example: `  debut optimize plan.mps.gz --solution plan.csv
  debut optimize model.lp --time-limit 2m --json`,
		Args: takes(1, 1, "a model"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.runOptimize(cmd, args[0], f) },
	}
	cmd.Flags().StringVar(&f.solution, "solution", "", "`file` to write the point to, as CSV: kind, name, value, dual; duals are reduced costs of columns and multipliers of rows")
	cmd.Flags().StringVar(&f.method, "method", lp.Auto, "`method`: "+strings.Join(lp.Methods(), ", ")+"; the last three are programs that must be installed (debut doctor lists them)")
	cmd.Flags().DurationVar(&f.limit, "time-limit", 0, "`time` after which to stop with the best so far, as 30s or 5m (default: none)")
	cmd.Flags().Float64Var(&f.gap, "gap", 0, "relative `gap` between objective and bound at which an integer program counts as solved")
	cmd.Flags().BoolVar(&f.fixed, "fixed", false, "the fields of the MPS file are columns of characters, as in files whose names have blanks (default: found out)")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) runOptimize(cmd *cobra.Command, path string, f *optimizeFlags) error {
	switch {
	case f.limit < 0 || cmd.Flags().Changed("time-limit") && f.limit == 0:
		return usagef("--time-limit: %v; it is more than nothing, or left out", f.limit)
	case f.gap < 0 || math.IsNaN(f.gap):
		return usagef("--gap: %v; it is a share of the objective, 0 or more", f.gap)
	}
	if !slices.Contains(lp.Methods(), f.method) {
		return usagef("--method %s: there is none of that name%s; they are %s", f.method, nearest.DidYouMean(f.method, lp.Methods()), strings.Join(lp.Methods(), ", "))
	}
	file, err := modelfile.Open(path, modelfile.Options{Fixed: f.fixed})
	if err != nil {
		return err
	}
	for _, note := range file.Notes[:min(len(file.Notes), 5)] {
		a.console.log.Warn(note)
	}
	if more := len(file.Notes) - 5; more > 0 {
		a.console.log.Warn(fmt.Sprintf("%s: %d more of this kind", path, more))
	}
	p := file.Problem
	s, err := lp.Solve(cmd.Context(), p, lp.Options{Method: f.method, TimeLimit: f.limit, Gap: f.gap, Progress: a.optimizeProgress()})
	if err != nil {
		return err
	}
	if f.solution != "" && s.X != nil {
		if err := writeSolution(f.solution, p, s); err != nil {
			return err
		}
	}
	answer := optimizedOf(path, p, s, file.Notes)
	if f.asJSON {
		err = a.console.printJSON(answer)
	} else {
		err = a.console.print(answer.text())
	}
	switch {
	case err != nil:
		return err
	case s.Status == lp.Canceled:
		return cmd.Context().Err()
	case s.Status == lp.Troubled:
		return fmt.Errorf("%s: no answer could be verified: the numbers of the model are too far apart for the method; scale them, or try another --method", path)
	case s.Status == lp.TimeLimit && s.X == nil:
		return fmt.Errorf("%s: no feasible point was found within %v; allow more by --time-limit", path, f.limit)
	}
	return nil
}

// optimizeProgress tells how far a solve has come, after two seconds and then every five.
func (a *app) optimizeProgress() func(lp.Progress) {
	next := 2.0
	return func(p lp.Progress) {
		if p.Seconds < next {
			return
		}
		next = p.Seconds + 5
		fields := []any{"seconds", math.Round(p.Seconds*10) / 10, "iterations", p.Iterations}
		if p.Nodes > 0 {
			fields = append(fields, "nodes", p.Nodes, "open", p.Open)
		}
		if !math.IsNaN(p.Best) {
			fields = append(fields, "best", p.Best)
		}
		if !math.IsNaN(p.Bound) && !math.IsInf(p.Bound, 0) {
			fields = append(fields, "bound", p.Bound)
		}
		if p.Nodes == 0 && !math.IsNaN(p.Infeasibility) {
			fields = append(fields, "infeasibility", p.Infeasibility)
		}
		a.console.log.Info("solving", fields...)
	}
}

// finite returns a number that JSON has, or nil.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

func optimizedOf(path string, p *lp.Problem, s *lp.Solution, notes []string) *optimized {
	rows, columns := p.Size()
	o := &optimized{
		File: path, Status: string(s.Status), Bound: finite(s.Bound), Gap: finite(s.Gap), Method: s.Method, Seconds: math.Round(s.Seconds*1000) / 1000,
		Rows: rows, Columns: columns, Nonzeros: p.Nonzeros(), Integers: p.Integers(), Iterations: s.Iterations, Nodes: s.Nodes,
		PrimalViolation: s.PrimalViolation, DualViolation: s.DualViolation, Notes: notes,
	}
	switch {
	case s.Status == lp.Infeasible:
		o.Bound = nil
	case s.Status == lp.Unbounded:
		o.Bound, o.Gap = nil, nil
	case s.X != nil:
		o.Objective = finite(s.Objective)
	}
	return o
}

// text is the answer for people.
func (o *optimized) text() string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-10s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("status", "%s", o.Status)
	if o.Objective != nil {
		line("objective", "%.12g", *o.Objective)
	}
	if o.Bound != nil {
		line("bound", "%.12g", *o.Bound)
	}
	if o.Gap != nil {
		line("gap", "%.3g %%", 100**o.Gap)
	}
	integers := ""
	if o.Integers > 0 {
		integers = fmt.Sprintf(", %s of the columns integer", wording.Thousands(int64(o.Integers)))
	}
	line("model", "%s rows, %s columns, %s entries%s", wording.Thousands(int64(o.Rows)), wording.Thousands(int64(o.Columns)), wording.Thousands(int64(o.Nonzeros)), integers)
	line("method", "%s", o.Method)
	line("work", "%s iterations, %s nodes", wording.Thousands(int64(o.Iterations)), wording.Thousands(int64(o.Nodes)))
	line("seconds", "%.3f", o.Seconds)
	return b.String()
}

// writeSolution writes a point as CSV.
func writeSolution(path string, p *lp.Problem, s *lp.Solution) error {
	return atomicfile.Write(path, 0o644, func(w io.Writer) error {
		c := csv.NewWriter(w)
		number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
		dual := func(list []float64, k int) string {
			if list == nil {
				return ""
			}
			return number(list[k])
		}
		err := c.Write([]string{"kind", "name", "value", "dual"})
		for j, v := range s.X {
			err = errors.Join(err, c.Write([]string{"column", p.ColumnName(j), number(v), dual(s.Reduced, j)}))
		}
		for i, v := range s.Activity {
			err = errors.Join(err, c.Write([]string{"row", p.RowName(i), number(v), dual(s.Dual, i)}))
		}
		c.Flush()
		return errors.Join(err, c.Error())
	})
}
