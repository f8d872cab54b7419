package lu

// builder is what Factorize works with, kept for the next time.
type builder struct {
	slotEntries       []int // active entries of a column of the basis
	rowCount          []int
	rowDone           []bool
	slotDone          []bool
	slotPivot         []int32 // pivot row of a column of the basis
	rowStart          []int
	rowSlots          []int32
	queue             []int32
	tail              []int32 // head of the list of entries of U that elimination leaves, by column
	tailNext, tailRow []int32
	tailValue         []float64
	order             []int32 // columns in order of elimination
	head              []int32
	unit              []float64
	logicalRow        []int32
	kernel            kernel
	columnIndex       [][]int32
	columnValue       [][]float64
}

func sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// Factorize factorizes the basis of the columns head of a matrix of columns start, index, value; column n+i is the i-th unit vector,
// n = len(start) − 1. It orders head by pivot rows. Columns that depend on the others are replaced by unit vectors and returned.
func (f *Factor) Factorize(start []int, index []int32, value []float64, head []int32) (replaced []int32) {
	b, m, n := &f.build, f.m, int32(len(start)-1)
	b.slotEntries, b.rowCount, b.rowDone, b.slotDone = sized(b.slotEntries, m), sized(b.rowCount, m), sized(b.rowDone, m), sized(b.slotDone, m)
	b.slotPivot, b.order = sized(b.slotPivot, m), b.order[:0]
	b.tail, b.tailNext, b.tailRow, b.tailValue = sized(b.tail, m), b.tailNext[:0], b.tailRow[:0], b.tailValue[:0]
	f.lower.index, f.lower.value = f.lower.index[:0], f.lower.value[:0]
	clear(f.lower.start)
	clear(f.lower.end)
	f.etaPivot, f.etaStart, f.etaIndex, f.etaValue = f.etaPivot[:0], f.etaStart[:0], f.etaIndex[:0], f.etaValue[:0]
	f.lowerOrder = f.lowerOrder[:0]
	b.columnIndex, b.columnValue = sized(b.columnIndex, m), sized(b.columnValue, m)
	if b.unit == nil {
		b.unit = []float64{1}
		b.logicalRow = make([]int32, m)
		for i := range b.logicalRow {
			b.logicalRow[i] = int32(i)
		}
	}
	for slot, j := range head {
		b.tail[slot] = -1
		if j < n {
			b.columnIndex[slot], b.columnValue[slot] = index[start[j]:start[j+1]], value[start[j]:start[j+1]]
			continue
		}
		i := j - n
		b.columnIndex[slot], b.columnValue[slot] = b.logicalRow[i:i+1], b.unit
		if !b.rowDone[i] { // a unit vector needs no elimination
			b.rowDone[i], b.slotDone[slot], b.slotPivot[slot] = true, true, i
			f.pivot[i] = 1
			b.order = append(b.order, int32(slot))
		}
	}
	f.singletons()
	if len(b.order) < m {
		f.eliminate()
	}
	replaced = f.complete(n, head)
	f.assemble(head)
	return replaced
}

// singletons eliminates columns with one active entry, and rows.
func (f *Factor) singletons() {
	b, m := &f.build, f.m
	total := 0
	for slot := range m {
		if b.slotDone[slot] {
			continue
		}
		for _, i := range b.columnIndex[slot] {
			if !b.rowDone[i] {
				b.slotEntries[slot]++
				b.rowCount[i]++
				total++
			}
		}
	}
	if total == 0 {
		return
	}
	b.rowStart, b.rowSlots = sized(b.rowStart, m+1), sized(b.rowSlots, total)
	for i := range m {
		b.rowStart[i+1] = b.rowStart[i] + b.rowCount[i]
	}
	for slot := m - 1; slot >= 0; slot-- {
		if b.slotDone[slot] {
			continue
		}
		for _, i := range b.columnIndex[slot] {
			if !b.rowDone[i] {
				b.rowStart[i+1]--
				b.rowSlots[b.rowStart[i+1]] = int32(slot)
			}
		}
	}
	// rowStart[i+1] is now the beginning of row i; its end is that of the next one.
	rowOf := func(i int32) []int32 {
		end := total
		if int(i)+2 <= m {
			end = b.rowStart[i+2]
		}
		return b.rowSlots[b.rowStart[i+1]:end]
	}
	queue := b.queue[:0]
	const rowFlag = 1 << 30
	for slot := range m {
		if !b.slotDone[slot] && b.slotEntries[slot] == 1 {
			queue = append(queue, int32(slot))
		}
	}
	for i := range m {
		if !b.rowDone[i] && b.rowCount[i] == 1 {
			queue = append(queue, int32(i)|rowFlag)
		}
	}
	for q := 0; q < len(queue); q++ {
		id := queue[q]
		var row, slot int32 = -1, -1
		if id&rowFlag == 0 {
			slot = id
			if b.slotDone[slot] || b.slotEntries[slot] != 1 {
				continue
			}
			for _, i := range b.columnIndex[slot] {
				if !b.rowDone[i] {
					row = i
				}
			}
		} else {
			row = id &^ rowFlag
			if b.rowDone[row] || b.rowCount[row] != 1 {
				continue
			}
			for _, s := range rowOf(row) {
				if !b.slotDone[s] {
					slot = s
				}
			}
		}
		if !f.pivotPlainly(row, slot) {
			continue
		}
		for _, s := range rowOf(row) {
			if !b.slotDone[s] {
				if b.slotEntries[s]--; b.slotEntries[s] == 1 {
					queue = append(queue, s)
				}
			}
		}
		for _, i := range b.columnIndex[slot] {
			if !b.rowDone[i] {
				if b.rowCount[i]--; b.rowCount[i] == 1 {
					queue = append(queue, i|rowFlag)
				}
			}
		}
	}
	b.queue = queue[:0]
}

