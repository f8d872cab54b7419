//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

import (
	"fmt"
	"math/bits"

	"debut/kernels"
)

type gatherArgs struct {
	head
	table, out mat
	ids        mat
	walk       walk
}

// Gather binds the rows of a table that ids name.
func (d *Device) Gather(a kernels.GatherArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	args := gatherArgs{head: b.head(), table: b.matrix("Table", a.Table), out: b.matrix("Out", a.Out), ids: b.matrix("IDs", a.IDs)}
	var grid dim
	if args.table.cols%4 == 0 {
		args.walk, grid = b.walkRows(args.out, args.table)
	} else {
		across, g := b.across(int(args.out.rows), int(args.out.cols))
		args.walk, grid = walk{0, 0, int32(across)}, g
	}
	launch(b, "gather", grid, 256, args)
	return b.finish()
}

type gatherSumArgs struct {
	head
	table, weights, out mat
	ids                 mat
}

// GatherSum binds the weighted sums of rows of a table that ids name.
func (d *Device) GatherSum(a kernels.GatherSumArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	launchRows(b, "gather_sum", a.Out.Rows, gatherSumArgs{b.head(), b.matrix("Table", a.Table), b.matrix("Weights", a.Weights), b.matrix("Out", a.Out), b.matrix("IDs", a.IDs)})
	return b.finish()
}

// The occurrences in a tile of the sort, and in one of what follows; see embedding.cu.
const (
	sortTile    = 2048
	segmentTile = 256
)

type segmentKeysArgs struct {
	head
	ids          mat
	keys, places uint64
	n, limit     int32
}

type segmentSortArgs struct {
	head
	keys, places, nextKeys, nextPlaces, counts uint64
	n, tiles, shift                            int32
}

// segmentLists mirrors Segments.
type segmentLists struct{ unique, starts, places, number mat }

func (b *binder) segments(s kernels.Segments) segmentLists {
	return segmentLists{b.matrix("Unique", s.Unique), b.matrix("Starts", s.Starts), b.matrix("Places", s.Places), b.matrix("Number", s.Number)}
}

type segmentPlanArgs struct {
	head
	segments                    segmentLists
	keys, places, counts, found uint64
	n, limit, tiles             int32
}

// SegmentPlan binds the segments of ids.
func (d *Device) SegmentPlan(a kernels.SegmentPlanArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	n := a.IDs.Rows * a.IDs.Cols
	if a.Limit < 0 || a.Limit > 1<<31-1 || n > 1<<30 {
		b.fail(fmt.Errorf("cuda: segment plan: %d ids of tables of %d rows: %w", n, a.Limit, kernels.ErrShape))
	}
	ids, lists := b.matrix("IDs", a.IDs), b.segments(a.Segments)
	keys, places, nextKeys, nextPlaces := b.scratch(n), b.scratch(n), b.scratch(n), b.scratch(n)
	launch(b, "segment_keys", dim{min(blocks(n, 256), b.multiprocessors*blocksPerMultiprocessor), 1, 1}, 256,
		segmentKeysArgs{b.head(), ids, keys, places, int32(n), int32(a.Limit)})
	sortTiles := blocks(n, sortTile)
	counts := b.scratch(256 * sortTiles)
	passes := blocks(bits.Len(uint(a.Limit)), 8)
	for pass := range passes {
		args := segmentSortArgs{b.head(), keys, places, nextKeys, nextPlaces, counts, int32(n), int32(sortTiles), int32(8 * pass)}
		launch(b, "segment_counts", dim{sortTiles, 1, 1}, 256, args)
		launch(b, "segment_offsets", dim{min(sortTiles, 1), 1, 1}, 256, args)
		launch(b, "segment_scatter", dim{sortTiles, 1, 1}, 256, args)
		keys, places, nextKeys, nextPlaces = nextKeys, nextPlaces, keys, places
	}
	tiles := blocks(n, segmentTile)
	args := segmentPlanArgs{b.head(), lists, keys, places, b.scratch(tiles), lists.unique.count, int32(n), int32(a.Limit), int32(tiles)}
	launch(b, "segment_heads", dim{tiles, 1, 1}, 256, args)
	launch(b, "segment_number", dim{1, 1, 1}, 256, args)
	launch(b, "segment_lists", dim{tiles, 1, 1}, 256, args)
	return b.finish()
}

type segmentSumArgs struct {
	head
	segments       segmentLists
	grad, sums     mat
	weights        mat
	first, last    uint64
	fields, across int32
}

// SegmentSum binds the sums of gradients by segment.
func (d *Device) SegmentSum(a kernels.SegmentSumArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	tiles := blocks(a.Segments.Places.Rows, segmentTile)
	args := segmentSumArgs{head: b.head(), segments: b.segments(a.Segments), grad: b.matrix("Grad", a.Grad), sums: b.matrix("Sums", a.Sums), weights: b.matrix("Weights", a.Weights), fields: int32(a.Fields())}
	if a.Sums.Cols == 0 {
		return b.finish()
	}
	args.first, args.last = b.scratch(tiles*a.Sums.Cols), b.scratch(tiles*a.Sums.Cols)
	args.across = 1
	if args.sums.cols%4 == 0 && args.grad.aligned() && args.sums.aligned() {
		args.across = 4
	}
	launch(b, "segment_parts", dim{tiles, 1, 1}, 256, args)
	launch(b, "segment_joins", dim{tiles, 1, 1}, powerOfTwo(max(a.Sums.Cols, 32), 256), args)
	return b.finish()
}
