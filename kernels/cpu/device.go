// Package cpu computes the kernels of package kernels on the processor's cores.
//
// Every family is there for float32 and float64. The inner loops come in levels of instructions: "generic" is plain Go and
// runs anywhere; "avx2" and "avx512" have the loops of float32 in assembly, which programs in _asm write. Bits may differ between
// levels. Work is cut into blocks whose size follows from shapes alone, and sums over blocks are taken in the order of the
// blocks, so results have the same bits for any number of threads.
//
// Where operands of a kernel carry different row counts, the kernel works on the least of them. Running a kernel
// allocates nothing: scratch memory is one arena of the device, made as large as the neediest kernel bound to it.
package cpu

import (
	"bufio"
	"fmt"
	"maps"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"unsafe"

	"debut/kernels"
	"debut/kernels/hostmemory"
	"debut/kernels/pool"
)

// LevelVariable is the environment variable that chooses the instruction level where Options do not.
const LevelVariable = "DEBUT_CPU"

// The instruction levels, worst first.
const (
	levelGeneric = "generic"
	levelAVX2    = "avx2"
	levelAVX512  = "avx512"
)

// purposeScratch is the account of the arena that kernels share.
const purposeScratch = "scratch"

// alignment of buffers and scratch in bytes: a cache line, which is also the widest vector register.
const alignment = 64

// Options choose how a Device works. The zero value is the best for the machine.
type Options struct {
	// Threads is how many goroutines compute; 0 means one for each processor that Go may use.
	Threads int
	// Level is the instruction level, "generic", "avx2" or "avx512"; empty means the value of DEBUT_CPU, or
	// else the best there is.
	Level string
}

// Device is the processor as a kernels.Device, with every family of kernels. It is for one goroutine at a time.
type Device struct {
	info   kernels.Info
	pool   *pool.Pool
	f32    *loops[float32]
	f64    *loops[float64]
	memory map[string]int64
	arena  []byte
	closed bool
}

// All families are promised.
var (
	_ kernels.Device        = (*Device)(nil)
	_ kernels.DenseAlgebra  = (*Device)(nil)
	_ kernels.Elementwise   = (*Device)(nil)
	_ kernels.Normalization = (*Device)(nil)
	_ kernels.Loss          = (*Device)(nil)
	_ kernels.Optimizer     = (*Device)(nil)
	_ kernels.Embedding     = (*Device)(nil)
	_ kernels.Reduction     = (*Device)(nil)
	_ kernels.LeastSquares  = (*Device)(nil)
	_ kernels.FactorUpdates = (*Device)(nil)
)

// New starts a device. It fails where the level asked for is unknown or not to be had.
func New(opts Options) (*Device, error) {
	level, reason, err := chooseLevel(opts.Level)
	if err != nil {
		return nil, err
	}
	threads := opts.Threads
	if threads < 0 {
		return nil, fmt.Errorf("cpu: %d threads asked for: give a positive number, or 0 for one for each processor", threads)
	}
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	return &Device{
		info: kernels.Info{
			Kind:    "cpu",
			Name:    processorName(),
			Level:   level,
			Threads: threads,
			Memory:  machineMemory(),
			Reason:  reason,
		},
		pool:   pool.New(threads),
		f32:    loopsOf(level),
		f64:    genericLoops[float64](),
		memory: make(map[string]int64),
	}, nil
}

// chooseLevel returns the level to run at and why.
func chooseLevel(asked string) (level, reason string, err error) {
	by := "asked for by the options"
	if asked == "" {
		asked = os.Getenv(LevelVariable)
		by = "asked for by " + LevelVariable
	}
	has := levels()
	switch asked {
	case "":
		return has[len(has)-1], "the best level of this processor", nil
	case levelGeneric, levelAVX2, levelAVX512:
		if slices.Contains(has, asked) {
			return asked, by, nil
		}
		return "", "", fmt.Errorf("cpu: level %q (%s) is more than this processor has (%s): use %q: %w", asked, by, runtime.GOARCH, has[len(has)-1], kernels.ErrUnsupported)
	}
	return "", "", fmt.Errorf("cpu: level %q (%s) is unknown: use %q, %q or %q", asked, by, levelGeneric, levelAVX2, levelAVX512)
}

// processorName reads the processor's name where the system tells it.
func processorName() string {
	if v := procValue("/proc/cpuinfo", "model name"); v != "" {
		return v
	}
	return runtime.GOARCH
}

