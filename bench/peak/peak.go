// Package peak measures what a machine can do at most, so that the speed of a kernel can be told as a share of it:
// multiply-adds in registers, and copies of memory.
//
// Both are the best of several rounds, since whatever else runs on the machine only takes away from them.
package peak

import (
	"runtime"
	"sync"
	"time"
)

// rounds is how often each is measured.
const rounds = 10

// FLOPs returns the floating-point operations in float32 a second that so many threads reach together with multiply-adds
// whose operands are in registers, at an instruction level as devices name it: "avx512", "avx2", and for any other name
// plain Go. A multiply-add is two operations. Each of the rounds lasts as long as round says. The processor must have
// the level.
func FLOPs(level string, threads int, round time.Duration) float64 {
	loop := loopOf(level)
	threads = max(threads, 1)
	most := 0.0
	for range rounds {
		var mu sync.Mutex
		total := 0.0
		each(threads, func(int) {
			flops := 0.0
			for start := time.Now(); ; {
				flops += loop()
				if d := time.Since(start); d >= round {
					mu.Lock()
					total += flops / d.Seconds()
					mu.Unlock()
					return
				}
			}
		})
		most = max(most, total)
	}
	return most
}

// Copy returns the bytes a second, read and written, that so many threads reach together copying memory of so many bytes
// to as many others, over and over until a round is at least as long as round says. Small copies stay in the caches.
func Copy(bytes, threads int, round time.Duration) float64 {
	threads = max(threads, 1)
	part := max(bytes/threads, 64)
	src, dst := make([][]byte, threads), make([][]byte, threads)
	each(threads, func(i int) { // each thread touches its own memory first
		src[i], dst[i] = make([]byte, part), make([]byte, part)
		for j := range src[i] {
			src[i][j] = byte(j)
		}
		copy(dst[i], src[i])
	})
	most := 0.0
	for range rounds {
		var mu sync.Mutex
		total := 0.0
		each(threads, func(i int) {
			n := 0
			for start := time.Now(); ; {
				// The clock is asked about once for every 64 KiB.
				for range max(1, 1<<16/part) {
					copy(dst[i], src[i])
					n++
				}
				if d := time.Since(start); d >= round {
					mu.Lock()
					total += 2 * float64(n) * float64(part) / d.Seconds()
					mu.Unlock()
					return
				}
			}
		})
		most = max(most, total)
	}
	runtime.KeepAlive(dst)
	return most
}

// each runs f for 0 … n−1 at once and waits.
func each(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

// plain is the loop in Go: sums enough to hide the latency of a multiply-add, few enough for the registers.
func plain() float64 {
	const steps = 4096
	x, y := float32(0.5), float32(0.25)
	var a0, a1, a2, a3, a4, a5, a6, a7 float32
	for range steps {
		a0 = a0*x + y
		a1 = a1*x + y
		a2 = a2*x + y
		a3 = a3*x + y
		a4 = a4*x + y
		a5 = a5*x + y
		a6 = a6*x + y
		a7 = a7*x + y
	}
	keep(a0 + a1 + a2 + a3 + a4 + a5 + a6 + a7)
	return 2 * 8 * steps
}

// keep uses a value, so that the compiler does not drop what computes it.
//
//go:noinline
func keep(float32) {}
