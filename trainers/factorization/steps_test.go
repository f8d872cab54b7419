package factorization

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"sort"
	"strings"
	"testing"

	"debut/datasets/interactions"
	"debut/kernels"
	"debut/kernels/cpu"
	"debut/kernels/philox"
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

// Every sample of the matrix is taken once an epoch, and no two blocks of a round have a user or an item in common.
func TestScheduleCovers(t *testing.T) {
	m := popular(300, 200, 9000, stars)
	_, p := trainingOn(t, 2)
	const blocks = 7
	n := int(m.Len())
	s := newSchedule(m, p, 5, blocks, make([]int32, 2*n), make([]float32, n), nil)
	for epoch := range 3 {
		s.begin(epoch)
		seen := make(map[[2]int32]bool)
		for round := range blocks {
			users, items := make(map[int32]int32), make(map[int32]int32)
			for _, b := range s.meetings(round) {
				for k := b.from; k < b.to; k++ {
					u, i := s.samples[2*k], s.samples[2*k+1]
					if other, ok := users[u]; ok && other != b.users {
						t.Fatalf("user %d is in blocks %d and %d of a round", u, other, b.users)
					}
					if other, ok := items[i]; ok && other != b.items {
						t.Fatalf("item %d is in blocks %d and %d of a round", i, other, b.items)
					}
					users[u], items[i] = b.users, b.items
					if seen[[2]int32{u, i}] || s.values[k] != stars(u, i) {
						t.Fatalf("sample %d, %d is there twice or has the value %v", u, i, s.values[k])
					}
					seen[[2]int32{u, i}] = true
				}
			}
		}
		if len(seen) != n {
			t.Fatalf("an epoch has %d samples of %d", len(seen), n)
		}
	}
}

// Over epochs, the item drawn for one that a user has is any that he has not, all alike or by the weight asked for.
func TestNegativesDistribution(t *testing.T) {
	const users, items, trials = 30, 48, 2500
	m := popular(users, items, 450, stars)
	_, p := trainingOn(t, 1)
	for _, c := range []struct {
		power  float64
		blocks int
	}{{0, 1}, {0, 4}, {0.75, 4}, {1, 3}} {
		n := newNegatives(m.ColumnCounts(), c.power, 11)
		s := newSchedule(m, p, 11, c.blocks, make([]int32, 3*m.Len()), nil, n)
		// The weight with which an item was drawn for a user, and for the first user's first item alone, summed over epochs, with
		// squares of an epoch's weight.
		var sums, squares [users + 1][items]float64
		weight, lost := 1.0, 0
		for epoch := range trials {
			s.begin(epoch)
			var once [users + 1][items]float64
			for round := range c.blocks {
				for _, b := range s.meetings(round) {
					if n.weight != nil {
						weight = float64(n.blocks[b.items])
					}
					for k := b.from; k < b.to; k++ {
						u, i, j := s.samples[3*k], s.samples[3*k+1], s.samples[3*k+2]
						if j < 0 {
							lost++
							continue
						}
						once[u][j] += weight
						if u == 0 && i == m.Indices[0] {
							once[users][j] += weight
						}
					}
				}
			}
			for u := range once {
				for j, w := range once[u] {
					sums[u][j] += w
					squares[u][j] += w * w
				}
			}
		}
		if most := 0.05 * trials * float64(m.Len()); c.power == 0 && float64(lost) > most {
			t.Errorf("%+v: %d samples found no negative", c, lost)
		}
		worst, sum, degrees := 0.0, 0.0, 0.0
		for u := range sums {
			row, _ := m.Row(u % users)
			entries := float64(len(row))
			if u == users {
				entries = 1
			}
			has := make(map[int]bool)
			for _, i := range row {
				has[int(i)] = true
			}
			all := 0.0
			for _, w := range sums[u] {
				all += w
			}
			for j, got := range sums[u] {
				want := all / float64(items-len(row))
				if n.weight != nil {
					want = trials * entries * n.weight[j] / n.total
				}
				if has[j] || want == 0 {
					if got != 0 {
						t.Fatalf("%+v: user %d was given item %d, which he has or nobody", c, u%users, j)
					}
					continue
				}
				z := (got - want) / math.Sqrt(squares[u][j]-got*got/trials)
				worst, sum, degrees = max(worst, math.Abs(z)), sum+z*z, degrees+1
			}
		}
		// A thousand deviates of unit variance: the largest is near 3.3, the mean square near 1.
		t.Logf("%+v: the worst of %v counts is off by %.2f deviations, the mean square is %.3f", c, degrees, worst, sum/degrees)
		if worst > 5 || sum/degrees > 1.2 {
			t.Errorf("%+v: the worst of %v counts is off by %.2f deviations, the mean square is %.3f", c, degrees, worst, sum/degrees)
		}
	}
}

