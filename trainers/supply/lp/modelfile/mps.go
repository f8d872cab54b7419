package modelfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"debut/datasets/wording"
	"debut/trainers/supply/lp/problem"
)

// mpsReader is an MPS file on its way to a problem.
type mpsReader struct {
	name  string
	line  int
	fixed bool // fields are columns of characters
	notes []string

	p                  *problem.Problem
	rows, columns      map[string]int32
	kinds              []byte
	objective          string
	integer            bool // between markers
	seen               []int
	sets               map[string]string // the first set of a section
	lowerSet, upperSet []bool
	ranged             []bool
	sections           map[string]int // line where a section began
}

// unclearError is one of fields that blanks may not tell apart, so that the fixed form is worth a try.
type unclearError struct{ error }

// Unwrap returns what is wrong.
func (e unclearError) Unwrap() error { return e.error }

// unclear makes one of the current line.
func (r *mpsReader) unclear(format string, args ...any) error {
	return unclearError{r.at(format, args...)}
}

// at makes an error of the current line.
func (r *mpsReader) at(format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w", r.name, r.line, fmt.Errorf(format, args...))
}

// objectiveRow is the place of the objective among rows.
const objectiveRow = -1

// readMPS reads MPS in the free form, which most fixed files have too, and by columns of characters where names have blanks.
func readMPS(name string, data []byte, options Options) (*File, error) {
	if options.Fixed {
		return newMPS(name, true).read(data)
	}
	f, err := newMPS(name, false).read(data)
	if unclear := (unclearError{}); errors.As(err, &unclear) {
		if fixed, again := newMPS(name, true).read(data); again == nil {
			return fixed, nil
		}
	}
	return f, err
}

func newMPS(name string, fixed bool) *mpsReader {
	return &mpsReader{
		name: name, fixed: fixed, rows: map[string]int32{}, columns: map[string]int32{}, sets: map[string]string{}, sections: map[string]int{},
		p: &problem.Problem{Matrix: problem.Matrix{Start: []int{0}}},
	}
}

// order of sections; a section may come only after those that it needs.
var mpsSections = []string{"NAME", "OBJSENSE", "OBJSENSEMAX", "ROWS", "COLUMNS", "RHS", "RANGES", "BOUNDS", "ENDATA"}

func (r *mpsReader) read(data []byte) (*File, error) {
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(make([]byte, 0, 1<<16), 1<<20)
	section := ""
	var fields []string
	for lines.Scan() {
		r.line++
		text := lines.Text()
		if text == "" || text[0] == '*' || strings.TrimSpace(text) == "" {
			continue
		}
		text = strings.TrimRight(text, " \r\t")
		if text[0] != ' ' && text[0] != '\t' {
			var err error
			if section, err = r.begin(text); err != nil {
				return nil, err
			}
			if section == "ENDATA" {
				break
			}
			continue
		}
		var err error
		if fields, err = r.split(text, section, fields[:0]); err != nil {
			return nil, err
		}
		switch section {
		case "ROWS":
			err = r.row(fields)
		case "COLUMNS":
			err = r.column(fields)
		case "RHS":
			err = r.numbers(fields, section, r.rightHandSide)
		case "RANGES":
			err = r.numbers(fields, section, r.rangeOf)
		case "BOUNDS":
			err = r.bound(fields)
		case "OBJSENSE":
			err = r.sense(fields)
		case "OBJECT":
		default:
			err = r.at("data outside of a section; the first is ROWS")
		}
		if err != nil {
			return nil, err
		}
	}
	if err := lines.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			return nil, fmt.Errorf("%s:%d: the line is longer than 1 MiB; this is no MPS file", r.name, r.line+1)
		}
		return nil, fmt.Errorf("%s: %w", r.name, err)
	}
	if section != "ENDATA" {
		return nil, fmt.Errorf("%s: the file ends after line %d without ENDATA; it may have been cut off", r.name, r.line)
	}
	return r.finish()
}

