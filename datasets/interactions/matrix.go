package interactions

import (
	"encoding/binary"
	"hash"
	"math"
)

// NoTime marks a pair without a time.
const NoTime = math.MinInt64

// Matrix is a sparse matrix in compressed rows: entry k of row r, Offsets[r] ≤ k < Offsets[r+1], is in column
// Indices[k]. Columns ascend within a row. As [Dataset] holds it, rows are users and columns items; [Matrix.Transpose]
// exchanges them.
type Matrix struct {
	Rows, Columns int
	Offsets       []int64 // [Rows+1]
	Indices       []int32
	Values        []float32 // finite, not negative
	Counts        []int32   // events a pair; nil: one each
	Times         []int64   // the latest of a pair, NoTime where it has none; nil: there are none
	Events        []uint16  // kinds a pair had, bit i that of Dataset.Events[i]; nil: there are none
}

// Len returns the number of entries.
func (m *Matrix) Len() int64 { return int64(len(m.Indices)) }

// Row returns columns and values of a row, which must not be changed.
func (m *Matrix) Row(r int) ([]int32, []float32) {
	from, to := m.Offsets[r], m.Offsets[r+1]
	return m.Indices[from:to], m.Values[from:to]
}

// Count returns the number of events of entry k.
func (m *Matrix) Count(k int64) int32 {
	if m.Counts == nil {
		return 1
	}
	return m.Counts[k]
}

// Bytes returns the memory that the matrix holds.
func (m *Matrix) Bytes() int64 {
	return 8*int64(cap(m.Offsets)) + 4*int64(cap(m.Indices)) + 4*int64(cap(m.Values)) + 4*int64(cap(m.Counts)) + 8*int64(cap(m.Times)) + 2*int64(cap(m.Events))
}

// ColumnCounts returns the number of entries of each column: of users who know an item.
func (m *Matrix) ColumnCounts() []int32 {
	counts := make([]int32, m.Columns)
	for _, c := range m.Indices {
		counts[c]++
	}
	return counts
}

// Transpose returns the matrix with rows and columns exchanged: compressed columns of m. Its cost is that of two passes
// over the entries.
func (m *Matrix) Transpose() *Matrix {
	t := &Matrix{Rows: m.Columns, Columns: m.Rows, Offsets: make([]int64, m.Columns+1)}
	for _, c := range m.Indices {
		t.Offsets[c+1]++
	}
	for c := range m.Columns {
		t.Offsets[c+1] += t.Offsets[c]
	}
	t.allocate(len(m.Indices), m.Counts != nil, m.Times != nil, m.Events != nil)
	next := make([]int64, m.Columns)
	copy(next, t.Offsets)
	for r := range m.Rows {
		for k := m.Offsets[r]; k < m.Offsets[r+1]; k++ {
			c := m.Indices[k]
			to := next[c]
			next[c]++
			t.Indices[to], t.Values[to] = int32(r), m.Values[k]
			if m.Counts != nil {
				t.Counts[to] = m.Counts[k]
			}
			if m.Times != nil {
				t.Times[to] = m.Times[k]
			}
			if m.Events != nil {
				t.Events[to] = m.Events[k]
			}
		}
	}
	return t
}

func (m *Matrix) allocate(n int, counts, times, events bool) {
	m.Indices, m.Values = make([]int32, n), make([]float32, n)
	if counts {
		m.Counts = make([]int32, n)
	}
	if times {
		m.Times = make([]int64, n)
	}
	if events {
		m.Events = make([]uint16, n)
	}
}

// With returns the entries that had one of the kinds of event in mask. It serves, for example, to leave out of a list
// what a user bought and not what he only looked at. A matrix without kinds is returned as it is.
func (m *Matrix) With(mask uint16) *Matrix {
	if m.Events == nil {
		return m
	}
	n := 0
	for _, e := range m.Events {
		if e&mask != 0 {
			n++
		}
	}
	out := &Matrix{Rows: m.Rows, Columns: m.Columns, Offsets: make([]int64, m.Rows+1)}
	out.allocate(n, m.Counts != nil, m.Times != nil, true)
	to := int64(0)
	for r := range m.Rows {
		for k := m.Offsets[r]; k < m.Offsets[r+1]; k++ {
			if m.Events[k]&mask != 0 {
				out.set(to, m, k)
				to++
			}
		}
		out.Offsets[r+1] = to
	}
	return out
}

// set copies entry k of another matrix into entry to.
func (m *Matrix) set(to int64, from *Matrix, k int64) {
	m.Indices[to], m.Values[to] = from.Indices[k], from.Values[k]
	if m.Counts != nil {
		m.Counts[to] = from.Counts[k]
	}
	if m.Times != nil {
		m.Times[to] = from.Times[k]
	}
	if m.Events != nil {
		m.Events[to] = from.Events[k]
	}
}

// Fingerprint writes shape and entries to a hash, so that a run can tell whether its data are those it began with.
func (m *Matrix) Fingerprint(h hash.Hash) {
	var b []byte
	flush := func(always bool) {
		if always || len(b) > 1<<15 {
			_, _ = h.Write(b) // hash.Hash documents that Write never fails
			b = b[:0]
		}
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(m.Rows))
	b = binary.LittleEndian.AppendUint64(b, uint64(m.Columns))
	for _, o := range m.Offsets {
		b = binary.LittleEndian.AppendUint64(b, uint64(o))
		flush(false)
	}
	for k, c := range m.Indices {
		b = binary.LittleEndian.AppendUint32(b, uint32(c))
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(m.Values[k]))
		b = binary.LittleEndian.AppendUint32(b, uint32(m.Count(int64(k))))
		if m.Times != nil {
			b = binary.LittleEndian.AppendUint64(b, uint64(m.Times[k]))
		}
		if m.Events != nil {
			b = binary.LittleEndian.AppendUint16(b, m.Events[k])
		}
		flush(false)
	}
	flush(true)
}
