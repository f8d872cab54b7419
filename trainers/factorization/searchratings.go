package factorization

import (
	"context"
	"fmt"
	"math"

	"debut/datasets/interactions"
	"debut/kernels/philox"
	"debut/trainers/run"
)

// Of ratings, how many factors there are matters more than anything else where users and items have few: a penalty that leaves one factor
// what it is worth leaves others the noise. On generated sets of 20 to 40 ratings a user, of 2 to 4 planted factors, as many factors as were planted
// and a small penalty came within 1 % of the least error that there is (that of the posterior mean under the distributions that
// the set was drawn from), and 16 factors with the best penalty for them to 7 to 18 % more than that. Both are therefore chosen by ratings held
// back, wherever there are fewer than usualRatings of a user and an item; of more, the defaults are within 1 % of the best.

// rankLadder are the numbers of factors that are tried, and tried first is the one at firstRank.
var rankLadder = []int{1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64}

const (
	firstRank       = 3
	firstShare      = 0.15 // of the penalty, as penaltyOfSteps
	shareRatio      = 2.0
	mostShareSteps  = 4
	heldRatings     = 0.1 // of the training part, where there is no validation part
	leastHeld       = 200
	worthwhile      = 1e-3 // by what part of the error another setting must be better
	trialEpochs     = 3    // a trial has so many times fewer epochs than the training
	mostRatingTrial = 16
)

// Where a run file leaves the number of factors open, ratings have so many.
const (
	usualOfSteps = 16
	usualOfALS   = 64
)

// ratingFactors is how many factors ratings have by default, and at most where they are chosen.
func ratingFactors(c *ModelConfig) int {
	if c.Algorithm == algorithmSGD {
		return usualOfSteps
	}
	return usualOfALS
}

// streamHeld keeps the draws of ratings that are held back apart from the other random numbers of a seed.
var streamHeld = philox.StreamOf("trainers/factorization: ratings held back")

// holdBack divides the entries of a matrix by chance.
func holdBack(m *interactions.Matrix, share float64, seed uint64) (left, held *interactions.Matrix) {
	r := philox.New(seed, streamHeld)
	left = &interactions.Matrix{Rows: m.Rows, Columns: m.Columns, Offsets: make([]int64, m.Rows+1)}
	held = &interactions.Matrix{Rows: m.Rows, Columns: m.Columns, Offsets: make([]int64, m.Rows+1)}
	for u := range m.Rows {
		items, values := m.Row(u)
		for k, i := range items {
			to := left
			if r.Float64() < share {
				to = held
			}
			to.Indices, to.Values = append(to.Indices, i), append(to.Values, values[k])
		}
		left.Offsets[u+1], held.Offsets[u+1] = left.Len(), held.Len()
	}
	return left, held
}

// ratingTrial is a setting that is tried: places in rankLadder, and powers of shareRatio.
type ratingTrial struct{ rank, share int }

// searchRatings chooses how many factors ratings have, where that is open, and what share the penalty is, by a few short trainings by
// steps, which make the same sum small as least squares do. It returns what it did as a clause of the protocol, "" where there is nothing to
// choose, or too little to choose by.
func searchRatings(ctx context.Context, p *problem) (string, error) {
	m := &p.cfg.Model
	openL2 := m.Regularization == nil
	if !openL2 && !p.openFactors || m.Exponent != nil && *m.Exponent != 1 {
		return "", nil
	}
	users, items := active(p.Train)
	if float64(p.Train.Len()) >= usualRatings*math.Sqrt(float64(users)*float64(items)) {
		return "", nil
	}
	left, held, where := p.Train, p.Validation, "the validation part"
	if !p.hasValidation() {
		left, held = holdBack(p.Train, heldRatings, p.cfg.Seed)
		where = fmt.Sprintf("%.0f %% of the ratings held back from training", 100*heldRatings)
	}
	if held.Len() < leastHeld || left.Len() == 0 {
		return "", nil
	}
	search := &ratingSearch{problem: p, left: left, held: held, errors: map[ratingTrial]float64{}, openL2: openL2}
	search.own, search.mean, search.deviation = standardized(left)
	best, least, err := search.climb(ctx)
	if err != nil {
		return "", err
	}
	factors, l2 := search.settings(best)
	what := "the regularization"
	if p.openFactors {
		what = fmt.Sprintf("%d factors", factors)
		if openL2 {
			what += " and the regularization"
		}
	}
	m.Factors = factors
	if openL2 {
		if m.Algorithm != algorithmSGD {
			l2 *= search.deviation
		}
		m.Regularization = new(threeDigits(l2))
	}
	return fmt.Sprintf("%s chosen from %d trials by the RMSE of %s, %.4g", what, len(search.errors), where, least), nil
}

