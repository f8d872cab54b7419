package recommender

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"debut/datasets/configfile"
	"debut/datasets/nearest"
	"debut/datasets/wording"
	"debut/trainers/ranking"
)

// Reweight is the section of a run file that raises or lowers items whoever the user is: scores are multiplied by powers of what is known of the
// item.
type Reweight struct {
	Popularity *float64           `yaml:"popularity,omitempty" jsonschema:"description=The power of 1 plus the number of users who have the item: below 0 for lists with less of what everybody has. Where nothing is said of reweight family: neighbors chooses it and factorization has 0."`
	Shares     map[string]float64 `yaml:"shares,omitempty" jsonschema:"description=By kind of event: the power of the share of an item's users who did it; buy: 0.5 raises what is often bought where it is seen."`
}

// maxPower bounds powers, so that weights stay finite.
const maxPower = 8

// Open says that nothing is said of powers.
func (r *Reweight) Open() bool { return r.Popularity == nil && len(r.Shares) == 0 }

func (r *Reweight) popularity() float64 {
	if r.Popularity == nil {
		return 0
	}
	return *r.Popularity
}

// Validate reports what cannot be used, with the path below the section.
func (r *Reweight) Validate() error {
	if p := r.popularity(); !(math.Abs(p) <= maxPower) {
		return configfile.Errorf("popularity", "a power of %v; give one from -%d to %d", p, maxPower, maxPower)
	}
	for _, kind := range slices.Sorted(maps.Keys(r.Shares)) {
		if p := r.Shares[kind]; !(math.Abs(p) <= maxPower) {
			return configfile.Errorf("shares."+kind, "a power of %v; give one from -%d to %d", p, maxPower, maxPower)
		}
	}
	return nil
}

// priorUsers is how many users with the share of all items an item is given beside its own, so that few of them prove nothing.
const priorUsers = 5

// Reweight sets the powers by which scores are multiplied from here on. The error is one of the section reweight, with its path.
func (d *Data) Reweight(r Reweight) error {
	d.weights = nil
	if r.popularity() == 0 && len(r.Shares) == 0 {
		return nil
	}
	counts := d.Train.ColumnCounts()
	logs := make([]float64, len(counts))
	for i, n := range counts {
		logs[i] = r.popularity() * math.Log1p(float64(n))
	}
	for _, kind := range slices.Sorted(maps.Keys(r.Shares)) {
		bit := slices.Index(d.Kinds, kind)
		if bit < 0 || d.Train.Events == nil {
			return configfile.Errorf("reweight.shares."+kind, "there is no kind of event %s; there are %s%s", wording.Quote(kind), wording.List(d.Kinds, wording.MaxListed), nearest.DidYouMean(kind, d.Kinds))
		}
		did, all := make([]float64, len(counts)), 0.0
		for k, i := range d.Train.Indices {
			if d.Train.Events[k]&(1<<bit) != 0 {
				did[i]++
				all++
			}
		}
		mean := all / float64(max(d.Train.Len(), 1))
		for i, n := range counts {
			// Nobody did it with any item: no item is raised.
			if share := (did[i] + priorUsers*mean) / (float64(n) + priorUsers); share > 0 {
				logs[i] += r.Shares[kind] * math.Log(share)
			}
		}
	}
	// Only ratios matter. About the middle, weights are far from both ends of float32.
	middle := (slices.Max(logs) + slices.Min(logs)) / 2
	d.weights = make([]float32, len(logs))
	for i, l := range logs {
		d.weights[i] = float32(math.Exp(max(-maxLog, min(maxLog, l-middle))))
	}
	return nil
}

// maxLog bounds the logarithms of weights.
const maxLog = 40

// checkWeights reports what is wrong with weights that were read, which may be anybody's.
func checkWeights(weights []float32, items int) error {
	if len(weights) != items {
		return fmt.Errorf("%d weights are not those of %d items", len(weights), items)
	}
	for i, w := range weights {
		if !(w > 0 && w <= math.MaxFloat32) {
			return fmt.Errorf("item %d has the weight %v", i, w)
		}
	}
	return nil
}

// Weigh reweights scores of all items, as those of lists are.
func (m *Model) Weigh(scores []float32) { ranking.Weigh(scores, m.Weights) }
