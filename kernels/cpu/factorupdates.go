package cpu

import (
	"math"

	"debut/kernels"
)

// factorStep is what a block of factor updates needs to know of rates and penalties, in the kernel's own type. Assembly reads its
// fields in this order.
type factorStep[T float] struct {
	rate, biasRate                T
	keepUser, keepItem, keepOther T // the part of a factor that its penalty leaves: 1 − η·λ
	userBiasL2, itemBiasL2        T
	mean                          T
}

// set reads the Hyper operand, with the rates times a weight.
func (s *factorStep[T]) set(h []T, weight T) {
	s.rate, s.biasRate = weight*h[kernels.FactorRate], weight*h[kernels.FactorBiasRate]
	s.keepUser = 1 - s.rate*h[kernels.FactorUserL2]
	s.keepItem = 1 - s.rate*h[kernels.FactorItemL2]
	s.keepOther = 1 - s.rate*h[kernels.FactorOtherL2]
	s.userBiasL2, s.itemBiasL2 = h[kernels.FactorUserBiasL2], h[kernels.FactorItemBiasL2]
	s.mean = h[kernels.FactorMean]
}

// factors is what factor updates train.
type factors[T float] struct {
	users, items       view[T]
	userBias, itemBias []T
}

// vector returns the elements of a view of one row.
func vector[T float](v *view[T]) []T {
	if v.rows == 0 {
		return nil
	}
	return v.row(0)
}

// marginsAtATime is how many samples of preferences are taken between two looks at their loss: whole groups.
const marginsAtATime = 64 * kernels.FactorGroup

// factorUpdates takes the samples of each block, a block a part.
type factorUpdates[T float] struct {
	base
	batch         batch
	blocks        view[int32]
	hyper, weight view[T]
	loss          view[T]
	n             int             // samples
	steps         []factorStep[T] // of each block
	margins       slot[T]         // marginsAtATime for each block
	// take takes samples lo … hi−1 of a block and returns their loss.
	take func(s *factorStep[T], margins []T, lo, hi int) float64
}

// newFactorUpdates binds what both kinds of updates have.
func newFactorUpdates[T float](b *binder, s kernels.FactorSamples, hyper, weights, loss kernels.Matrix) *factorUpdates[T] {
	k := &factorUpdates[T]{base: b.base(), batch: b.batchOf(s.Blocks, loss, weights), n: s.Samples.Rows}
	k.blocks, k.hyper = operand[int32](b, "Blocks", s.Blocks), operand[T](b, "Hyper", hyper)
	k.weight, k.loss = operand[T](b, "Weights", weights), operand[T](b, "Loss", loss)
	k.steps = make([]factorStep[T], k.blocks.rows)
	return k
}

// Run runs the kernel.
func (k *factorUpdates[T]) Run() error {
	if err := k.ready(); err != nil {
		return err
	}
	k.run(k.batch.n(), k)
	return nil
}

// Part takes a block.
func (k *factorUpdates[T]) Part(i int) {
	weight := T(1)
	if k.weight.present {
		weight = k.weight.row(i)[0]
	}
	s := &k.steps[i]
	s.set(k.hyper.row(0), weight)
	var margins []T
	if all := k.margins.in(k.dev); all != nil {
		margins = all[i*marginsAtATime : (i+1)*marginsAtATime]
	}
	b := k.blocks.row(i)
	lo := max(int(b[0]), 0)
	k.loss.row(i)[0] = T(k.take(s, margins, lo, max(lo, min(int(b[1]), k.n))))
}

// RatingUpdates binds steps of a factorization of ratings.
func (d *Device) RatingUpdates(a kernels.RatingUpdatesArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.Users) {
		return newRatingUpdates(b, d.f64, a)
	}
	return newRatingUpdates(b, d.f32, a)
}

func newRatingUpdates[T float](b *binder, l *loops[T], a kernels.RatingUpdatesArgs) (kernels.Kernel, error) {
	f := &factors[T]{users: operand[T](b, "Users", a.Users), items: operand[T](b, "Items", a.Items)}
	userBias, itemBias := operand[T](b, "UserBias", a.UserBias), operand[T](b, "ItemBias", a.ItemBias)
	samples, ratings := operand[int32](b, "Samples", a.Samples), operand[T](b, "Ratings", a.Ratings)
	k := newFactorUpdates[T](b, a.FactorSamples, a.Hyper, kernels.Matrix{}, a.Loss)
	if b.err != nil {
		return b.finish(k)
	}
	f.userBias, f.itemBias = vector(&userBias), vector(&itemBias)
	k.take = func(s *factorStep[T], _ []T, lo, hi int) float64 {
		return l.ratingUpdates(f, s, &samples, &ratings, lo, hi)
	}
	return b.finish(k)
}

