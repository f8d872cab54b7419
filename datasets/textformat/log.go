package textformat

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// delimiters are those that are found out, the likeliest first.
var delimiters = []string{"\t", "::", ";", ",", " "}

// eachField calls visit with the fields of a row, blanks around them removed,
// until it returns false.
func eachField(line []byte, delimiter string, visit func(i int, field []byte) bool) {
	if delimiter == " " {
		line = trim(line)
	}
	for i := 0; ; i++ {
		field, rest, more := nextField(line, delimiter)
		if !visit(i, field) || !more {
			return
		}
		line = rest
	}
}

// nextField cuts the first field off a line, which must be trimmed where the
// delimiter is the blank. It allocates nothing.
func nextField(line []byte, delimiter string) (field, rest []byte, more bool) {
	switch {
	case delimiter == " ":
		i := 0
		for i < len(line) && !blank(line[i]) {
			i++
		}
		field = line[:i]
		for i < len(line) && blank(line[i]) {
			i++
		}
		return field, line[i:], i < len(line)
	case len(delimiter) == 1:
		c := delimiter[0]
		for i := range line {
			if line[i] == c {
				return trim(line[:i]), line[i+1:], true
			}
		}
		return trim(line), nil, false
	}
	field, rest, more = bytes.Cut(line, []byte(delimiter))
	return trim(field), rest, more
}

func countFields(line []byte, delimiter string) (n int) {
	eachField(line, delimiter, func(int, []byte) bool { n++; return true })
	return n
}

// textProblem says what is wrong with an id.
func textProblem(what string, b []byte) string {
	switch {
	case len(b) == 0:
		return fmt.Sprintf("the %s is empty; give it one, or delete the row", what)
	case bytes.IndexByte(b, 0) >= 0:
		return fmt.Sprintf("%s %s has a NUL byte; is it a text file?", what, quote(b))
	case !utf8.Valid(b):
		return fmt.Sprintf("%s %s is not UTF-8; convert the file, for example with iconv -f LATIN1 -t UTF-8", what, quote(b))
	}
	return ""
}

// goodText reports whether an id needs no closer look.
func goodText(b []byte) bool {
	for _, c := range b {
		if c == 0 || c >= utf8.RuneSelf {
			return textProblem("", b) == ""
		}
	}
	return len(b) > 0
}

// log parses rows of users and items.
type log struct {
	o     *Options
	res   *Result
	order []role // of the fields of a row; nil until found out
	names [roles]string
	// times is what times are, found out from the first.
	times timeKind
}

type timeKind uint8

const (
	timeUnknown timeKind = iota
	timeInteger
	timeText
)

func newLog(o *Options, res *Result) (*log, error) {
	l := &log{o: o, res: res}
	if len(o.Columns) == 0 {
		return l, nil
	}
	return l, l.call(o.Columns)
}

func (l *log) call(columns []string) error {
	var err error
	if l.order, l.names, err = fields(columns, roleNames[:]); err != nil {
		return err
	}
	l.res.Columns = l.names
	return nil
}

// start finds out the delimiter and the number of fields: those that most of
// the first lines agree on.
func (l *log) start(first [][]byte) error {
	candidates := delimiters
	switch {
	case l.res.Delimiter != "" && l.order != nil:
		return nil
	case l.o.Delimiter != "" && l.order != nil:
		l.res.Delimiter = l.o.Delimiter
		return nil
	case l.o.Delimiter != "":
		candidates = []string{l.o.Delimiter}
	}
	best, bestFields, bestLines := "", 0, 0
	for _, d := range candidates {
		lines := map[int]int{}
		for _, line := range first {
			lines[countFields(line, d)]++
		}
		for n, count := range lines {
			fits := n >= 2
			if l.order != nil {
				fits = n == len(l.order)
			}
			// Among equals, the delimiter that comes first and more fields.
			if fits && (count > bestLines || count == bestLines && d == best && n > bestFields) {
				best, bestFields, bestLines = d, n, count
			}
		}
	}
	if bestFields == 0 {
		expected := "at least two fields"
		if l.order != nil {
			expected = fmt.Sprintf("the %d fields that have names", len(l.order))
		}
		return fmt.Errorf("none of the first lines, such as %s, has %s separated by %s; say what separates them with delimiter", quote(first[0]), expected, spelled(candidates))
	}
	l.res.Delimiter = best
	if l.order != nil {
		return nil
	}
	if bestFields > int(roles) {
		return fmt.Errorf("the first lines, such as %s, have %d fields; name them in order with user, item, rating, time, and _ for those to leave out", quote(first[0]), bestFields)
	}
	return l.call(roleNames[:bestFields])
}

