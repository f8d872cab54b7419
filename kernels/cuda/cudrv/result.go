package cudrv

import (
	"errors"
	"fmt"
	"reflect"
)

// Result is an error code of the driver, other than success.
type Result int

// The results that callers tell apart.
const (
	OutOfMemory          Result = 2
	NotInitialized       Result = 3
	NoDevice             Result = 100
	UnsupportedPTX       Result = 222
	NotSupported         Result = 801
	noPTXCompiler        Result = 221
	compilingDisabled    Result = 223
	stubLibrary          Result = 34
	deviceUnavailable    Result = 46
	systemNotReady       Result = 802
	driverMismatch       Result = 803
	compatUnsupported    Result = 804
	eccUncorrectable     Result = 214
	contained            Result = 226
	illegalAddress       Result = 700
	launchOutOfResources Result = 701
	launchFailed         Result = 719
	unknown              Result = 999
)

// Fatal says whether a context is lost after the result: every later call fails too.
func (r Result) Fatal() bool {
	switch {
	case r == eccUncorrectable, r == contained, r >= illegalAddress && r <= launchFailed && r != launchOutOfResources, r == unknown:
		return true
	}
	return false
}

// Name returns the driver's name of the result, such as CUDA_ERROR_NO_DEVICE.
func (r Result) Name() string {
	if name, ok := resultNames[r]; ok {
		return name
	}
	return fmt.Sprintf("CUDA error %d", int(r))
}

// Error returns the name and what to do about it, where that is known.
func (r Result) Error() string {
	if hint := r.hint(); hint != "" {
		return r.Name() + ": " + hint
	}
	return r.Name()
}

// hint says in words what results mean that people meet before anything has run.
func (r Result) hint() string {
	switch r {
	case stubLibrary:
		return "the library found is the toolkit's stub, not a driver; take its folder out of the loader's path"
	case deviceUnavailable:
		return "the GPU is in use by another process in exclusive mode"
	case NoDevice:
		return "the driver sees no GPU; look at CUDA_VISIBLE_DEVICES, and whether the container was given one"
	case noPTXCompiler:
		return "the driver's PTX compiler, libnvidia-ptxjitcompiler, is missing; install all of the driver, or give the container its compute libraries"
	case compilingDisabled:
		return "the driver may not compile the kernels; unset CUDA_DISABLE_PTX_JIT and CUDA_DISABLE_JIT"
	case systemNotReady:
		return "the driver is not ready; on machines with NVSwitch, start the fabric manager"
	case driverMismatch:
		return "the driver's library and its kernel module are of different versions; restart the machine after an update"
	case compatUnsupported:
		return "the compatibility library does not support this GPU; take it out of the loader's path"
	case unknown:
		return "the kernel module does not answer; see whether nvidia-smi works, load nvidia_uvm, or restart the machine"
	}
	return ""
}

// resultPackage is where the errors that [ResultOf] recognizes besides its own are defined.
const resultPackage = "gorgonia.org/cu"

// ResultOf finds the driver's error code in an error of this package or of cu, however wrapped.
func ResultOf(err error) (Result, bool) {
	for ; err != nil; err = unwrap(err) {
		if r, ok := err.(Result); ok { //nolint:errorlint // The loop unwraps, through causes that errors.As does not know.
			return r, true
		}
		// The type of cu's errors is not exported.
		if t := reflect.TypeOf(err); t.PkgPath() == resultPackage && t.Kind() == reflect.Int {
			return Result(reflect.ValueOf(err).Int()), true
		}
	}
	return 0, false
}

// unwrap goes one error down, also through those that know only Cause.
func unwrap(err error) error {
	if next := errors.Unwrap(err); next != nil {
		return next
	}
	if c, ok := err.(interface{ Cause() error }); ok { //nolint:errorlint // One step of the loop in ResultOf.
		return c.Cause()
	}
	return nil
}
