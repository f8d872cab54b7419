package ranking

import (
	"math"
	"slices"

	"debut/datasets/interactions"
)

// measure computes what is a mean over users. Row i of relevant is what user i of e.Users is to find.
func (e *Evaluation) measure(k int, relevant *interactions.Matrix) {
	n := len(e.Users)
	u := PerUser{make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)}
	gain, ideal := make([]float64, k), make([]float64, k+1)
	for i := range gain {
		gain[i] = 1 / math.Log2(float64(i)+2)
		ideal[i+1] = ideal[i] + gain[i]
	}
	m := Metrics{K: k}
	for i := range e.Users {
		find := relevant.Indices[relevant.Offsets[i]:relevant.Offsets[i+1]]
		items, _ := e.Lists.Of(i)
		hits, first, dcg, precisions := 0, 0, 0.0, 0.0
		for rank, item := range items[:min(k, len(items))] {
			if _, found := slices.BinarySearch(find, item); !found {
				continue
			}
			hits++
			if first == 0 {
				first = rank + 1
			}
			dcg += gain[rank]
			precisions += float64(hits) / float64(rank+1)
		}
		most := min(k, len(find))
		recall, precision := float64(hits)/float64(len(find)), float64(hits)/float64(k)
		hit, rr := 0.0, 0.0
		if hits > 0 {
			hit, rr = 1, 1/float64(first)
		}
		ndcg, ap := dcg/ideal[most], precisions/float64(most)
		u.Recall[i], u.Precision[i], u.Hit[i] = float32(recall), float32(precision), float32(hit)
		u.NDCG[i], u.AP[i], u.RR[i] = float32(ndcg), float32(ap), float32(rr)
		m.Recall += recall
		m.Precision += precision
		m.HitRate += hit
		m.NDCG += ndcg
		m.MAP += ap
		m.MRR += rr
	}
	for _, v := range []*float64{&m.Recall, &m.Precision, &m.HitRate, &m.NDCG, &m.MAP, &m.MRR} {
		*v /= float64(n)
	}
	e.Metrics, e.PerUser = append(e.Metrics, m), append(e.PerUser, u)
}

// spread computes what all lists together say.
func (e *Evaluation) spread(k int, hidden []bool, seen *interactions.Matrix) {
	m := &e.Metrics[len(e.Metrics)-1]
	shown := make([]int64, len(hidden))
	var all int64
	for i := range e.Users {
		items, _ := e.Lists.Of(i)
		for _, item := range items[:min(k, len(items))] {
			shown[item]++
			all++
		}
	}
	if seen != nil && all > 0 {
		for item, users := range seen.ColumnCounts() {
			if shown[item] > 0 {
				m.Novelty -= float64(shown[item]) / float64(all) * math.Log2((1+float64(users))/(1+float64(seen.Rows)))
			}
		}
	}
	counts := make([]int64, 0, len(shown))
	for item, c := range shown {
		if !hidden[item] {
			counts = append(counts, c)
			if c > 0 {
				m.Coverage++
			}
		}
	}
	m.Coverage /= float64(len(counts))
	// Gini of the sorted counts: Σ (2i − n − 1) cᵢ / (n Σ cᵢ), i from 1.
	slices.Sort(counts)
	n := float64(len(counts))
	for i, c := range counts {
		m.Gini += (2*float64(i+1) - n - 1) * float64(c)
	}
	if all > 0 {
		m.Gini /= n * float64(all)
	}
}
