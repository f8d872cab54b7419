package peak

// steps is the turns of the loops in assembly that one call makes.
const steps = 4096

// fmaAVX512 does steps × 16 multiply-adds of 16 numbers.
//
//go:noescape
func fmaAVX512(steps int)

// fmaAVX2 does steps × 12 multiply-adds of 8 numbers.
//
//go:noescape
func fmaAVX2(steps int)

// loopOf returns a loop of a level, which returns the operations it did.
func loopOf(level string) func() float64 {
	switch level {
	case "avx512":
		return func() float64 {
			fmaAVX512(steps)
			return 2 * 16 * 16 * steps
		}
	case "avx2":
		return func() float64 {
			fmaAVX2(steps)
			return 2 * 8 * 12 * steps
		}
	}
	return plain
}
