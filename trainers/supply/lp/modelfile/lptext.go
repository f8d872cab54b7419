package modelfile

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"debut/datasets/wording"
	"debut/trainers/supply/lp/problem"
)

// lpToken is a word, number or sign of the LP form.
type lpToken struct {
	text  string
	line  int
	first bool // of its line
}

// lpReader is a file of the LP form on its way to a problem: objective, rows, bounds and kinds of columns, in sections.
type lpReader struct {
	name    string
	tokens  []lpToken
	at      int
	p       *problem.Problem
	columns map[string]int32
	rows    map[string]bool
	entries []lpEntry
	cost    map[int32]float64
	lower   map[int32]bool // has a lower bound of its own
	notes   []string
}

type lpEntry struct {
	row, column int32
	value       float64
}

// lpSections are the words that begin a section, and the section.
var lpSections = map[string]string{
	"minimize": "min", "minimi" + "se": "min", "minimum": "min", "min": "min", "maximize": "max", "maximi" + "se": "max", "maximum": "max", "max": "max",
	"subject to": "rows", "such that": "rows", "st": "rows", "s.t.": "rows", "st.": "rows", "bounds": "bounds", "bound": "bounds",
	"general": "general", "generals": "general", "gen": "general", "integer": "general", "integers": "general", "int": "general",
	"binary": "binary", "binaries": "binary", "bin": "binary", "end": "end", "semi-continuous": "semi", "semi": "semi", "semis": "semi", "sos": "sos",
}

func readLP(name string, data []byte) (*File, error) {
	r := &lpReader{
		name: name, columns: map[string]int32{}, rows: map[string]bool{}, cost: map[int32]float64{}, lower: map[int32]bool{}, p: &problem.Problem{},
	}
	if err := r.cut(string(data)); err != nil {
		return nil, err
	}
	if err := r.sections(); err != nil {
		return nil, err
	}
	return r.finish()
}

func (r *lpReader) fail(line int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w", r.name, line, fmt.Errorf(format, args...))
}

// isLPNameByte says whether a byte may be in a name.
func isLPNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!\"#$%&(),.;?@_'`{}~/|", c) >= 0 || c >= 0x80
}

// cut makes tokens of the text. A backslash begins a comment.
func (r *lpReader) cut(text string) error {
	for n, line := range strings.Split(text, "\n") {
		if i := strings.IndexByte(line, '\\'); i >= 0 {
			line = line[:i]
		}
		first := true
		for i := 0; i < len(line); {
			c := line[i]
			start := i
			switch {
			case c == ' ' || c == '\t' || c == '\r':
				i++
				continue
			case c >= '0' && c <= '9' || c == '.' && i+1 < len(line) && line[i+1] >= '0' && line[i+1] <= '9':
				for i < len(line) && (line[i] >= '0' && line[i] <= '9' || line[i] == '.') {
					i++
				}
				if i < len(line) && (line[i] == 'e' || line[i] == 'E') {
					end := i + 1
					if end < len(line) && (line[end] == '+' || line[end] == '-') {
						end++
					}
					if end < len(line) && line[end] >= '0' && line[end] <= '9' {
						for end < len(line) && line[end] >= '0' && line[end] <= '9' {
							end++
						}
						i = end
					}
				}
			case c == '<' || c == '>' || c == '=':
				i++
				for i < len(line) && (line[i] == '=' || line[i] == '<' || line[i] == '>') {
					i++
				}
			case strings.IndexByte("+-*:^[]", c) >= 0:
				i++
			case isLPNameByte(c):
				for i < len(line) && (isLPNameByte(line[i]) || line[i] == '-' && first && strings.EqualFold(line[start:i], "semi")) {
					i++
				}
			default:
				return r.fail(n+1, "the character %s has no meaning in the LP form", wording.Quote(string(c)))
			}
			r.tokens = append(r.tokens, lpToken{line[start:i], n + 1, first})
			first = false
		}
	}
	return nil
}

