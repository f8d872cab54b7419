package ranking

import (
	"fmt"
	"slices"

	"debut/datasets/interactions"
	"debut/trainers/metrics"
)

// historyBounds are where groups of users by how many items they have begin, rareBelow of how many users an item is rare.
var historyBounds = []int{0, 1, 5, 20, 100}

const rareBelow = 10

// group measures groups of users and of items apart, at the largest cutoff.
func (e *Evaluation) group(histories *interactions.Matrix) {
	at := len(e.Metrics) - 1
	k, per := e.Metrics[at].K, e.PerUser[at]
	sums, counts := make([][3]float64, len(historyBounds)), make([]int, len(historyBounds))
	for i, u := range e.Users {
		n := int(histories.Offsets[u+1] - histories.Offsets[u])
		g, exact := slices.BinarySearch(historyBounds, n)
		if !exact {
			g--
		}
		counts[g]++
		for m, v := range []float32{per.Recall[i], per.NDCG[i], e.AUCs[i]} {
			sums[g][m] += float64(v)
		}
	}
	for g, n := range counts {
		if n == 0 {
			continue
		}
		c := float64(n)
		e.Groups = append(e.Groups, metrics.Group{Name: historyName(g), Count: int64(n), Unit: "users", Values: metrics.Values{
			{Name: metrics.At("recall@k", k), Value: sums[g][0] / c}, {Name: metrics.At("ndcg@k", k), Value: sums[g][1] / c}, {Name: "auc", Value: sums[g][2] / c},
		}})
	}
	users := histories.ColumnCounts()
	var hits, all [2]int64
	for i := range e.Users {
		items, _ := e.Lists.Of(i)
		for _, item := range e.relevant.Indices[e.relevant.Offsets[i]:e.relevant.Offsets[i+1]] {
			g := 0
			if users[item] >= rareBelow {
				g = 1
			}
			all[g]++
			if slices.Contains(items[:min(k, len(items))], item) {
				hits[g]++
			}
		}
	}
	for g, name := range []string{fmt.Sprintf("items with fewer than %d users", rareBelow), fmt.Sprintf("items with %d users or more", rareBelow)} {
		if all[g] > 0 {
			// Of all that is to be found, whoever is to find it.
			e.Groups = append(e.Groups, metrics.Group{Name: name, Count: all[g], Unit: "relevant", Values: metrics.Values{{Name: metrics.At("recall@k", k), Value: float64(hits[g]) / float64(all[g])}}})
		}
	}
}

func historyName(g int) string {
	switch {
	case g == 0:
		return "users without items"
	case g == len(historyBounds)-1:
		return fmt.Sprintf("users with %d items or more", historyBounds[g])
	}
	return fmt.Sprintf("users with %d to %d items", historyBounds[g], historyBounds[g+1]-1)
}
