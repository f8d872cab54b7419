package replenish

import (
	"crypto/sha256"
	"encoding/gob"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// ErrKept is matched by errors of what an earlier search is said to have kept.
var ErrKept = errors.New("replenish: the kept state of a search cannot be gone on with")

// course is where the search for prices stands after a round: all that decides on the rounds to come.
type course struct {
	Prices, Last []float64 // of the next round and of the one before
	Cost         float64   // of the mixture
	Gap          float64   // the least so far, for stalling
	Idle         int       // rounds since it became less
	Done         bool
}

// keptSearch is what is written of a search.
type keptSearch struct {
	Version int
	Plan    string // what is planned, by its sum
	Course  course
	Best    []float64
	Bound   float64
	Short   []float64
	Mixture []float64
	Rounds  [][]keptPlan
}

// keptPlan is a plan of a block; Same says that it is that of the round before.
type keptPlan struct {
	Same        bool
	Cost, Value float64
	Flows, Much []float64
	Limits      []int
}

const keptVersion = 1

// sum identifies what is planned, and how.
func (d *decomposed) sum() (string, error) {
	h := sha256.New()
	e := gob.NewEncoder(h)
	if err := errors.Join(e.Encode(d.n.m), e.Encode(d.o.Gap)); err != nil {
		return "", fmt.Errorf("replenish: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// keep has the state of the search written, where it is asked for.
func (d *decomposed) keep(c *course) error {
	if d.o.Keep == nil {
		return nil
	}
	plan, err := d.sum()
	if err != nil {
		return err
	}
	k := keptSearch{Version: keptVersion, Plan: plan, Course: *c, Best: d.prices, Bound: d.bound, Short: d.short, Mixture: d.mixture}
	for i, plans := range d.rounds {
		list := make([]keptPlan, len(plans))
		for b := range plans {
			p := &plans[b]
			if i > 0 && len(p.flows) > 0 && len(d.rounds[i-1][b].flows) > 0 && &p.flows[0] == &d.rounds[i-1][b].flows[0] {
				list[b].Same = true
				continue
			}
			list[b] = keptPlan{Cost: p.cost, Value: p.value, Flows: p.flows}
			for _, u := range p.taken {
				list[b].Limits, list[b].Much = append(list[b].Limits, u.limit), append(list[b].Much, u.much)
			}
		}
		k.Rounds = append(k.Rounds, list)
	}
	return d.o.Keep(func(w io.Writer) error { return gob.NewEncoder(w).Encode(k) })
}

// restore goes back to where an earlier search stood; nothing of what is read is trusted.
func (d *decomposed) restore() (*course, error) {
	var k keptSearch
	if err := gob.NewDecoder(d.o.Kept).Decode(&k); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKept, err)
	}
	if k.Version != keptVersion {
		return nil, fmt.Errorf("%w: it is of version %d of its format, and this program reads %d", ErrKept, k.Version, keptVersion)
	}
	plan, err := d.sum()
	if err != nil {
		return nil, err
	}
	if plan != k.Plan {
		return nil, fmt.Errorf("%w: it is of other tables or settings", ErrKept)
	}
	limits := len(d.n.limits)
	bad := len(k.Course.Prices) != limits || len(k.Course.Last) != limits || len(k.Best) != limits || len(k.Short) != len(d.blocks) ||
		len(k.Mixture) > d.groups*len(k.Rounds) || len(k.Mixture)%d.groups != 0 || len(k.Rounds) == 0 || math.IsNaN(k.Bound)
	for _, v := range slices.Concat(k.Course.Prices, k.Course.Last, k.Best, k.Mixture) {
		bad = bad || !(v >= -1e-6) || math.IsInf(v, 0)
	}
	for i, list := range k.Rounds {
		if bad = bad || len(list) != len(d.blocks); bad {
			break
		}
		plans := make([]blockPlan, len(list))
		for b := range list {
			p, ways := &list[b], &d.n.ways[b]
			if p.Same && i > 0 {
				plans[b] = d.rounds[i-1][b]
				continue
			}
			plans[b] = blockPlan{cost: p.Cost, value: p.Value, flows: p.Flows}
			if plans[b].flows == nil { // gob leaves empty lists out
				plans[b].flows = []float64{}
			}
			bad = bad || p.Same || len(p.Flows) != d.n.m.Weeks*(len(ways.edges)+len(ways.lanes)) || len(p.Limits) != len(p.Much)
			for j := 0; j < len(p.Limits) && !bad; j++ {
				bad = p.Limits[j] < 0 || p.Limits[j] >= limits || j > 0 && p.Limits[j] <= p.Limits[j-1]
				plans[b].taken = append(plans[b].taken, use{p.Limits[j], p.Much[j]})
			}
		}
		d.rounds = append(d.rounds, plans)
	}
	if bad {
		d.rounds = nil
		return nil, fmt.Errorf("%w: its parts do not fit together", ErrKept)
	}
	d.prices, d.bound, d.short, d.mixture = k.Best, k.Bound, k.Short, k.Mixture
	return &k.Course, nil
}
