package lu

// kernel is the part of a basis that singletons leave: its columns with values, its rows with columns, and both by their number of
// active entries.
type kernel struct {
	start, size, room []int // columns
	index             []int32
	value             []float64
	largest           []float64 // of a column, −1 where it is to be found anew

	rowStart, rowSize, rowRoom []int
	rowSlots                   []int32

	byColumns, byRows chains
	work              []float64
	where             []int32
}

// chains are doubly linked lists of things by a count.
type chains struct {
	first      []int32
	next, prev []int32
	count      []int32 // −1 for what is in no list
}

func (c *chains) reset(things, counts int) {
	c.first, c.next, c.prev, c.count = sized(c.first, counts+1), sized(c.next, things), sized(c.prev, things), sized(c.count, things)
	for i := range c.first {
		c.first[i] = -1
	}
	for i := range c.count {
		c.count[i] = -1
	}
}

func (c *chains) remove(i int32) {
	if c.count[i] < 0 {
		return
	}
	if c.prev[i] >= 0 {
		c.next[c.prev[i]] = c.next[i]
	} else {
		c.first[c.count[i]] = c.next[i]
	}
	if c.next[i] >= 0 {
		c.prev[c.next[i]] = c.prev[i]
	}
	c.count[i] = -1
}

func (c *chains) put(i int32, count int) {
	c.remove(i)
	c.count[i], c.prev[i], c.next[i] = int32(count), -1, c.first[count]
	if c.first[count] >= 0 {
		c.prev[c.first[count]] = i
	}
	c.first[count] = i
}

// eliminate factorizes the kernel.
func (f *Factor) eliminate() {
	b, k := &f.build, &f.build.kernel
	f.loadKernel()
	for len(b.order) < f.m {
		row, slot := k.choose()
		if slot < 0 {
			return // what is left is not independent
		}
		f.pivotKernel(row, slot)
	}
}

// loadKernel copies the active entries.
func (f *Factor) loadKernel() {
	b, k, m := &f.build, &f.build.kernel, f.m
	k.start, k.size, k.room = sized(k.start, m), sized(k.size, m), sized(k.room, m)
	k.rowStart, k.rowSize, k.rowRoom = sized(k.rowStart, m), sized(k.rowSize, m), sized(k.rowRoom, m)
	k.largest, k.work, k.where = sized(k.largest, m), sized(k.work, m), sized(k.where, m)
	k.index, k.value = k.index[:0], k.value[:0]
	k.byColumns.reset(m, m)
	k.byRows.reset(m, m)
	for slot := range int32(m) {
		if b.slotDone[slot] {
			continue
		}
		k.start[slot] = len(k.index)
		for e, i := range b.columnIndex[slot] {
			x := b.columnValue[slot][e]
			if b.rowDone[i] {
				f.leave(slot, i, x)
				continue
			}
			k.index, k.value = append(k.index, i), append(k.value, x)
			k.rowSize[i]++
		}
		k.size[slot] = len(k.index) - k.start[slot]
		k.room[slot] = 2*k.size[slot] + 4
		k.index, k.value = grown(k.index, k.start[slot]+k.room[slot]), grown(k.value, k.start[slot]+k.room[slot])
		k.largest[slot] = -1
		k.byColumns.put(slot, k.size[slot])
	}
	total := 0
	for i := range int32(m) {
		if !b.rowDone[i] {
			k.rowStart[i], k.rowRoom[i] = total, 2*k.rowSize[i]+4
			total += k.rowRoom[i]
			k.byRows.put(i, k.rowSize[i])
			k.rowSize[i] = 0
		}
	}
	k.rowSlots = grown(k.rowSlots[:0], total)
	for slot := range int32(m) {
		if b.slotDone[slot] {
			continue
		}
		for _, i := range k.index[k.start[slot] : k.start[slot]+k.size[slot]] {
			k.rowSlots[k.rowStart[i]+k.rowSize[i]] = slot
			k.rowSize[i]++
		}
	}
}

// largestOf returns the size of the largest active entry of a column.
func (k *kernel) largestOf(slot int32) float64 {
	if k.largest[slot] < 0 {
		most := 0.0
		for _, x := range k.value[k.start[slot] : k.start[slot]+k.size[slot]] {
			most = max(most, abs(x))
		}
		k.largest[slot] = most
	}
	return k.largest[slot]
}

