package factorization

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"debut/datasets/interactions"
	"debut/kernels"
	"debut/kernels/cpu"
	"debut/kernels/pool"
)

// trainingOn is a device and a pool of so many threads, for the length of a test.
func trainingOn(t testing.TB, threads int) (kernels.Device, *pool.Pool) {
	t.Helper()
	dev, err := cpu.New(cpu.Options{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	p := pool.New(threads)
	t.Cleanup(func() {
		p.Close()
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	})
	return dev, p
}

// kind is one of the two kinds of training.
type kind struct {
	name  string
	begin func(dev kernels.Device, p *pool.Pool, m *interactions.Matrix, o SGD) (*Steps, error)
}

var kinds = []kind{
	{"ratings", func(dev kernels.Device, p *pool.Pool, m *interactions.Matrix, o SGD) (*Steps, error) {
		t, _, err := NewRatingSteps(dev, p, m, RatingSettings{SGD: o, UserL2: 0.02, ItemL2: 0.03, UserBiasL2: 0.01, ItemBiasL2: 0.02})
		return t, err
	}},
	{"preferences", func(dev kernels.Device, p *pool.Pool, m *interactions.Matrix, o SGD) (*Steps, error) {
		return NewPreferenceSteps(dev, p, m, PreferenceSettings{SGD: o, UserL2: 0.02, ItemL2: 0.03, NegativeL2: 0.01, BiasL2: 0.01})
	}},
	{"preferences by popularity", func(dev kernels.Device, p *pool.Pool, m *interactions.Matrix, o SGD) (*Steps, error) {
		return NewPreferenceSteps(dev, p, m, PreferenceSettings{SGD: o, UserL2: 0.02, NegativePower: 0.75})
	}},
}

var usualSettings = SGD{Factors: 10, Seed: 3, Rate: 0.05, BiasRate: 0.03, Decay: 0.9, Deviation: 0.1}

// bits returns the state's tensors as bytes.
func bits(t *testing.T, s *Steps) []byte {
	t.Helper()
	tensors, err := s.Tensors()
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, x := range tensors {
		all = append(all, kernels.Bytes(x.Data)...)
	}
	return all
}

// epochs trains so many epochs and returns the mean loss of the last.
func epochs(t *testing.T, s *Steps, n int) float64 {
	t.Helper()
	loss := 0.0
	for range n {
		var err error
		if loss, err = s.Epoch(); err != nil {
			t.Fatal(err)
		}
	}
	return loss
}

// Any number of threads gives the same bits.
func TestStepsThreads(t *testing.T) {
	m := popular(900, 700, 70000, stars)
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			var want []byte
			for _, threads := range []int{1, 2, 7} {
				dev, p := trainingOn(t, threads)
				s, err := k.begin(dev, p, m, usualSettings)
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				if s.RoundsPerEpoch() < 4 {
					t.Fatalf("%d rounds an epoch, too few to tell", s.RoundsPerEpoch())
				}
				epochs(t, s, 2)
				if got := bits(t, s); want == nil {
					want = got
				} else if !bytes.Equal(got, want) {
					t.Errorf("%d threads and one give different bits", threads)
				}
			}
		})
	}
}

// stars is a rating without sense.
func stars(u, i int32) float32 { return 1 + float32((int(u)*7+int(i)*13)%9)/2 }

// A training that is saved and loaded anywhere goes on as if nothing had happened.
func TestStepsResume(t *testing.T) {
	m := popular(900, 700, 70000, stars)
	dev, p := trainingOn(t, 2)
	for _, k := range kinds {
		begin := func() *Steps {
			s, err := k.begin(dev, p, m, usualSettings)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Close)
			return s
		}
		steps := func(s *Steps, n int) {
			for range n {
				if _, err := s.Step(); err != nil {
					t.Fatal(err)
				}
			}
		}
		whole := begin()
		rounds := whole.RoundsPerEpoch()
		for _, before := range []int{0, 1, rounds, 2*rounds + 2} {
			first := begin()
			steps(first, before)
			tensors, err := first.Tensors()
			if err != nil {
				t.Fatal(err)
			}
			second := begin()
			epochs(t, second, 1) // its state must not matter
			if err := second.Load(tensors, first.Position()); err != nil {
				t.Fatal(err)
			}
			if second.Rate() != first.Rate() {
				t.Errorf("%s: the rate is %v, was %v", k.name, second.Rate(), first.Rate())
			}
			steps(first, rounds+1)
			steps(second, rounds+1)
			if first.Position() != second.Position() {
				t.Errorf("%s, %d steps: at %+v, want %+v", k.name, before, second.Position(), first.Position())
			}
			if !bytes.Equal(bits(t, first), bits(t, second)) {
				t.Errorf("%s: saved after %d steps, it goes on otherwise", k.name, before)
			}
		}
		if err := whole.Load(nil, Position{}); err == nil {
			t.Errorf("%s: a state without tensors was loaded", k.name)
		}
		tensors, err := whole.Tensors()
		if err != nil {
			t.Fatal(err)
		}
		if err := whole.Load(tensors, Position{Round: rounds}); err == nil || !strings.Contains(err.Error(), "round") {
			t.Errorf("%s: a round beyond the epoch: error %v", k.name, err)
		}
		tensors[1].Cols++
		if err := whole.Load(tensors, Position{}); err == nil || !strings.Contains(err.Error(), "item_factors") {
			t.Errorf("%s: a wider tensor: error %v", k.name, err)
		}
	}
}

