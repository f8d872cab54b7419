package factorization

import (
	"math"
	"sort"
	"testing"

	"debut/datasets/interactions"
	"debut/kernels/philox"
)

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
