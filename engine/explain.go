package engine

import (
	"fmt"
	"io"
	"strings"

	"debut/kernels"
)

// describe tells shapes of an instruction's operands.
func (l *lowered) describe(in *instr) string {
	var b strings.Builder
	list := func(ns []*Node) {
		for i, n := range ns {
			if i > 0 {
				b.WriteString(", ")
			}
			if n.Op() == nil {
				b.WriteString(n.Name())
				b.WriteByte(' ')
			}
			if n.IsScalar() {
				b.WriteString("scalar")
				continue
			}
			fmt.Fprint(&b, n.Shape())
		}
	}
	list(in.ins)
	b.WriteString(" → ")
	list(in.outs)
	return b.String()
}

// Explain writes the program for a person: what each step computes from what, its work for a full batch, and what
// compiling saved.
func (p *Program) Explain(w io.Writer) error {
	var b strings.Builder
	s := p.stats
	fmt.Fprintf(&b, "program for batches of up to %d rows of %v on %s\n", p.batch, p.dtype, p.dev.Info().Name)
	fmt.Fprintf(&b, "%d graph nodes, %d dead, %d operations fused, %d kernels; %d buffers of %s (%s without sharing)\n",
		s.Nodes, s.Dead, s.Fused, len(p.kernels), s.Slots, bytesText(s.Bytes), bytesText(s.BytesUnshared))
	var total kernels.Cost
	for i, st := range p.steps {
		var c kernels.Cost
		for _, k := range p.kernels[st.lo:st.hi] {
			kc := k.Cost()
			c.FLOPs += kc.FLOPs
			c.Bytes += kc.Bytes
		}
		total.FLOPs += c.FLOPs
		total.Bytes += c.Bytes
		fmt.Fprintf(&b, "%4d  %-34s %10s %10s  %s\n", i, st.name, flopsText(c.FLOPs), bytesText(int64(c.Bytes)), st.detail)
	}
	fmt.Fprintf(&b, "      %-34s %10s %10s\n", "total", flopsText(total.FLOPs), bytesText(int64(total.Bytes)))
	_, err := io.WriteString(w, b.String())
	return err
}

func bytesText(n int64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 10<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 10<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}

func flopsText(f float64) string {
	switch {
	case f >= 1e9:
		return fmt.Sprintf("%.2f GFLOP", f/1e9)
	case f >= 1e6:
		return fmt.Sprintf("%.2f MFLOP", f/1e6)
	}
	return fmt.Sprintf("%.1f kFLOP", f/1e3)
}
