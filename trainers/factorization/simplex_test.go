package factorization

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"debut/datasets/interactions"
	"debut/engine"
	"debut/engine/optim"
	"debut/kernels"
	"debut/kernels/cuda"
	"debut/kernels/cuda/cudatest"
	"debut/kernels/philox"
	"debut/trainers/loop"
	"debut/trainers/recommender"
)

// simplexConfig is a whole configuration of simplex.
func simplexConfig(change func(c *ModelConfig)) *Config {
	c := &Config{Model: ModelConfig{Algorithm: "simplex", Factors: 8, Negatives: 32, History: 6, Batch: 64}}
	c.Seed = 1
	change(&c.Model)
	c.SetDefaults()
	return c
}

// vocabulary is so many ids.
func vocabulary(t testing.TB, n int) *interactions.Vocabulary {
	t.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("%06d", i)
	}
	v, err := interactions.NewVocabulary(ids)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// contrasted begins a training.
func contrasted(t testing.TB, train *interactions.Matrix, threads int, c *Config) *simplex {
	t.Helper()
	dev, p := trainingOn(t, threads)
	data := &recommender.Data{Dataset: &interactions.Dataset{Users: vocabulary(t, train.Rows), Items: vocabulary(t, train.Columns), Train: train}, Pool: p}
	s, err := newSimplex(t.Context(), &problem{Data: data, cfg: c, dev: dev, cpu: dev})
	if err != nil {
		t.Fatal(err)
	}
	return s.(*simplex)
}

// contrast trains for an epoch and returns its mean loss.
func contrast(t testing.TB, s *simplex, epoch int) float64 {
	t.Helper()
	rows, batch, _ := s.course()
	order := philox.New(9, uint64(epoch)).Perm(rows)
	sum := 0.0
	for from := 0; from < rows; from += batch {
		n := min(batch, rows-from)
		loss, err := s.step(loop.Event{Epoch: epoch, From: from, N: n, Rows: order[from : from+n], First: true, Step: true, StepRows: n})
		if err != nil {
			t.Fatal(err)
		}
		sum += loss * float64(n)
	}
	return sum / float64(rows)
}

// Planted tastes are found again, by users' own vectors and histories and by either alone, from a random start and from the spectral one;
// and by the history alone of somebody who is folded in. How much a user likes anything, which decides on how many items he has, is not in
// cosines.
func TestSimplexTastes(t *testing.T) {
	if testing.Short() {
		t.Skip("1,300 steps; TestSimplexLoss has what they compute")
	}
	train, held := tastes()
	for _, c := range []struct {
		start              string
		gate, want, folded float64
	}{{StartSpectral, 0.5, 0.62, 0.3}, {StartRandom, 0, 0.65, 0.65}, {StartRandom, 1, 0.62, 0}} {
		cfg := simplexConfig(func(m *ModelConfig) {
			m.Factors, m.Negatives, m.History, m.Batch, m.Start = 16, 128, 16, 128, c.start
			m.LearningRate, m.Gate, m.Margin, m.NegativeWeight = new(0.02), new(c.gate), new(0.3), new(50.0)
		})
		s := contrasted(t, train, 2, cfg)
		first := contrast(t, s, 0)
		last := first
		for epoch := 1; epoch < 12; epoch++ {
			last = contrast(t, s, epoch)
		}
		recall := found(t, factorsOf(t, s), s.dev, train, held)
		t.Logf("%s start, gate %v: the loss falls from %.4f to %.4f, recall@20 is %.3f", c.start, c.gate, first, last, recall)
		if !(recall > c.want) || !(last < 0.9*first) {
			t.Errorf("%s start, gate %v: the loss falls from %.4f to %.4f, recall@20 is %.3f, want more than %v", c.start, c.gate, first, last, recall, c.want)
		}
		if c.folded == 0 {
			continue
		}
		m := &Model{cfg: cfg.Model, factors: &Factors{Width: s.model.Width, Items: s.model.Items, Histories: s.model.Histories}}
		for u := range train.Rows {
			columns, values := train.Row(u)
			x, err := simplexAlgorithm.fold(m, columns, values)
			if err != nil {
				t.Fatal(err)
			}
			m.factors.Users = append(m.factors.Users, x...)
		}
		if recall := found(t, m.factors, s.dev, train, held); !(recall > c.folded) {
			t.Errorf("%s start, gate %v: by histories alone recall@20 is %.3f, want more than %v", c.start, c.gate, recall, c.folded)
		}
	}
}

