package cudrv

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// caused knows its cause as errors of github.com/pkg/errors do.
type caused struct{ cause error }

func (c caused) Error() string { return "caused" }
func (c caused) Cause() error  { return c.cause }

// foreign is an error that is a number, as the driver's are.
type foreign int

func (foreign) Error() string { return "foreign" }

func TestResultOf(t *testing.T) {
	for name, err := range map[string]error{
		"itself":  NoDevice,
		"wrapped": fmt.Errorf("outer: %w", fmt.Errorf("inner: %w", NoDevice)),
		"caused":  fmt.Errorf("outer: %w", caused{NoDevice}),
	} {
		if r, ok := ResultOf(err); !ok || r != NoDevice {
			t.Errorf("%s: %v, %v", name, r, ok)
		}
	}
	for name, err := range map[string]error{
		"nil": nil, "other": errors.New("x"), "foreign": foreign(100), "cause of nothing": caused{},
	} {
		if r, ok := ResultOf(err); ok {
			t.Errorf("%s: %v", name, r)
		}
	}
}

// The results that the code names are what the header says they are.
func TestNames(t *testing.T) {
	for r, want := range map[Result]string{
		OutOfMemory: "OUT_OF_MEMORY", NotInitialized: "NOT_INITIALIZED", NoDevice: "NO_DEVICE", NotSupported: "NOT_SUPPORTED",
		stubLibrary: "STUB_LIBRARY", deviceUnavailable: "DEVICE_UNAVAILABLE", systemNotReady: "SYSTEM_NOT_READY",
		driverMismatch: "SYSTEM_DRIVER_MISMATCH", compatUnsupported: "COMPAT_NOT_SUPPORTED_ON_DEVICE", unknown: "UNKNOWN",
	} {
		if got := r.Name(); got != "CUDA_ERROR_"+want {
			t.Errorf("%d: %s, want %s", int(r), got, want)
		}
		if !strings.HasPrefix(r.Error(), r.Name()) {
			t.Errorf("%d: %s", int(r), r.Error())
		}
	}
	if got := Result(777).Error(); got != "CUDA error 777" {
		t.Errorf("777: %s", got)
	}
}
