// Package kept runs solvers of linear and integer programs that are installed as programs: clp and cbc of COIN-OR, and highs. A problem goes to
// them as an MPS file, their answer comes back as a file too. What they say is theirs: whoever asks checks it.
package kept

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"debut/trainers/supply/lp/modelfile"
	"debut/trainers/supply/lp/problem"
	"debut/trainers/supply/lp/simplex"
)

// Program is a solver that was found.
type Program struct {
	Name string `json:"name"`
	Path string `json:"path"`
}

// names are the programs that are known, the best first.
var names = []string{"highs", "cbc", "clp"}

// ErrNotFound is matched where a solver is not installed.
var ErrNotFound = errors.New("is not among the programs of PATH")

// Find looks for a solver in PATH.
func Find(name string) (*Program, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, fmt.Errorf("the solver %s %w", name, ErrNotFound)
	}
	return &Program{name, path}, nil
}

// All lists the solvers that are found.
func All() []Program {
	out := []Program{}
	for _, name := range names {
		if p, err := Find(name); err == nil {
			out = append(out, *p)
		}
	}
	return out
}

// Answer is what a solver says of a minimization.
type Answer struct {
	Status        simplex.Status
	X             []float64          // nil without a point
	Dual          []float64          // nil where it says none
	Columns, Rows []simplex.Position // of its basis, where it says one
	Bound         float64            // of the objective without its constant; infinite where it says none
}

// Solve runs the program on a problem. limit is of time, 0 for none; gap is relative.
func (p *Program) Solve(ctx context.Context, of *problem.Problem, limit time.Duration, gap float64) (answer *Answer, err error) {
	dir, err := os.MkdirTemp("", "debut-lp-*")
	if err != nil {
		return nil, fmt.Errorf("kept: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	q := minimized(of)
	in, out := filepath.Join(dir, "in.mps"), filepath.Join(dir, "out.txt")
	if err := modelfile.Write(in, q); err != nil {
		return nil, err
	}
	seconds := "1e9"
	if limit > 0 {
		seconds = strconv.FormatFloat(limit.Seconds(), 'f', 3, 64)
	}
	tolerance := strconv.FormatFloat(gap, 'g', -1, 64)
	var args []string
	switch p.Name {
	case "clp", "cbc":
		args = []string{in, "-seconds", seconds}
		if p.Name == "cbc" {
			args = append(args, "-ratioGap", tolerance, "-allowableGap", "0")
		}
		args = append(args, "-solve", "-printingOptions", "all", "-solution", out)
		if of.Integers() == 0 {
			args = append(args, "-basisout", filepath.Join(dir, "out.bas"))
		}
	case "highs":
		options := filepath.Join(dir, "options")
		text := "mip_rel_gap = " + tolerance + "\nmip_abs_gap = 0\n"
		if err := os.WriteFile(options, []byte(text), 0o600); err != nil {
			return nil, fmt.Errorf("kept: %w", err)
		}
		args = []string{"--model_file", in, "--solution_file", out, "--options_file", options}
		if limit > 0 {
			args = append(args, "--time_limit", seconds)
		}
	}
	cmd := exec.CommandContext(ctx, p.Path, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // they stop and write what they have
	cmd.WaitDelay = 5 * time.Second
	said, err := cmd.CombinedOutput()
	if err != nil && ctx.Err() == nil {
		return nil, fmt.Errorf("kept: %s: %w: %s", p.Path, err, lastLine(said))
	}
	text, err := os.ReadFile(out)
	if err != nil {
		if ctx.Err() != nil {
			return &Answer{Status: simplex.Stopped, Bound: math.Inf(-1)}, nil
		}
		return nil, fmt.Errorf("kept: %s wrote no answer: %s", p.Path, lastLine(said))
	}
	if p.Name == "highs" {
		return parseHiGHS(string(text), q)
	}
	answer, err = parseCOIN(string(text), q)
	if err != nil {
		return nil, err
	}
	answer.Bound = lowerBound(string(said))
	if answer.Status == simplex.Optimal {
		if basis, err := os.ReadFile(filepath.Join(dir, "out.bas")); err == nil {
			answer.Columns, answer.Rows = parseBasis(string(basis), q)
		}
	}
	return answer, nil
}

// minimized is the problem as the programs get it: to be minimized, without a constant and with names C1 and R1 onwards.
func minimized(of *problem.Problem) *problem.Problem {
	q := *of
	q.ColumnNames, q.RowNames, q.Name, q.Objective, q.Offset, q.Maximize = nil, nil, "", "COST", 0, false
	if of.Maximize {
		q.Cost = make([]float64, len(of.Cost))
		for j, c := range of.Cost {
			q.Cost[j] = 0 - c
		}
	}
	return &q
}

func lastLine(text []byte) string {
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return string(lines[len(lines)-1])
}

var boundLine = regexp.MustCompile(`(?m)^Lower bound:\s+(\S+)`)

// lowerBound reads the bound that cbc tells of where it was stopped.
func lowerBound(said string) float64 {
	if m := boundLine.FindStringSubmatch(said); m != nil {
		if v, err := strconv.ParseFloat(m[1], 64); err == nil {
			return v
		}
	}
	return math.Inf(-1)
}

// place returns the number of a name such as C12, from 0, or −1.
func place(name string, letter byte, count int) int {
	if len(name) < 2 || name[0] != letter {
		return -1
	}
	k, err := strconv.Atoi(name[1:])
	if err != nil || k < 1 || k > count {
		return -1
	}
	return k - 1
}

// parseCOIN reads a solution file of clp and cbc: a line with the status, then lines of a number, a name, a value and a dual value.
func parseCOIN(text string, q *problem.Problem) (*Answer, error) {
	first, rest, _ := strings.Cut(text, "\n")
	a := &Answer{Bound: math.Inf(-1), Status: simplex.Stopped}
	switch lower := strings.ToLower(first); {
	case strings.HasPrefix(lower, "optimal"):
		a.Status = simplex.Optimal
	case strings.Contains(lower, "infeasible"):
		a.Status = simplex.Infeasible
		return a, nil
	case strings.HasPrefix(lower, "unbounded"):
		a.Status = simplex.Unbounded
		return a, nil
	case strings.HasPrefix(lower, "stopped"):
		if strings.Contains(lower, "no integer solution") || strings.Contains(lower, "objective value 1e+") || strings.Contains(lower, "e+50") {
			return a, nil
		}
	default:
		return nil, fmt.Errorf("kept: an answer begins with %q, which is not understood", first)
	}
	a.X = make([]float64, len(q.Cost))
	seen := 0
	for line := range strings.Lines(rest) {
		fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "**"))
		if len(fields) < 3 {
			continue
		}
		j := place(fields[1], 'C', len(a.X))
		if j < 0 {
			continue
		}
		v, err := strconv.ParseFloat(fields[2], 64)
		if err != nil {
			return nil, fmt.Errorf("kept: the value of %s is %q", fields[1], fields[2])
		}
		a.X[j] = v
		seen++
	}
	if seen != len(a.X) {
		if a.Status == simplex.Stopped {
			a.X = nil
			return a, nil
		}
		return nil, fmt.Errorf("kept: the answer has %d of %d columns", seen, len(a.X))
	}
	return a, nil
}

// parseBasis reads a basis in MPS's form: XU and XL have a basic column and a row at its upper or lower side, UL and LL a column at a bound;
// of what is not named columns are at their lower bounds and rows basic.
func parseBasis(text string, q *problem.Problem) (columns, rows []simplex.Position) {
	columns, rows = make([]simplex.Position, len(q.Cost)), make([]simplex.Position, len(q.RowLower))
	for i := range rows {
		rows[i] = simplex.Basic
	}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 || line[0] != ' ' {
			continue
		}
		j := place(fields[1], 'C', len(columns))
		i := -1
		if len(fields) > 2 {
			i = place(fields[2], 'R', len(rows))
		}
		switch kind := fields[0]; {
		case (kind == "XU" || kind == "XL") && j >= 0 && i >= 0:
			columns[j], rows[i] = simplex.Basic, simplex.AtLower
			if kind == "XU" {
				rows[i] = simplex.AtUpper
			}
		case kind == "UL" && j >= 0:
			columns[j] = simplex.AtUpper
		}
	}
	return columns, rows
}

