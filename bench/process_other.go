//go:build !unix

package bench

// processSeconds is the CPU time that the process has taken, where it can be known.
func processSeconds() float64 { return 0 }
