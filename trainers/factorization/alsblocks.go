package factorization

import (
	"errors"
	"fmt"
	"math"

	"debut/datasets/interactions"
	"debut/kernels"
)

// alsBlocks fits rows on a device whose memory holds not all of them: some rows at a time, with the rows of the other side that these have
// to do with, in the place where the kernel finds them all otherwise. Every row has the entries in the order that it has there, and comes
// to the same bits.
type alsBlocks struct {
	dev              kernels.Device
	rows, near       int // of a block, at most: that are fitted, and of the other side
	x, y             *mirror[float32]
	offsets, columns *mirror[int32]
	weights, targets *mirror[float32]
	ridge, loss      *mirror[float32]
	window           *mirror[int32]
	place            []int32 // of rows of the other side in y, and −1
	taken            []int32 // rows that have one
}

// What a block takes of the memory there is.
const (
	blockShare   = 0.8  // the rest is for what else is allocated, and rounding up
	fittedShare  = 0.25 // of that, for rows that are fitted
	leastFitted  = 64
	perFittedRow = 16 // bytes of a row beside its factors: offset, ridge, loss
)

// gramRows is how many rows of a side are added up to its Gram matrix at a time, by a GPU: the same for one that holds all of them.
var gramRows = 1 << 16

// blockNeed is the memory of a device that blocks take at least: of the longest row of a user or an item, and for the Gram matrix.
func blockNeed(train *interactions.Matrix, ofItem int64, c *ModelConfig) map[string]int64 {
	w, longest := int64(c.width()), max(longestRow(train), ofItem)
	together := max(longest, int64(min(gramRows, max(train.Rows, train.Columns))))
	bytes := longest*entryBytes(c) + together*4*w + leastFitted*(4*w+perFittedRow)
	need := map[string]int64{"a block of factors": int64(float64(bytes)/blockShare) + 1, "gram matrix": 4 * int64(c.Factors) * int64(c.Factors)}
	if c.Solver == Cholesky {
		need["systems of equations"] = min(4*leastFitted*int64(c.Factors)*int64(c.Factors), 2*systemsOnGPU)
	}
	return need
}

// entryBytes is the memory of an entry: column, weight, target.
func entryBytes(c *ModelConfig) int64 {
	if c.rates() {
		return 12
	}
	return 8
}

func longestRow(m *interactions.Matrix) (longest int64) {
	for r := range m.Rows {
		longest = max(longest, m.Offsets[r+1]-m.Offsets[r])
	}
	return longest
}

// newBlocks allocates blocks of both sides in so many bytes.
func newBlocks(dev kernels.Device, users, items *alsSide, c *ModelConfig, memory int64) (*alsBlocks, error) {
	w, most := int64(users.columns), int64(max(users.pairs.Rows, items.pairs.Rows))
	longest := max(longestRow(users.pairs), longestRow(items.pairs))
	d := int64(c.Factors)
	left := memory - 4*d*d
	if c.Solver == Cholesky {
		left -= min(4*leastFitted*d*d, 2*systemsOnGPU)
	}
	left = int64(blockShare * float64(left))
	b := &alsBlocks{dev: dev, place: make([]int32, most)}
	b.rows = int(min(max(int64(fittedShare*float64(left))/(4*w+perFittedRow), leastFitted), most))
	if c.Solver == Cholesky {
		b.rows = min(b.rows, max(leastFitted, int(systemsOnGPU/(4*max(d*d, 1)))))
	}
	left -= int64(b.rows) * (4*w + perFittedRow)
	// So many rows of the other side, and as many entries; where there is room for all rows, the rest is for more entries.
	entries := left / (entryBytes(c) + 4*w)
	if entries > most {
		entries = (left - most*4*w) / entryBytes(c)
	}
	entries = min(max(entries, 1), max(users.pairs.Len(), 1))
	b.near = int(min(max(entries, int64(min(gramRows, int(most)))), most))
	if entries < longest {
		return nil, fmt.Errorf("factorization: a row of %d pairs and the factors of these do not fit into a device with %d bytes; take fewer factors, or device: cpu: %w", longest, memory, kernels.ErrOutOfMemory)
	}
	for i := range b.place {
		b.place[i] = -1
	}
	var errs [9]error
	b.x, errs[0] = newMirror[float32](dev, b.rows*users.columns, "factors")
	b.y, errs[1] = newMirror[float32](dev, b.near*users.columns, "factors")
	b.offsets, errs[2] = newMirror[int32](dev, b.rows+1, "pairs")
	b.columns, errs[3] = newMirror[int32](dev, int(entries), "pairs")
	b.weights, errs[4] = newMirror[float32](dev, int(entries), "pairs")
	b.ridge, errs[5] = newMirror[float32](dev, b.rows, "factors")
	b.loss, errs[6] = newMirror[float32](dev, b.rows, "factors")
	b.window, errs[7] = newMirror[int32](dev, 2, "factors")
	if c.rates() {
		b.targets, errs[8] = newMirror[float32](dev, int(entries), "pairs")
	}
	return b, errors.Join(errs[:]...)
}

// bind binds what fits the rows of a side in a block.
func (b *alsBlocks) bind(s *alsSide, steps int, gram kernels.Matrix, weight float64) (kernels.Kernel, error) {
	family, err := kernels.Family[kernels.LeastSquares](b.dev)
	if err != nil {
		return nil, err
	}
	n := len(b.columns.data)
	return family.SolveRows(kernels.SolveRowsArgs{
		X: b.x.matrix(b.rows, s.columns).Columns(s.lo, s.hi), Y: b.y.matrix(b.near, s.columns).Columns(s.lo, s.hi),
		Offsets: b.offsets.matrix(b.rows+1, 1), Columns: b.columns.matrix(n, 1), Weights: b.weights.matrix(n, 1), Targets: b.targets.matrix(n, 1),
		Gram: gram, GramWeight: weight, Ridge: b.ridge.matrix(b.rows, 1), Loss: b.loss.matrix(b.rows, 1), Window: b.window.matrix(1, 2), Steps: steps,
	})
}

