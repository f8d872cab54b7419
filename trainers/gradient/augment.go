package gradient

import (
	"math"

	"debut/datasets/configfile"
	"debut/kernels/philox"
	"debut/layers"
	"debut/trainers/loop"
	"debut/trainers/metrics"
)

// Augment changes training rows at each sight of them, so that a model does not learn them by heart. What happens to a
// row follows from the seed, the epoch and its place in it.
type Augment struct {
	Noise float64 `yaml:"noise,omitempty" jsonschema:"description=Standard deviation of noise added to numeric features (which are standardized by default).,minimum=0"`
	Mask  float64 `yaml:"mask,omitempty" jsonschema:"description=Share of features that are hidden: numbers become 0 (their mean) and categories unknown.,minimum=0"`
	Mixup float64 `yaml:"mixup,omitempty" jsonschema:"description=Mix each row with another of the batch by a share from Beta(a; a) with this a (Zhang et al. 2018). For numbers alone and binary or regression targets.,minimum=0"`
}

func (a Augment) validate() (errs []error) {
	for _, f := range []struct {
		key   string
		value float64
		most  float64
	}{{"noise", a.Noise, 10}, {"mask", a.Mask, 0.9}, {"mixup", a.Mixup, 100}} {
		if !(f.value >= 0 && f.value <= f.most) {
			errs = append(errs, configfile.Errorf("augment."+f.key, "%v is not between 0 and %v", f.value, f.most))
		}
	}
	return errs
}

// fits refuses mixing rows of what cannot be mixed.
func (a Augment) fits(n layers.Network, task metrics.Task) error {
	switch {
	case a.Mixup == 0:
		return nil
	case len(n.Fields) > 0:
		return configfile.Errorf("train.augment.mixup", "categories cannot be mixed, and %q is one; leave mixup out, or ignore the categorical columns", n.Fields[0].Name)
	case len(n.Lists) > 0:
		return configfile.Errorf("train.augment.mixup", "lists of ids cannot be mixed, and %q is one; leave mixup out, or ignore the column", n.Lists[0].Name)
	case task == metrics.TaskMultiClass:
		return configfile.Errorf("train.augment.mixup", "classes of a multi-class target cannot be mixed; leave mixup out")
	}
	return nil
}

// augmentation keeps these random numbers apart from the others of a seed.
var augmentation = philox.StreamOf("trainers/behavior: augmentation")

// augment changes the gathered rows of a batch.
func (f *Feeder) augment(a Augment, seed uint64, ev loop.Event) {
	if a == (Augment{}) {
		return
	}
	n := ev.N
	d := len(f.numeric) / max(1, len(f.weight))
	if a.Mixup > 0 {
		f.mix(a.Mixup, seed, ev, d)
	}
	for r := range n {
		random := f.random(seed, ev, r, 0)
		numbers := f.numeric[r*d : (r+1)*d]
		for i := range numbers {
			if a.Noise > 0 {
				numbers[i] += float32(a.Noise * random.NormFloat64())
			}
			if a.Mask > 0 && random.Float64() < a.Mask {
				numbers[i] = 0
			}
		}
		if a.Mask == 0 {
			continue
		}
		for k, g := range f.groups {
			ids := f.grouped[k][r*len(g.Fields) : (r+1)*len(g.Fields)]
			for i := range ids {
				if random.Float64() < a.Mask {
					ids[i] = int32(g.Offsets[i]) // the id 0 of the field
				}
			}
		}
		for _, l := range f.lists {
			ids := l.ids[r*l.length : (r+1)*l.length]
			for i := range ids {
				if ids[i] >= 0 && random.Float64() < a.Mask {
					ids[i] = 0
				}
			}
		}
	}
}

// random returns the random numbers of a row for a purpose below 4.
func (f *Feeder) random(seed uint64, ev loop.Event, r int, purpose uint64) *philox.Stream {
	return philox.New(seed, augmentation^(uint64(ev.Epoch)<<34|uint64(ev.From+r))<<2^purpose)
}

// mix mixes each row with the one half a batch away, by a share of its own.
func (f *Feeder) mix(alpha float64, seed uint64, ev loop.Event, d int) {
	n := ev.N
	numeric := append(f.mixed[:0], f.numeric[:n*d]...)
	target := append([]float32(nil), f.target[:n*f.steps]...)
	f.mixed = numeric
	for r := range n {
		other := (r + (n+1)/2) % n
		share := float32(beta(f.random(seed, ev, r, 1), alpha))
		for i := range d {
			f.numeric[r*d+i] = share*numeric[r*d+i] + (1-share)*numeric[other*d+i]
		}
		for k := range f.steps {
			f.target[r*f.steps+k] = share*target[r*f.steps+k] + (1-share)*target[other*f.steps+k]
		}
	}
}

// beta draws from Beta(a, a), as a ratio of gamma variates.
func beta(r *philox.Stream, a float64) float64 {
	x, y := gamma(r, a), gamma(r, a)
	if x+y == 0 {
		return 0.5 // both underflow where a is tiny
	}
	return x / (x + y)
}

// gamma draws from Gamma(a, 1) (Marsaglia and Tsang, "A Simple Method for Generating Gamma Variables", 2000).
func gamma(r *philox.Stream, a float64) float64 {
	if a < 1 {
		return gamma(r, a+1) * math.Pow(1-r.Float64(), 1/a)
	}
	d := a - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := r.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v *= v * v
		if u := 1 - r.Float64(); math.Log(u) < x*x/2+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}