// section says whether a section begins at a token, and how many tokens its name has.
func (r *lpReader) section(at int) (string, int) {
	t := r.tokens[at]
	if !t.first {
		return "", 0
	}
	word := strings.ToLower(t.text)
	if at+1 < len(r.tokens) && r.tokens[at+1].line == t.line {
		if s, known := lpSections[word+" "+strings.ToLower(r.tokens[at+1].text)]; known {
			return s, 2
		}
		// A name may be a word such as st; what follows a name tells.
		if strings.Contains("<>=:", r.tokens[at+1].text[:1]) {
			return "", 0
		}
	}
	if s, known := lpSections[word]; known {
		return s, 1
	}
	return "", 0
}

func (r *lpReader) sections() error {
	done, objective := "", false
	for r.at < len(r.tokens) {
		s, words := r.section(r.at)
		line := r.tokens[r.at].line
		if words == 0 {
			if done == "" {
				return r.fail(line, "the file begins with %s; the first section is Minimize or Maximize", wording.Quote(r.tokens[r.at].text))
			}
			return r.fail(line, "%s: a section was to begin here, or the file to end by End", wording.Quote(r.tokens[r.at].text))
		}
		r.at += words
		end := r.at
		for end < len(r.tokens) {
			if next, n := r.section(end); n > 0 && next != "" {
				break
			}
			end++
		}
		var err error
		switch s {
		case "min", "max":
			if objective {
				return r.fail(line, "a second objective")
			}
			objective = true
			r.p.Maximize = s == "max"
			err = r.objective(end)
		case "rows":
			for r.at < end && err == nil {
				err = r.row(end)
			}
		case "bounds":
			for r.at < end && err == nil {
				err = r.bound(end)
			}
		case "general", "binary":
			err = r.kinds(end, s)
		case "end":
			if !objective {
				return r.fail(line, "no objective: the file has no section Minimize or Maximize")
			}
			return nil
		default:
			return r.fail(line, "semi-continuous columns and special ordered sets are not solved")
		}
		if err != nil {
			return err
		}
		done = s
	}
	return fmt.Errorf("%s: the file ends without End; it may have been cut off", r.name)
}

// peek returns the text of a token before end, or "".
func (r *lpReader) peek(ahead, end int) string {
	if r.at+ahead < end {
		return r.tokens[r.at+ahead].text
	}
	return ""
}

func (r *lpReader) line() int {
	return r.tokens[min(r.at, len(r.tokens)-1)].line
}

func isLPNumber(text string) bool {
	return text != "" && (text[0] >= '0' && text[0] <= '9' || text[0] == '.' && len(text) > 1 && text[1] >= '0' && text[1] <= '9')
}

// value reads a number without a sign.
func (r *lpReader) value(text string) (float64, error) {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, r.fail(r.line(), "%s is no number", wording.Quote(text))
	}
	return v, nil
}

func isInfinity(text string) bool {
	return strings.EqualFold(text, "inf") || strings.EqualFold(text, "infinity")
}

// column returns the place of a column, a new one where the name is.
func (r *lpReader) column(name string) (int32, error) {
	if j, known := r.columns[name]; known {
		return j, nil
	}
	if !isLPNameByte(name[0]) || isLPNumber(name) {
		return 0, r.fail(r.line(), "%s stands where a column is to be named", wording.Quote(name))
	}
	j := int32(len(r.p.Cost))
	r.columns[name] = j
	p := r.p
	p.ColumnNames = append(p.ColumnNames, name)
	p.Cost, p.Lower, p.Upper, p.Integer = append(p.Cost, 0), append(p.Lower, 0), append(p.Upper, math.Inf(1)), append(p.Integer, false)
	return j, nil
}

// term reads one signed term: a column with its coefficient, or a constant with the column −1.
func (r *lpReader) term(end int, first bool) (int32, float64, error) {
	sign, signed := 1.0, false
	for text := r.peek(0, end); text == "+" || text == "-"; text = r.peek(0, end) {
		if text == "-" {
			sign = -sign
		}
		signed = true
		r.at++
	}
	if !signed && !first {
		return 0, 0, r.fail(r.line(), "%s: a + or − was to stand here", wording.Quote(r.peek(0, end)))
	}
	text := r.peek(0, end)
	if text == "" {
		return 0, 0, r.fail(r.line(), "the expression ends after a sign")
	}
	if text == "[" {
		return 0, 0, r.fail(r.line(), "a quadratic expression: only linear ones are solved")
	}
	v := sign
	if isLPNumber(text) {
		x, err := r.value(text)
		if err != nil {
			return 0, 0, err
		}
		v *= x
		r.at++
		if r.peek(0, end) == "*" {
			r.at++
		}
		text = r.peek(0, end)
		if text == "" || text == "+" || text == "-" || strings.Contains("<>=", text[:1]) {
			return -1, v, nil
		}
	}
	j, err := r.column(text)
	if err != nil {
		return 0, 0, err
	}
	r.at++
	if r.peek(0, end) == "^" {
		return 0, 0, r.fail(r.line(), "a power: only linear expressions are solved")
	}
	return j, v, nil
}