// ratingSearch is a search at work.
type ratingSearch struct {
	*problem
	left, held, own *interactions.Matrix // own: what is left, standardized
	mean, deviation float64
	errors          map[ratingTrial]float64 // RMSE of what is held back
	openL2          bool
}

// settings are those of a trial, the penalty in the standard deviation of ratings.
func (s *ratingSearch) settings(at ratingTrial) (factors int, l2 float64) {
	factors = s.cfg.Model.Factors
	if s.openFactors {
		factors = rankLadder[at.rank]
	}
	if !s.openL2 {
		l2 = *s.cfg.Model.Regularization
		if s.cfg.Model.Algorithm != algorithmSGD {
			l2 /= s.deviation
		}
		return factors, l2
	}
	return factors, firstShare * power(shareRatio, at.share) * penaltyUnit(s.Train)
}

// climb moves one setting after the other as long as that is better, up and down.
func (s *ratingSearch) climb(ctx context.Context) (best ratingTrial, least float64, err error) {
	best = ratingTrial{rank: firstRank}
	if least, err = s.try(ctx, best); err != nil {
		return best, 0, err
	}
	var moves []ratingTrial
	if s.openFactors {
		moves = append(moves, ratingTrial{rank: 1}, ratingTrial{rank: -1})
	}
	if s.openL2 {
		moves = append(moves, ratingTrial{share: 1}, ratingTrial{share: -1})
	}
	for still := 0; still < len(moves); {
		for _, move := range moves {
			still++
			for {
				next := ratingTrial{best.rank + move.rank, best.share + move.share}
				if len(s.errors) >= mostRatingTrial || next.rank < 0 || next.rank >= len(rankLadder) || rankLadder[next.rank] > ratingFactors(&s.cfg.Model) || next.share*next.share > mostShareSteps*mostShareSteps {
					break
				}
				v, err := s.try(ctx, next)
				if err != nil {
					return best, 0, err
				}
				if !(v < least*(1-worthwhile)) {
					break
				}
				best, least, still = next, v, 0
			}
		}
	}
	return best, least, nil
}

// try trains for a few epochs and returns the error.
func (s *ratingSearch) try(ctx context.Context, at ratingTrial) (float64, error) {
	if v, ok := s.errors[at]; ok {
		return v, nil
	}
	factors, l2 := s.settings(at)
	c := *s.cfg
	c.Model.Factors, c.Model.Regularization, c.Train.Epochs = factors, new(l2), 0
	settleSteps(s.left, &c)
	epochs := max(leastEpochs, c.Train.Epochs/trialEpochs)
	steps, rest, err := ratingSteps(s.problem, s.own, factors, l2, *c.Model.LearningRate, math.Pow(lastRate, 1/float64(epochs)))
	if err != nil {
		return 0, err
	}
	defer steps.Close()
	for range epochs {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if _, err := steps.Epoch(); err != nil {
			return 0, err
		}
	}
	f, err := newRounds(steps, int(s.left.Len()), rounded(s.mean+s.deviation*rest), s.deviation).factors()
	if err != nil {
		return 0, err
	}
	data := *s.Data
	set := *s.Dataset
	set.Train, set.Validation = s.left, s.held
	data.Dataset = &set
	r, err := data.EvaluateRatings(ctx, f.Rate, run.PartValidation)
	if err != nil {
		return 0, err
	}
	v, err := r.Get("rmse")
	if math.IsNaN(v) { // it diverged
		v = math.Inf(1)
	}
	s.errors[at] = v
	s.log.Info("tried", "factors", factors, "regularization", threeDigits(l2), "rmse", v)
	return v, err
}
