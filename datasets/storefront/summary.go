package storefront

import "math"

// aucBins is how finely probabilities are told apart for the AUC. Sessions in
// one bin count as tied, which moves the AUC by less than 1e-4 and keeps
// memory independent of the number of sessions.
const aucBins = 1 << 16

// Summary tells what was simulated and the best that any model can do on it,
// measured with the true probabilities against the labels drawn from them.
type Summary struct {
	// Sessions is the number of sessions, Purchases that of the positive labels.
	Sessions  int `json:"sessions"`
	Purchases int `json:"purchases"`
	// BaseRate is Purchases/Sessions.
	BaseRate float64 `json:"base_rate"`
	// MeanProbability is the mean of the true probabilities.
	MeanProbability float64 `json:"mean_probability"`
	// BayesAUC is the area under the ROC curve of the true probability. It is 0,
	// and left out of JSON, where all labels are the same and none exists.
	BayesAUC float64 `json:"bayes_auc,omitzero"`
	// BayesLogLoss is the mean log-loss of the true probability, in nats.
	BayesLogLoss float64 `json:"bayes_log_loss"`
}

// summarizer gathers a [Summary] from sessions, one after another.
type summarizer struct {
	positive, negative []int // sessions by bin of probability
	purchases, count   int
	probability, loss  float64
}

func newSummarizer() *summarizer {
	return &summarizer{positive: make([]int, aucBins), negative: make([]int, aucBins)}
}

// add counts one session.
func (m *summarizer) add(s *Session) {
	p := s.Probability
	bin := min(int(p*aucBins), aucBins-1)
	m.count++
	m.probability += p
	if s.Purchased {
		m.positive[bin]++
		m.purchases++
		m.loss -= math.Log(p)
	} else {
		m.negative[bin]++
		m.loss -= math.Log1p(-p)
	}
}

// summary returns what has been counted, at least one session.
func (m *summarizer) summary() Summary {
	n := float64(m.count)
	// The AUC is the share of pairs of a purchase and a non-purchase that the
	// probability orders rightly, ties counted half (Mann and Whitney).
	ordered, below := 0.0, 0
	for bin, positive := range m.positive {
		ordered += float64(positive) * (float64(below) + 0.5*float64(m.negative[bin]))
		below += m.negative[bin]
	}
	auc := 0.0
	if pairs := float64(m.purchases) * float64(m.count-m.purchases); pairs > 0 {
		auc = ordered / pairs
	}
	return Summary{
		Sessions:        m.count,
		Purchases:       m.purchases,
		BaseRate:        float64(m.purchases) / n,
		MeanProbability: m.probability / n,
		BayesAUC:        auc,
		BayesLogLoss:    m.loss / n,
	}
}
