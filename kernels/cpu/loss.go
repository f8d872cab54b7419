package cpu

import (
	"math"

	"debut/kernels"
)

// lossBlock is how many rows a part of a loss does, and columnGrain how many parts of eight times as many a thread takes at a time where a row
// has one logit: a microsecond or two.
const (
	lossBlock   = 64
	columnGrain = 8
)

// loss is a loss, its gradient, or both, in one pass. Losses of a block of rows are added in float64 in their order,
// and so are the blocks'.
type loss[T float] struct {
	base
	batch                batch
	block, grain         int // rows of a part; parts that a thread takes at a time
	p, target, weight    view[T]
	scale, upstream, out view[T]
	dp                   view[T]
	partial              slot[float64] // [blocks]
	rows                 int           // valid rows of the present run
	factor               float64       // scale · upstream of the present run
	row                  func(p, target, dp []T, factor float64) float64
	column               func(p, target, weight, dp []T, factor float64) float64 // if any, instead of row
}

// Loss binds a loss, its gradient, or both.
func (d *Device) Loss(a kernels.LossArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.P) {
		return newLoss(b, d.f64, a)
	}
	return newLoss(b, d.f32, a)
}

func newLoss[T float](b *binder, l *loops[T], a kernels.LossArgs) (kernels.Kernel, error) {
	k := &loss[T]{base: b.base(), batch: b.batchOf(a.P, a.Target, a.Weight, a.DP), block: lossBlock, grain: 1}
	k.p, k.target, k.weight = operand[T](b, "P", a.P), operand[T](b, "Target", a.Target), operand[T](b, "Weight", a.Weight)
	k.scale, k.upstream = operand[T](b, "Scale", a.Scale), operand[T](b, "Upstream", a.Upstream)
	k.out, k.dp = operand[T](b, "Out", a.Out), operand[T](b, "DP", a.DP)
	switch a.Kind {
	case kernels.LogisticLoss:
		k.row = l.logisticRow
		// A logit a row, the usual case, is as good as a row of logits.
		if k.p.cols == 1 && k.p.dense && k.target.dense && k.weight.dense && (!k.dp.present || k.dp.dense) {
			k.column, k.block, k.grain = l.logisticColumn, 8*lossBlock, columnGrain
		}
	case kernels.SquaredLoss:
		k.row = squaredRow[T]
	case kernels.SoftmaxLoss:
		k.row = func(p, target, dp []T, factor float64) float64 { return softmaxRow(p, target, dp, factor, a.Parameter) }
		if wide, ok := any(softmaxWide).(func(p, target, dp []T, factor float64) float64); ok && k.p.cols >= wideSoftmax && a.Parameter == 0 {
			k.row = wide
		}
	case kernels.SoftmaxFocalLoss:
		k.row = func(p, target, dp []T, factor float64) float64 {
			return softmaxFocalRow(p, target, dp, factor, a.Parameter)
		}
	case kernels.ChainLoss:
		k.row = chainRow[T]
	case kernels.PoissonLoss:
		k.row = pointwise[T](poisson)
	case kernels.HuberLoss:
		k.row = pointwise[T](func(p, t float64) (float64, float64) { return huber(p-t, a.Parameter) })
	case kernels.QuantileLoss:
		k.row = pointwise[T](func(p, t float64) (float64, float64) { return pinball(p-t, a.Parameter) })
	case kernels.FocalLoss:
		k.row = pointwise[T](func(p, t float64) (float64, float64) { return focal(p, t, a.Parameter) })
	}
	k.partial = slotOf[float64](b, blocks(k.batch.rows, k.block))
	return b.finish(k)
}

// Run runs the kernel.
func (k *loss[T]) Run() error {
	if err := k.ready(); err != nil {
		return err
	}
	k.rows = k.batch.n()
	scale := float64(k.scale.data[0])
	k.factor = scale
	if k.upstream.present {
		k.factor *= float64(k.upstream.data[0])
	}
	n := blocks(k.rows, k.block)
	k.runGrains(n, k.grain, k)
	if !k.out.present {
		return nil
	}
	sum := 0.0
	for _, s := range k.partial.in(k.dev)[:n] {
		sum += s
	}
	k.out.data[0] = T(scale * sum)
	return nil
}

