package configfile

import "fmt"

// MaxThreads bounds the worker threads that a file or a flag may ask for: each costs memory of its own before it works.
const MaxThreads = 4096

// CheckThreads is an error, without a place, for a number of threads that is none; 0 is one for each core.
func CheckThreads(n int) error {
	if n < 0 || n > MaxThreads {
		return fmt.Errorf("%d threads; give a whole number from 1 to %d, or 0 for one for each core", n, MaxThreads)
	}
	return nil
}
