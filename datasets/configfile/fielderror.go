package configfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"debut/datasets/nearest"
	"debut/datasets/wording"
)

// FieldError is a value of a configuration that cannot be used: the one error of
// all of them. Path is its place in the section that was checked, such as "split.test"
// of the data section, so that the caller can point at the line of the file it came from.
type FieldError struct {
	Path string // dotted keys from the section; "" for the section itself
	Msg  string // what is wrong and what to do

	cause error // what the message wraps, if anything
}

// Unwrap returns what the message wraps.
func (e *FieldError) Unwrap() error { return e.cause }

// Error returns the path and the message.
func (e *FieldError) Error() string {
	if e.Path == "" {
		return e.Msg
	}
	return e.Path + ": " + e.Msg
}

// FieldPath returns the place in the section.
func (e *FieldError) FieldPath() string { return e.Path }

// Errorf returns an error about the field at path. It wraps what fmt.Errorf wraps.
func Errorf(path, format string, args ...any) *FieldError {
	err := fmt.Errorf(format, args...)
	return &FieldError{Path: path, Msg: err.Error(), cause: errors.Unwrap(err)}
}

// OneOf checks an enumerated value; the empty one stands for the default. It returns nil where there is nothing wrong.
func OneOf(path, value string, allowed ...string) *FieldError {
	if value == "" || slices.Contains(allowed, value) {
		return nil
	}
	return Errorf(path, "%s is not one of %s%s", wording.Quote(value), strings.Join(allowed, ", "), nearest.DidYouMean(value, allowed))
}
