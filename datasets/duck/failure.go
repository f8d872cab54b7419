package duck

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
)

// A PanicError is a panic of a function that a statement called.
type PanicError struct {
	Value any
	Text  string // what the function was called with
	Stack []byte
}

// Error names the statement and what it panicked with.
func (e *PanicError) Error() string { return fmt.Sprintf("panic at %.60q: %v", e.Text, e.Value) }

// Unwrap returns the value of the panic where it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// caught makes an error of a panic that texts[*at] has led to. It is deferred.
func caught(texts []String, at *int, err *error) {
	if v := recover(); v != nil {
		*err = &PanicError{Value: v, Text: strings.Clone(texts[*at].Text()), Stack: debug.Stack()}
	}
}

// mostFailures is how many errors of functions are remembered: each thread adds one
// before the statement ends, and more where TRY passes over them.
const mostFailures = 64

// failures are the last errors of functions that a statement called. DuckDB takes
// their texts only, and says one of them.
type failures struct {
	mu   sync.Mutex
	last []failure
}

type failure struct {
	text string
	err  error
}

// add remembers an error, and returns its text as DuckDB takes it.
func (f *failures) add(err error) string {
	text := strings.ToValidUTF8(strings.ReplaceAll(err.Error(), "\x00", "\uFFFD"), "\uFFFD")
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.last) == mostFailures {
		f.last = slices.Delete(f.last, 0, 1)
	}
	f.last = append(f.last, failure{text, err})
	return text
}

// forget begins another statement.
func (f *failures) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = nil
}

// cause returns the last error whose text a message of DuckDB has, or nil.
func (f *failures) cause(message string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range slices.Backward(f.last) {
		if strings.Contains(message, l.text) {
			return l.err
		}
	}
	return nil
}
