package textformat

import (
	"fmt"
	"strings"
)

// Reject is a malformed row.
type Reject struct {
	File string // as given to Read
	Line int64  // from 1
	// Problem says what is wrong with the row and how to mend it.
	Problem string
	// Text is the row as it stands in the file, without its line end. It is valid
	// only during the call of Options.Rejects.
	Text []byte
}

// Place returns file:line.
func (r Reject) Place() string { return fmt.Sprintf("%s:%d", r.File, r.Line) }

// String returns file:line: problem.
func (r Reject) String() string { return r.Place() + ": " + r.Problem }

// RejectError is the error of more malformed rows than Options.MaxRejects.
type RejectError struct {
	// First are the first malformed rows, at most three, without their text.
	First []Reject
	// Limit is the number of malformed rows that were let pass.
	Limit int64
}

// firstRejects is how many malformed rows an error and a result name.
const firstRejects = 3

// Error names the rows. Each says how to mend it; that rows can be kept aside is known to the caller who lets them.
func (e *RejectError) Error() string {
	places := make([]string, len(e.First))
	for i, r := range e.First {
		places[i] = r.String()
	}
	text := strings.Join(places, "; ")
	if e.Limit == 0 {
		return text
	}
	return fmt.Sprintf("more than %d malformed rows, first %s; correct them, or let more pass", e.Limit, text)
}

// quote shows what stands in a file, shortened where it is long.
func quote(b []byte) string {
	const most = 40
	if len(b) > most {
		return fmt.Sprintf("%q…", b[:most])
	}
	return fmt.Sprintf("%q", b)
}