// exactly is the loss of a batch written out in float64, from the parameters and what was drawn.
func exactly(c *ModelConfig, train *interactions.Matrix, b *simplexBatch, n int, users, items, transform []float64) float64 {
	d := c.Factors
	row := func(of []float64, i int32) []float64 { return of[int(i)*d : (int(i)+1)*d] }
	cosine := func(x, y []float64) float64 {
		xy, xx, yy := 0.0, 0.0, 0.0
		for k := range x {
			xy, xx, yy = xy+x[k]*y[k], xx+x[k]*x[k], yy+y[k]*y[k]
		}
		return xy / math.Sqrt(xx*yy)
	}
	sum, mean := 0.0, 0.0
	for _, w := range train.Values {
		mean += float64(w) / float64(train.Len())
	}
	for r := range n {
		own, with := train.Row(int(b.user[r]))
		past, total := make([]float64, d), 0.0
		for _, i := range b.past[r*c.History : (r+1)*c.History] {
			if at, has := slices.BinarySearch(own, i); has {
				total += float64(with[at])
				for k, v := range row(items, i) {
					past[k] += float64(with[at]) * v
				}
			}
		}
		x := make([]float64, d)
		for k := range x {
			x[k] = *c.Gate * row(users, b.user[r])[k]
			for l := range past {
				if total > 0 {
					x[k] += (1 - *c.Gate) * past[l] / total * transform[l*d+k]
				}
			}
		}
		loss := 1 - cosine(x, row(items, b.positive[r]))
		for _, j := range b.drawn {
			if _, has := slices.BinarySearch(own, j); !has {
				loss += *c.NegativeWeight / float64(len(b.drawn)) * max(0, cosine(x, row(items, j))-*c.Margin)
			}
		}
		at, _ := slices.BinarySearch(own, b.positive[r])
		sum += float64(with[at]) / mean * loss
	}
	return sum / float64(n)
}

// valued is a small matrix of users who have a few items of different values, one of them a single item and another all of them.
func valued() *interactions.Matrix {
	m := &interactions.Matrix{Rows: 12, Columns: 17, Offsets: []int64{0}}
	for u := range m.Rows {
		for i := range m.Columns {
			if (u*7+i*5)%4 == 0 && u > 1 || u == 0 && i == 3 || u == 1 {
				m.Indices, m.Values = append(m.Indices, int32(i)), append(m.Values, float32(1+(u+i)%3))
			}
		}
		m.Offsets = append(m.Offsets, m.Len())
	}
	return m
}

// The loss and its gradients with respect to users, items and the transform are those of the formula in float64, the latter by finite
// differences: in a graph of float64 to nine digits, and the loss of the training in float32 to six.
func TestSimplexLoss(t *testing.T) {
	train := valued()
	c := simplexConfig(func(m *ModelConfig) {
		m.Factors, m.Negatives, m.History, m.Batch, m.Start = 5, 11, 4, 9, StartRandom
		m.Margin, m.NegativeWeight, m.Dropout, m.Gate = new(-0.1), new(3.0), new(0.0), new(0.3)
	})
	m := &c.Model
	for _, n := range []int{9, 6} {
		ev := loop.Event{Epoch: 2, From: 18, N: n, Rows: []int32{0, 1, 5, 17, 18, 20, 33, 50, 58}[:n], First: true, Step: true, StepRows: n}
		dev, _ := trainingOn(t, 2)
		g := engine.NewGraph(kernels.Float64, m.Batch)
		net := simplexNet{users: train.Rows, items: train.Columns, factors: m.Factors, history: m.History, negatives: m.Negatives, negativeWeight: *m.NegativeWeight}
		loss := net.build(g, true)
		if err := g.Differentiate(loss); err != nil {
			t.Fatal(err)
		}
		const rate = 1e-3
		o := optim.Defaults(kernels.SGD)
		o.LearningRate = rate
		params := engine.NewParameters(dev, kernels.Float64, 4)
		tr, err := engine.NewTrainer(g, engine.TrainerOptions{Options: engine.Options{Device: dev, Parameters: params}, Loss: loss, Optimizer: o})
		if err != nil {
			t.Fatal(err)
		}
		names := []string{simplexUsers, simplexItems, simplexTransform}
		read := func() (values [3][]float64) {
			for i, name := range names {
				if values[i], err = params.Read(name); err != nil {
					t.Fatal(err)
				}
			}
			return values
		}
		before := read()
		batch := newSimplexBatch(train, train.Values, m, 1, m.Batch)
		step := func(tr *engine.Trainer, feed func(*engine.Program, loop.Event) error) float64 {
			if err := errors.Join(tr.SetRows(n), feed(tr.Program, ev), tr.Step(true, nil)); err != nil {
				t.Fatal(err)
			}
			losses, err := tr.Losses(true)
			if err != nil || len(losses) != 1 {
				t.Fatal(losses, err)
			}
			return losses[0]
		}
		got := step(tr, batch.feed)
		formula := func() float64 { return exactly(m, train, batch, n, before[0], before[1], before[2]) }
		want := formula()
		if math.Abs(got-want) > 1e-6*want { // thresholds, shares and weights are fed as float32
			t.Errorf("%d pairs: the loss is %v, by the formula %v", n, got, want)
		}
		after := read()
		for p, name := range names {
			some := false
			for i, old := range before[p] {
				const h = 1e-6
				before[p][i] = old + h
				up := formula()
				before[p][i] = old - h
				want := (up - formula()) / (2 * h)
				before[p][i] = old
				some = some || want != 0
				if got := (old - after[p][i]) / rate; math.Abs(got-want) > 1e-6*(1+math.Abs(want)) {
					t.Errorf("%d pairs: the gradient of number %d of %s is %v, by differences %v", n, i, name, got, want)
				}
			}
			if !some {
				t.Errorf("%s has no gradient", name)
			}
		}

		s := contrasted(t, train, 2, c)
		values, err := s.tensors()
		if err != nil {
			t.Fatal(err)
		}
		for p := range values {
			for i, v := range values[p].values {
				before[p][i] = float64(v)
			}
		}
		batch = s.batch
		if got := step(s.trainer, s.batch.feed); math.Abs(got-formula()) > 1e-6*got {
			t.Errorf("%d pairs: the loss of the training is %v, by the formula %v", n, got, formula())
		}
	}
}

