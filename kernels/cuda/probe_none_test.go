//go:build !(gpu && cgo && linux && (amd64 || arm64))

package cuda

import (
	"errors"
	"strings"
	"testing"

	"debut/kernels"
)

func TestProbeWithoutCUDA(t *testing.T) {
	r := Probe()
	if r.Built || r.Driver.Found || r.Devices == nil || len(r.Devices) != 0 || len(r.Usable()) != 0 {
		t.Errorf("found %+v", r)
	}
	if !strings.Contains(r.Reason, "this build has no CUDA support; build with -tags gpu") {
		t.Errorf("reason %q", r.Reason)
	}
	if err := r.Check(0); !errors.Is(err, kernels.ErrUnsupported) || !strings.Contains(err.Error(), "-tags gpu") {
		t.Errorf("Check: %v", err)
	}
}
