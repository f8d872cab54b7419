package ranking

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"debut/datasets/interactions"
	"debut/trainers/metrics"
)

// Protocol says what figures of an evaluation are about: two evaluations compare where theirs are equal.
type Protocol struct {
	Users        int    `json:"users"`            // evaluated: those with something to find
	UsersWithout int    `json:"users_without"`    // left out, as they have nothing to find
	ColdUsers    int    `json:"cold_users"`       // of Users, those without anything in Seen
	Candidates   int    `json:"candidates"`       // items ranked for each user, less those he has seen
	Relevant     int64  `json:"relevant"`         // items to find, all users together
	RelevantSeen int64  `json:"relevant_seen"`    // chosen again or hidden, and so not to be found: left out of Relevant
	SeenLeftOut  bool   `json:"seen_left_out"`    // items seen are no candidates
	SeenPairs    int64  `json:"seen_pairs"`       // of users evaluated
	Hidden       int    `json:"hidden,omitempty"` // items that are no candidates for anybody
	Cutoffs      []int  `json:"cutoffs"`          // k
	Ties         string `json:"ties"`
	FullRanking  bool   `json:"full_ranking"` // all items were candidates
	// Where they were not:
	Listed    int64 `json:"listed,omitempty"`    // candidates of all users together
	Negatives int   `json:"negatives,omitempty"` // that were drawn for each user beside what he is to find; set by whoever drew them
	OffList   int64 `json:"off_list,omitempty"`  // of truth, what was no candidate: left out of Relevant
}

// String returns the protocol as a sentence.
func (p Protocol) String() string {
	seen := "items seen are candidates"
	if p.SeenLeftOut {
		seen = "items seen left out"
	}
	if !p.FullRanking {
		kind := "given candidates"
		if p.Negatives > 0 {
			kind = fmt.Sprintf("sampled candidates, %d a user beside what he is to find", p.Negatives)
		}
		return fmt.Sprintf("ranking of %s, %d in all, for %d users, %s, %d relevant items, k = %s, ties by %s", kind, p.Listed, p.Users, seen, p.Relevant,
			strings.Trim(fmt.Sprint(p.Cutoffs), "[]"), p.Ties)
	}
	return fmt.Sprintf("full ranking of %d items for %d users, %s, %d relevant items, k = %s, ties by %s", p.Candidates, p.Users, seen, p.Relevant,
		strings.Trim(fmt.Sprint(p.Cutoffs), "[]"), p.Ties)
}

// Metrics are figures at one cutoff k. With h hits among the first k of a list and r relevant items:
//
//   - Recall h/r, Precision h/k, HitRate 1 where h > 0
//   - NDCG: Σ 1/log₂(1+rank) over the hits, divided by the same of min(k, r) hits at the top (Järvelin and Kekäläinen,
//     2002, binary gains)
//   - MAP: Σ precision at the rank of each hit, divided by min(k, r)
//   - MRR: 1/rank of the first hit, 0 where there is none
//
// each a mean over users; and of all lists together
//
//   - Coverage: the share of candidates that are in a list
//   - Gini: of how often candidates are in lists, 0 where all are as often
//   - Novelty: the mean over what is recommended of −log₂((1+n)/(1+N)), n the users of N who have seen the item; 0
//     without Options.Seen
type Metrics struct {
	K         int     `json:"k"`
	Recall    float64 `json:"recall"`
	Precision float64 `json:"precision"`
	HitRate   float64 `json:"hit_rate"`
	NDCG      float64 `json:"ndcg"`
	MAP       float64 `json:"map"`
	MRR       float64 `json:"mrr"`
	Coverage  float64 `json:"coverage"`
	Gini      float64 `json:"gini"`
	Novelty   float64 `json:"novelty,omitempty"`
}

// PerUser are the figures of each user at one cutoff, in the order of Evaluation.Users, for intervals and comparisons of
// models user by user.
type PerUser struct{ Recall, Precision, Hit, NDCG, AP, RR []float32 }

// Evaluation is what Evaluate found.
type Evaluation struct {
	Protocol Protocol
	Metrics  []Metrics // one for each cutoff
	Users    []int32
	PerUser  []PerUser // one for each cutoff
	// AUC is the probability that of two items, one that the user is to find and one that he is not, the first scores higher, equal scores
	// counting half: a mean over users. AUCs are theirs.
	AUC    float64
	AUCs   []float32
	Groups []metrics.Group // of users by how much they have, and of what is to be found by who has it; with Options.Histories
	Lists  *Lists          // up to the largest cutoff

	relevant *interactions.Matrix // what each of Users is to find
}