// machineMemory returns the machine's memory in bytes, or 0 where the system does not tell.
func machineMemory() int64 {
	return hostmemory.Total()
}

// procValue returns the first value of a key in a file of "key: value" lines, or "".
func procValue(path, key string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }() // nothing was written
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if k, v, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// Info describes the processor.
func (d *Device) Info() kernels.Info { return d.info }

// Available returns how many bytes more this process can allocate before the system runs short, 0 where it does not tell.
func (d *Device) Available() int64 { return hostmemory.Available() }

// Memory returns the bytes allocated by purpose; the kernels' shared scratch memory is under "scratch".
func (d *Device) Memory() map[string]int64 {
	m := maps.Clone(d.memory)
	if len(d.arena) > 0 {
		m[purposeScratch] += int64(len(d.arena))
	}
	return m
}

// Prepare makes kernels ready to run in order. Kernels of the caller's own may be among them: all run one after
// another on the calling goroutine.
func (d *Device) Prepare(ks []kernels.Kernel) (kernels.Executable, error) {
	if err := d.usable(); err != nil {
		return nil, err
	}
	list := make([]kernels.Kernel, len(ks))
	for i, k := range ks {
		if k == nil {
			return nil, fmt.Errorf("cpu: kernel %d of %d to prepare is nil", i, len(ks))
		}
		if own, ok := k.(interface{ device() *Device }); ok && own.device() != d {
			return nil, fmt.Errorf("cpu: kernel %d of %d to prepare, %s: bound to another device: %w", i, len(ks), k.Name(), kernels.ErrForeign)
		}
		list[i] = k
	}
	return newProgram(d, list), nil
}

// Synchronize returns at once: kernels have done their work when Run returns.
func (d *Device) Synchronize() error { return d.usable() }

// Close ends the device's goroutines and drops its memory.
func (d *Device) Close() error {
	if d.closed {
		return nil
	}
	d.closed = true
	d.pool.Close()
	d.arena = nil
	clear(d.memory)
	return nil
}

func (d *Device) usable() error {
	if d.closed {
		return fmt.Errorf("cpu: the device is closed")
	}
	return nil
}

// fits returns ErrOutOfMemory for n elements of a size that the machine cannot hold.
func (d *Device) fits(n, size int) error {
	if n > (math.MaxInt-alignment)/size || d.info.Memory > 0 && int64(n)*int64(size) > d.info.Memory {
		return fmt.Errorf("cpu: %d elements of %d bytes, the machine has %d bytes: %w", n, size, d.info.Memory, kernels.ErrOutOfMemory)
	}
	return nil
}

// reserve grows the arena to at least so many bytes.
func (d *Device) reserve(bytes int) {
	if bytes > len(d.arena) {
		d.arena = aligned[byte](bytes)
	}
}

// slot is a piece of the arena, laid out at bind. The arena may move when later kernels are bound, so that the memory is looked
// up at each run; its content does not outlive the run.
type slot[T any] struct{ offset, n int }

// slotOf lays out a slot of n elements behind those that a binding kernel has already.
func slotOf[T any](b *binder, n int) slot[T] {
	s := slot[T]{b.scratch, n}
	b.scratch += (n*int(unsafe.Sizeof(*new(T))) + alignment - 1) / alignment * alignment
	return s
}

// apart returns how many elements n take where a part has them for itself: as many as fill pairs of cache lines, which is what
// processors take from each other.
func apart[T any](n int) int {
	pair := 2 * alignment / int(unsafe.Sizeof(*new(T)))
	return blocks(n, pair) * pair
}

// in returns the slot's memory.
func (s slot[T]) in(d *Device) []T {
	if s.n == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&d.arena[s.offset])), s.n)
}

// aligned returns n zeroed elements that begin at a multiple of the alignment, large ones on huge pages. T has no pointers.
func aligned[T any](n int) []T {
	if n == 0 {
		return nil
	}
	size := int(unsafe.Sizeof(*new(T)))
	at := alignment
	if n >= hugeBuffer/size {
		at = hugePage
	}
	s := make([]T, n+at/size-1)
	skip := 0
	if off := int(uintptr(unsafe.Pointer(&s[0])) % uintptr(at)); off != 0 {
		skip = (at - off) / size
	}
	s = s[skip : skip+n : skip+n]
	if at == hugePage {
		adviseHuge(unsafe.Pointer(&s[0]), n*size)
	}
	return s
}