// An emulated GPU takes the same steps, but for rounding: losses and items after three of them are those of the processor.
func TestSimplexStepsOnGPU(t *testing.T) {
	train := valued()
	cfg := simplexConfig(func(m *ModelConfig) { m.Factors, m.Negatives, m.History, m.Batch = 6, 20, 4, 16 })
	take := func(dev kernels.Device) (losses []float64, items []float64) {
		data := &recommender.Data{Dataset: &interactions.Dataset{Users: vocabulary(t, train.Rows), Items: vocabulary(t, train.Columns), Train: train}}
		g, opt, err := simplexGraph(&problem{Data: data, cfg: cfg}, dev)
		if err != nil {
			t.Fatal(err)
		}
		tr, err := engine.NewTrainer(g, opt)
		if err != nil {
			t.Fatal(err)
		}
		batch := newSimplexBatch(train, train.Values, &cfg.Model, 1, g.Batch())
		rows := philox.New(3, 1).Perm(int(train.Len()))
		for step, n := range []int{16, 16, 11} {
			ev := loop.Event{From: 16 * step, N: n, Rows: rows[16*step : 16*step+n], StepRows: n}
			if err := errors.Join(tr.SetRows(n), batch.feed(tr.Program, ev), tr.Step(true, nil)); err != nil {
				t.Fatal(err)
			}
		}
		if losses, err = tr.Losses(true); err != nil {
			t.Fatal(err)
		}
		if items, err = opt.Parameters.Read(simplexItems); err != nil {
			t.Fatal(err)
		}
		return slices.Clone(losses), items
	}
	cpu, want := take(processor(t, 2))
	gpu, got := take(cudatest.Open(t, cuda.Options{}))
	if len(cpu) != 3 || len(gpu) != 3 {
		t.Fatalf("losses %v, on the processor %v", gpu, cpu)
	}
	for i := range cpu {
		if math.Abs(cpu[i]-gpu[i]) > 1e-4*cpu[i] {
			t.Errorf("step %d: the loss is %v, on the processor %v", i, gpu[i], cpu[i])
		}
	}
	for i := range want {
		if math.Abs(want[i]-got[i]) > 1e-4 {
			t.Errorf("number %d of items is %v, on the processor %v", i, got[i], want[i])
		}
	}
}

