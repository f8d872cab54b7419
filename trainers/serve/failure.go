package serve

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"debut/datasets/table"
	"debut/datasets/wording"
	"debut/trainers/model"
)

// failure is an answer that says why there is none.
type failure struct {
	Status  int    `json:"-"`
	Message string `json:"error"`
	Field   string `json:"field,omitempty"` // of the request
	Row     int    `json:"row,omitempty"`   // of the rows, from 1

	after bool   // worth another try
	allow string // the method that the path is asked with
}

// What of a request is repeated in an error.
const (
	maxMessage = 2000 // bytes
	maxField   = 200
)

// short is the failure without what a caller has made long.
func (f *failure) short() *failure {
	s := *f
	s.Message, s.Field = wording.Shorten(f.Message, maxMessage), wording.Shorten(f.Field, maxField)
	return &s
}

// Error implements error.
func (f *failure) Error() string { return f.Message }

var errBusy = &failure{Status: http.StatusServiceUnavailable, Message: "too many requests wait for the model; try again in a second", after: true}

// bad is a request that cannot be meant; field is the column or key that is wrong, row is from 1, or 0.
func bad(field string, row int, format string, args ...any) *failure {
	message := fmt.Sprintf(format, args...)
	switch {
	case field != "" && row > 0:
		message = fmt.Sprintf("row %d: %s: %s", row, wording.Quote(field), message)
	case field != "":
		message = fmt.Sprintf("%s: %s", wording.Quote(field), message)
	}
	return &failure{Status: http.StatusBadRequest, Message: message, Field: field, Row: row}
}

// explain makes of an error what a caller is told: nothing of this machine. The second says whether it is the server's fault, and is to be logged.
func explain(err error) (f *failure, own bool) {
	var value *table.ValueError
	var missing *table.MissingColumnError
	switch {
	case errors.As(err, &f):
		return f, false
	case errors.As(err, &value):
		text := "column " + wording.Quote(value.Column) + ": "
		if value.Place != "" {
			text = value.Place + ": " + text
		}
		if value.Value != "" {
			text += wording.Quote(wording.Shorten(value.Value, 60)) + " "
		}
		return &failure{Status: http.StatusBadRequest, Message: text + value.Problem, Field: value.Column}, false
	case errors.As(err, &missing):
		return &failure{Status: http.StatusBadRequest, Message: "the column " + wording.Quote(missing.Name) + " is missing", Field: missing.Name}, false
	case errors.Is(err, model.ErrUnknown):
		return &failure{Status: http.StatusNotFound, Message: err.Error()}, false
	case errors.Is(err, context.DeadlineExceeded):
		return &failure{Status: http.StatusServiceUnavailable, Message: "the answer took too long; try again, or ask for less at once", after: true}, false
	case errors.Is(err, context.Canceled):
		return &failure{Status: 499, Message: "the caller has gone"}, false
	}
	return &failure{Status: http.StatusInternalServerError, Message: "the server failed; its log says why"}, true
}
