//go:build benchplant

package bench

import (
	"os"
	"strconv"
	"time"
)

// A program built with this tag is slower on purpose, for demonstrations of the gate: DEBUT_BENCH_PLANT=0.8 leaves 80 % of
// the speed of all that is timed.
func init() {
	speed, err := strconv.ParseFloat(os.Getenv("DEBUT_BENCH_PLANT"), 64)
	if err != nil || !(speed > 0 && speed < 1) {
		return
	}
	plant = func(work time.Duration) {
		for start := time.Now(); float64(time.Since(start)) < float64(work)*(1/speed-1); {
		}
	}
}
