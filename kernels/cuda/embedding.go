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

// The occurrences in a tile of the sort, and in one of what follows; see embedding.cu.
const (
	sortTile    = 2048
	segmentTile = 256
)

type segmentKeysArgs struct {
	head
	grad, ids    mat
	keys, places uint64
	n, limit     int32
}

type segmentSortArgs struct {
	head
	keys, places, nextKeys, nextPlaces, counts uint64
	n, tiles, shift                            int32
}

type segmentArgs struct {
	head
	grad, sums, unique                                      mat
	keys, places, counts, index, starts, first, last, found uint64
	n, limit, fields, tiles                                 int32
}

// SegmentReduce binds the sum of gradients by id.
func (d *Device) SegmentReduce(a kernels.SegmentReduceArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if a.Limit < 0 || a.Limit > 1<<31-1 || a.IDs.Rows*a.IDs.Cols > 1<<30 {
		b.fail(fmt.Errorf("cuda: segment reduce: %d ids of a table of %d rows: %w", a.IDs.Rows*a.IDs.Cols, a.Limit, kernels.ErrShape))
	}
	ids, grad := b.matrix("IDs", a.IDs), b.matrix("Grad", a.Grad)
	unique, sums := b.matrix("Unique", a.Unique), b.matrix("Sums", a.Sums)
	n, width := a.IDs.Rows*a.IDs.Cols, a.Sums.Cols
	keys, places, nextKeys, nextPlaces := b.scratch(n), b.scratch(n), b.scratch(n), b.scratch(n)
	launch(b, "segment_keys", dim{min(blocks(n, 256), b.multiprocessors*blocksPerMultiprocessor), 1, 1}, 256,
		segmentKeysArgs{b.head(), grad, ids, keys, places, int32(n), int32(a.Limit)})
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
	args := segmentArgs{
		head: b.head(), grad: grad, sums: sums, unique: unique, keys: keys, places: places,
		counts: b.scratch(tiles), index: b.scratch(n), starts: b.scratch(n + 1), first: b.scratch(tiles * width), last: b.scratch(tiles * width),
		found: sums.count, n: int32(n), limit: int32(a.Limit), fields: ids.cols, tiles: int32(tiles),
	}
	threads := powerOfTwo(max(width, 32), 256)
	launch(b, "segment_heads", dim{tiles, 1, 1}, 256, args)
	launch(b, "segment_number", dim{1, 1, 1}, 256, args)
	launch(b, "segment_unique", dim{tiles, 1, 1}, 256, args)
	launch(b, "segment_parts", dim{tiles, 1, 1}, threads, args)
	launch(b, "segment_joins", dim{tiles, 1, 1}, threads, args)
	return b.finish()
}
