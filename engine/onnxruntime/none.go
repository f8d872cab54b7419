//go:build !cgo || (!linux && !darwin)

package onnxruntime

import (
	"fmt"

	"debut/engine/onnx"
)

// Runtime is the opened library, which this build cannot open.
type Runtime struct{}

// Open returns an error that matches ErrUnavailable.
func Open(string) (*Runtime, error) {
	return nil, fmt.Errorf("this build of the program opens no shared libraries: %w", ErrUnavailable)
}

// Path is where the library lies.
func (*Runtime) Path() string { return "" }

// Version is that of the library.
func (*Runtime) Version() string { return "" }

// Close ends the runtime.
func (*Runtime) Close() error { return nil }

// Load loads a model.
func (*Runtime) Load(string, int) (*Session, error) { return nil, ErrUnavailable }

// Session is a loaded model.
type Session struct{}

// Inputs are the names of a model's inputs.
func (*Session) Inputs() []string { return nil }

// Outputs are the names of a model's outputs.
func (*Session) Outputs() []string { return nil }

// Run computes all outputs.
func (*Session) Run(map[string]onnx.Tensor) (map[string]onnx.Tensor, error) {
	return nil, ErrUnavailable
}

// Close unloads the model.
func (*Session) Close() error { return nil }