// planted is a matrix of ratings from known factors.
type planted struct {
	users, items, rank int
	p, q, bu, bi       []float64
	noise              float64
	train, test        *interactions.Matrix
}

// plant generates for each user so many ratings to train on and one in ten of that to test with.
func plant(users, items, rank, each int, noise float64) *planted {
	draw := philox.New(17, 4)
	normal := func(n int, deviation float64) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = deviation * draw.NormFloat64()
		}
		return x
	}
	size := math.Pow(float64(rank), -0.25) // products have unit variance
	w := &planted{users: users, items: items, rank: rank, noise: noise, p: normal(users*rank, size), q: normal(items*rank, size), bu: normal(users, 0.5), bi: normal(items, 0.5)}
	w.train = &interactions.Matrix{Rows: users, Columns: items, Offsets: make([]int64, users+1)}
	w.test = &interactions.Matrix{Rows: users, Columns: items, Offsets: make([]int64, users+1)}
	order := make([]int32, items)
	for u := range users {
		draw.PermInto(order)
		for k, to := range []*interactions.Matrix{w.train, w.test} {
			list := order[:each]
			if k == 1 {
				list = order[each : each+each/10]
			}
			chosen := make([]bool, items)
			for _, i := range list {
				chosen[i] = true
			}
			for i, ok := range chosen {
				if ok {
					to.Indices = append(to.Indices, int32(i))
					to.Values = append(to.Values, float32(w.truth(u, i)+noise*draw.NormFloat64()))
				}
			}
			to.Offsets[u+1] = int64(len(to.Indices))
		}
	}
	return w
}

func (w *planted) truth(u, i int) float64 {
	v := 3 + w.bu[u] + w.bi[i]
	for c := range w.rank {
		v += w.p[u*w.rank+c] * w.q[i*w.rank+c]
	}
	return v
}

// predictor returns what a state predicts.
func predictor(t *testing.T, s *Steps, mean float64) func(u, i int) float64 {
	t.Helper()
	x, err := s.Tensors()
	if err != nil {
		t.Fatal(err)
	}
	k := x[0].Cols
	return func(u, i int) float64 {
		v := mean + float64(x[2].Data[u]) + float64(x[3].Data[i])
		for c := range k {
			v += float64(x[0].Data[u*k+c]) * float64(x[1].Data[i*k+c])
		}
		return v
	}
}

// rmse returns the error of predictions of a matrix.
func rmse(m *interactions.Matrix, predict func(u, i int) float64) float64 {
	sum := 0.0
	for u := range m.Rows {
		cols, values := m.Row(u)
		for k, i := range cols {
			e := float64(values[k]) - predict(u, int(i))
			sum += e * e
		}
	}
	return math.Sqrt(sum / float64(m.Len()))
}

