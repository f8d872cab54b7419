package textformat

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"debut/datasets/nearest"
)

// Formats are the values of Options.Format.
var Formats = []string{"libsvm", "libfm", "libffm", "log", "adjacency"}

// Layouts are the values of Options.Layout besides the empty one.
var Layouts = []string{"auto", "columns", "lists"}

// Base says where indexes begin.
type Base uint8

// The values of Base.
const (
	BaseAuto Base = iota // at 0 if an index 0 occurs, otherwise at 1
	BaseZero             // at 0
	BaseOne              // at 1: an index 0 is malformed
)

// Options say how files are read. Only Format must be given.
type Options struct {
	// Format is one of Formats.
	Format string
	// Delimiter separates the fields of logs and adjacency lists: "tab", "space"
	// (runs of blanks and tabs) or any text; "" or "auto" finds it out from the
	// first lines.
	Delimiter string
	// Columns names the fields of a log, or of an adjacency list's pairs, in
	// order. The names user, item, rating and time say what a field is; other
	// names stand, in order, for those of the four that are not named; _ leaves a
	// field of a log out. By default a log has as many of the four as the first
	// lines have fields, and adjacency lists have user, item and weight.
	Columns []string
	// Header says that the first line of a log is no row but names the columns;
	// nil finds it out: where a field is called user, user_id, item or the like.
	Header *bool
	// Weighted says that the items of adjacency lists are item:weight; nil finds
	// it out from the first lines.
	Weighted *bool
	// NonNegative makes a rating or weight malformed that is missing, below 0 or beyond the range of float32.
	NonNegative bool
	// Base says where the indexes of libsvm and libfm begin.
	Base Base
	// Layout says what columns a table of sparse rows gets, see Stage.
	Layout string
	// Features is how many features sparse rows have, where a file may not name the last of them: the layout columns then
	// has so many, 0 in all rows where there are no entries. 0 leaves it to the files. It is for libsvm and libfm.
	Features int
	// MaxRejects is how many malformed rows are let pass; 0 makes the first one
	// an error.
	MaxRejects int64
	// Rejects, where it is not nil, receives each malformed row that was let
	// pass. Its error ends the reading.
	Rejects func(Reject) error
	// MaxLine is the longest line allowed, in bytes; 0 stands for 64 MiB.
	MaxLine int
}

// Defaults and bounds of what is held in memory.
const (
	defaultMaxLine = 64 << 20
	largestMaxLine = 1 << 30 // offsets in a batch are of 32 bits
)

// check completes the options or says what is wrong with them.
func (o *Options) check() error {
	if !slices.Contains(Formats, o.Format) {
		return fmt.Errorf("format %q: there are %s%s", o.Format, strings.Join(Formats, ", "), nearest.DidYouMean(o.Format, Formats))
	}
	if o.Layout == "" {
		o.Layout = "auto"
	}
	if !slices.Contains(Layouts, o.Layout) {
		return fmt.Errorf("layout %q: there are %s%s", o.Layout, strings.Join(Layouts, ", "), nearest.DidYouMean(o.Layout, Layouts))
	}
	sparse := o.Format == "libsvm" || o.Format == "libfm"
	switch {
	case o.Features != 0 && !sparse:
		return fmt.Errorf("features: %s has none that are counted; leave the number out", o.Format)
	case o.Features != 0 && o.Layout == "lists":
		return errors.New("features: the layout lists has no columns for them; leave the number out, or use the layout columns")
	case o.Features < 0 || o.Features > mostColumns:
		return fmt.Errorf("features: %d is not in 1 … %d", o.Features, mostColumns)
	}
	if o.Base > BaseOne {
		return fmt.Errorf("base %d: indexes begin at 0 or 1", o.Base)
	}
	if o.MaxRejects < 0 {
		return fmt.Errorf("limit of rejected rows: %d is negative", o.MaxRejects)
	}
	if o.MaxLine == 0 {
		o.MaxLine = defaultMaxLine
	}
	if o.MaxLine < 0 || o.MaxLine > largestMaxLine {
		return fmt.Errorf("longest line: %d bytes; it must be from 1 to %d", o.MaxLine, largestMaxLine)
	}
	switch o.Delimiter {
	case "auto":
		o.Delimiter = ""
	case "tab", `\t`:
		o.Delimiter = "\t"
	case "space":
		o.Delimiter = " "
	}
	if strings.ContainsAny(o.Delimiter, "\r\n\x00") {
		return fmt.Errorf("delimiter %q: it cannot be a line end or NUL", o.Delimiter)
	}
	return nil
}

// role is what a field of a log or an adjacency list is.
type role int8

const (
	skipped role = iota - 1
	user
	item
	rating // of an adjacency list: the weight
	time
	roles
)

var roleNames = [roles]string{"user", "item", "rating", "time"}

// fields tells the fields of a row by the names given for them: the role of
// each field and the name of each role that is there.
func fields(columns []string, known []string) (order []role, names [roles]string, err error) {
	order = make([]role, len(columns))
	taken := map[string]bool{}
	var used [roles]bool
	for i, c := range columns {
		order[i] = roles
		if c == "_" {
			order[i] = skipped
			continue
		}
		if c == "" {
			return nil, names, fmt.Errorf("column %d has no name; _ leaves a column out", i+1)
		}
		// DuckDB's columns do not differ by case.
		if lower := strings.ToLower(c); taken[lower] {
			return nil, names, fmt.Errorf("two columns are called %q; name each once", c)
		} else {
			taken[lower] = true
		}
		if r := slices.Index(known, c); r >= 0 {
			order[i], names[r], used[r] = role(r), c, true
		}
	}
	next := user
	for i, c := range columns {
		if order[i] != roles {
			continue
		}
		for int(next) < len(known) && used[next] {
			next++
		}
		if int(next) >= len(known) {
			return nil, names, fmt.Errorf("column %q is one too many: there are at most %s; leave others out with _", c, strings.Join(known, ", "))
		}
		order[i], names[next], used[next] = next, c, true
	}
	if !used[user] || !used[item] {
		return nil, names, fmt.Errorf("columns %s: neither user nor item may be missing", strings.Join(columns, ", "))
	}
	return order, names, nil
}