// choose finds the next pivot: few entries in its row and column, and not small in its column.
func (k *kernel) choose() (row, slot int32) {
	const tries = 4
	row, slot = -1, -1
	best, bestSize, tried := int64(1)<<62, 0.0, 0
	for count := 1; count < len(k.byColumns.first); count++ {
		for s := k.byColumns.first[count]; s >= 0; {
			following := k.byColumns.next[s]
			most := k.largestOf(s)
			if most < smallest {
				k.byColumns.remove(s) // depends on the others
				s = following
				continue
			}
			for e := k.start[s]; e < k.start[s]+k.size[s]; e++ {
				size := abs(k.value[e])
				if size < threshold*most {
					continue
				}
				merit := int64(count-1) * int64(k.rowSize[k.index[e]]-1)
				if merit < best || merit == best && size > bestSize {
					row, slot, best, bestSize = k.index[e], s, merit, size
				}
			}
			if tried++; slot >= 0 && (best <= int64(count-1)*int64(count-1) || tried >= tries) {
				return row, slot
			}
			s = following
		}
		for i := k.byRows.first[count]; i >= 0; i = k.byRows.next[i] {
			for _, s := range k.rowSlots[k.rowStart[i] : k.rowStart[i]+k.rowSize[i]] {
				merit := int64(count-1) * int64(k.size[s]-1)
				if merit >= best || k.byColumns.count[s] < 0 {
					continue
				}
				most := k.largestOf(s)
				size := 0.0
				for e := k.start[s]; e < k.start[s]+k.size[s]; e++ {
					if k.index[e] == i {
						size = abs(k.value[e])
						break
					}
				}
				if size >= threshold*most && most >= smallest {
					row, slot, best, bestSize = i, s, merit, size
				}
			}
			if tried++; slot >= 0 && (best <= int64(count)*int64(count-1) || tried >= tries) {
				return row, slot
			}
		}
	}
	return row, slot
}

// pivotKernel eliminates one pivot of the kernel.
func (f *Factor) pivotKernel(row, slot int32) {
	k := &f.build.kernel
	start, end := k.start[slot], k.start[slot]+k.size[slot]
	pivot := 0.0
	for e := start; e < end; e++ {
		if k.index[e] == row {
			pivot = k.value[e]
			k.index[e], k.value[e] = k.index[end-1], k.value[end-1]
			break
		}
	}
	end--
	f.lower.start[row] = len(f.lower.index)
	for e := start; e < end; e++ {
		i := k.index[e]
		f.lower.index, f.lower.value = append(f.lower.index, i), append(f.lower.value, k.value[e]/pivot)
		k.dropFromRow(i, slot)
	}
	f.lower.end[row] = len(f.lower.index)
	index, value := f.lower.index[f.lower.start[row]:], f.lower.value[f.lower.start[row]:]
	k.byColumns.remove(slot)
	k.byRows.remove(row)
	for _, s := range k.rowSlots[k.rowStart[row] : k.rowStart[row]+k.rowSize[row]] {
		if s == slot {
			continue
		}
		// The entry of the pivot row goes to U, the rest of the column loses its multiple of the pivot column.
		first := k.start[s]
		last := first + k.size[s] - 1
		x := 0.0
		for e := first; e <= last; e++ {
			if k.index[e] == row {
				x = k.value[e]
				k.index[e], k.value[e] = k.index[last], k.value[last]
				break
			}
		}
		k.size[s]--
		f.leave(s, row, x)
		k.subtract(s, index, value, x)
		k.largest[s] = -1
		if k.byColumns.count[s] >= 0 {
			k.byColumns.put(s, k.size[s])
		}
	}
	for _, i := range index {
		k.byRows.put(i, k.rowSize[i])
	}
	f.eliminated(row, slot, pivot)
}

// subtract takes x times a sparse column from an active column.
func (k *kernel) subtract(s int32, index []int32, value []float64, x float64) {
	if x == 0 {
		return
	}
	for e, i := range index {
		k.work[i] = value[e] * x
	}
	start := k.start[s]
	for e := start; e < start+k.size[s]; {
		i := k.index[e]
		if d := k.work[i]; d != 0 {
			k.work[i] = 0
			if k.value[e] -= d; abs(k.value[e]) < tiny {
				last := start + k.size[s] - 1
				k.index[e], k.value[e] = k.index[last], k.value[last]
				k.size[s]--
				k.dropFromRow(i, s)
				continue
			}
		}
		e++
	}
	for _, i := range index {
		d := k.work[i]
		if d == 0 {
			continue
		}
		k.work[i] = 0
		if abs(d) < tiny {
			continue
		}
		if k.size[s] == k.room[s] {
			at := len(k.index)
			k.room[s] = 2*k.size[s] + 4
			k.index = append(k.index, k.index[k.start[s]:k.start[s]+k.size[s]]...)
			k.value = append(k.value, k.value[k.start[s]:k.start[s]+k.size[s]]...)
			k.start[s] = at
			k.index, k.value = grown(k.index, at+k.room[s]), grown(k.value, at+k.room[s])
		}
		e := k.start[s] + k.size[s]
		k.index[e], k.value[e] = i, -d
		k.size[s]++
		k.addToRow(i, s)
	}
}

func (k *kernel) dropFromRow(i, slot int32) {
	start := k.rowStart[i]
	last := start + k.rowSize[i] - 1
	for e := start; e <= last; e++ {
		if k.rowSlots[e] == slot {
			k.rowSlots[e] = k.rowSlots[last]
			k.rowSize[i]--
			return
		}
	}
}

func (k *kernel) addToRow(i, slot int32) {
	if k.rowSize[i] == k.rowRoom[i] {
		at := len(k.rowSlots)
		k.rowRoom[i] = 2*k.rowSize[i] + 4
		k.rowSlots = append(k.rowSlots, k.rowSlots[k.rowStart[i]:k.rowStart[i]+k.rowSize[i]]...)
		k.rowStart[i] = at
		k.rowSlots = grown(k.rowSlots, at+k.rowRoom[i])
	}
	k.rowSlots[k.rowStart[i]+k.rowSize[i]] = slot
	k.rowSize[i]++
}