// At returns the metrics at a cutoff, which must be one of those evaluated.
func (e *Evaluation) At(k int) Metrics {
	for _, m := range e.Metrics {
		if m.K == k {
			return m
		}
	}
	return Metrics{K: k, Recall: math.NaN(), Precision: math.NaN(), HitRate: math.NaN(), NDCG: math.NaN(), MAP: math.NaN(), MRR: math.NaN()}
}

// ErrNothing is the error of an evaluation in which no user has anything to find.
var ErrNothing = errors.New("ranking: there is nothing to find: truth is empty, or all of it was seen before")

// Evaluate ranks all items for every user who has items in truth, row u for user u, and measures the lists at the
// cutoffs. Options.K is not used. Items of truth that are seen or hidden cannot be found, and are not asked for; nor are those that are no
// candidates, where there are lists of these.
func Evaluate(ctx context.Context, s Scorer, truth *interactions.Matrix, cutoffs []int, o Options) (*Evaluation, error) {
	cutoffs = slices.Compact(slices.Sorted(slices.Values(cutoffs)))
	if len(cutoffs) == 0 || cutoffs[0] < 1 {
		return nil, fmt.Errorf("ranking: cutoffs are %v; give numbers from 1", cutoffs)
	}
	o.K = cutoffs[len(cutoffs)-1]
	if err := o.check(s); err != nil {
		return nil, err
	}
	if truth.Columns != s.Items() || o.Seen != nil && o.Seen.Rows != truth.Rows {
		return nil, fmt.Errorf("ranking: truth is of %d users and %d items; it must be of the same as what was seen and the scorer", truth.Rows, truth.Columns)
	}
	if o.Candidates != nil && o.Candidates.Rows != truth.Rows {
		return nil, fmt.Errorf("ranking: truth is of %d users, and candidate lists of %d", truth.Rows, o.Candidates.Rows)
	}
	hidden := make([]bool, s.Items())
	for _, i := range o.Hidden {
		hidden[i] = true
	}
	e := &Evaluation{Protocol: Protocol{Cutoffs: cutoffs, Ties: TieRule, FullRanking: o.Candidates == nil, SeenLeftOut: o.Seen != nil, Candidates: s.Items()}}
	p := &e.Protocol
	for _, h := range hidden {
		if h {
			p.Hidden++
			p.Candidates--
		}
	}
	relevant := &interactions.Matrix{Rows: 0, Columns: truth.Columns, Offsets: []int64{0}}
	for u := range truth.Rows {
		items, _ := truth.Row(u)
		var seen []int32
		if o.Seen != nil {
			seen, _ = o.Seen.Row(u)
		}
		before := relevant.Len()
		for _, i := range items {
			if _, found := slices.BinarySearch(seen, i); found || hidden[i] {
				p.RelevantSeen++
				continue
			}
			if !among(o.Candidates, int32(u), i) {
				p.OffList++
				continue
			}
			relevant.Indices = append(relevant.Indices, i)
		}
		if relevant.Len() == before {
			p.UsersWithout++
			continue
		}
		relevant.Offsets = append(relevant.Offsets, relevant.Len())
		e.Users = append(e.Users, int32(u))
		p.SeenPairs += int64(len(seen))
		if o.Candidates != nil {
			p.Listed += o.Candidates.Offsets[u+1] - o.Candidates.Offsets[u]
		}
		if len(seen) == 0 {
			p.ColdUsers++
		}
	}
	p.Users, p.Relevant = len(e.Users), relevant.Len()
	e.relevant = relevant
	if p.Users == 0 {
		return nil, ErrNothing
	}
	var won *areas
	o.areas = func(o *Options, users []int32) *areas {
		won = newAreas(relevant, users, o)
		return won
	}
	var err error
	if e.Lists, err = TopK(ctx, s, e.Users, o); err != nil {
		return nil, err
	}
	e.AUCs = make([]float32, len(e.Users))
	for i := range e.Users {
		area := won.area(i, s.Items())
		e.AUCs[i] = float32(area)
		e.AUC += area / float64(len(e.Users))
	}
	for _, k := range cutoffs {
		e.measure(k, relevant)
		e.spread(k, hidden, o.Seen)
	}
	if o.Histories != nil {
		e.group(o.Histories)
		if won.fresh != nil {
			if g, ok := won.fresh.group(); ok {
				e.Groups = append(e.Groups, g)
			}
		}
	}
	return e, nil
}
