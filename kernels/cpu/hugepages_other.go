//go:build !linux

package cpu

import (
	"math"
	"unsafe"
)

const (
	hugePage   = 1 // buffers are aligned as others are
	hugeBuffer = math.MaxInt
	mapped     = math.MaxInt
)

func adviseHuge(unsafe.Pointer, int) {}

func mapRegion(int) *region { return nil }