// begin starts a section.
func (r *mpsReader) begin(text string) (string, error) {
	word, rest, _ := strings.Cut(text, " ")
	if i := strings.IndexByte(word, '\t'); i >= 0 {
		word, rest = word[:i], word[i+1:]+" "+rest
	}
	section := strings.ToUpper(word)
	rest = strings.TrimSpace(rest)
	if section == "NAME" {
		r.p.Name, _, _ = strings.Cut(rest, " ")
		return section, nil
	}
	switch section {
	case "QUADOBJ", "QMATRIX", "QSECTION", "QCMATRIX", "SOS", "SOS1", "SOS2", "INDICATORS", "CSECTION", "LAZYCONS", "USERCUTS", "GENCONS", "PWLOBJ":
		return "", r.at("section %s: only linear objectives and rows, bounds and integers are solved", section)
	case "RHS", "RANGES", "BOUNDS":
		if r.sections["COLUMNS"] == 0 {
			return "", r.at("%s before COLUMNS: a file has ROWS, then COLUMNS, then RHS, RANGES and BOUNDS", section)
		}
		if section == "RHS" && r.sections["RANGES"] != 0 {
			return "", r.at("RHS after RANGES, which are measured from it: a file has ROWS, then COLUMNS, then RHS, RANGES and BOUNDS")
		}
	case "COLUMNS":
		if r.sections["ROWS"] == 0 {
			return "", r.at("COLUMNS before ROWS: a file has ROWS, then COLUMNS, then RHS, RANGES and BOUNDS")
		}
		r.layOut()
	case "ENDATA", "ROWS":
	case "OBJSENSE", "OBJSENSEMAX":
		if section == "OBJSENSEMAX" || rest != "" {
			if section == "OBJSENSEMAX" {
				rest = "MAX"
			}
			return section, r.sense([]string{rest})
		}
	case "OBJECT":
	default:
		return "", r.at("%s is no section of MPS: they are %s; data lines begin with a blank", wording.Quote(word), strings.Join(mpsSections, ", "))
	}
	if r.sections[section] != 0 {
		return "", r.at("section %s for the second time; the first is at line %d", section, r.sections[section])
	}
	r.sections[section] = r.line
	return section, nil
}

// split cuts a data line into fields. In the fixed form they are at characters 2–3, 5–12, 15–22, 25–36, 40–47 and 50–61.
func (r *mpsReader) split(text, section string, out []string) ([]string, error) {
	if !r.fixed {
		for len(text) > 0 {
			start := 0
			for start < len(text) && (text[start] == ' ' || text[start] == '\t') {
				start++
			}
			end := start
			for end < len(text) && text[end] != ' ' && text[end] != '\t' {
				end++
			}
			if end > start {
				if text[start] == '$' && len(out) > 1 {
					break // the rest is a comment
				}
				out = append(out, text[start:end])
			}
			text = text[end:]
		}
		return out, nil
	}
	if strings.IndexByte(text, '\t') >= 0 {
		return nil, r.at("a tab in a file whose names have blanks: fields are told by columns of characters there")
	}
	places := [][2]int{{1, 3}, {4, 12}, {14, 22}, {24, 36}, {39, 47}, {49, 61}}
	for k, at := range places {
		field := ""
		if at[0] < len(text) {
			field = strings.TrimSpace(text[at[0]:min(at[1], len(text))])
		}
		if k == 0 && section != "ROWS" && section != "BOUNDS" {
			continue
		}
		if k > 2 && field == "" || section == "ROWS" && k > 1 {
			break
		}
		if k == 1 && field == "" && (section == "RHS" || section == "RANGES" || section == "BOUNDS") {
			field = r.sets[section] // an unnamed set
			if field == "" {
				field = "unnamed"
			}
		}
		out = append(out, field)
	}
	return out, nil
}

func (r *mpsReader) sense(fields []string) error {
	switch word := strings.ToUpper(fields[0]); word {
	case "MAX", "MAXIMIZE", "MAXIMI" + "SE", "MIN", "MINIMIZE", "MINIMI" + "SE":
		r.p.Maximize = strings.HasPrefix(word, "MAX")
		return nil
	}
	return r.at("OBJSENSE %s: it is MIN or MAX", wording.Quote(fields[0]))
}

