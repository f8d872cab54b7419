package storefront

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// scored is a score and the label it is judged by.
type scored struct {
	score float64
	label bool
}

// exactAUC computes the area under the ROC curve from midranks.
func exactAUC(all []scored) float64 {
	sorted := slices.SortedFunc(slices.Values(all), func(a, b scored) int { return cmp.Compare(a.score, b.score) })
	positives, rankSum := 0.0, 0.0
	for i := 0; i < len(sorted); {
		j := i
		for j < len(sorted) && sorted[j].score == sorted[i].score {
			j++
		}
		for _, s := range sorted[i:j] {
			if s.label {
				positives++
				rankSum += float64(i+j+1) / 2
			}
		}
		i = j
	}
	return (rankSum - positives*(positives+1)/2) / (positives * (float64(len(sorted)) - positives))
}

func TestTruthIsCalibrated(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Sessions = 50_000
	var all []scored
	for s := range mustSimulate(t, cfg) {
		all = append(all, scored{s.Probability, s.Purchased})
	}
	slices.SortFunc(all, func(a, b scored) int { return cmp.Compare(a.score, b.score) })
	const deciles = 10
	for d := range deciles {
		part := all[d*len(all)/deciles : (d+1)*len(all)/deciles]
		sum, variance, purchases := 0.0, 0.0, 0.0
		for _, s := range part {
			sum += s.score
			variance += s.score * (1 - s.score)
			if s.label {
				purchases++
			}
		}
		// Purchases are a sum of independent draws: four standard deviations
		// are left for chance.
		if math.Abs(purchases-sum) > 4*math.Sqrt(variance) {
			t.Errorf("decile %d: %.0f purchases, the probabilities add up to %.1f", d, purchases, sum)
		}
	}
}

func TestTruthHasTheDifficultyPromised(t *testing.T) {
	for seed := range uint64(5) {
		cfg := DefaultConfig()
		cfg.Seed = seed
		count := newSummarizer()
		var all []scored
		loss := 0.0
		for s := range mustSimulate(t, cfg) {
			count.add(&s)
			all = append(all, scored{s.Probability, s.Purchased})
			if s.Purchased {
				loss -= math.Log(s.Probability)
			} else {
				loss -= math.Log(1 - s.Probability)
			}
		}
		got := count.summary()
		if got.Sessions != cfg.Sessions {
			t.Errorf("seed %d: %d sessions", seed, got.Sessions)
		}
		if got.BaseRate < 0.12 || got.BaseRate > 0.15 || got.MeanProbability < 0.12 || got.MeanProbability > 0.15 {
			t.Errorf("seed %d: base rate %v, mean probability %v, want 0.12 to 0.15", seed, got.BaseRate, got.MeanProbability)
		}
		if got.BayesAUC < 0.90 || got.BayesAUC > 0.93 {
			t.Errorf("seed %d: Bayes AUC %v, want 0.90 to 0.93", seed, got.BayesAUC)
		}
		if exact := exactAUC(all); math.Abs(got.BayesAUC-exact) > 1e-4 {
			t.Errorf("seed %d: Bayes AUC %v, from ranks %v", seed, got.BayesAUC, exact)
		}
		if want := loss / float64(len(all)); math.Abs(got.BayesLogLoss-want) > 1e-9 {
			t.Errorf("seed %d: Bayes log-loss %v, want %v", seed, got.BayesLogLoss, want)
		}
	}
}

func TestSummaryOfOneClass(t *testing.T) {
	count := newSummarizer()
	count.add(&Session{Probability: 1 - 0x1p-53, Purchased: true})
	got := count.summary()
	if got.BayesAUC != 0 || got.BaseRate != 1 || got.Purchases != 1 {
		t.Errorf("summary of one purchase: %+v", got)
	}
	if b, err := json.Marshal(got); err != nil || strings.Contains(string(b), "bayes_auc") {
		t.Errorf("summary of one purchase as JSON: %s, %v", b, err)
	}
}

// The truth has to be worth a network: a logistic regression on all columns,
// fitted to and judged on the same sessions, and with no value withheld, stays
// clearly behind.
func TestLinearModelFallsShort(t *testing.T) {
	var rows [][]float64
	var labels []bool
	var truth []scored
	for s := range mustSimulate(t, DefaultConfig()) {
		rows = append(rows, linearFeatures(&s))
		labels = append(labels, s.Purchased)
		truth = append(truth, scored{s.Probability, s.Purchased})
	}
	scores := logisticRegression(t, rows, labels)
	linear := make([]scored, len(scores))
	for i, z := range scores {
		linear[i] = scored{z, labels[i]}
	}
	best, got := exactAUC(truth), exactAUC(linear)
	t.Logf("AUC: truth %.4f, logistic regression %.4f", best, got)
	if got > best-0.02 {
		t.Errorf("a linear model reaches AUC %.4f of the best possible %.4f", got, best)
	}
	if got < 0.8 {
		t.Errorf("a linear model reaches AUC %.4f only: columns say too little for themselves", got)
	}
}