// Steps and the orders of epochs allocate nothing.
func TestStepsAllocations(t *testing.T) {
	m := popular(900, 700, 70000, stars)
	dev, p := trainingOn(t, 2)
	for _, k := range kinds {
		s, err := k.begin(dev, p, m, usualSettings)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		// A goroutine that falls asleep may have the runtime allocate now and then.
		if n := testing.AllocsPerRun(4, func() { epochs(t, s, 1) }); n >= 1 {
			t.Errorf("%s: an epoch allocates %v times", k.name, n)
		}
	}
}

// matrixOf makes a matrix of rows.
func matrixOf(items int, rows ...[]int32) *interactions.Matrix {
	m := &interactions.Matrix{Rows: len(rows), Columns: items, Offsets: make([]int64, len(rows)+1)}
	for u, row := range rows {
		for _, i := range row {
			m.Indices, m.Values = append(m.Indices, i), append(m.Values, 1+float32(i))
		}
		m.Offsets[u+1] = int64(len(m.Indices))
	}
	return m
}

// Odd shapes train; who has no interaction keeps factors of 0, and columns of padding stay 0.
func TestStepsOddShapes(t *testing.T) {
	dev, p := trainingOn(t, 2)
	for name, m := range map[string]*interactions.Matrix{
		"one user":             matrixOf(9, []int32{0, 3, 8}),
		"two items":            matrixOf(2, []int32{0}, []int32{1}, []int32{0, 1}),
		"empty rows":           matrixOf(5, nil, []int32{1, 2}, nil, []int32{4}, nil),
		"all of them":          matrixOf(3, []int32{0, 1, 2}, []int32{0, 1, 2}),
		"many items, one user": popular(1, 20000, 9000, stars),
		"many users":           popular(6000, 3, 9000, stars),
	} {
		for _, k := range kinds {
			for _, factors := range []int{1, 7, 16, 33} {
				o := usualSettings
				o.Factors = factors
				s, err := k.begin(dev, p, m, o)
				if err != nil {
					t.Fatalf("%s, %s: %v", k.name, name, err)
				}
				epochs(t, s, 3)
				tensors, err := s.Tensors()
				if err != nil {
					t.Fatal(err)
				}
				for _, x := range tensors {
					for n, v := range x.Data {
						if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
							t.Fatalf("%s, %s: %s[%d] = %v", k.name, name, x.Name, n, v)
						}
					}
				}
				for u := range m.Rows {
					row := tensors[0].Data[u*factors : (u+1)*factors]
					if zero := row[0] == 0; zero != (m.Offsets[u] == m.Offsets[u+1]) {
						t.Errorf("%s, %s: user %d with %d interactions has factors %v", k.name, name, u, m.Offsets[u+1]-m.Offsets[u], row)
					}
				}
				padded := make([]float32, m.Rows*s.width)
				if err := kernels.Download(dev, padded, s.users.Buf, 0); err != nil {
					t.Fatal(err)
				}
				for n, v := range padded {
					if n%s.width >= factors && v != 0 {
						t.Fatalf("%s, %s: padding became %v", k.name, name, v)
					}
				}
				s.Close()
			}
		}
	}
}