func (r *mpsReader) row(fields []string) error {
	if len(fields) != 2 {
		return r.unclear("a row has a kind and a name, as in \"L capacity\", but there are %d fields", len(fields))
	}
	kind, name := strings.ToUpper(fields[0]), fields[1]
	if _, twice := r.rows[name]; twice || name == r.objective && r.objective != "" {
		return r.at("row %s for the second time; give it another name", wording.Quote(name))
	}
	switch kind {
	case "N":
		if r.objective == "" {
			r.objective = name
			r.rows[name] = objectiveRow
			return nil
		}
	case "L", "G", "E":
	default:
		return r.at("row %s is of the kind %s; kinds are N, L, G and E", wording.Quote(name), wording.Quote(fields[0]))
	}
	r.rows[name] = int32(len(r.kinds))
	r.kinds = append(r.kinds, kind[0])
	r.p.RowNames = append(r.p.RowNames, name)
	return nil
}

// layOut makes the sides of rows once they are known.
func (r *mpsReader) layOut() {
	m := len(r.kinds)
	r.p.RowLower, r.p.RowUpper = make([]float64, m), make([]float64, m)
	r.seen, r.ranged = make([]int, m+1), make([]bool, m)
	for i, kind := range r.kinds {
		if kind == 'L' || kind == 'N' {
			r.p.RowLower[i] = math.Inf(-1)
		}
		if kind == 'G' || kind == 'N' {
			r.p.RowUpper[i] = math.Inf(1)
		}
	}
}

// number reads a finite number; section, row and column are for the error.
func (r *mpsReader) number(text, section, row, column string) (float64, error) {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		if i := strings.IndexAny(text, "dD"); i > 0 { // an exponent of Fortran
			v, err = strconv.ParseFloat(text[:i]+"e"+text[i+1:], 64)
		}
	}
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		if column != "" {
			section = "column " + wording.Quote(column)
		}
		return 0, r.unclear("%s, row %s: %s is no finite number", section, wording.Quote(row), wording.Quote(text))
	}
	return v, nil
}

func (r *mpsReader) column(fields []string) error {
	if len(fields) >= 3 && strings.Trim(fields[1], "'") == "MARKER" {
		switch strings.Trim(fields[2], "'") {
		case "INTORG":
			r.integer = true
		case "INTEND":
			r.integer = false
		default:
			return r.at("marker %s: INTORG and INTEND are read", wording.Quote(fields[2]))
		}
		return nil
	}
	if len(fields) != 3 && len(fields) != 5 {
		return r.unclear("a column has a name and one or two pairs of a row and a number, but there are %d fields", len(fields))
	}
	name := fields[0]
	n := len(r.p.Cost)
	if n == 0 || r.p.ColumnNames[n-1] != name {
		if _, twice := r.columns[name]; twice {
			return r.at("column %s for the second time; its entries must follow each other", wording.Quote(name))
		}
		if n == problem.MaxSide {
			return r.at("more than %d columns", n)
		}
		r.columns[name] = int32(n)
		p := r.p
		p.ColumnNames = append(p.ColumnNames, strings.Clone(name))
		p.Cost, p.Lower, p.Upper = append(p.Cost, 0), append(p.Lower, 0), append(p.Upper, math.Inf(1))
		p.Integer = append(p.Integer, r.integer)
		p.Matrix.Start = append(p.Matrix.Start, len(p.Matrix.Index))
		n++
	}
	for k := 1; k < len(fields); k += 2 {
		row, known := r.rows[fields[k]]
		if !known {
			return r.unclear("column %s: there is no row %s", wording.Quote(name), wording.Quote(fields[k]))
		}
		v, err := r.number(fields[k+1], "COLUMNS", fields[k], name)
		if err != nil {
			return err
		}
		at := row
		if row == objectiveRow {
			at = int32(len(r.kinds))
		}
		if r.seen[at] == n {
			return r.at("column %s has row %s twice; add the two coefficients up", wording.Quote(name), wording.Quote(fields[k]))
		}
		r.seen[at] = n
		switch {
		case row == objectiveRow:
			r.p.Cost[n-1] = v
		case v != 0:
			r.p.Matrix.Index, r.p.Matrix.Value = append(r.p.Matrix.Index, row), append(r.p.Matrix.Value, v)
			r.p.Matrix.Start[n] = len(r.p.Matrix.Index)
		}
	}
	return nil
}