// label reads the name of a row that stands before a colon.
func (r *lpReader) label(end int) string {
	if r.peek(1, end) == ":" {
		name := r.peek(0, end)
		r.at += 2
		return name
	}
	return ""
}

func (r *lpReader) objective(end int) error {
	r.p.Objective = r.label(end)
	for first := true; r.at < end; first = false {
		j, v, err := r.term(end, first)
		if err != nil {
			return err
		}
		if math.IsInf(v, 0) {
			return r.fail(r.line(), "the coefficient %v is not finite", v)
		}
		if j < 0 {
			r.p.Offset += v
			continue
		}
		r.p.Cost[j] += v
	}
	return nil
}

func isRelation(text string) bool { return text != "" && strings.Contains("<>=", text[:1]) }

// number reads a signed number, which may be infinite.
func (r *lpReader) number(end int) (float64, error) {
	sign := 1.0
	for text := r.peek(0, end); text == "+" || text == "-"; text = r.peek(0, end) {
		if text == "-" {
			sign = -sign
		}
		r.at++
	}
	text := r.peek(0, end)
	if isInfinity(text) {
		r.at++
		return math.Inf(int(sign)), nil
	}
	if !isLPNumber(text) {
		return 0, r.fail(r.line(), "%s stands where a number is to be", wording.Quote(text))
	}
	v, err := r.value(text)
	r.at++
	if v >= problem.Infinite {
		v = math.Inf(1)
	}
	return sign * v, err
}

// isNumberAhead says whether a signed number stands next that a relation follows.
func (r *lpReader) isNumberAhead(end int) bool {
	k := 0
	for r.peek(k, end) == "+" || r.peek(k, end) == "-" {
		k++
	}
	text := r.peek(k, end)
	return (isLPNumber(text) || isInfinity(text)) && isRelation(r.peek(k+1, end))
}

// row reads a constraint: an expression, a relation and a number, which may be on either side or on both.
func (r *lpReader) row(end int) error {
	line := r.line()
	name := r.label(end)
	if name == "" {
		name = fmt.Sprintf("R%d", len(r.p.RowNames)+1)
	}
	if r.rows[name] {
		return r.fail(line, "row %s for the second time; give it another name", wording.Quote(name))
	}
	r.rows[name] = true
	lower, upper := math.Inf(-1), math.Inf(1)
	limit := func(relation byte, v float64, left bool) {
		if left && relation == '<' || !left && relation == '>' || relation == '=' {
			lower = max(lower, v)
		}
		if left && relation == '>' || !left && relation == '<' || relation == '=' {
			upper = min(upper, v)
		}
	}
	relations := 0
	if r.isNumberAhead(end) {
		v, err := r.number(end)
		if err != nil {
			return err
		}
		limit(relationOf(r.peek(0, end)), v, true)
		r.at++
		relations++
	}
	i := int32(len(r.p.RowNames))
	constant, before := 0.0, len(r.entries)
	for first := true; r.at < end && !isRelation(r.peek(0, end)); first = false {
		j, v, err := r.term(end, first)
		if err != nil {
			return err
		}
		if math.IsInf(v, 0) {
			return r.fail(r.line(), "row %s: the coefficient %v is not finite", wording.Quote(name), v)
		}
		if j < 0 {
			constant += v
			continue
		}
		r.entries = append(r.entries, lpEntry{i, j, v})
	}
	if isRelation(r.peek(0, end)) {
		relation := relationOf(r.peek(0, end))
		r.at++
		v, err := r.number(end)
		if err != nil {
			return err
		}
		limit(relation, v, false)
		relations++
	}
	if relations == 0 || len(r.entries) == before && constant != 0 {
		return r.fail(line, "row %s has no relation to a number; it is as in 2 x + y <= 3", wording.Quote(name))
	}
	r.p.RowNames = append(r.p.RowNames, name)
	r.p.RowLower, r.p.RowUpper = append(r.p.RowLower, lower-constant), append(r.p.RowUpper, upper-constant)
	return nil
}

