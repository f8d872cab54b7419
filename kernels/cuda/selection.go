//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

import (
	"fmt"

	"debut/kernels"
)

var _ kernels.Selection = (*Device)(nil)

type selectArgs struct {
	head
	scores, weights, best     mat
	offsets, leftOut, columns mat
	first, room               int32
}

// selectSlots is the keys that the warps of a block have in shared memory, and the longest list; see selection.cu.
const (
	selectSlots = 2048
	selectMost  = selectSlots / 2
)

// Select binds the choice of the best scores of rows.
func (d *Device) Select(a kernels.SelectArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if a.Best.Cols > selectMost {
		b.fail(fmt.Errorf("cuda: %s: lists of %d, there is a kernel for at most %d: %w", a.Name(), a.Best.Cols, selectMost, kernels.ErrUnsupported))
	}
	room := max(powerOfTwo(a.Best.Cols, selectMost), 32)
	warps := min(rowWarps, selectSlots/(2*room))
	launch(b, "select_best", dim{min(blocks(a.Scores.Rows, warps), b.multiprocessors*blocksPerMultiprocessor), 1, 1}, 32*warps, selectArgs{
		head: b.head(), scores: b.matrix("Scores", a.Scores), weights: b.matrix("Weights", a.Weights), best: b.matrix("Best", a.Best),
		offsets: b.matrix("Offsets", a.Offsets), leftOut: b.matrix("LeftOut", a.LeftOut), columns: b.matrix("Columns", a.Columns),
		first: int32(a.First), room: int32(room),
	})
	return b.finish()
}
