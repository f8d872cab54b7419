//go:build !(gpu && cgo && linux && (amd64 || arm64))

package cuda

import (
	"fmt"

	"debut/kernels"
)

// New opens a GPU. This build cannot.
func New(Options) (kernels.Device, error) {
	return nil, fmt.Errorf("cuda: %s: %w", noSupport, kernels.ErrUnsupported)
}