// Planted factors are recovered from noisy ratings: what is predicted for others is wrong by little more than their noise, as by a
// reference that takes samples in an order without blocks and groups.
func TestRatingStepsRecover(t *testing.T) {
	w := plant(600, 500, 2, 250, 0.5)
	dev, p := trainingOn(t, 2)
	o := RatingSettings{SGD: SGD{Factors: 2, Seed: 1, Rate: 0.03, BiasRate: 0.03, Decay: 0.85, Deviation: 0.3}, UserL2: 0.01, ItemL2: 0.01}
	s, mean, err := NewRatingSteps(dev, p, w.train, o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const n = 20
	reference := begun(t, s)
	loss := epochs(t, s, n)
	predict := predictor(t, s, mean)
	got := rmse(w.test, predict)
	reference.ratings(w.train, o, n, mean)
	want := rmse(w.test, reference.predict)
	t.Logf("noise %v: RMSE of training %.4f, of test %.4f, of the reference %.4f", w.noise, math.Sqrt(loss), got, want)
	if got > 1.02*w.noise {
		t.Errorf("the RMSE of the test is %.4f, the noise %v", got, w.noise)
	}
	if got > 1.005*want {
		t.Errorf("the RMSE of the test is %.4f, that of the reference %.4f", got, want)
	}
	if s.RoundsPerEpoch() < 4 {
		t.Errorf("%d rounds an epoch, too few to tell", s.RoundsPerEpoch())
	}
	// All pairs, without noise.
	sum := 0.0
	for u := range w.users {
		for i := range w.items {
			e := predict(u, i) - w.truth(u, i)
			sum += e * e
		}
	}
	if e := math.Sqrt(sum / float64(w.users*w.items)); e > 0.2*w.noise {
		t.Errorf("predictions are wrong by %.4f where there is no noise", e)
	}
}

// sequential is a training in float64 that takes samples one after another, in a random order without blocks and groups.
type sequential struct {
	k            int
	mean         float64
	p, q, bu, bi []float64
}

// begun returns a sequential training that begins with the state of a training.
func begun(t *testing.T, s *Steps) *sequential {
	t.Helper()
	tensors, err := s.Tensors()
	if err != nil {
		t.Fatal(err)
	}
	var x [4][]float64
	for i, part := range tensors {
		for _, v := range part.Data {
			x[i] = append(x[i], float64(v))
		}
	}
	return &sequential{tensors[0].Cols, 0, x[0], x[1], x[2], x[3]}
}

func (s *sequential) predict(u, i int) float64 {
	v := s.mean + s.bu[u] + s.bi[i]
	for c := range s.k {
		v += s.p[u*s.k+c] * s.q[i*s.k+c]
	}
	return v
}

// ratings is plain stochastic gradient descent.
func (s *sequential) ratings(m *interactions.Matrix, o RatingSettings, epochs int, mean float64) {
	s.mean = mean
	draw := philox.New(o.Seed, 99)
	users, order := usersOf(m), make([]int32, m.Len())
	rate, biasRate := o.Rate, o.BiasRate
	for range epochs {
		draw.PermInto(order)
		for _, n := range order {
			u, i := int(users[n]), int(m.Indices[n])
			e := float64(m.Values[n]) - s.predict(u, i)
			s.bu[u] += biasRate * (e - o.UserBiasL2*s.bu[u])
			s.bi[i] += biasRate * (e - o.ItemBiasL2*s.bi[i])
			for c := range s.k {
				a, b := &s.p[u*s.k+c], &s.q[i*s.k+c]
				*a, *b = *a+rate*(e**b-o.UserL2**a), *b+rate*(e**a-o.ItemL2**b)
			}
		}
		rate, biasRate = rate*o.Decay, biasRate*o.Decay
	}
}

// usersOf returns the row of each entry.
func usersOf(m *interactions.Matrix) []int32 {
	users := make([]int32, 0, m.Len())
	for u := range m.Rows {
		for range m.Offsets[u+1] - m.Offsets[u] {
			users = append(users, int32(u))
		}
	}
	return users
}

// prefer generates choices of items by planted scores: each user has the best of what he looks at, and to test with, one more.
func prefer(users, items, rank, each int) (train, test *interactions.Matrix) {
	draw := philox.New(23, 4)
	normal := func(n int, deviation float64) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = deviation * draw.NormFloat64()
		}
		return x
	}
	p, q, popularity := normal(users*rank, 1), normal(items*rank, 1), normal(items, 0.7)
	train = &interactions.Matrix{Rows: users, Columns: items, Offsets: make([]int64, users+1)}
	test = &interactions.Matrix{Rows: users, Columns: items, Offsets: make([]int64, users+1)}
	for u := range users {
		has := make([]bool, items)
		var last int
		for n := 0; n <= each; {
			best, most := 0, math.Inf(-1)
			for range 10 {
				i := draw.IntN(items)
				score := popularity[i] + 0.5*draw.NormFloat64()
				for c := range rank {
					score += p[u*rank+c] * q[i*rank+c]
				}
				if score > most {
					best, most = i, score
				}
			}
			if !has[best] {
				has[best], last = true, best
				n++
			}
		}
		has[last] = false
		for i, ok := range has {
			if ok {
				train.Indices, train.Values = append(train.Indices, int32(i)), append(train.Values, 1)
			}
		}
		test.Indices, test.Values = append(test.Indices, int32(last)), append(test.Values, 1)
		train.Offsets[u+1], test.Offsets[u+1] = int64(len(train.Indices)), int64(len(test.Indices))
	}
	return train, test
}

