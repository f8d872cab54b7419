package kerneltest

import (
	"testing"

	"debut/kernels"
)

// RunAllocations tests that running a kernel allocates nothing on the Go heap.
func RunAllocations(t *testing.T, open func(t *testing.T) kernels.Device) {
	for _, fam := range families {
		t.Run(fam.name, func(t *testing.T) {
			dev := opened(t, open)
			skipUnsupported(t, dev, fam, kernels.Float32)
			for _, f := range append(fam.forms(small), fam.forms(large)...) {
				x := newTrial(t, dev, kernels.Float32, &f, layouts[3])
				x.prepare(batchRows(&f))
				// A goroutine that falls asleep may have the runtime allocate now and then, a kernel would each time.
				if n := testing.AllocsPerRun(4, func() {
					if err := x.kernel.Run(); err != nil {
						t.Fatal(err)
					}
				}); n >= 1 {
					t.Errorf("%s: a run allocates %v times", f.name, n)
				}
			}
		})
	}
}
