package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"time"

	"debut/bench/peers"
	"debut/bench/timing"
	"debut/bench/training"
	"debut/kernels"
)

// gemmForm is how a case is written.
const gemmForm = "MxNxK.nn, with t in place of n where A or B is transposed"

// gemm is the suite of matrix products in float32.
var gemm = Suite{
	Name:    "gemm",
	Summary: "matrix products C = op(A)·op(B) in float32: forms and shapes of a training step",
	Cases: []string{
		"1024x1024x1024.nn", "1024x1024x1024.nt", "1024x1024x1024.tn",
		"8192x512x256.nn", "8192x512x256.nt", "8192x512x256.tn",
		// A step of the network 256-512-256-1: forward, gradients of inputs, gradients of weights.
		"1024x512x256.nn", "1024x256x512.nn", "1024x1x256.nn",
		"1024x512x256.nt", "1024x256x1.nt",
		"256x512x1024.tn", "512x256x1024.tn", "256x1x1024.tn",
	},
	Form:    gemmForm,
	Peer:    "OpenBLAS",
	Metrics: []Metric{{Name: "gflop_per_second", Direction: Higher}},
	measure: measureGemm,
}

const maxDimension = training.MaxDimension

var gemmCase = regexp.MustCompile(`^(\d+)x(\d+)x(\d+)\.([nt])([nt])$`)

// parseGemm reads a case's name.
func parseGemm(name string) (m, n, k int, ta, tb bool, err error) {
	p := gemmCase.FindStringSubmatch(name)
	if p == nil {
		return 0, 0, 0, false, false, fmt.Errorf("the case is not of the form %s", gemmForm)
	}
	var size [3]int
	for i := range size {
		if size[i], err = strconv.Atoi(p[i+1]); err != nil || size[i] < 1 || size[i] > maxDimension {
			return 0, 0, 0, false, false, fmt.Errorf("dimension %s is not within 1 … %d", p[i+1], maxDimension)
		}
	}
	return size[0], size[1], size[2], p[4] == "t", p[5] == "t", nil
}

func measureGemm(ctx context.Context, name string, r *runner) error {
	var g peers.Gemm
	var err error
	if g.M, g.N, g.K, g.TransA, g.TransB, err = parseGemm(name); err != nil {
		return err
	}
	g.A, g.B = uniform(1, g.M*g.K), uniform(2, g.K*g.N)
	p, err := newGemm(r.Device, g)
	if err != nil {
		return err
	}
	defer p.release()
	flops := p.kernel.Cost().FLOPs
	if r.Peers && p.rounds == 1 { // OpenBLAS is a peer on the CPU
		done, err := compareGemm(ctx, r, g, p)
		if done || err != nil {
			return err
		}
	}
	median, err := p.median(ctx, r)
	if err != nil {
		return err
	}
	t := median.Seconds()
	r.speed("gflop_per_second", flops/t/1e9, r.peaks.ofFLOPs(flops/t))
	r.report("milliseconds", t*1e3)
	return nil
}

// gemmProduct is a product on a device.
type gemmProduct struct {
	dev     kernels.Device
	buffers []kernels.Buffer // A, B, C
	kernel  kernels.Kernel
	exec    kernels.Executable
	rounds  int // of a run
}

func newGemm(dev kernels.Device, g peers.Gemm) (_ *gemmProduct, err error) {
	family, err := kernels.Family[kernels.DenseAlgebra](dev)
	if err != nil {
		return nil, err
	}
	p := &gemmProduct{dev: dev, rounds: behind(dev)}
	defer func() {
		if err != nil {
			p.release()
		}
	}()
	args := kernels.GemmArgs{TransA: g.TransA, TransB: g.TransB}
	for _, o := range []struct {
		to         *kernels.Matrix
		rows, cols int
		transposed bool
		values     []float32
	}{{&args.A, g.M, g.K, g.TransA, g.A}, {&args.B, g.K, g.N, g.TransB, g.B}, {&args.C, g.M, g.N, false, nil}} {
		if o.transposed {
			o.rows, o.cols = o.cols, o.rows
		}
		buf, err := dev.Alloc(kernels.Float32, o.rows*o.cols, "bench")
		if err != nil {
			return nil, err
		}
		p.buffers = append(p.buffers, buf)
		if o.values != nil {
			if err := kernels.Upload(dev, buf, 0, o.values); err != nil {
				return nil, err
			}
		}
		*o.to = kernels.NewMatrix(buf, o.rows, o.cols)
	}
	if p.kernel, err = family.Gemm(args); err != nil {
		return nil, err
	}
	list := make([]kernels.Kernel, p.rounds)
	for i := range list {
		list[i] = p.kernel
	}
	p.exec, err = dev.Prepare(list)
	return p, err
}

func (p *gemmProduct) release() {
	for _, b := range p.buffers {
		p.dev.Release(b)
	}
}

// run computes the product as often as it has rounds.
func (p *gemmProduct) run() error { return runs(p.dev, p.exec.Run, 1) }

// median returns what one product takes, by the device's clock where it has one.
func (p *gemmProduct) median(ctx context.Context, r *runner) (_ time.Duration, err error) {
	if _, ok := p.dev.(kernels.Timing); !ok {
		_, t, err := r.repeat(ctx, p.run)
		return t, err
	}
	watch, err := timing.New(p.dev)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, watch.Close()) }()
	t, err := watch.Median(ctx, r.Duration, p.exec.Run)
	return max(t/time.Duration(p.rounds), time.Nanosecond), err
}

// compareGemm takes turns with OpenBLAS. Where that is not installed, it says so and has done nothing.
func compareGemm(ctx context.Context, r *runner, g peers.Gemm, p *gemmProduct) (done bool, err error) {
	folder, err := os.MkdirTemp("", "debut-bench-")
	if err != nil {
		return false, err
	}
	defer removeAll(folder, &err)
	peer, err := peers.StartOpenBLAS(ctx, folder, g, r.Device.Info().Threads, trial(r.Duration))
	if errors.Is(err, peers.ErrAbsent) {
		r.absent(err)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer peer.Close()
	if err := p.run(); err != nil {
		return false, err
	}
	c := make([]float32, g.M*g.N)
	if err := kernels.Download(r.Device, c, p.buffers[2], 0); err != nil {
		return false, err
	}
	difference, bound := 0.0, productTolerance(g.K)
	for i, x := range c {
		d := math.Abs(float64(x) - float64(peer.C[i]))
		if !(d <= bound) {
			return false, fmt.Errorf("element %d of the product is %v, that of OpenBLAS %v: further apart than %.3g", i, x, peer.C[i], bound)
		}
		difference = max(difference, d)
	}
	result, err := alternate(ctx, r.Duration, perSecond(p.run), peerRun(peer.Peer))
	if err != nil {
		return false, err
	}
	flops := p.kernel.Cost().FLOPs
	result.report(r, "gflop_per_second", flops/1e9, r.peaks.ofFLOPs(flops), peer.Version()+", "+peer.Settings())
	r.report("greatest_difference", difference)
	return true, nil
}

// productTolerance bounds the difference of two sums of k products of numbers within [−1, 1), added up in float32 in any
// two orders: the rounding errors of a sum are at most k·2⁻²⁴ times the sum of the magnitudes, k.
func productTolerance(k int) float64 {
	return 2 * float64(k) * float64(k+1) / (1 << 24)
}

// uniform returns n numbers uniform in [−1, 1), fixed by the stream.
func uniform(stream uint64, n int) []float32 { return training.Uniform(stream, n) }