// relationOf returns '<', '>' or '=' of a relation in any of its spellings.
func relationOf(text string) byte {
	if strings.Contains(text, "<") {
		return '<'
	}
	if strings.Contains(text, ">") {
		return '>'
	}
	return '='
}

// bound reads a line of the section Bounds.
func (r *lpReader) bound(end int) error {
	line := r.line()
	var relation byte
	left := 0.0
	if r.isNumberAhead(end) {
		v, err := r.number(end)
		if err != nil {
			return err
		}
		left, relation = v, relationOf(r.peek(0, end))
		r.at++
	}
	name := r.peek(0, end)
	if name == "" {
		return r.fail(line, "a bound without a column")
	}
	j, known := r.columns[name]
	if !known {
		return r.fail(line, "a bound of %s, which no row and no objective names", wording.Quote(name))
	}
	r.at++
	set := func(relation byte, v float64, left bool) {
		if left && relation == '<' || !left && relation == '>' || relation == '=' {
			r.p.Lower[j] = v
			r.lower[j] = true
		}
		if left && relation == '>' || !left && relation == '<' || relation == '=' {
			r.p.Upper[j] = v
			if v < 0 && !r.lower[j] {
				r.p.Lower[j] = math.Inf(-1)
				r.notes = append(r.notes, fmt.Sprintf("%s:%d: column %s has a negative upper bound and no lower one: it is taken to be unbounded below", r.name, line, wording.Quote(name)))
			}
		}
	}
	if relation != 0 {
		set(relation, left, true)
	}
	switch text := r.peek(0, end); {
	case isRelation(text):
		r.at++
		v, err := r.number(end)
		if err != nil {
			return err
		}
		set(relationOf(text), v, false)
	case relation == 0 && strings.EqualFold(text, "free"):
		r.at++
		r.p.Lower[j], r.p.Upper[j] = math.Inf(-1), math.Inf(1)
	case relation == 0:
		return r.fail(line, "the bound of %s is cut off; it is as in 0 <= x <= 4, or x free", wording.Quote(name))
	}
	return nil
}

// kinds reads names of integer columns.
func (r *lpReader) kinds(end int, kind string) error {
	for ; r.at < end; r.at++ {
		name := r.tokens[r.at].text
		j, known := r.columns[name]
		if !known {
			return r.fail(r.line(), "%s is to be whole, but no row and no objective names it", wording.Quote(name))
		}
		r.p.Integer[j] = true
		if kind == "binary" {
			r.p.Lower[j], r.p.Upper[j] = 0, 1
		}
	}
	return nil
}

func (r *lpReader) finish() (*File, error) {
	p := r.p
	m, n := len(p.RowNames), len(p.Cost)
	slices.SortStableFunc(r.entries, func(a, b lpEntry) int {
		if a.column != b.column {
			return int(a.column) - int(b.column)
		}
		return int(a.row) - int(b.row)
	})
	a := problem.Matrix{Rows: m, Columns: n, Start: make([]int, n+1)}
	for k := 0; k < len(r.entries); {
		e := r.entries[k]
		for k++; k < len(r.entries) && r.entries[k].row == e.row && r.entries[k].column == e.column; k++ {
			e.value += r.entries[k].value // terms of one column add up
		}
		if e.value != 0 {
			a.Index, a.Value = append(a.Index, e.row), append(a.Value, e.value)
			a.Start[e.column+1]++
		}
	}
	for j := range n {
		a.Start[j+1] += a.Start[j]
	}
	p.Matrix = a
	if !slices.Contains(p.Integer, true) {
		p.Integer = nil
	}
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", r.name, err)
	}
	return &File{Problem: p, Notes: r.notes}, nil
}