// What cannot be trained is an error that says what to give instead.
func TestStepsErrors(t *testing.T) {
	dev, p := trainingOn(t, 1)
	m := matrixOf(4, []int32{0, 1}, []int32{2})
	bad := matrixOf(4, []int32{0, 1}, []int32{2})
	bad.Values[1] = float32(math.NaN())
	good := SGD{Factors: 4, Rate: 0.1, BiasRate: 0.1, Decay: 1, Deviation: 0.1}
	for _, c := range []struct {
		want    string
		m       *interactions.Matrix
		ratings bool
		change  func(r *RatingSettings, b *PreferenceSettings)
	}{
		{"factors 0; give a number of at least 1", m, true, func(r *RatingSettings, _ *PreferenceSettings) { r.Factors = 0 }},
		{"rate -0.1; give a number above 0", m, true, func(r *RatingSettings, _ *PreferenceSettings) { r.Rate = -0.1 }},
		{"rate NaN", m, false, func(_ *RatingSettings, b *PreferenceSettings) { b.Rate = math.NaN() }},
		{"bias rate -1", m, true, func(r *RatingSettings, _ *PreferenceSettings) { r.BiasRate = -1 }},
		{"decay 0; give a number above 0", m, true, func(r *RatingSettings, _ *PreferenceSettings) { r.Decay = 0 }},
		{"decay 1.5", m, false, func(_ *RatingSettings, b *PreferenceSettings) { b.Decay = 1.5 }},
		{"deviation 0", m, true, func(r *RatingSettings, _ *PreferenceSettings) { r.Deviation = 0 }},
		{"penalty -1; give a number above 0, or 0 for none", m, true, func(r *RatingSettings, _ *PreferenceSettings) { r.ItemBiasL2 = -1 }},
		{"penalty +Inf", m, false, func(_ *RatingSettings, b *PreferenceSettings) { b.NegativeL2 = math.Inf(1) }},
		{"negative power 2; give a number from 0", m, false, func(_ *RatingSettings, b *PreferenceSettings) { b.NegativePower = 2 }},
		{"there are no interactions", matrixOf(4, nil, nil), true, nil},
		{"there are no interactions", matrixOf(4, nil, nil), false, nil},
		{"value 1 of the matrix is NaN; leave it out", bad, true, nil},
		{"give data of more items", matrixOf(1, []int32{0}, []int32{0}), false, nil},
	} {
		r, b := RatingSettings{SGD: good}, PreferenceSettings{SGD: good}
		if c.change != nil {
			c.change(&r, &b)
		}
		var err error
		if c.ratings {
			_, _, err = NewRatingSteps(dev, p, c.m, r)
		} else {
			_, err = NewPreferenceSteps(dev, p, c.m, b)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
	// The remedies of the messages.
	for _, o := range []SGD{{Factors: 1, Rate: 0.05, Decay: 1, Deviation: 0.1}, good} {
		s, _, err := NewRatingSteps(dev, p, m, RatingSettings{SGD: o})
		if err != nil {
			t.Fatal(err)
		}
		epochs(t, s, 2)
		biased := s.userBias.Buf
		data := make([]float32, m.Rows)
		if err := kernels.Download(dev, data, biased, 0); err != nil {
			t.Fatal(err)
		}
		if (data[0] != 0) != (o.BiasRate > 0) {
			t.Errorf("a bias rate of %v leaves a bias of %v", o.BiasRate, data[0])
		}
		s.Close()
	}
	if mem := dev.Memory(); mem["parameters"] != 0 || mem["samples"] != 0 {
		t.Errorf("trainings that ended hold memory: %v", mem)
	}
	if _, _, err := NewRatingSteps(without{dev}, p, m, RatingSettings{SGD: good}); !errors.Is(err, kernels.ErrUnsupported) {
		t.Errorf("a device without the family: error %v", err)
	}
}

// without is a device that has no families.
type without struct{ kernels.Device }

func ExampleSteps() {
	dev, err := cpu.New(cpu.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = dev.Close() }()
	p := pool.New(2)
	defer p.Close()
	m := &interactions.Matrix{Rows: 2, Columns: 3, Offsets: []int64{0, 2, 3}, Indices: []int32{0, 1, 2}, Values: []float32{1, 5, 3}}
	s, mean, err := NewRatingSteps(dev, p, m, RatingSettings{SGD: SGD{Factors: 2, Rate: 0.1, BiasRate: 0.1, Decay: 1, Deviation: 0.1}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	var loss float64
	for range 100 {
		if loss, err = s.Epoch(); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Printf("mean %v, squared error below 0.01: %v\n", mean, loss < 0.01)
	// Output: mean 3, squared error below 0.01: true
}