// Part does a block of rows.
func (k *loss[T]) Part(i int) {
	sum := 0.0
	lo, hi := i*k.block, min((i+1)*k.block, k.rows)
	if k.column != nil {
		var dp []T
		if k.dp.present {
			dp = k.dp.data[lo:hi]
		}
		k.partial.in(k.dev)[i] = k.column(k.p.data[lo:hi], k.target.data[lo:hi], k.weight.data[lo:hi], dp, k.factor)
		return
	}
	for r := lo; r < hi; r++ {
		w := float64(k.weight.data[r*k.weight.stride])
		var dp []T
		if k.dp.present {
			dp = k.dp.row(r)
		}
		sum += w * k.row(k.p.row(r), k.target.row(r), dp, w*k.factor)
	}
	k.partial.in(k.dev)[i] = sum
}

func logisticRow[T float](p, target, dp []T, factor float64) float64 {
	n := float64(len(p))
	sum := 0.0
	for c, v := range p {
		x, t := float64(v), float64(target[c])
		e := math.Exp(-math.Abs(x))
		sum += max(x, 0) - x*t + math.Log1p(e)
		if dp != nil {
			q := 1 / (1 + e) // the logistic function of |x|
			if x < 0 {
				q = e * q
			}
			dp[c] = T(factor * (q - t) / n)
		}
	}
	return average(sum, n)
}

func logisticColumn[T float](p, target, weight, dp []T, factor float64) float64 {
	sum := 0.0
	for i := range p {
		var d []T
		if dp != nil {
			d = dp[i : i+1]
		}
		w := float64(weight[i])
		sum += w * logisticRow(p[i:i+1], target[i:i+1], d, w*factor)
	}
	return sum
}

// squaredRow is logisticRow for the squared loss.
func squaredRow[T float](p, target, dp []T, factor float64) float64 {
	n := float64(len(p))
	sum := 0.0
	for c, v := range p {
		d := float64(v) - float64(target[c])
		sum += d * d
		if dp != nil {
			dp[c] = T(factor * 2 * d / n)
		}
	}
	return average(sum, n)
}

// poisson returns the loss of the logarithm p of a rate, and its derivative.
func poisson(p, target float64) (loss, derivative float64) {
	rate := math.Exp(p)
	return rate - p*target, rate - target
}

// pointwise is logisticRow for a loss of one prediction and its target, which returns its derivative too.
func pointwise[T float](of func(p, target float64) (loss, derivative float64)) func(p, target, dp []T, factor float64) float64 {
	return func(p, target, dp []T, factor float64) float64 {
		n := float64(len(p))
		sum := 0.0
		for c, v := range p {
			loss, d := of(float64(v), float64(target[c]))
			sum += loss
			if dp != nil {
				dp[c] = T(factor * d / n)
			}
		}
		return average(sum, n)
	}
}

// huber returns the loss of a difference d, and its derivative.
func huber(d, delta float64) (loss, derivative float64) {
	switch {
	case d > delta:
		return delta * (d - delta/2), delta
	case d < -delta:
		return delta * (-d - delta/2), -delta
	}
	return d * d / 2, d
}

// pinball returns the loss of a prediction that is d above its target, and its derivative.
func pinball(d, tau float64) (loss, derivative float64) {
	switch {
	case d > 0:
		return (1 - tau) * d, 1 - tau
	case d < 0:
		return -tau * d, -tau
	}
	return d, d // 0, or NaN
}

// focal returns the focal loss of a logit, and its derivative.
func focal(x, target, gamma float64) (loss, derivative float64) {
	e := math.Exp(-math.Abs(x))
	larger, smaller := 1/(1+e), e/(1+e)
	log1p := math.Log1p(e)
	q, rest := larger, smaller // the logistic function of x and of −x
	if x < 0 {
		q, rest = smaller, larger
	}
	logQ, logRest := min(x, 0)-log1p, -max(x, 0)-log1p
	positive, negative := target*math.Pow(rest, gamma), (1-target)*math.Pow(q, gamma)
	return -positive*logQ - negative*logRest, positive*(gamma*q*logQ-rest) + negative*(q-gamma*rest*logRest)
}

