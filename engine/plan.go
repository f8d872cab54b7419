package engine

import (
	"fmt"
	"slices"

	"debut/engine/ops"
	"debut/kernels"
)

// plan gives every node its matrix. Values live in slots; a slot is free again after the last instruction that reads
// its value, and an instruction that may work in place takes over its input's slot.
type plan struct {
	l       *lowered
	dev     kernels.Device
	dtype   kernels.Dtype
	rows    kernels.RowCount
	pinned  map[*Node]bool // outputs: their values outlive the run
	last    map[*Node]int  // root → last instruction that reads it
	matrix  map[*Node]kernels.Matrix
	slotOf  map[*Node]*slot
	free    []*slot
	slots   []*slot
	planned int // elements that would be used without sharing
}

type slot struct {
	buf  kernels.Buffer
	size int
}

// root follows views to the node whose memory they view.
func (l *lowered) root(n *Node) *Node {
	for l.views[n] != nil {
		n = ops.Children(n)[0]
	}
	return n
}

func (p *plan) liveness(outputs []*Node) {
	for _, n := range outputs {
		p.pinned[p.l.root(n)] = true
	}
	for i, in := range p.l.instrs {
		for _, n := range in.ins {
			p.last[p.l.root(n)] = i
		}
	}
}

// place gives the outputs of instruction i their memory and frees that of inputs no longer needed.
func (p *plan) place(i int, in *instr) error {
	for k, n := range in.outs {
		rows, cols, err := ops.MatrixShape(n.Shape())
		if err != nil {
			return err
		}
		p.planned += rows * cols
		var s *slot
		if k == 0 {
			s = p.takeOver(i, in, rows*cols)
		}
		if s == nil {
			if s, err = p.reserve(rows*cols, p.pinned[n]); err != nil {
				return err
			}
		}
		p.slotOf[n] = s
		m := kernels.NewMatrix(s.buf, rows, cols)
		if p.l.batch[n] {
			m.Count = p.rows
		}
		p.matrix[n] = m
	}
	for _, n := range in.ins {
		p.release(i, p.l.root(n))
	}
	for _, n := range in.outs {
		if _, read := p.last[n]; !read {
			p.release(i, n) // an output of a fused kernel that nobody wants
		}
	}
	return nil
}

// takeOver returns the slot of an input that the instruction may overwrite and nobody needs any more.
func (p *plan) takeOver(i int, in *instr, size int) *slot {
	if p.pinned[in.outs[0]] {
		return nil
	}
	for _, k := range in.over {
		n := in.ins[k]
		s := p.slotOf[n] // views and leaves have none
		if s == nil || p.pinned[n] || p.last[n] != i || s.size < size {
			continue
		}
		delete(p.slotOf, n)
		return s
	}
	return nil
}

func (p *plan) release(i int, root *Node) {
	s := p.slotOf[root]
	if s == nil || p.pinned[root] || p.last[root] > i {
		return
	}
	delete(p.slotOf, root)
	p.free = append(p.free, s)
}

// reserve returns the smallest free slot that is large enough, or a new one. A pinned value gets one of its own.
func (p *plan) reserve(size int, pinned bool) (*slot, error) {
	if !pinned {
		best := -1
		for i, s := range p.free {
			if s.size >= size && (best < 0 || s.size < p.free[best].size) {
				best = i
			}
		}
		if best >= 0 {
			s := p.free[best]
			p.free = slices.Delete(p.free, best, best+1)
			return s, nil
		}
	}
	buf, err := p.dev.Alloc(p.dtype, size, "activations")
	if err != nil {
		return nil, fmt.Errorf("engine: memory of the program: %w", err)
	}
	s := &slot{buf, size}
	p.slots = append(p.slots, s)
	return s, nil
}

// view resolves a node to its matrix, through views.
func (p *plan) view(n *Node) (kernels.Matrix, error) {
	if m, ok := p.matrix[n]; ok {
		return m, nil
	}
	v := p.l.views[n]
	if v == nil {
		return kernels.Matrix{}, fmt.Errorf("engine: node %v has no memory", n)
	}
	m, err := p.view(ops.Children(n)[0])
	if err != nil {
		return m, err
	}
	m = v.View(m)
	p.matrix[n] = m
	return m, nil
}