// bindGram binds what adds the rows of a side up to its Gram matrix: of as many as there are rows in each kernel.
func (b *alsBlocks) bindGram(s *alsSide, gram kernels.Matrix) ([]kernels.Kernel, error) {
	return gramKernels(b.dev, func(lo, hi int) kernels.Matrix { // each is in the place of the first
		return someRows(b.y.matrix(b.near, s.columns).Columns(s.lo, s.hi), 0, hi-lo)
	}, s.pairs.Rows, gram)
}

// someRows views rows lo … hi−1 of a matrix.
func someRows(m kernels.Matrix, lo, hi int) kernels.Matrix {
	m.Offset, m.Rows = m.Offset+lo*m.Stride, hi-lo
	return m
}

// gramKernels make the Gram matrix of rows, which part views, so many at a time.
func gramKernels(dev kernels.Device, part func(lo, hi int) kernels.Matrix, rows int, gram kernels.Matrix) (list []kernels.Kernel, err error) {
	algebra, err := kernels.Family[kernels.DenseAlgebra](dev)
	if err != nil {
		return nil, err
	}
	each := gramRows
	if onProcessor(dev) {
		each = max(rows, 1)
	}
	for lo := 0; lo == 0 || lo < rows; lo += each {
		x := part(lo, min(lo+each, rows))
		k, err := algebra.Gemm(kernels.GemmArgs{TransA: true, A: x, B: x, C: gram, Accumulate: lo > 0})
		if err != nil {
			return nil, err
		}
		list = append(list, k)
	}
	return list, nil
}

// gram adds the rows of a side up, whose kernels are given.
func (b *alsBlocks) gram(s *alsSide, list []kernels.Kernel) error {
	for i, k := range list {
		lo := i * gramRows * s.columns
		hi := min(lo+gramRows*s.columns, len(s.factors.data))
		if err := kernels.Upload(b.dev, b.y.buffer, 0, s.factors.data[lo:hi]); err != nil {
			return err
		}
		if err := k.Run(); err != nil {
			return err
		}
	}
	return nil
}

// fit fits rows lo … hi−1 of a side.
func (b *alsBlocks) fit(s *alsSide, weights []float32, lo, hi int) error {
	for lo < hi {
		end, err := b.take(s, weights, lo, hi)
		if err != nil {
			return err
		}
		if err := s.solve.Run(); err != nil {
			return err
		}
		n := (end - lo) * s.columns
		if err := errors.Join(b.x.get(0, n), b.loss.get(0, end-lo)); err != nil {
			return err
		}
		copy(s.factors.data[lo*s.columns:], b.x.data[:n])
		copy(s.loss.data[lo:end], b.loss.data)
		lo = end
	}
	return nil
}

// take brings as many rows from lo on as there is room for to the device, and returns the one behind them.
func (b *alsBlocks) take(s *alsSide, weights []float32, lo, hi int) (end int, err error) {
	w, other := s.columns, s.others.factors.data
	n, near := 0, 0
	b.offsets.data[0] = 0
	for end = lo; end < hi && end-lo < b.rows; end++ {
		from, to := s.pairs.Offsets[end], s.pairs.Offsets[end+1]
		if n+int(to-from) > len(b.columns.data) {
			break
		}
		for k := from; k < to; k++ {
			i := s.pairs.Indices[k]
			if b.place[i] < 0 {
				b.place[i] = int32(near)
				b.taken = append(b.taken, i)
				copy(b.y.data[near*w:(near+1)*w], other[int(i)*w:])
				near++
			}
			b.columns.data[n], b.weights.data[n] = b.place[i], weights[k]
			if s.targets != nil {
				b.targets.data[n] = s.targets.data[k]
			}
			n++
		}
		b.offsets.data[end-lo+1] = int32(n)
	}
	for _, i := range b.taken {
		b.place[i] = -1
	}
	b.taken = b.taken[:0]
	rows := end - lo
	b.window.data[0], b.window.data[1] = 0, int32(rows)
	errs := []error{
		upload(b.x, s.factors.data[lo*w:end*w]), upload(b.y, b.y.data[:near*w]), upload(b.offsets, b.offsets.data[:rows+1]),
		upload(b.columns, b.columns.data[:n]), upload(b.weights, b.weights.data[:n]), upload(b.ridge, s.ridge.data[lo:end]), b.window.put(),
	}
	if s.targets != nil {
		errs = append(errs, upload(b.targets, b.targets.data[:n]))
	}
	return end, errors.Join(errs...)
}

// upload writes the beginning of what a device sees.
func upload[T kernels.Element](to *mirror[T], data []T) error {
	if len(data) == 0 {
		return nil
	}
	return kernels.Upload(to.dev, to.buffer, 0, data)
}

// onHost is memory that no device sees.
func onHost[T kernels.Element](n int) *mirror[T] { return &mirror[T]{data: make([]T, n), shared: true} }

// freeOn is how many bytes of a device's own memory are free, and a number beyond all where that is not known.
func freeOn(dev kernels.Device) int64 {
	if d, ok := dev.(interface{ Available() int64 }); ok {
		return d.Available()
	}
	return math.MaxInt64
}