// pivotPlainly eliminates a column none of whose active entries has been changed. It reports whether the pivot is large enough.
func (f *Factor) pivotPlainly(row, slot int32) bool {
	b := &f.build
	index, value := b.columnIndex[slot], b.columnValue[slot]
	pivot := 0.0
	for k, i := range index {
		if i == row {
			pivot = value[k]
		}
	}
	if abs(pivot) < 1e-8 {
		return false
	}
	f.lower.start[row] = len(f.lower.index)
	for k, i := range index {
		if i != row && !b.rowDone[i] {
			f.lower.index, f.lower.value = append(f.lower.index, i), append(f.lower.value, value[k]/pivot)
		}
	}
	f.lower.end[row] = len(f.lower.index)
	for k, i := range index {
		if b.rowDone[i] {
			f.leave(slot, i, value[k])
		}
	}
	f.eliminated(row, slot, pivot)
	return true
}

// leave adds an entry to the column of U of a column of the basis.
func (f *Factor) leave(slot, row int32, x float64) {
	b := &f.build
	b.tailNext, b.tailRow, b.tailValue = append(b.tailNext, b.tail[slot]), append(b.tailRow, row), append(b.tailValue, x)
	b.tail[slot] = int32(len(b.tailRow) - 1)
}

// eliminated books a pivot.
func (f *Factor) eliminated(row, slot int32, pivot float64) {
	b := &f.build
	b.rowDone[row], b.slotDone[slot], b.slotPivot[slot] = true, true, row
	f.pivot[row] = pivot
	b.order = append(b.order, slot)
	if f.lower.end[row] > f.lower.start[row] {
		f.lowerOrder = append(f.lowerOrder, row)
	}
}

// complete replaces columns without a pivot by the unit vectors of rows without one.
func (f *Factor) complete(n int32, head []int32) (replaced []int32) {
	b := &f.build
	if len(b.order) == f.m {
		return nil
	}
	row := int32(0)
	for slot := range head {
		if b.slotDone[slot] {
			continue
		}
		for b.rowDone[row] {
			row++
		}
		replaced = append(replaced, head[slot])
		head[slot] = n + row
		b.tail[slot] = -1
		f.lower.start[row], f.lower.end[row] = 0, 0
		f.eliminated(row, int32(slot), 1)
	}
	return replaced
}

// assemble lays U out by columns and by rows, and L by rows too.
func (f *Factor) assemble(head []int32) {
	b, m := &f.build, f.m
	u, rows := &f.upper, &f.upperRows
	u.index, u.value = u.index[:0], u.value[:0]
	f.sequence = f.sequence[:0]
	b.rowCount = sized(b.rowCount, m)
	for _, slot := range b.order {
		row := b.slotPivot[slot]
		f.position[row] = int32(len(f.sequence))
		f.sequence = append(f.sequence, row)
		u.start[row] = len(u.index)
		for k := b.tail[slot]; k >= 0; k = b.tailNext[k] {
			if x := b.tailValue[k]; x != 0 {
				u.index, u.value = append(u.index, b.tailRow[k]), append(u.value, x)
				b.rowCount[b.tailRow[k]]++
			}
		}
		u.end[row] = len(u.index)
	}
	total := 0
	for i := range m {
		rows.start[i], rows.end[i] = total, total
		total += b.rowCount[i] + 3
		f.rowsCap[i] = total
	}
	rows.index, rows.value = grown(rows.index[:0], total), grown(rows.value[:0], total)
	for _, p := range f.sequence {
		for k := u.start[p]; k < u.end[p]; k++ {
			i := u.index[k]
			at := rows.end[i]
			rows.index[at], rows.value[at] = p, u.value[k]
			rows.end[i]++
		}
	}
	b.rowCount = sized(b.rowCount, m)
	for _, i := range f.lower.index {
		b.rowCount[i]++
	}
	lr := &f.lowerRows
	lr.index, lr.value = grown(lr.index[:0], len(f.lower.index)), grown(lr.value[:0], len(f.lower.index))
	total = 0
	for i := range m {
		lr.start[i], lr.end[i] = total, total
		total += b.rowCount[i]
	}
	for _, p := range f.lowerOrder {
		for k := f.lower.start[p]; k < f.lower.end[p]; k++ {
			i := f.lower.index[k]
			at := lr.end[i]
			lr.index[at], lr.value[at] = p, f.lower.value[k]
			lr.end[i]++
		}
	}
	f.rowsOrder = f.rowsOrder[:0]
	for _, p := range f.sequence {
		if lr.end[p] > lr.start[p] {
			f.rowsOrder = append(f.rowsOrder, p)
		}
	}
	f.Entries = len(f.lower.index) + len(u.index) + m
	b.head = append(b.head[:0], head...)
	for slot, row := range b.slotPivot[:m] {
		head[row] = b.head[slot]
	}
}
