package factorization

import (
	"context"
	"fmt"
	"math"
	"slices"

	"debut/trainers/run"
)

// Settings that are tried where a run file leaves them open. The weight of pairs that did not occur matters most: from the first, each is
// a step of a factor of about three, and the search goes on in the direction that is better.
const (
	firstUnobserved     = 0.03
	firstRegularization = 0.003
	ratio               = 3.0
	mostTrials          = 12
	searchEpochs        = 5
	searchFactors       = 256 // at most: few factors want more regularization than many
)

// carvedUsers is of how many users an item is held back where there is no validation part.
const carvedUsers = 10_000

// searchALS finds settings by a few short trainings, which are measured on the validation part, or on items of the training part that are
// held back from them.
func searchALS(ctx context.Context, p *problem) (string, error) {
	data, where := p.Data, "the validation part"
	if !p.hasValidation() {
		carved, ok := p.Carve(p.cfg.Seed, carvedUsers)
		if !ok {
			where = ""
		}
		data = carved
		if ok {
			where = fmt.Sprintf("an item of each of %d users held back from training", carved.Validation.Len())
		}
	}
	m := &p.cfg.Model
	openU, openR := m.Unobserved == nil, m.Regularization == nil
	metric, higher, err := p.cfg.metric()
	if err != nil {
		return "", err
	}
	if where == "" { // nobody has two items: there is nothing to choose by
		if openU {
			m.Unobserved = new(firstUnobserved)
		}
		if openR {
			m.Regularization = new(firstRegularization)
		}
		return "", nil
	}
	trial := *m
	trial.Factors = min(trial.Factors, searchFactors)
	type point struct{ unobserved, regularization int }
	scores := map[point]float64{}
	set := func(at point) {
		if openU {
			trial.Unobserved = new(threeDigits(firstUnobserved * power(ratio, at.unobserved)))
		}
		if openR {
			trial.Regularization = new(threeDigits(firstRegularization * power(ratio, at.regularization)))
		}
	}
	try := func(at point) (float64, error) {
		if v, ok := scores[at]; ok {
			return v, nil
		}
		set(at)
		a, err := newALS(p.dev, data.Train, &trial, p.cfg.Seed, p.blocks)
		if err != nil {
			return 0, err
		}
		for range searchEpochs {
			if _, err := a.pass(ctx); err != nil {
				return 0, err
			}
		}
		r, err := data.Evaluate(ctx, a.model.Scorer(p.cpu), run.PartValidation)
		if err != nil {
			return 0, err
		}
		v, err := r.Get(metric)
		if !higher {
			v = -v
		}
		scores[at] = v
		p.log.Info("tried", "unobserved", *trial.Unobserved, "regularization", *trial.Regularization, metric, v)
		return v, err
	}
	// One setting after the other is moved as long as that is better, up and down.
	best := point{}
	top, err := try(best)
	if err != nil {
		return "", err
	}
	var moves []point
	if openU {
		moves = append(moves, point{1, 0}, point{-1, 0})
	}
	if openR {
		moves = append(moves, point{0, 1}, point{0, -1})
	}
	for still := 0; still < len(moves) && len(scores) < mostTrials; {
		for _, move := range moves {
			still++
			for len(scores) < mostTrials {
				next := point{best.unobserved + move.unobserved, best.regularization + move.regularization}
				v, err := try(next)
				if err != nil {
					return "", err
				}
				if !(v > top) {
					break
				}
				best, top, still = next, v, 0
			}
		}
	}
	set(best)
	m.Unobserved, m.Regularization = trial.Unobserved, trial.Regularization
	if !higher {
		top = -top
	}
	what := "both"
	if !openR {
		what = "the weight"
	} else if !openU {
		what = "the regularization"
	}
	return fmt.Sprintf("%s chosen from %d trials of %d epochs by %s of %s, %.4g", what, len(scores), searchEpochs, metric, where, top), nil
}

// hasValidation says whether there is a validation part to measure on.
func (p *problem) hasValidation() bool { return slices.Contains(p.Parts(), run.PartValidation) }

func power(x float64, n int) float64 { return math.Pow(x, float64(n)) }

// threeDigits rounds what is to be read in a file.
func threeDigits(v float64) float64 {
	scale := math.Pow(10, 2-math.Floor(math.Log10(v)))
	return math.Round(v*scale) / scale
}