// ratingUpdates takes samples lo … hi−1 and returns the sum of squared errors.
func ratingUpdates[T float](f *factors[T], s *factorStep[T], samples *view[int32], ratings *view[T], lo, hi int) float64 {
	loss := 0.0
	for ; lo < hi; lo += kernels.FactorGroup {
		end := min(lo+kernels.FactorGroup, hi)
		var errs [kernels.FactorGroup]T
		for n := lo; n < end; n++ {
			if u, i, ok := f.rating(samples.row(n)); ok {
				e := ratings.row(n)[0] - (s.mean + f.userBias[u] + f.itemBias[i]) - dot(f.users.row(u), f.items.row(i))
				errs[n-lo] = e
				loss += float64(e) * float64(e)
			}
		}
		for n := lo; n < end; n++ {
			u, i, ok := f.rating(samples.row(n))
			if !ok {
				continue
			}
			e := errs[n-lo]
			f.userBias[u] += s.biasRate * (e - s.userBiasL2*f.userBias[u])
			f.itemBias[i] += s.biasRate * (e - s.itemBiasL2*f.itemBias[i])
			step := s.rate * e
			p := f.users.row(u)
			q := f.items.row(i)[:len(p)]
			for c, was := range p {
				p[c] = s.keepUser*was + step*q[c]
				q[c] = s.keepItem*q[c] + step*was
			}
		}
	}
	return loss
}

// rating returns user and item of a sample, and whether there are such.
func (f *factors[T]) rating(ids []int32) (u, i int, ok bool) {
	u, i = int(ids[0]), int(ids[1])
	return u, i, uint(u) < uint(f.users.rows) && uint(i) < uint(f.items.rows)
}

// preference returns user, item and other of a sample, and whether it has an effect.
func (f *factors[T]) preference(ids []int32) (u, i, j int, ok bool) {
	u, i, ok = f.rating(ids)
	j = int(ids[2])
	return u, i, j, ok && uint(j) < uint(f.items.rows) && i != j
}

// PreferenceUpdates binds steps of Bayesian personalized ranking.
func (d *Device) PreferenceUpdates(a kernels.PreferenceUpdatesArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.Users) {
		return newPreferenceUpdates(b, d.f64, a)
	}
	return newPreferenceUpdates(b, d.f32, a)
}

func newPreferenceUpdates[T float](b *binder, l *loops[T], a kernels.PreferenceUpdatesArgs) (kernels.Kernel, error) {
	f := &factors[T]{users: operand[T](b, "Users", a.Users), items: operand[T](b, "Items", a.Items)}
	itemBias, samples := operand[T](b, "ItemBias", a.ItemBias), operand[int32](b, "Samples", a.Samples)
	k := newFactorUpdates[T](b, a.FactorSamples, a.Hyper, a.Weights, a.Loss)
	if b.err != nil {
		return b.finish(k)
	}
	f.itemBias = vector(&itemBias)
	k.margins = slotOf[T](b, marginsAtATime*k.blocks.rows)
	k.take = func(s *factorStep[T], margins []T, lo, hi int) float64 {
		return l.preferenceUpdates(f, s, &samples, margins, lo, hi)
	}
	return b.finish(k)
}

// preferenceUpdates takes samples lo … hi−1 and returns their logistic loss.
func preferenceUpdates[T float](f *factors[T], s *factorStep[T], samples *view[int32], _ []T, lo, hi int) float64 {
	loss := 0.0
	for ; lo < hi; lo += kernels.FactorGroup {
		end := min(lo+kernels.FactorGroup, hi)
		var zs [kernels.FactorGroup]T
		for n := lo; n < end; n++ {
			if u, i, j, ok := f.preference(samples.row(n)); ok {
				p := f.users.row(u)
				q, o := f.items.row(i)[:len(p)], f.items.row(j)[:len(p)]
				x := f.itemBias[i] - f.itemBias[j]
				for c, v := range p {
					x += v * (q[c] - o[c])
				}
				margin := float64(x)
				small := math.Exp(-math.Abs(margin))
				loss += max(-margin, 0) + math.Log1p(small)
				zs[n-lo] = T(1 / (1 + small))
				if margin > 0 {
					zs[n-lo] = T(small / (1 + small))
				}
			}
		}
		for n := lo; n < end; n++ {
			u, i, j, ok := f.preference(samples.row(n))
			if !ok {
				continue
			}
			z := zs[n-lo]
			f.itemBias[i] += s.biasRate * (z - s.itemBiasL2*f.itemBias[i])
			f.itemBias[j] += s.biasRate * (-z - s.itemBiasL2*f.itemBias[j])
			step := s.rate * z
			p := f.users.row(u)
			q, o := f.items.row(i)[:len(p)], f.items.row(j)[:len(p)]
			for c, was := range p {
				p[c] = s.keepUser*was + step*(q[c]-o[c])
				q[c] = s.keepItem*q[c] + step*was
				o[c] = s.keepOther*o[c] - step*was
			}
		}
	}
	return loss
}
