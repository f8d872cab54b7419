//go:build !amd64

package cpu

// levels returns the levels that this processor has, worst first.
func levels() []string { return []string{levelGeneric} }

// loopsOf returns a level's loops.
func loopsOf(string) *loops[float32] { return genericLoops[float32]() }
