package cpu

import "debut/kernels"

// The blocks of a product with a vector.
const (
	vectorRows  = 256 // elements of the result that a part computes
	vectorDepth = 128 // steps of depth that are summed before sums are added
)

// matrixVector is a product of which one factor is a vector: y = M·v. It reads the matrix once, where it lies. Where the
// matrix's rows lie along the depth an element is a dot product; else columns are added up, in blocks of depth, whose
// sums are added in order.
type matrixVector[T float] struct {
	product[T]
	matrix strided[T]
	vector strided[T] // element i is at i·row
	// m and k in the product name the outer dimensions; these the ones of y = M·v.
	out, depth      *batch
	result          strided[T] // element i of y is at i·row of C
	sharedBias      bool       // one bias for all elements
	packed, y, sums slot[T]    // the vector, the result, and sums [blocks of depth][out]

	rows, steps int // valid dimensions of the present run
	adding      bool
}

func newMatrixVector[T float](b *binder, p product[T], a kernels.GemmArgs) (kernels.Kernel, error) {
	k := &matrixVector[T]{product: p}
	k.depth = &k.k
	if a.C.Cols == 1 {
		k.matrix, k.vector, k.out = p.a, p.b, &k.m
		k.result = strided[T]{p.c.data, p.c.stride, 1}
		k.sharedBias = true
	} else {
		k.matrix, k.vector, k.out = p.b.transpose(), p.a.transpose(), &k.n
		k.result = strided[T]{p.c.data, 1, 1}
	}
	k.packed = slotOf[T](b, k.depth.rows)
	k.y = slotOf[T](b, k.out.rows)
	if k.matrix.col != 1 {
		k.sums = slotOf[T](b, blocks(k.depth.rows, vectorDepth)*k.out.rows)
	}
	return b.finish(k)
}

// Run runs the kernel.
func (k *matrixVector[T]) Run() error {
	if err := k.ready(); err != nil {
		return err
	}
	if k.m.n() == 0 || k.n.n() == 0 {
		return nil
	}
	k.rows, k.steps = k.out.n(), k.depth.n()
	v := k.packed.in(k.dev)
	for i := range k.steps {
		v[i] = k.vector.data[i*k.vector.row]
	}
	k.adding = false
	across := blocks(k.rows, vectorRows)
	if k.matrix.col != 1 {
		k.run(across*blocks(k.steps, vectorDepth), k)
		k.adding = true
	}
	k.run(across, k)
	return nil
}

// Part computes elements of the result, or their sums over a block of depth.
func (k *matrixVector[T]) Part(i int) {
	across := blocks(k.rows, vectorRows)
	lo := i % across * vectorRows
	hi := min(lo+vectorRows, k.rows)
	v := k.packed.in(k.dev)[:k.steps]
	y := k.y.in(k.dev)[lo:hi]
	switch {
	case k.matrix.col == 1:
		for r := range y {
			at := (lo + r) * k.matrix.row
			y[r] = k.loops.dot(k.matrix.data[at:at+k.steps], v)
		}
	case !k.adding:
		block := i / across
		sums := k.sums.in(k.dev)[block*k.rows+lo : block*k.rows+hi]
		clear(sums)
		for s := block * vectorDepth; s < min((block+1)*vectorDepth, k.steps); s++ {
			at := s*k.matrix.col + lo
			k.loops.axpy(v[s], k.matrix.data[at:at+hi-lo], sums)
		}
		return
	default:
		clear(y)
		sums := k.sums.in(k.dev)
		for block := range blocks(k.steps, vectorDepth) {
			k.loops.add(y, y, sums[block*k.rows+lo:block*k.rows+hi])
		}
	}
	k.store(y, lo)
}

// store applies the epilogue to elements lo… of the result and writes them to C.
func (k *matrixVector[T]) store(y []T, lo int) {
	if k.accumulate {
		for i, v := range y {
			k.result.data[(lo+i)*k.result.row] += v
		}
		return
	}
	if k.bias.present {
		if k.sharedBias {
			for i := range y {
				y[i] += k.bias.data[0]
			}
		} else {
			k.loops.add(y, y, k.bias.data[lo:lo+len(y)])
		}
	}
	k.loops.activate[k.act](y, y)
	for i, v := range y {
		k.result.data[(lo+i)*k.result.row] = v
	}
}