// inSet says whether a line of a section is of its first set; the lines of others are left out, with a note.
func (r *mpsReader) inSet(section, set string) bool {
	first, known := r.sets[section]
	if !known {
		r.sets[section] = strings.Clone(set)
		return true
	}
	if first == set {
		return true
	}
	note := fmt.Sprintf("%s: of the section %s only the set %s is read", r.name, section, wording.Quote(first))
	if !slices.Contains(r.notes, note) {
		r.notes = append(r.notes, note)
	}
	return false
}

// numbers reads lines of pairs of a row and a number, which may begin with the name of a set.
func (r *mpsReader) numbers(fields []string, section string, take func(row int32, name string, v float64) error) error {
	if len(fields) < 2 || len(fields) > 5 {
		return r.unclear("%s: a line has one or two pairs of a row and a number, but there are %d fields", section, len(fields))
	}
	set := ""
	if len(fields)%2 == 1 {
		set, fields = fields[0], fields[1:]
	}
	if !r.inSet(section, set) {
		return nil
	}
	for k := 0; k < len(fields); k += 2 {
		row, known := r.rows[fields[k]]
		if !known {
			return r.unclear("%s: there is no row %s", section, wording.Quote(fields[k]))
		}
		v, err := r.number(fields[k+1], section, fields[k], "")
		if err == nil {
			err = take(row, fields[k], v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// rightHandSide takes a side of a row; that of the objective is subtracted from it, as all solvers do.
func (r *mpsReader) rightHandSide(row int32, _ string, v float64) error {
	if row == objectiveRow {
		r.p.Offset = -v
		return nil
	}
	switch r.kinds[row] {
	case 'L':
		r.p.RowUpper[row] = v
	case 'G':
		r.p.RowLower[row] = v
	case 'E':
		r.p.RowLower[row], r.p.RowUpper[row] = v, v
	}
	return nil
}

// rangeOf makes a row one of two sides. RANGES may come before RHS in no file, so that the side is known.
func (r *mpsReader) rangeOf(row int32, name string, v float64) error {
	if row == objectiveRow || r.kinds[row] == 'N' {
		return r.at("a range of row %s, which is of the kind N: it has no side", wording.Quote(name))
	}
	if r.ranged[row] {
		return r.at("a second range of row %s", wording.Quote(name))
	}
	r.ranged[row] = true
	lower, upper := &r.p.RowLower[row], &r.p.RowUpper[row]
	switch {
	case r.kinds[row] == 'L':
		*lower = *upper - math.Abs(v)
	case r.kinds[row] == 'G':
		*upper = *lower + math.Abs(v)
	case v >= 0:
		*upper = *lower + v
	default:
		*lower = *upper + v
	}
	return nil
}

func (r *mpsReader) finish() (*File, error) {
	for _, section := range []string{"ROWS", "COLUMNS"} {
		if r.sections[section] == 0 {
			return nil, fmt.Errorf("%s: there is no section %s", r.name, section)
		}
	}
	p := r.p
	p.Objective = r.objective
	if r.objective == "" {
		r.notes = append(r.notes, r.name+": no row is of the kind N, so that there is no objective: any feasible point is optimal")
	}
	p.Matrix.Rows, p.Matrix.Columns = len(r.kinds), len(p.Cost)
	if !slices.Contains(p.Integer, true) {
		p.Integer = nil
	}
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", r.name, err)
	}
	return &File{Problem: p, Notes: r.notes}, nil
}

// limitedReader fails where more than a limit is read.
type limitedReader struct {
	r    io.Reader
	left int64
}

// Read reads until the limit.
func (l *limitedReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return n, fmt.Errorf("more than %d MiB when unpacked", int64(maxBytes)>>20)
	}
	return n, err
}