// linearFeatures returns a session as the numbers a linear model would see:
// numeric columns as they are, text columns as indicators less the first.
func linearFeatures(s *Session) []float64 {
	x := []float64{
		1, float64(s.Pages), s.Minutes, s.MeanPrice, s.Discount, float64(s.CartAdds), s.BounceShare,
		s.DaysSinceLastVisit / 30, float64(s.Time.Hour()), 0, 0,
	}
	if s.NewVisitor {
		x[9] = 1
	}
	if s.Weekend {
		x[10] = 1
	}
	indicate := func(value, n int) {
		for v := 1; v < n; v++ {
			if v == value {
				x = append(x, 1)
			} else {
				x = append(x, 0)
			}
		}
	}
	indicate(s.device, len(devices))
	indicate(s.channel, len(channels))
	indicate(s.country, len(countries))
	indicate(s.category, len(categories))
	indicate(int(s.Time.Month())-1, 12)
	return x
}

// logisticRegression fits by Newton's method with a slight ridge and returns
// the logit of every row.
func logisticRegression(t *testing.T, rows [][]float64, labels []bool) []float64 {
	t.Helper()
	n := len(rows[0])
	weights := make([]float64, n)
	scores := make([]float64, len(rows))
	for range 12 {
		hessian := mat.NewSymDense(n, nil)
		for j := range n {
			hessian.SetSym(j, j, 1e-3)
		}
		gradient := mat.NewVecDense(n, nil)
		for i, x := range rows {
			p := sigmoid(scores[i])
			residual := -p
			if labels[i] {
				residual++
			}
			row := mat.NewVecDense(n, x)
			gradient.AddScaledVec(gradient, residual, row)
			hessian.SymRankOne(hessian, p*(1-p), row)
		}
		var factors mat.Cholesky
		if !factors.Factorize(hessian) {
			t.Fatal("the Hessian is not positive definite")
		}
		var step mat.VecDense
		if err := factors.SolveVecTo(&step, gradient); err != nil {
			t.Fatal(err)
		}
		for j := range weights {
			weights[j] += step.AtVec(j)
		}
		for i, x := range rows {
			scores[i] = mat.Dot(mat.NewVecDense(n, x), mat.NewVecDense(n, weights))
		}
	}
	return scores
}

// Each claim of the truth's shape, by what one changed value does.
func TestTruthShape(t *testing.T) {
	base := Session{
		Time: DefaultConfig().Start.AddDate(0, 4, 6), Pages: 10, Minutes: 8, MeanPrice: 60, CartAdds: 1,
		DaysSinceLastVisit: 10, device: deviceDesktop, category: 2,
	}
	logit := func(change func(*Session)) float64 {
		s := base
		change(&s)
		p := purchaseProbability(&s)
		return math.Log(p / (1 - p))
	}
	cart := func(n int) float64 { return logit(func(s *Session) { s.CartAdds = n }) }
	if first, third := cart(1)-cart(0), cart(3)-cart(2); first < 2*third || third <= 0 {
		t.Errorf("the cart does not saturate: the first item adds %v, the third %v", first, third)
	}
	bounce := func(x float64) float64 { return logit(func(s *Session) { s.BounceShare = x }) }
	if below, across := bounce(0.34)-bounce(0.35), bounce(0.35)-bounce(0.36); across < 10*below {
		t.Errorf("no threshold in the bounce share: %v below, %v across", below, across)
	}
	deal := func(price, discount float64) float64 {
		return logit(func(s *Session) { s.MeanPrice, s.Discount = price, discount })
	}
	if dear, cheap := deal(150, 20)-deal(150, 0), deal(40, 20)-deal(40, 0); dear < cheap+0.3 {
		t.Errorf("a discount does not interact with the price: %v where dear, %v where cheap", dear, cheap)
	}
	if got := deal(60, 5) - deal(60, 0); got != 0 {
		t.Errorf("a discount of 5%% adds %v, want nothing", got)
	}
	season := func(category, months int) float64 {
		return logit(func(s *Session) { s.category, s.Time = category, s.Time.AddDate(0, months, 0) })
	}
	if toys, home := season(categoryToys, 7)-season(categoryToys, 0), season(2, 7)-season(2, 0); toys < home+0.5 {
		t.Errorf("December adds %v to toys, %v to home", toys, home)
	}
	// A new visitor's days are unknown, so they cannot matter.
	stranger := func(days float64) float64 {
		return logit(func(s *Session) { s.NewVisitor, s.DaysSinceLastVisit = true, days })
	}
	if stranger(0) != stranger(30) {
		t.Error("the truth knows the last visit of a new visitor")
	}
}

func TestPoissonHasItsMean(t *testing.T) {
	for _, mean := range []float64{0.1, 1, 3} {
		r := random(1, forBehavior, int(mean*10))
		const n = 20_000
		sum := 0
		for range n {
			sum += drawPoisson(r, mean, 100)
		}
		if got := float64(sum) / n; math.Abs(got-mean) > 5*math.Sqrt(mean/n) {
			t.Errorf("Poisson of mean %v has mean %v", mean, got)
		}
	}
	if got := drawPoisson(random(1, forBehavior, 0), 50, 3); got != 3 {
		t.Errorf("limit 3 gave %d", got)
	}
}
