package factorization

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"debut/datasets/interactions"
	"debut/kernels"
	"debut/kernels/cpu"
	"debut/kernels/philox"
	"debut/trainers/loop"
	"debut/trainers/ranking"
)

// processor opens a device for the time of a test.
func processor(t testing.TB, threads int) kernels.Device {
	t.Helper()
	d, err := cpu.New(cpu.Options{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// factorsOf are those of a training as it is.
func factorsOf(t testing.TB, f fitter) *Factors {
	t.Helper()
	x, err := f.factors()
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// drawn is a matrix in which about a share of the pairs has the value that a function says; some rows and columns are empty.
func drawn(users, items int, share float64, value func(u, i int) float64) *interactions.Matrix {
	r := philox.New(5, 6)
	m := &interactions.Matrix{Rows: users, Columns: items, Offsets: []int64{0}}
	for u := range users {
		for i := range items {
			if r.Float64() < share && u%13 != 7 && i%17 != 5 {
				m.Indices, m.Values = append(m.Indices, int32(i)), append(m.Values, float32(value(u, i)))
			}
		}
		m.Offsets = append(m.Offsets, m.Len())
	}
	return m
}

// settings are whole ones of als.
func settings(change func(c *ModelConfig)) *ModelConfig {
	c := &Config{Model: ModelConfig{Algorithm: "als", Factors: 8}}
	change(&c.Model)
	c.SetDefaults()
	if c.Model.Feedback == Implicit && c.Model.Unobserved == nil {
		c.Model.Unobserved = new(0.1)
	}
	if c.Model.Regularization == nil {
		c.Model.Regularization = new(0.02)
	}
	return &c.Model
}

// pass trains for an epoch in batches of so many rows, and returns its loss as package run has it.
func pass(t testing.TB, a *als, batch int) float64 {
	t.Helper()
	rows, _, _ := a.course()
	sum := 0.0
	for from := 0; from < rows; from += batch {
		n := min(batch, rows-from)
		loss, err := a.step(loop.Event{From: from, N: n})
		if err != nil {
			t.Fatal(err)
		}
		sum += loss * float64(n)
	}
	return sum / float64(rows)
}

// dense is the model written out: what pairs weigh, what they are to be, and the factors, in float64.
type dense struct {
	cfg          *ModelConfig
	weight, want [][]float64 // 0 and anything where there is no pair
	count        [2][]float64
	side         [2][][]float64
	mean, pairs  float64
	fit          [2][2]int // of each side: columns that are fitted
}

func newDense(m *interactions.Matrix, cfg *ModelConfig, a *als) *dense {
	d := &dense{cfg: cfg, pairs: float64(m.Len()), mean: a.mean}
	w := a.users.columns
	for i, s := range []*alsSide{a.users, a.items} {
		d.fit[i] = [2]int{s.lo, s.hi}
		d.count[i] = make([]float64, s.pairs.Rows)
		for r := range s.pairs.Rows {
			row := make([]float64, w)
			for c := range row {
				row[c] = float64(s.factors.data[r*w+c])
			}
			d.side[i] = append(d.side[i], row)
		}
	}
	for u := range m.Rows {
		weight, want := make([]float64, m.Columns), make([]float64, m.Columns)
		columns, values := m.Row(u)
		for k, i := range columns {
			v := float64(values[k])
			switch {
			case cfg.Feedback == Explicit:
				weight[i], want[i] = 1, v-a.mean
			case cfg.Confidence == ConfidenceLog:
				weight[i], want[i] = math.Log(1+v), 1
			case cfg.Confidence == ConfidenceNone:
				weight[i], want[i] = 1, 1
			default:
				weight[i], want[i] = v, 1
			}
			d.count[0][u]++
			d.count[1][i]++
		}
		d.weight, d.want = append(d.weight, weight), append(d.want, want)
	}
	return d
}

func (d *dense) unobserved() float64 {
	if d.cfg.Feedback == Explicit {
		return 0
	}
	return *d.cfg.Unobserved
}

func (d *dense) ridge(side, row int) float64 {
	return *d.cfg.Regularization * math.Pow(d.count[side][row]+d.unobserved()*float64(len(d.side[1-side])), *d.cfg.Exponent)
}

// objective is the sum that is to be least, for each pair.
func (d *dense) objective() float64 {
	sum := 0.0
	for u, x := range d.side[0] {
		for i, y := range d.side[1] {
			p := 0.0
			for c := range x {
				p += x[c] * y[c]
			}
			sum += d.weight[u][i]*(d.want[u][i]-p)*(d.want[u][i]-p) + d.unobserved()*p*p
		}
	}
	for s := range d.side {
		for r, x := range d.side[s] {
			for c := d.fit[s][0]; c < d.fit[s][1]; c++ {
				sum += d.ridge(s, r) * x[c] * x[c]
			}
		}
	}
	return sum / d.pairs
}

// pass fits all users, and then all items, by elimination.
func (d *dense) pass() {
	for s := range d.side {
		lo, hi := d.fit[s][0], d.fit[s][1]
		n := hi - lo
		for r, x := range d.side[s] {
			if d.count[s][r] == 0 { // nothing but the penalties speaks
				clear(x[lo:hi])
				continue
			}
			m := make([][]float64, n)
			for i := range m {
				m[i] = make([]float64, n+1)
				m[i][i] = d.ridge(s, r)
			}
			for o, y := range d.side[1-s] {
				u, i := r, o
				if s == 1 {
					u, i = o, r
				}
				want := d.want[u][i]
				for c := range x { // what is not fitted is met already
					if c < lo || c >= hi {
						want -= x[c] * y[c]
					}
				}
				for a := range n {
					for b := range n {
						m[a][b] += (d.weight[u][i] + d.unobserved()) * y[lo+a] * y[lo+b]
					}
					m[a][n] += d.weight[u][i] * want * y[lo+a]
				}
			}
			for j := range n {
				for i := j + 1; i < n; i++ {
					f := m[i][j] / m[j][j]
					for c := j; c <= n; c++ {
						m[i][c] -= f * m[j][c]
					}
				}
			}
			for i := n - 1; i >= 0; i-- {
				v := m[i][n]
				for j := i + 1; j < n; j++ {
					v -= m[i][j] * x[lo+j]
				}
				x[lo+i] = v / m[i][i]
			}
		}
	}
}

// cases of als that are compared with the dense solution.
func cases() map[string]func(c *ModelConfig) {
	return map[string]func(c *ModelConfig){
		"implicit":       func(*ModelConfig) {},
		"logarithms":     func(c *ModelConfig) { c.Confidence = ConfidenceLog },
		"no confidence":  func(c *ModelConfig) { c.Confidence, c.Exponent = ConfidenceNone, new(0.5) },
		"explicit":       func(c *ModelConfig) { c.Feedback = Explicit },
		"equal penalty":  func(c *ModelConfig) { c.Feedback, c.Exponent, c.Regularization = Explicit, new(0.0), new(0.7) },
		"one factor":     func(c *ModelConfig) { c.Factors = 1 },
		"weak penalties": func(c *ModelConfig) { c.Regularization, c.Unobserved = new(1e-4), new(0.01) },
	}
}

// Passes over both sides are those of a dense solution in float64, the loss is the objective as it is written, and it falls each time.
func TestDense(t *testing.T) {
	m := drawn(60, 45, 0.2, func(u, i int) float64 { return float64((u*7+i*3)%9)/2 + 0.5 })
	dev := processor(t, 2)
	for name, change := range cases() {
		for _, solver := range []string{Cholesky, ConjugateGradient} {
			cfg := settings(func(c *ModelConfig) {
				change(c)
				if c.Solver = solver; solver == ConjugateGradient {
					c.Steps = 40 // to the solution
				}
			})
			a, err := newALS(dev, m, cfg, 3, 0)
			if err != nil {
				t.Fatal(err)
			}
			d := newDense(m, cfg, a)
			last := math.Inf(1)
			for epoch := range 6 {
				loss := pass(t, a, []int{1000, 7}[epoch%2]) // batches change nothing
				d.pass()
				want := d.objective()
				if !(math.Abs(loss-want) <= 1e-5*want) {
					t.Errorf("%s, %s, epoch %d: the loss is %v, the objective %v", name, solver, epoch, loss, want)
				}
				if !(loss < last) {
					t.Errorf("%s, %s, epoch %d: the loss rises from %v to %v", name, solver, epoch, last, loss)
				}
				last = loss
			}
			for s, side := range []*alsSide{a.users, a.items} {
				largest, far := 0.0, 0.0
				for r, x := range d.side[s] {
					for c, v := range x {
						largest = max(largest, math.Abs(v))
						far = max(far, math.Abs(v-float64(side.factors.data[r*side.columns+c])))
					}
				}
				if !(far <= 1e-4*largest) {
					t.Errorf("%s, %s: factors of side %d are off by %v of %v", name, solver, s, far, largest)
				}
			}
		}
	}
}

// A few steps of conjugate gradients make the objective fall each time too, to nearly the same.
func TestStepsFall(t *testing.T) {
	m := drawn(200, 150, 0.1, func(u, i int) float64 { return float64(1 + (u+i)%4) })
	for name, change := range cases() {
		losses := map[int]float64{}
		for _, steps := range []int{1, 3, 40} {
			cfg := settings(func(c *ModelConfig) { change(c); c.Steps = steps })
			a, err := newALS(processor(t, 2), m, cfg, 3, 0)
			if err != nil {
				t.Fatal(err)
			}
			last := math.Inf(1)
			for epoch := range 15 {
				loss := pass(t, a, 100)
				if !(loss < last) {
					t.Errorf("%s, %d steps, epoch %d: the loss rises from %v to %v", name, steps, epoch, last, loss)
				}
				last = loss
			}
			d := newDense(m, cfg, a)
			if want := d.objective(); !(math.Abs(last-want) <= 1e-5*want) {
				t.Errorf("%s, %d steps: the loss is %v, the objective %v", name, steps, last, want)
			}
			losses[steps] = last
		}
		if !(losses[3] <= 1.02*losses[40]) {
			t.Errorf("%s: three steps come to %v, the solution to %v", name, losses[3], losses[40])
		}
	}
}

// Ratings that are products of planted factors and biases are found again from a part of them.
func TestPlantedRatings(t *testing.T) {
	const users, items, d = 300, 200, 4
	r := philox.New(8, 1)
	normal := func(n int) []float64 {
		v := make([]float64, n)
		for i := range v {
			v[i] = r.NormFloat64()
		}
		return v
	}
	x, y, b, c := normal(users*d), normal(items*d), normal(users), normal(items)
	truth := func(u, i int) float64 {
		v := 3 + 0.5*b[u] + 0.5*c[i]
		for k := range d {
			v += 0.5 * x[u*d+k] * y[i*d+k]
		}
		return v
	}
	m := drawn(users, items, 0.3, truth)
	a, err := newALS(processor(t, 2), m, settings(func(c *ModelConfig) { c.Feedback, c.Factors, c.Regularization = Explicit, d, new(1e-4) }), 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range 40 {
		pass(t, a, 4096)
	}
	scores := make([]float32, users*items)
	all := make([]int32, users)
	for u := range all {
		all[u] = int32(u)
	}
	if err := newScorer(a.model, a.dev).Score(all, scores); err != nil {
		t.Fatal(err)
	}
	known, squares, spread, n := 0, 0.0, 0.0, 0.0
	for u := range users {
		has, _ := m.Row(u)
		for i := range items {
			for known < len(has) && int(has[known]) < i {
				known++
			}
			if u%13 == 7 || i%17 == 5 || known < len(has) && int(has[known]) == i {
				continue // without ratings, or trained on
			}
			miss := float64(scores[u*items+i]) - truth(u, i)
			squares, spread, n = squares+miss*miss, spread+(truth(u, i)-3)*(truth(u, i)-3), n+1
		}
		known = 0
	}
	if off := math.Sqrt(squares / spread); n < 1000 || !(off < 0.02) {
		t.Errorf("ratings that were held back are off by %.3f of their spread", off)
	}
}

// tastes are pairs of users and items that planted factors like, three in four of them to train with, the others held back.
func tastes() (train, held *interactions.Matrix) {
	const users, items, d = 400, 300, 6
	r := philox.New(4, 2)
	x, y := make([]float64, users*d), make([]float64, items*d)
	for k := range x {
		x[k] = r.NormFloat64()
	}
	for k := range y {
		y[k] = r.NormFloat64()
	}
	chosen := drawn(users, items, 1, func(u, i int) float64 {
		p := 0.0
		for k := range d {
			p += x[u*d+k] * y[i*d+k]
		}
		return max(0, p-3)
	})
	train = &interactions.Matrix{Rows: users, Columns: items, Offsets: []int64{0}}
	held = &interactions.Matrix{Rows: users, Columns: items, Offsets: []int64{0}}
	for u := range users {
		columns, values := chosen.Row(u)
		for k, i := range columns {
			if to := train; values[k] > 0 {
				if r.IntN(4) == 0 {
					to = held
				}
				to.Indices, to.Values = append(to.Indices, i), append(to.Values, 1)
			}
		}
		train.Offsets, held.Offsets = append(train.Offsets, train.Len()), append(held.Offsets, held.Len())
	}
	return train, held
}

// found is the recall of what is held back among the 20 best of what is not trained with. By chance it is 20 of some 260.
func found(t *testing.T, f *Factors, dev kernels.Device, train, held *interactions.Matrix) float64 {
	t.Helper()
	ties := ranking.NewTies(train.Columns, func(i int) string { return fmt.Sprint(i) })
	e, err := ranking.Evaluate(t.Context(), newScorer(f, dev), held, []int{20}, ranking.Options{Ties: ties, Seen: train})
	if err != nil {
		t.Fatal(err)
	}
	return e.At(20).Recall
}

// What users choose by planted factors is recommended to them.
func TestPlantedTastes(t *testing.T) {
	train, held := tastes()
	a, err := newALS(processor(t, 2), train, settings(func(c *ModelConfig) { c.Factors = 8 }), 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		pass(t, a, 4096)
	}
	if recall := found(t, a.model, a.dev, train, held); !(recall > 0.8) {
		t.Errorf("recall@20 is %.3f", recall)
	}
}

// Somebody folded in has the factors that a further pass over the users gives to a user with the same pairs, and so has an item.
func TestFolding(t *testing.T) {
	m := drawn(50, 40, 0.3, func(u, i int) float64 { return 1 + float64((u+i)%5) })
	dev := processor(t, 1)
	for name, change := range cases() {
		cfg := settings(func(c *ModelConfig) { change(c); c.Solver = Cholesky })
		a, err := newALS(dev, m, cfg, 2, 0)
		if err != nil {
			t.Fatal(err)
		}
		pass(t, a, 4096)
		pass(t, a, 4096)
		o, err := newFolding(a.model, cfg, dev, userSide)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.fit(a.users, 0, m.Rows); err != nil { // with the items as they are
			t.Fatal(err)
		}
		for u := range m.Rows {
			columns, values := m.Row(u)
			if len(columns) == 0 {
				continue
			}
			x, err := o.solve(columns, values)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(x, a.model.User(u)) {
				t.Fatalf("%s, user %d: folded in he has %v, trained %v", name, u, x, a.model.User(u))
			}
		}
		if o, err = newFolding(a.model, cfg, dev, itemSide); err != nil {
			t.Fatal(err)
		}
		if _, err := a.fit(a.items, 0, m.Columns); err != nil { // with the users as they are
			t.Fatal(err)
		}
		byItem := m.Transpose()
		for i := range byItem.Rows {
			columns, values := byItem.Row(i)
			if len(columns) == 0 {
				continue
			}
			x, err := o.solve(columns, values)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(x, a.model.Item(i)) {
				t.Fatalf("%s, item %d: folded in it has %v, trained %v", name, i, x, a.model.Item(i))
			}
		}
	}
}

// A user's scores do not depend on who is scored beside him.
func TestScoresByBlock(t *testing.T) {
	m := drawn(40, 30, 0.3, func(u, i int) float64 { return 1 + float64((u+i)%5) })
	for _, feedback := range []string{Implicit, Explicit} {
		a, err := newALS(processor(t, 2), m, settings(func(c *ModelConfig) { c.Feedback, c.Factors = feedback, 300 }), 2, 0)
		if err != nil {
			t.Fatal(err)
		}
		s := newScorer(a.model, a.dev)
		all := make([]float32, 40*30)
		users := make([]int32, 40)
		for u := range users {
			users[u] = int32(u)
		}
		if err := s.Score(users, all); err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{1, 2, 13} {
			for lo := 0; lo+n <= 40; lo += n {
				some := make([]float32, n*30)
				if err := s.Score(users[lo:lo+n], some); err != nil {
					t.Fatal(err)
				}
				for k, v := range some {
					if v != all[lo*30+k] {
						t.Fatalf("%s: in a block of %d, user %d has %v for item %d, in one of all %v", feedback, n, lo+k/30, v, k%30, all[lo*30+k])
					}
				}
			}
		}
		part, err := s.Range()
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{1, 3, 40} {
			for _, items := range [][2]int{{0, 30}, {0, 2}, {7, 23}, {28, 30}} {
				some := make([]float32, n*(items[1]-items[0]))
				if err := part.Score(users[:n], items[0], items[1], some); err != nil {
					t.Fatal(err)
				}
				for k, v := range some {
					u, i := k/(items[1]-items[0]), items[0]+k%(items[1]-items[0])
					if v != all[u*30+i] {
						t.Fatalf("%s: among the items %v, user %d has %v for item %d, among all %v", feedback, items, u, v, i, all[u*30+i])
					}
				}
			}
		}
		if err := part.Close(); err != nil {
			t.Error(err)
		}
		for _, wrong := range []int32{-1, 40} {
			if err := s.Score([]int32{wrong}, make([]float32, 30)); err == nil {
				t.Errorf("user %d is scored", wrong)
			}
		}
	}
}