// average returns sum/n, and 0 for no columns.
func average(sum, n float64) float64 {
	if n == 0 {
		return 0
	}
	return sum / n
}

// softmaxRow is logisticRow for the cross-entropy of a softmax, of a target of which a share is spread over all classes. Exponentials are
// taken of differences to the largest logit.
func softmaxRow[T float](p, target, dp []T, factor, smoothing float64) float64 {
	class, top, sum := softmax(p, target)
	if class < 0 {
		return noClass(dp)
	}
	spread := smoothing / float64(len(p))
	for c := range dp {
		q := math.Exp(float64(p[c])-top) / sum
		if c == class {
			q -= 1 - smoothing
		}
		dp[c] = T(factor * (q - spread))
	}
	loss := math.Log(sum) + top - (1-smoothing)*float64(p[class])
	if smoothing > 0 {
		for _, v := range p {
			loss -= spread * float64(v)
		}
	}
	return loss
}

// softmax returns the class of a target, −1 for one that there is not, the largest logit, and the sum of the exponentials of differences
// to it.
func softmax[T float](p, target []T) (class int, top, sum float64) {
	class, top = -1, math.Inf(-1)
	if t := float64(target[0]); t >= 0 && t < float64(len(p)) && t == math.Trunc(t) {
		class = int(t)
	}
	for _, v := range p {
		top = max(top, float64(v))
	}
	for _, v := range p {
		sum += math.Exp(float64(v) - top)
	}
	return class, top, sum
}

// noClass is what comes of a row whose class there is not.
func noClass[T float](dp []T) float64 {
	for c := range dp {
		dp[c] = T(math.NaN())
	}
	return math.NaN()
}

// softmaxFocalRow is softmaxRow for the focal loss. How wrong a row is is the sum of the other classes' probabilities, which keeps its digits
// where there is little.
func softmaxFocalRow[T float](p, target, dp []T, factor, gamma float64) float64 {
	class, top, sum := softmax(p, target)
	if class < 0 {
		return noClass(dp)
	}
	wrong := 0.0
	for c, v := range p {
		if c != class {
			wrong += math.Exp(float64(v)-top) / sum
		}
	}
	right := math.Exp(float64(p[class])-top) / sum
	log := float64(p[class]) - top - math.Log(sum)
	weight := math.Pow(wrong, gamma)
	slope := -weight // of the loss by log
	if wrong != 0 {
		slope += gamma * math.Pow(wrong, gamma-1) * right * log
	}
	for c := range dp {
		d := wrong
		if c != class {
			d = -math.Exp(float64(p[c])-top) / sum
		}
		dp[c] = T(factor * slope * d)
	}
	return -weight * log
}

// chainRow is logisticRow for steps that follow on each other.
func chainRow[T float](p, target, dp []T, factor float64) float64 {
	n := float64(len(p))
	sum := 0.0
	for c, v := range p {
		// Of log 1−σ(v), which the slope of each later product's logarithm is the exponential of.
		x := float64(v)
		rest := -max(x, 0) - math.Log1p(math.Exp(-math.Abs(x)))
		all, slope := 0.0, 0.0
		for k, step := range p {
			t := float64(target[k])
			if k == 0 {
				all = float64(step)
			} else {
				all = bothLogit(all, float64(step))
			}
			if k == c {
				sum += max(all, 0) - all*t + math.Log1p(math.Exp(-math.Abs(all)))
			}
			if k >= c {
				slope += (1-t)*math.Exp(rest+all) - t*math.Exp(rest)
			}
			if dp == nil && k == c {
				break
			}
		}
		if dp != nil {
			dp[c] = T(factor * slope / n)
		}
	}
	return average(sum, n)
}

// bothLogit is the logit of the product of two probabilities, of their logits: −log(e⁻ᵃ + e⁻ᵇ + e⁻ᵃ⁻ᵇ).
func bothLogit(a, b float64) float64 {
	top := max(-a, -b, -a-b)
	return -top - math.Log(math.Exp(-a-top)+math.Exp(-b-top)+math.Exp(-a-b-top))
}
