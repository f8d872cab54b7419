// Package training is the work that whole training steps are measured by: a network with batch norm and ReLU, its data, and batch
// assembly, forward, backward and the optimizer over them. A case is the same arithmetic on the same numbers everywhere.
package training

import (
	"fmt"
	"strconv"
	"strings"

	"debut/bench/peers"
	"debut/engine"
	"debut/kernels"
	"debut/kernels/philox"
	"debut/layers"
)

// Form is how a network is written.
const Form = "widths from input to output, such as 64-32-1"

// MaxDimension bounds the sizes of a case, so that a slip does not ask for terabytes.
const MaxDimension = 1 << 16

// Batches is how many different batches there are, so that gathering rows reads fresh memory.
const Batches = 8

// ParseWidths reads a network's name: the widths of its layers, at least input and output.
func ParseWidths(name string) ([]int, error) {
	parts := strings.Split(name, "-")
	widths := make([]int, len(parts))
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil || n < 1 || n > MaxDimension {
			return nil, fmt.Errorf("%q is not a width within 1 … %d; a case is %s", p, MaxDimension, Form)
		}
		widths[i] = n
	}
	if len(widths) < 2 {
		return nil, fmt.Errorf("a network has at least an input and an output; a case is %s", Form)
	}
	return widths, nil
}

// Data are the rows that a network trains on, over and over, and where it is.
type Data struct {
	Inputs, Outputs int
	Batch           int
	X, Y            []float32 // [len(Order), Inputs], [len(Order), Outputs]
	Order           []int32   // rows in the order they are trained on, a multiple of Batch
	at              int
}

// MLP is a network and the data it trains on.
type MLP struct {
	Data
	Work
	Widths []int
	rows   int // of the batches to come
	bx, by []float32
}

// Network is the network of so many units.
func Network(widths []int) layers.Network {
	n := layers.Network{Outputs: widths[len(widths)-1]}
	for i := range widths[0] {
		n.Numeric = append(n.Numeric, layers.Numeric{Name: "x" + strconv.Itoa(i)})
	}
	for _, w := range widths[1 : len(widths)-1] {
		n.Hidden = append(n.Hidden, layers.Block{Units: w})
	}
	return n
}

// Signs labels rows by the sign of their sum, so that there is something to learn.
func Signs(x []float32, inputs, outputs int) []float32 {
	y := make([]float32, len(x)/inputs*outputs)
	for r := range len(x) / inputs {
		var sum float32
		for _, v := range x[r*inputs : (r+1)*inputs] {
			sum += v
		}
		for o := range outputs {
			if sum > 0 {
				y[r*outputs+o] = 1
			}
		}
	}
	return y
}

// New builds a network on a device, for batches of so many rows.
func New(dev kernels.Device, widths []int, batch int) (*MLP, error) {
	inputs, outputs := widths[0], widths[len(widths)-1]
	if batch < 1 || batch > MaxDimension {
		return nil, fmt.Errorf("a batch of %d rows; it has 1 … %d", batch, MaxDimension)
	}
	rows := batch * Batches
	s := &MLP{
		Data:   Data{Inputs: inputs, Outputs: outputs, Batch: batch, X: Uniform(1, rows*inputs), Order: philox.New(1, 2).Perm(rows)},
		Widths: widths, bx: make([]float32, batch*inputs), by: make([]float32, batch*outputs),
	}
	s.Y = Signs(s.X, inputs, outputs)
	if err := s.build(dev, Network(widths), batch, s.Assemble); err != nil {
		return nil, err
	}
	return s, s.SetRows(batch)
}

// SetRows has the batches to come be of so many rows, 1 … Batch.
func (s *MLP) SetRows(n int) error {
	s.rows = n
	return s.setRows(n)
}

// Describe returns the network, its data and its present parameters for a peer.
func (s *MLP) Describe() (peers.MLP, error) {
	net := peers.MLP{
		Widths: s.Widths, Rows: len(s.Order), Batch: s.Batch, Order: s.Order, X: s.X, Y: s.Y,
		Adam: s.adam(),
	}
	var err error
	net.Parameters, err = s.values()
	return net, err
}

// Gather copies the next rows to x and y: as many as fit.
func (d *Data) Gather(x, y []float32) {
	for i := range len(x) / d.Inputs {
		r := int(d.Order[d.at])
		d.at = (d.at + 1) % len(d.Order)
		copy(x[i*d.Inputs:(i+1)*d.Inputs], d.X[r*d.Inputs:])
		copy(y[i*d.Outputs:(i+1)*d.Outputs], d.Y[r*d.Outputs:])
	}
}

// Assemble feeds the next batch.
func (s *MLP) Assemble() error {
	x, y := s.bx[:s.rows*s.Inputs], s.by[:s.rows*s.Outputs]
	s.Gather(x, y)
	if err := engine.Feed(s.Trainer.Program, layers.InputNumeric, x); err != nil {
		return err
	}
	return engine.Feed(s.Trainer.Program, layers.InputTarget, y)
}

// Uniform returns n numbers uniform in [−1, 1), fixed by the stream.
func Uniform(stream uint64, n int) []float32 {
	rnd := philox.New(1, stream)
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(2*rnd.Float64() - 1)
	}
	return v
}