// auc returns how often what a user chose is scored above what he has not, over all pairs.
func auc(train, test *interactions.Matrix, score func(u, i int) float64) float64 {
	sum := 0.0
	for u := range test.Rows {
		has, _ := train.Row(u)
		known := make(map[int32]bool)
		for _, i := range has {
			known[i] = true
		}
		chosen, _ := test.Row(u)
		above, others := 0.0, 0.0
		for i := range int32(test.Columns) {
			if !known[i] && i != chosen[0] {
				others++
				if score(u, int(chosen[0])) > score(u, int(i)) {
					above++
				}
			}
		}
		sum += above / others
	}
	return sum / float64(test.Rows)
}

// Preferences are learned as well as by a reference that draws from all items and takes samples in an order without blocks.
func TestPreferenceStepsQuality(t *testing.T) {
	train, test := prefer(1300, 400, 4, 30)
	dev, p := trainingOn(t, 2)
	const n = 20
	for _, power := range []float64{0, 0.5} {
		o := PreferenceSettings{SGD: SGD{Factors: 8, Seed: 1, Rate: 0.05, BiasRate: 0.05, Decay: 0.95, Deviation: 0.1}, UserL2: 0.01, ItemL2: 0.01, NegativeL2: 0.01, NegativePower: power}
		s, err := NewPreferenceSteps(dev, p, train, o)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		reference := begun(t, s)
		epochs(t, s, n)
		got := auc(train, test, predictor(t, s, 0))
		reference.preferences(train, o, n)
		want := auc(train, test, reference.predict)
		t.Logf("power %v: AUC %.4f, of the reference %.4f", power, got, want)
		if math.Abs(got-want) > 0.004 {
			t.Errorf("power %v: the AUC is %.4f, that of the reference %.4f", power, got, want)
		}
		if s.RoundsPerEpoch() < 3 {
			t.Errorf("%d rounds an epoch, too few to tell", s.RoundsPerEpoch())
		}
	}
}

// preferences is plain BPR.
func (s *sequential) preferences(m *interactions.Matrix, o PreferenceSettings, epochs int) {
	draw := philox.New(o.Seed, 99)
	users, order := usersOf(m), make([]int32, m.Len())
	has := make(map[[2]int32]bool)
	for n, u := range users {
		has[[2]int32{u, m.Indices[n]}] = true
	}
	sums, sum := make([]float64, m.Columns), 0.0
	for i, c := range m.ColumnCounts() {
		sum += math.Pow(float64(c), o.NegativePower)
		sums[i] = sum
	}
	k := s.k
	rate, biasRate := o.Rate, o.BiasRate
	for range epochs {
		draw.PermInto(order)
		for _, n := range order {
			u, i := users[n], m.Indices[n]
			j := int32(sort.SearchFloat64s(sums, draw.Float64()*sum))
			for has[[2]int32{u, j}] {
				j = int32(sort.SearchFloat64s(sums, draw.Float64()*sum))
			}
			z := 1 / (1 + math.Exp(s.predict(int(u), int(i))-s.predict(int(u), int(j))))
			s.bi[i] += biasRate * (z - o.BiasL2*s.bi[i])
			s.bi[j] += biasRate * (-z - o.BiasL2*s.bi[j])
			p, q, other := s.p[int(u)*k:int(u+1)*k], s.q[int(i)*k:int(i+1)*k], s.q[int(j)*k:int(j+1)*k]
			for c, v := range p {
				p[c] += rate * (z*(q[c]-other[c]) - o.UserL2*v)
				q[c] += rate * (z*v - o.ItemL2*q[c])
				other[c] += rate * (-z*v - o.NegativeL2*other[c])
			}
		}
		rate, biasRate = rate*o.Decay, biasRate*o.Decay
	}
}

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