func spelled(delimiters []string) string {
	names := make([]string, len(delimiters))
	for i, d := range delimiters {
		switch d {
		case "\t":
			names[i] = "tab"
		case " ":
			names[i] = "blanks"
		default:
			names[i] = strconv.Quote(d)
		}
	}
	return strings.Join(names, ", ")
}

// headerWords are what fields are called in the first line of published logs.
var headerWords = map[string]bool{
	"user": true, "user_id": true, "userid": true, "uid": true, "customer": true, "customer_id": true, "customerid": true,
	"session": true, "session_id": true, "sessionid": true, "visitor_id": true, "visitorid": true,
	"item": true, "item_id": true, "itemid": true, "iid": true, "product": true, "product_id": true, "productid": true,
	"movie_id": true, "movieid": true, "rating": true, "timestamp": true,
}

func (l *log) header(line []byte) bool {
	if l.o.Header != nil {
		return *l.o.Header
	}
	is := false
	eachField(line, l.res.Delimiter, func(_ int, field []byte) bool {
		is = is || len(field) <= 20 && headerWords[strings.ToLower(strings.Trim(string(field), `"'`))]
		return !is
	})
	return is
}

func (l *log) row(b *Batch, line []byte, _ func() error) (string, error) {
	if l.res.Delimiter == " " {
		line = trim(line)
	}
	var parts [roles][]byte
	rest, more := line, true
	n := 0
	for ; more; n++ {
		var field []byte
		field, rest, more = nextField(rest, l.res.Delimiter)
		if n < len(l.order) && l.order[n] >= 0 {
			parts[l.order[n]] = field
		}
	}
	if n != len(l.order) {
		return fmt.Sprintf("%d fields separated by %s instead of %d; correct the row, or say what separates them with delimiter", n, spelled([]string{l.res.Delimiter}), len(l.order)), nil
	}
	for r := user; r <= item; r++ {
		if !goodText(parts[r]) {
			return textProblem(l.names[r], parts[r]), nil
		}
	}
	score := math.NaN()
	if len(parts[rating]) > 0 {
		v, f := parseFloat(parts[rating])
		if f != number {
			return numberProblem(l.names[rating], parts[rating], f), nil
		}
		score = v
	}
	if l.o.NonNegative && l.names[rating] != "" && !isWeight(score) {
		return weightProblem(l.names[rating], parts[rating]), nil
	}
	at := int64(NoTime)
	if len(parts[time]) > 0 {
		var problem string
		if at, problem = l.instant(parts[time]); problem != "" {
			return problem, nil
		}
	}
	b.Users.add(parts[user])
	b.Items.add(parts[item])
	if l.names[rating] != "" {
		b.Ratings = append(b.Ratings, score)
	}
	if l.names[time] != "" {
		b.Times = append(b.Times, at)
		b.TextTimes = l.times == timeText
	}
	b.Rows++
	return "", nil
}

func numberProblem(what string, b []byte, f found) string {
	if f == outOfRange {
		return fmt.Sprintf("%s %s is too large; correct it", what, quote(b))
	}
	return fmt.Sprintf("%s %s is not a finite number; correct it, name the columns if they are in another order, or say header: true if it is a name", what, quote(b))
}

// isWeight reports whether v is there, not negative and within float32.
func isWeight(v float64) bool { return v >= 0 && v <= math.MaxFloat32 }

func weightProblem(what string, b []byte) string {
	if len(b) == 0 {
		return fmt.Sprintf("the %s is missing; write a number, or leave the column out with _ as its name", what)
	}
	return fmt.Sprintf("%s %s is negative or too large for a weight; correct it, or leave the row out", what, quote(b))
}

func (l *log) instant(b []byte) (int64, string) {
	if l.times != timeText {
		v, f := parseInt(b)
		if f == number && v != NoTime {
			l.times = timeInteger
			return v, ""
		}
		if f != notNumber {
			return 0, fmt.Sprintf("%s %s does not fit 64 bits; correct it", l.names[time], quote(b))
		}
		if l.times == timeInteger {
			return 0, fmt.Sprintf("%s %s is not an integer, as those before it are; write all times alike", l.names[time], quote(b))
		}
	}
	v, ok := parseInstant(b)
	if ok {
		l.times = timeText
		return v, ""
	}
	if l.times == timeText {
		return 0, fmt.Sprintf("%s %s is not a date YYYY-MM-DD with or without a time, as those before it are; write all times alike", l.names[time], quote(b))
	}
	return 0, fmt.Sprintf("%s %s is neither an integer nor a date YYYY-MM-DD with or without a time; correct it, or leave the column out with _ as its name", l.names[time], quote(b))
}
