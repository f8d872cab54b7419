package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"sync"
	"time"
)

// Record is a line of results.jsonl: a number, something to know, or how a part ended.
type Record struct {
	Time time.Time `json:"time"`
	Part string    `json:"part"`

	Case   string   `json:"case,omitempty"`
	Metric string   `json:"metric,omitempty"` // the unit is in its name
	Value  *float64 `json:"value,omitempty"`

	Text string `json:"text,omitempty"`

	Status  Status  `json:"status,omitempty"`
	Seconds float64 `json:"seconds,omitempty"` // that the part ran
}

// Status is how a part ended.
type Status string

// The ways to end.
const (
	passed      Status = "passed"
	failed      Status = "failed"
	killed      Status = "killed"      // by a signal that was not ours
	late        Status = "late"        // it took longer than its limit
	skipped     Status = "skipped"     // there was no time left for it
	absent      Status = "absent"      // what it needs is not installed
	interrupted Status = "interrupted" // the check was told to end
)

// bad says whether a check with such a part has failed. What is absent or skipped says so in the table.
func (s Status) bad() bool { return s == failed || s == killed || s == late || s == interrupted }

// recorder appends records to a file, each at once, and keeps them.
type recorder struct {
	mu   sync.Mutex
	file *os.File
	list []Record
	err  error // the first of writing
}

func newRecorder(path string) (*recorder, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("gpucheck: %w", err)
	}
	return &recorder{file: f}, nil
}

// add appends a record.
func (r *recorder) add(x Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if x.Time.IsZero() {
		x.Time = time.Now().UTC().Truncate(time.Millisecond)
	}
	line, err := json.Marshal(x)
	if err == nil {
		_, err = r.file.Write(append(line, '\n'))
	}
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("gpucheck: writing results: %w", err)
	}
	r.list = append(r.list, x)
}

// note records something to know.
func (r *recorder) note(part, format string, args ...any) {
	r.add(Record{Part: part, Text: fmt.Sprintf(format, args...)})
}

// all returns the records so far.
func (r *recorder) all() []Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Record(nil), r.list...)
}

func (r *recorder) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.file.Close(); r.err == nil {
		r.err = err
	}
	return r.err
}

// meter is how a measurement reports, from any goroutine: a line of JSON on standard output for each number, as soon as it is known.
type meter struct {
	out     *json.Encoder
	small   bool
	seconds time.Duration // that a case is measured
	mu      sync.Mutex
	err     error // the first number that is none, or of writing
}

// report reports a number. One that is none is told in words, and fails the measurement when all else has been measured.
func (m *meter) report(name, metric string, value float64) {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		m.fail(fmt.Errorf("%s %s is %v", name, metric, value))
		return
	}
	m.write(Record{Case: name, Metric: metric, Value: &value})
}

// note reports something to know.
func (m *meter) note(name, format string, args ...any) {
	m.write(Record{Case: name, Text: fmt.Sprintf(format, args...)})
}

// fail has the measurement fail, at its end.
func (m *meter) fail(err error) {
	m.note("", "%v", err)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err == nil {
		m.err = err
	}
}

func (m *meter) write(x Record) {
	x.Time = time.Now().UTC().Truncate(time.Millisecond)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.out.Encode(x); err != nil && m.err == nil {
		m.err = err
	}
}
