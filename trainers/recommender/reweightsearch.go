package recommender

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/bits"
	"slices"

	"debut/datasets/interactions"
	"debut/trainers/metrics"
	"debut/trainers/ranking"
	"debut/trainers/run"
)

// How powers are chosen. A trial costs lists of some thousand users, and a difference of recalls of as many is worth little below leastGain.
const (
	reweightUsers = 5_000
	leastUsers    = 1_000 // with fewer nothing is chosen
	powerStep     = 0.15
	mostPowers    = 12 // trials
	leastGain     = 0.01
)

// ChooseReweight finds the powers of [Reweight] by which lists are best, and sets them: on the validation part by the model that fit finds, where there
// is such a part; else by one of a training part from which an item of each of some users is held back, of the kinds of event that the test part
// is of, if it is of some alone. Popularity is tried, and the share of the one kind that is looked for. fit is not called where there are
// too few users to tell; then, and where nothing is better by a hundredth, no power is set. The clause says what was done, for a protocol.
func (d *Data) ChooseReweight(ctx context.Context, seed uint64, log *slog.Logger, fit func(held *Data) (ranking.Scorer, error)) (chosen Reweight, clause string, err error) {
	held, where := d, "the validation part"
	kinds := d.sought()
	if slices.Contains(d.parts, run.PartValidation) {
		if d.Validation.Len() < leastUsers {
			return chosen, "", nil
		}
	} else {
		var ok bool
		if held, ok = d.carve(seed, reweightUsers, kinds); !ok || held.Validation.Len() < leastUsers {
			return chosen, "", nil
		}
		where = fmt.Sprintf("an item of each of %d users held back from training", held.Validation.Len())
	}
	s, err := fit(held)
	if err != nil {
		return chosen, "", err
	}
	longest := slices.Max(d.eval.Cutoffs)
	truth := firstUsers(held.Validation, reweightUsers)
	counts := held.histories()
	cold := newPopular(counts.ColumnCounts(), counts.Rows).share
	kind := ""
	if bits.OnesCount16(kinds) == 1 {
		kind = d.Kinds[bits.TrailingZeros16(kinds)]
	}
	type point struct{ popularity, share int }
	powers := func(at point) Reweight {
		round := func(n int) float64 { return math.Round(100*powerStep*float64(n)) / 100 }
		r := Reweight{Popularity: new(round(at.popularity))}
		if at.share != 0 {
			r.Shares = map[string]float64{kind: round(at.share)}
		}
		return r
	}
	recalls := map[point]float64{}
	try := func(at point) (float64, error) {
		if v, ok := recalls[at]; ok {
			return v, nil
		}
		if err := held.Reweight(powers(at)); err != nil {
			return 0, err
		}
		o := ranking.Options{Ties: d.Ties, Seen: held.seen(run.PartValidation), Weights: held.weights, Cold: cold, Histories: counts, Pool: d.Pool}
		if d.eval.KeepSeen {
			o.Seen = nil
		}
		e, err := ranking.Evaluate(ctx, s, truth, []int{longest}, o)
		if err != nil {
			return 0, err
		}
		v := e.At(longest).Recall
		recalls[at] = v
		r := powers(at)
		log.Info("tried", "popularity", r.popularity(), "shares", r.Shares, metrics.At("recall@k", longest), v)
		return v, nil
	}
	best := point{}
	top, err := try(best)
	if err != nil {
		return chosen, "", err
	}
	plain := top
	moves := []point{{-1, 0}, {1, 0}}
	if kind != "" {
		moves = append(moves, point{0, 1}, point{0, -1})
	}
	for still := 0; still < len(moves) && len(recalls) < mostPowers; {
		for _, move := range moves {
			still++
			for len(recalls) < mostPowers {
				next := point{best.popularity + move.popularity, best.share + move.share}
				v, err := try(next)
				if err != nil {
					return chosen, "", err
				}
				if !(v > top) {
					break
				}
				best, top, still = next, v, 0
			}
		}
	}
	if top < plain*(1+leastGain) {
		best, top = point{}, plain
	}
	chosen = powers(best)
	return chosen, fmt.Sprintf("items reweighted as is best of %d trials by %s of %s, %.4g, without %.4g", len(recalls), metrics.At("recall@k", longest), where, top, plain), d.Reweight(chosen)
}

// sought are the kinds of event of what the test part, or the validation part, is of, where it is of some kinds alone; else 0.
func (d *Data) sought() (kinds uint16) {
	if len(d.Kinds) < 2 || d.Train.Events == nil {
		return 0
	}
	for _, part := range []*interactions.Matrix{d.Test, d.Validation} {
		if part == nil || part.Len() == 0 {
			continue
		}
		if part.Events == nil {
			return 0
		}
		kinds = math.MaxUint16
		for _, e := range part.Events {
			kinds &= e // each has it: what else a user did with it does not matter
		}
		return kinds
	}
	return 0
}

// firstUsers returns what the first so many users have who have something.
func firstUsers(m *interactions.Matrix, n int) *interactions.Matrix {
	out := &interactions.Matrix{Rows: m.Rows, Columns: m.Columns, Offsets: slices.Clone(m.Offsets)}
	for u := range m.Rows {
		if m.Offsets[u+1] > m.Offsets[u] {
			n--
		}
		if n < 0 {
			out.Offsets[u+1] = out.Offsets[u]
		}
	}
	end := out.Offsets[m.Rows]
	out.Indices, out.Values = m.Indices[:end], m.Values[:end]
	return out
}
