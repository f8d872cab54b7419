package gradient

import (
	"debut/datasets/encoding"
	"debut/engine"
	"debut/layers"
)

// Feeder gathers rows of encoded data into the arrays that a program is fed with. Its memory is made once.
type Feeder struct {
	Prefix  string // of the names of inputs: the scope that the network was built in
	groups  []layers.Group
	numeric []float32
	ids     []int32   // all fields, as the data has them
	grouped [][]int32 // by group, raised by the offsets
	lists   []listFeed
	items   encoding.Batch // all lists side by side, as the data have them
	target  []float32
	steps   int // targets of a row: of steps that follow on each other one for each
	weight  []float32
	exact   encoding.Batch // targets and weights as they are, before they are scaled
	scale   [1]float32
	mixed   []float32 // numeric features before they are mixed
}

// listFeed is what a list is fed from.
type listFeed struct {
	layers.ListInput
	from, length int // its places among those of all lists
	ids          []int32
	weights      []float32
}

// NewFeeder makes the arrays for batches of up to so many rows.
func NewFeeder(n layers.Network, batch int) *Feeder {
	f := &Feeder{
		groups:  n.IDInputs(),
		numeric: make([]float32, batch*len(n.Numeric)),
		ids:     make([]int32, batch*len(n.Fields)),
		steps:   1,
		weight:  make([]float32, batch),
		exact:   encoding.Batch{Target: make([]float64, batch), Weight: make([]float64, batch)},
	}
	if n.Chain {
		f.steps = n.Outputs
	}
	f.target = make([]float32, batch*f.steps)
	for _, g := range f.groups {
		f.grouped = append(f.grouped, make([]int32, batch*len(g.Fields)))
	}
	if width := n.ListWidth(); width > 0 {
		f.items = encoding.Batch{Lists: make([]int32, batch*width), ListWeights: make([]float32, batch*width)}
		at := 0
		for i, in := range n.ListInputs() {
			length := n.Lists[i].Length
			f.lists = append(f.lists, listFeed{ListInput: in, from: at, length: length, ids: make([]int32, batch*length), weights: make([]float32, batch*length)})
			at += length
		}
	}
	return f
}

// Features gathers a model's inputs for rows, behind those of so many rows that are there.
func (f *Feeder) Features(d *encoding.Encoded, rows []int32, there int) {
	d.Gather(&encoding.Batch{Numeric: f.numeric, IDs: f.ids}, there, rows)
	ids := f.ids[there*d.F : (there+len(rows))*d.F]
	for k, g := range f.groups {
		w := len(g.Fields)
		out := f.grouped[k][there*w:]
		for r := range rows {
			for i, field := range g.Fields {
				out[r*w+i] = ids[r*d.F+field] + int32(g.Offsets[i])
			}
		}
	}
	if len(f.lists) == 0 {
		return
	}
	d.Gather(&f.items, 0, rows)
	for _, l := range f.lists {
		for r := range rows {
			at := r*d.L + l.from
			to := (there + r) * l.length
			copy(l.ids[to:to+l.length], f.items.Lists[at:at+l.length])
			copy(l.weights[to:to+l.length], f.items.ListWeights[at:at+l.length])
		}
	}
}

// Feed hands the gathered features of so many rows to a program.
func (f *Feeder) Feed(p *engine.Program, rows int) error {
	if n := len(f.numeric); n > 0 {
		if err := engine.Feed(p, f.Prefix+layers.InputNumeric, f.numeric[:rows*n/len(f.weight)]); err != nil {
			return err
		}
	}
	for k, g := range f.groups {
		if err := p.FeedIDs(f.Prefix+g.Input, f.grouped[k][:rows*len(g.Fields)]); err != nil {
			return err
		}
	}
	for _, l := range f.lists {
		if err := p.FeedIDs(f.Prefix+l.Input, l.ids[:rows*l.length]); err != nil {
			return err
		}
		if err := engine.Feed(p, f.Prefix+l.Weights, l.weights[:rows*l.length]); err != nil {
			return err
		}
	}
	return nil
}

// labels gathers targets and weights, behind those of so many rows that are there: targets of a regression in standard
// deviations from the mean, weights about 1. They are scaled before they are rounded to 32 bits.
func (f *Feeder) labels(l labels, d *encoding.Encoded, rows []int32, there int) {
	d.Gather(&f.exact, 0, rows)
	target, weight := f.target[there*f.steps:(there+len(rows))*f.steps], f.weight[there:there+len(rows)]
	for i, y := range f.exact.Target[:len(rows)] {
		if l.regression != nil {
			y = l.regression.Standardize(y)
		}
		for k := range f.steps {
			if f.steps > 1 { // y is how many were taken
				y = 0
				if f.exact.Target[i] > float64(k) {
					y = 1
				}
			}
			if l.smoothing > 0 {
				y += l.smoothing * (0.5 - y)
			}
			target[i*f.steps+k] = float32(y)
		}
	}
	for i, w := range f.exact.Weight[:len(rows)] {
		if d.Weight != nil {
			w /= l.weight
		}
		if l.classes != nil {
			w *= l.classes[int(f.exact.Target[i])/f.steps] // of steps the last is the target
		}
		weight[i] = float32(w)
	}
}

// feedLabels hands gathered targets and weights, and one over the rows of the step, to a program.
func (f *Feeder) feedLabels(p *engine.Program, rows, stepRows int) error {
	if err := engine.Feed(p, layers.InputTarget, f.target[:rows*f.steps]); err != nil {
		return err
	}
	if err := engine.Feed(p, layers.InputWeight, f.weight[:rows]); err != nil {
		return err
	}
	f.scale[0] = 1 / float32(stepRows)
	return engine.Feed(p, layers.InputScale, f.scale[:])
}
