package modelfile

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"debut/trainers/supply/lp/problem"
)

// names gives what a file can name: the problem's own names where they are words and unlike each other, else C1, R1 and so on.
func names(own []string, letter string, count int, word func(string) bool, taken map[string]bool) []string {
	good := len(own) == count
	seen := map[string]bool{}
	for _, name := range own {
		good = good && word(name) && !seen[name] && !taken[name]
		seen[name] = true
	}
	if good {
		return own
	}
	out := make([]string, count)
	for i := range out {
		out[i] = letter + strconv.Itoa(i+1)
	}
	return out
}

// mpsWord says whether a name can stand in the free form.
func mpsWord(name string) bool {
	return name != "" && !strings.ContainsAny(name, " \t\r\n") && name[0] != '$' && name[0] != '*' && strings.Trim(name, "'") != "MARKER" && len(name) < 256
}

func float(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// WriteMPS writes the free form of MPS. Names that it cannot hold are replaced, all of a kind.
func WriteMPS(to io.Writer, p *problem.Problem) error {
	w := bufio.NewWriter(to)
	m, n := p.Size()
	objective := p.Objective
	if !mpsWord(objective) {
		objective = "COST"
	}
	rows := names(p.RowNames, "R", m, mpsWord, map[string]bool{objective: true})
	columns := names(p.ColumnNames, "C", n, mpsWord, nil)
	name := p.Name
	if !mpsWord(name) {
		name = "problem"
	}
	out := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) } // Flush tells of errors
	out("NAME %s FREE\n", name)                                                        // by the last word clp and cbc know the free form
	if p.Maximize {
		out("OBJSENSE\n MAX\n")
	}
	out("ROWS\n N %s\n", objective)
	for i := range m {
		out(" %c %s\n", mpsKind(p, i), rows[i])
	}
	out("COLUMNS\n")
	a := &p.Matrix
	integer := false
	marker := func(to bool) {
		if to != integer {
			out(" M 'MARKER' '%s'\n", map[bool]string{true: "INTORG", false: "INTEND"}[to])
			integer = to
		}
	}
	for j := range n {
		marker(p.IsInteger(j))
		if p.Cost[j] != 0 || a.Start[j] == a.Start[j+1] {
			out(" %s %s %s\n", columns[j], objective, float(p.Cost[j]))
		}
		for k := a.Start[j]; k < a.Start[j+1]; k++ {
			out(" %s %s %s\n", columns[j], rows[a.Index[k]], float(a.Value[k]))
		}
	}
	marker(false)
	out("RHS\n")
	if p.Offset != 0 {
		out(" RHS %s %s\n", objective, float(-p.Offset))
	}
	for i := range m {
		side := p.RowUpper[i]
		if mpsKind(p, i) == 'G' {
			side = p.RowLower[i]
		}
		if side != 0 && !math.IsInf(side, 0) {
			out(" RHS %s %s\n", rows[i], float(side))
		}
	}
	out("RANGES\n")
	for i := range m {
		if l, u := p.RowLower[i], p.RowUpper[i]; l != u && !math.IsInf(l, 0) && !math.IsInf(u, 0) {
			out(" RNG %s %s\n", rows[i], float(u-l))
		}
	}
	out("BOUNDS\n")
	for j := range n {
		for _, b := range mpsBounds(p.Lower[j], p.Upper[j]) {
			out(" %s BND %s%s\n", b[0], columns[j], b[1])
		}
	}
	out("ENDATA\n")
	return w.Flush()
}

func mpsKind(p *problem.Problem, i int) byte {
	l, u := p.RowLower[i], p.RowUpper[i]
	switch {
	case l == u:
		return 'E'
	case math.IsInf(l, 0) && math.IsInf(u, 0):
		return 'N'
	case math.IsInf(u, 0):
		return 'G'
	}
	return 'L'
}

// mpsBounds returns kinds of bounds with their values.
func mpsBounds(lower, upper float64) (out [][2]string) {
	switch {
	case math.IsInf(lower, 0) && math.IsInf(upper, 0):
		return [][2]string{{"FR", ""}}
	case lower == upper:
		return [][2]string{{"FX", " " + float(lower)}}
	}
	if math.IsInf(lower, 0) {
		out = append(out, [2]string{"MI", ""})
	} else if lower != 0 || upper < 0 {
		out = append(out, [2]string{"LO", " " + float(lower)})
	}
	if !math.IsInf(upper, 0) {
		out = append(out, [2]string{"UP", " " + float(upper)})
	} else if lower == 0 {
		// Some readers take an integer column without bounds to be 0 or 1.
		return nil
	}
	return out
}
