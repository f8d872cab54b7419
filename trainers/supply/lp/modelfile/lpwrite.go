package modelfile

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strings"

	"debut/trainers/supply/lp/problem"
)

// lpWord says whether a name can stand in the LP form, where it is neither like a number nor a word of the form.
func lpWord(name string) bool {
	if name == "" || len(name) > 255 || name[0] >= '0' && name[0] <= '9' || name[0] == '.' || name[0] == 'e' || name[0] == 'E' {
		return false
	}
	for i := range len(name) {
		if !isLPNameByte(name[i]) {
			return false
		}
	}
	lower := strings.ToLower(name)
	_, section := lpSections[lower]
	return !section && !isInfinity(name) && lower != "free" && lower != "subject" && lower != "such"
}

// WriteLP writes the LP text form. Names that it cannot hold are replaced, all of a kind.
func WriteLP(to io.Writer, p *problem.Problem) error {
	w := bufio.NewWriter(to)
	m, n := p.Size()
	rows, columns := names(p.RowNames, "R", m, lpWord, nil), names(p.ColumnNames, "C", n, lpWord, nil)
	out := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) } // Flush tells of errors
	term := func(v float64, name string) {
		sign := '+'
		if v < 0 {
			sign, v = '-', -v
		}
		out(" %c %s %s\n", sign, float(v), name)
	}
	out("%s\n", map[bool]string{true: "Maximize", false: "Minimize"}[p.Maximize])
	objective := p.Objective
	if !lpWord(objective) {
		objective = "obj"
	}
	out(" %s:\n", objective)
	a := &p.Matrix
	for j := range n { // columns are read in the order of the objective
		term(p.Cost[j], columns[j])
	}
	if p.Offset != 0 {
		term(p.Offset, "")
	}
	out("Subject To\n")
	t := a.Transposed()
	for i := range m {
		lower, upper := p.RowLower[i], p.RowUpper[i]
		out(" %s:", rows[i])
		if !math.IsInf(lower, 0) && !math.IsInf(upper, 0) && lower != upper {
			out(" %s <=", float(lower))
		}
		for k := t.Start[i]; k < t.Start[i+1]; k++ {
			term(t.Value[k], columns[t.Index[k]])
		}
		if t.Start[i] == t.Start[i+1] && n > 0 {
			out(" 0 %s", columns[0])
		}
		switch {
		case lower == upper:
			out(" = %s\n", float(upper))
		case !math.IsInf(upper, 0):
			out(" <= %s\n", float(upper))
		case !math.IsInf(lower, 0):
			out(" >= %s\n", float(lower))
		default:
			out(" <= inf\n")
		}
	}
	out("Bounds\n")
	for j := range n {
		switch lower, upper := p.Lower[j], p.Upper[j]; {
		case math.IsInf(lower, 0) && math.IsInf(upper, 0):
			out(" %s free\n", columns[j])
		case lower == upper:
			out(" %s = %s\n", columns[j], float(lower))
		default:
			out(" %s <= %s <= %s\n", bound(lower), columns[j], bound(upper))
		}
	}
	if p.Integers() > 0 {
		out("General\n")
		for j := range n {
			if p.IsInteger(j) {
				out(" %s\n", columns[j])
			}
		}
	}
	out("End\n")
	return w.Flush()
}

func bound(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "inf"
	case math.IsInf(v, -1):
		return "-inf"
	}
	return float(v)
}