// What a batch is trained with follows from the epoch and the place alone; histories have nobody else's items, and all where there is room; negatives are drawn alike, and do not count for those who have them.
func TestSimplexBatch(t *testing.T) {
	train := valued()
	c := &simplexConfig(func(m *ModelConfig) { m.Negatives, m.History, m.Batch = 40, 4, 8 }).Model
	a, b := newSimplexBatch(train, train.Values, c, 1, 8), newSimplexBatch(train, train.Values, c, 1, 8)
	count := make([]int, train.Columns)
	var last []int32
	for epoch := range 40 {
		rows := philox.New(3, uint64(epoch)).Perm(int(train.Len()))
		for from := 0; from+8 <= len(rows); from += 8 {
			ev := loop.Event{Epoch: epoch, From: from, N: 8, Rows: rows[from : from+8], StepRows: 8}
			a.draw(ev)
			if slices.Equal(a.drawn, last) {
				t.Fatal("two batches have the same negatives")
			}
			last = slices.Clone(a.drawn)
			for _, j := range a.drawn {
				count[j]++
			}
			for r := range 8 {
				own, _ := train.Row(int(a.user[r]))
				if _, has := slices.BinarySearch(own, a.positive[r]); !has {
					t.Fatalf("user %d has not item %d", a.user[r], a.positive[r])
				}
				total := 0.0
				var past []int32
				for k, i := range a.past[r*4 : (r+1)*4] {
					share := a.shares[r*4+k]
					total += float64(share)
					if i < 0 {
						if share != 0 {
							t.Fatalf("no item has the share %v", share)
						}
						continue
					}
					if _, has := slices.BinarySearch(own, i); !has {
						t.Fatalf("item %d in the history of user %d, who has it not", i, a.user[r])
					}
					past = append(past, i)
				}
				if math.Abs(total-0.5) > 1e-6 {
					t.Fatalf("the shares of a history come to %v", total)
				}
				if slices.Sort(past); len(own) <= 4 && len(slices.Compact(past)) != len(own) {
					t.Fatalf("%d of %d items", len(past), len(own)-1)
				}
				for k, j := range a.drawn {
					want := -a.margin
					if _, has := slices.BinarySearch(own, j); has {
						want = -excluded
					}
					if got := a.threshold[r*40+k]; got != want {
						t.Fatalf("the threshold of item %d for user %d is %v, want %v", j, a.user[r], got, want)
					}
				}
			}
			if epoch%5 == 4 { // as after going back there
				b.draw(ev)
				if !slices.Equal(a.drawn, b.drawn) || !slices.Equal(a.past, b.past) || !slices.Equal(a.shares, b.shares) || !slices.Equal(a.threshold, b.threshold) || !slices.Equal(a.weight, b.weight) {
					t.Fatal("the same batch is drawn otherwise")
				}
			}
		}
	}
	n, chi := 0.0, 0.0
	for _, k := range count {
		n += float64(k)
	}
	for _, k := range count {
		want := n / float64(len(count))
		chi += (float64(k) - want) * (float64(k) - want) / want
	}
	if chi > 40 { // of 16 degrees of freedom: less than one in a thousand
		t.Errorf("items are drawn %v times", count)
	}
}

// The spectral start is the leading singular vectors: what it spans is left where it is by the matrix and its transpose, as a dense
// computation in float64 has it.
func TestSpectralStart(t *testing.T) {
	train, _ := tastes()
	const d = 6
	dev, p := trainingOn(t, 3)
	got, err := spectralItems(t.Context(), dev, p, train, train.Values, d, 1)
	if err != nil {
		t.Fatal(err)
	}
	one, single := trainingOn(t, 1)
	again, err := spectralItems(t.Context(), one, single, train, train.Values, d, 1)
	if err != nil || !slices.Equal(got, again) {
		t.Errorf("one thread gives others: %v", err)
	}
	// Items of which one is liked where the other is lie closer than any two.
	counts := train.ColumnCounts()
	near, all := 0.0, 0.0
	nearest, pairs := 0, 0
	byItem := train.Transpose()
	for i := range train.Columns {
		for j := range i {
			a, _ := byItem.Row(i)
			b, _ := byItem.Row(j)
			both := 0
			for _, u := range a {
				if _, has := slices.BinarySearch(b, u); has {
					both++
				}
			}
			cos := inner(got[i*d:(i+1)*d], got[j*d:(j+1)*d])
			if all, pairs = all+cos, pairs+1; float64(both) > 0.6*math.Sqrt(float64(counts[i])*float64(counts[j])) && both > 5 {
				near, nearest = near+cos, nearest+1
			}
		}
	}
	if nearest < 20 || !(near/float64(nearest) > 0.8) || !(all/float64(pairs) < 0.4) {
		t.Errorf("the cosine of %d alike is %.3f, of all %.3f", nearest, near/float64(nearest), all/float64(pairs))
	}
	for i := range train.Columns {
		if size := inner(got[i*d:(i+1)*d], got[i*d:(i+1)*d]); math.Abs(size-1) > 1e-5 {
			t.Fatalf("item %d has the length %v", i, math.Sqrt(size))
		}
	}
}
