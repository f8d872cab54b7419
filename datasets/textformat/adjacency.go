package textformat

import (
	"bytes"
	"fmt"
)

// adjacency parses lists: a user and the items beside him.
type adjacency struct {
	o     *Options
	res   *Result
	found bool // delimiter and weights
}

var pairNames = []string{"user", "item", "weight"}

func newAdjacency(o *Options, res *Result) (*adjacency, error) {
	columns := o.Columns
	if len(columns) == 0 {
		columns = pairNames
	}
	order, names, err := fields(columns, pairNames)
	if err != nil {
		return nil, err
	}
	for i, r := range order {
		if r != role(i) {
			return nil, fmt.Errorf("columns %v of adjacency lists: the order is user, item, weight", columns)
		}
	}
	if names[rating] == "" {
		names[rating] = pairNames[rating]
		if names[user] == names[rating] || names[item] == names[rating] {
			return nil, fmt.Errorf("columns %v of adjacency lists: weight is the name of the weight", columns)
		}
	}
	res.Columns = names
	return &adjacency{o: o, res: res}, nil
}

// start finds out the delimiter, the first that is in any of the first lines
// (rows differ in length, so that they cannot agree on a number of fields),
// and whether there are weights: where every item of these lines has one.
func (a *adjacency) start(first [][]byte) error {
	if a.found {
		return nil
	}
	a.found = true
	if a.res.Delimiter = a.o.Delimiter; a.res.Delimiter == "" {
		a.res.Delimiter = listDelimiter(first)
	}
	if a.o.Weighted != nil {
		a.res.Weighted = *a.o.Weighted
	} else {
		items, weights := 0, 0
		for _, line := range first {
			eachField(line, a.res.Delimiter, func(i int, field []byte) bool {
				if i > 0 {
					items++
					if _, _, problem := weighted(field); problem == "" {
						weights++
					}
				}
				return true
			})
		}
		a.res.Weighted = items > 0 && items == weights
	}
	if !a.res.Weighted {
		a.res.Columns[rating] = ""
	}
	return nil
}

func listDelimiter(first [][]byte) string {
	for _, line := range first {
		if bytes.ContainsAny(trim(line), " \t") {
			return " "
		}
	}
	for _, d := range []string{"::", ";", ","} {
		for _, line := range first {
			if bytes.Contains(line, []byte(d)) {
				return d
			}
		}
	}
	return " "
}

func (*adjacency) header([]byte) bool { return false }

// weighted cuts item:weight at the last colon.
func weighted(field []byte) (id []byte, weight float64, problem string) {
	i := bytes.LastIndexByte(field, ':')
	if i < 0 {
		return nil, 0, fmt.Sprintf("%s is not item:weight, as the first ones are; add the weight, or say weighted: false", quote(field))
	}
	weight, f := parseFloat(field[i+1:])
	if f != number {
		return nil, 0, fmt.Sprintf("weight %s in %s is not a finite number; correct it", quote(field[i+1:]), quote(field))
	}
	return field[:i], weight, ""
}

// row checks the whole line before it appends a pair, as pairs of a long line
// may be handed on before its end.
func (a *adjacency) row(b *Batch, line []byte, flush func() error) (string, error) {
	if a.res.Delimiter == " " {
		line = trim(line)
	}
	who, rest, more := nextField(line, a.res.Delimiter)
	if !goodText(who) {
		return textProblem(a.res.Columns[user], who), nil
	}
	items, pairs := rest, more
	for more {
		var field []byte
		field, rest, more = nextField(rest, a.res.Delimiter)
		if a.res.Weighted {
			id, weight, problem := weighted(field)
			if problem != "" {
				return problem, nil
			}
			if a.o.NonNegative && !isWeight(weight) {
				return weightProblem(a.res.Columns[rating], field[len(id)+1:]), nil
			}
			field = id
		}
		if !goodText(field) {
			return textProblem(a.res.Columns[item], field), nil
		}
	}
	for pairs {
		var field []byte
		field, items, pairs = nextField(items, a.res.Delimiter)
		if a.res.Weighted {
			id, weight, _ := weighted(field)
			b.Ratings = append(b.Ratings, weight)
			field = id
		}
		b.Users.add(who)
		b.Items.add(field)
		b.Rows++
		if b.full() {
			if err := flush(); err != nil {
				return "", err
			}
		}
	}
	return "", nil
}
