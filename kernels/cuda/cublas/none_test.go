//go:build !(gpu && cgo && linux && (amd64 || arm64))

package cublas

import (
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	if r := Find(); r.Found || !strings.Contains(r.Reason, "-tags gpu") {
		t.Errorf("%+v", r)
	}
}
