package datasets

import (
	"context"
	"fmt"

	"debut/datasets/encoding"
	"debut/kernels/philox"
)

// windows gives the rows of a stream in the order of an epoch: the row groups in
// random order, as many at a time as make a window, and the rows of a window in
// random order. The order is a function of seed, epoch and the size of windows.
// While the rows of one window are taken, the next is read. Its methods must not
// be called concurrently.
type windows struct {
	stream  *stream
	seed    uint64
	shuffle bool
	rows    int // about, of a window

	epoch  int // that layout is of, -1 for none
	layout []window
	at     int // the window in current
	// current is the window that rows are taken of, and order its rows.
	current *encoding.Encoded
	order   []int32
	next    chan loaded // what is being read, nil for nothing
	nextKey [2]int      // its epoch and window

	reading context.Context // of what is read ahead: it outlives the call that begins it
	cancel  context.CancelFunc
}

// window is a run of an epoch's order.
type window struct {
	groups []int
	first  int // position of its first row
	rows   int
}

type loaded struct {
	data *encoding.Encoded
	err  error
}

// The random numbers of orders, apart from all others of a seed.
var (
	groupOrder  = philox.StreamOf("datasets/windows: order of row groups")
	windowOrder = philox.StreamOf("datasets/windows: order within a window")
)

// newWindows begins to read a stream in windows of about the given rows.
func newWindows(s *stream, rows int, shuffle bool, seed uint64) *windows {
	w := &windows{stream: s, seed: seed, shuffle: shuffle, rows: rows, epoch: -1, at: -1}
	w.reading, w.cancel = context.WithCancel(context.Background())
	return w
}

// whole reports that there is one window, which then stays in memory.
func (w *windows) whole() bool { return w.stream.rows() <= w.rows }

// arrange lays out an epoch.
func (w *windows) arrange(epoch int) []window {
	groups := make([]int32, w.stream.groups())
	for i := range groups {
		groups[i] = int32(i)
	}
	if w.shuffle && !w.whole() {
		philox.New(w.seed, groupOrder+uint64(epoch)).PermInto(groups)
	}
	var layout []window
	for _, g := range groups {
		n := w.stream.groupRows(int(g))
		last := len(layout) - 1
		if last < 0 || layout[last].rows+n > w.rows {
			first := 0
			if last >= 0 {
				first = layout[last].first + layout[last].rows
			}
			layout = append(layout, window{first: first})
			last++
		}
		layout[last].groups = append(layout[last].groups, int(g))
		layout[last].rows += n
	}
	return layout
}

// take is Batches.Rows. Where ctx ends while a window is awaited, the reading of
// it goes on, and a later call finds it.
func (w *windows) take(ctx context.Context, epoch, from, n int, visit func(data *encoding.Encoded, rows []int32, done int)) error {
	if epoch != w.epoch {
		w.layout = w.arrange(epoch)
		keep := w.whole() && w.current != nil
		w.epoch, w.at = epoch, -1
		if keep {
			w.at = 0
			w.permute()
		}
	}
	for done := 0; done < n; {
		k := w.find(from + done)
		if k < 0 {
			return fmt.Errorf("datasets: position %d of an epoch of %d rows", from+done, w.stream.rows())
		}
		if err := w.load(ctx, k); err != nil {
			return err
		}
		start := from + done - w.layout[k].first
		end := min(start+n-done, w.layout[k].rows)
		visit(w.current, w.order[start:end], done)
		done += end - start
	}
	return nil
}

// find returns the window of a position.
func (w *windows) find(position int) int {
	for k := max(w.at, 0); k < len(w.layout); k++ {
		if l := w.layout[k]; position >= l.first && position < l.first+l.rows {
			return k
		}
	}
	for k, l := range w.layout { // after going back
		if position >= l.first && position < l.first+l.rows {
			return k
		}
	}
	return -1
}

// load makes window k the current one, and begins to read the one after it.
func (w *windows) load(ctx context.Context, k int) error {
	if k == w.at {
		return nil
	}
	w.current, w.at = nil, -1 // makes room before more is read
	if w.next != nil && w.nextKey != [2]int{w.epoch, k} {
		select {
		case <-w.next:
		case <-ctx.Done():
			return ctx.Err()
		}
		w.next = nil
	}
	if w.next == nil {
		w.read(w.epoch, k, w.layout[k].groups)
	}
	var got loaded
	select {
	case got = <-w.next:
	case <-ctx.Done():
		return ctx.Err()
	}
	w.next = nil
	if got.err != nil {
		return got.err
	}
	w.current, w.at = got.data, k
	w.permute()
	switch {
	case k+1 < len(w.layout):
		w.read(w.epoch, k+1, w.layout[k+1].groups)
	case !w.whole():
		w.read(w.epoch+1, 0, w.arrange(w.epoch + 1)[0].groups)
	}
	return nil
}

// read begins to read row groups.
func (w *windows) read(epoch, k int, groups []int) {
	out := make(chan loaded, 1)
	w.next, w.nextKey = out, [2]int{epoch, k}
	go func() {
		data, _, err := w.stream.read(w.reading, groups)
		out <- loaded{data, err}
	}()
}

// permute puts the rows of the current window in order.
func (w *windows) permute() {
	if cap(w.order) < w.current.Rows {
		w.order = make([]int32, w.current.Rows)
	}
	w.order = w.order[:w.current.Rows]
	for i := range w.order {
		w.order[i] = int32(i)
	}
	if w.shuffle {
		const windowsOfAnEpoch = 1 << 24 // more than any file has row groups
		philox.New(w.seed, windowOrder+uint64(w.epoch)*windowsOfAnEpoch+uint64(w.at)).PermInto(w.order)
	}
}

// close ends what is being read.
func (w *windows) close() {
	w.cancel()
	if w.next != nil {
		<-w.next
		w.next = nil
	}
}
