//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

import (
	"testing"

	"debut/kernels"
)

// launches is how many kernels the benchmarks queue at once, about as many as a step has.
const launches = 100

func launchList(b *testing.B, opt Options) kernels.Executable {
	d := opened(b, opt)
	closed(b, d)
	buf, err := d.Alloc(kernels.Float32, 1, "test")
	must(b, err)
	var list []kernels.Kernel
	for range launches {
		k, err := d.Fill(kernels.FillArgs{X: kernels.NewMatrix(buf, 1, 1), Value: 1})
		must(b, err)
		list = append(list, k)
	}
	e, err := d.Prepare(list)
	must(b, err)
	must(b, e.Run())
	must(b, d.Synchronize())
	return e
}

// What a launch costs the host. DEBUT_EMU_NULL=1 has the emulated driver do nothing, which leaves our own cost.
func BenchmarkLaunch(b *testing.B) {
	for name, opt := range map[string]Options{"list": {Uncaptured: true}, "graph": {}} {
		b.Run(name, func(b *testing.B) {
			e := launchList(b, opt)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				if err := e.Run(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/launches, "ns/launch")
		})
	}
}

// A single small kernel, and an upload with it.
func BenchmarkUploadAndLaunch(b *testing.B) {
	d := opened(b, Options{})
	closed(b, d)
	buf, err := d.Alloc(kernels.Float32, 1, "test")
	must(b, err)
	k, err := d.Fill(kernels.FillArgs{X: kernels.NewMatrix(buf, 1, 1), Value: 1})
	must(b, err)
	v := []float32{1}
	b.ReportAllocs()
	for b.Loop() {
		must(b, kernels.Upload(d, buf, 0, v))
		must(b, k.Run())
	}
}