// parseHiGHS reads a solution file of highs: sections that begin with #, of lines of a name and a value.
func parseHiGHS(text string, q *problem.Problem) (*Answer, error) {
	a := &Answer{Bound: math.Inf(-1), Status: simplex.Troubled}
	section, part, previous := "", "", ""
	x, y := make([]float64, len(q.Cost)), make([]float64, len(q.RowLower))
	seenX, seenY := 0, 0
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if previous == "Model status" {
			switch strings.ToLower(line) {
			case "optimal":
				a.Status = simplex.Optimal
			case "infeasible":
				a.Status = simplex.Infeasible
			case "unbounded", "primal infeasible or unbounded":
				a.Status = simplex.Unbounded
			case "time limit reached", "interrupted by user":
				a.Status = simplex.Stopped
			}
		}
		previous = line
		if title, is := strings.CutPrefix(line, "# "); is {
			switch {
			case strings.HasPrefix(title, "Columns"), strings.HasPrefix(title, "Rows"):
				part = title[:1]
			default:
				section, part = title, ""
			}
			continue
		}
		name, value, _ := strings.Cut(line, " ")
		v, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil {
			continue
		}
		if j := place(name, 'C', len(x)); j >= 0 && part == "C" && strings.HasPrefix(section, "Primal") {
			x[j] = v
			seenX++
		}
		if i := place(name, 'R', len(y)); i >= 0 && part == "R" && strings.HasPrefix(section, "Dual") {
			y[i] = v
			seenY++
		}
	}
	if seenX == len(x) && (a.Status == simplex.Optimal || a.Status == simplex.Stopped) {
		a.X = x
	}
	if seenY == len(y) && a.X != nil && q.Integers() == 0 {
		a.Dual = y
	}
	if a.Status == simplex.Troubled || a.Status == simplex.Optimal && a.X == nil {
		return nil, fmt.Errorf("kept: an answer of highs of %d bytes is not understood", len(text))
	}
	return a, nil
}
