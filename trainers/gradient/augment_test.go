package gradient

import (
	"math"
	"testing"

	"debut/kernels/philox"
	"debut/layers"
	"debut/trainers/loop"
)

func TestBeta(t *testing.T) {
	r := philox.New(1, 2)
	for _, a := range []float64{0.2, 1, 4} {
		const n = 20_000
		mean, square := 0.0, 0.0
		for range n {
			x := beta(r, a)
			if !(x >= 0 && x <= 1) {
				t.Fatalf("a share of %v", x)
			}
			mean += x / n
			square += (x - 0.5) * (x - 0.5) / n
		}
		want := 1 / (4 * (2*a + 1)) // the variance of Beta(a, a)
		if math.Abs(mean-0.5) > 0.02 || math.Abs(square/want-1) > 0.06 {
			t.Errorf("Beta(%v, %v): mean %.3f, variance %.4f, want 0.5 and %.4f", a, a, mean, square, want)
		}
	}
}

// feed makes a feeder of rows of two numbers, 1 and 10, a field of 5 ids, all 3, and targets 0 and 1 in turns.
func feed(n int, fields bool) *Feeder {
	net := layers.Network{Outputs: 1, Numeric: []layers.Numeric{{Name: "a"}, {Name: "b"}}}
	if fields {
		net.Fields = []layers.Field{{Name: "c", Cardinality: 5, Dim: 2}}
	}
	f := NewFeeder(net, n)
	for r := range n {
		f.numeric[2*r], f.numeric[2*r+1], f.target[r] = 1, 10, float32(r%2)
		for k, g := range f.groups {
			for i := range g.Fields {
				f.grouped[k][r*len(g.Fields)+i] = 3 + int32(g.Offsets[i])
			}
		}
	}
	return f
}

func TestAugment(t *testing.T) {
	const n = 10_000
	ev := loop.Event{Epoch: 2, From: 500, N: n}
	f := feed(n, true)
	f.augment(Augment{}, 7, ev)
	if f.numeric[0] != 1 || f.grouped[0][0] != 3+int32(f.groups[0].Offsets[0]) {
		t.Error("rows change although nothing is asked for")
	}
	f.augment(Augment{Mask: 0.3}, 7, ev)
	hidden, unknown := 0, 0
	for r := range n {
		if f.numeric[2*r] == 0 {
			hidden++
		} else if f.numeric[2*r] != 1 {
			t.Fatalf("a number became %v", f.numeric[2*r])
		}
		if f.grouped[0][r] == int32(f.groups[0].Offsets[0]) {
			unknown++
		}
	}
	if math.Abs(float64(hidden)/n-0.3) > 0.03 || math.Abs(float64(unknown)/n-0.3) > 0.03 {
		t.Errorf("%d numbers and %d categories of %d are hidden", hidden, unknown, n)
	}
	noisy := feed(n, false)
	noisy.augment(Augment{Noise: 0.5}, 7, ev)
	sum := 0.0
	for r := range n {
		sum += math.Pow(float64(noisy.numeric[2*r])-1, 2) / n
	}
	if math.Abs(math.Sqrt(sum)-0.5) > 0.03 {
		t.Errorf("noise has a deviation of %.3f", math.Sqrt(sum))
	}
	// A row is changed the same way whatever batch it is in.
	half := feed(n, false)
	half.augment(Augment{Noise: 0.5}, 7, loop.Event{Epoch: 2, From: 600, N: n - 100})
	if half.numeric[0] != noisy.numeric[200] || half.numeric[0] == noisy.numeric[0] {
		t.Error("the noise of a row does not follow from its place")
	}
	mixed := feed(n-1, false) // an odd number: the other row is of another class
	mixed.numeric[0] = 5
	mixed.augment(Augment{Mixup: 1}, 7, loop.Event{N: n - 1})
	between := 0
	for r := range n - 1 {
		if y := mixed.target[r]; y > 0 && y < 1 {
			between++
		} else if y < 0 || y > 1 {
			t.Fatalf("a target of %v", y)
		}
	}
	if between < n/3 || mixed.numeric[0] <= 1 || mixed.numeric[0] >= 5 {
		t.Errorf("%d targets are mixed, the number is %v", between, mixed.numeric[0])
	}
}
