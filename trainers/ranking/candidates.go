package ranking

import (
	"fmt"
	"slices"

	"debut/datasets/interactions"
	"debut/kernels/philox"
)

// streamNegatives keeps the draws of SampleCandidates apart from the other random numbers of a seed.
var streamNegatives = philox.StreamOf("trainers/ranking: sampled negatives")

// SampleCandidates returns candidate lists, a row a user, for [Options.Candidates]: what each user is to find in truth, and so many items beside,
// drawn alike from all that he has neither seen nor is to find, or all of those where there are fewer. Who has nothing to find has an empty row.
// What is drawn follows from the seed, the numbers of users and items and the two matrices alone.
//
// Figures of sampled lists are not those of a full ranking, nor do they order models alike (Krichene and Rendle, "On Sampled Metrics for Item
// Recommendation", KDD 2020); the AUC is, but for chance.
func SampleCandidates(truth, seen *interactions.Matrix, negatives int, seed uint64) (*interactions.Matrix, error) {
	if negatives < 1 {
		return nil, fmt.Errorf("ranking: %d sampled items a user; give a number from 1", negatives)
	}
	if seen != nil && (seen.Rows != truth.Rows || seen.Columns != truth.Columns) {
		return nil, fmt.Errorf("ranking: truth is of %d users and %d items; it must be of the same as what was seen, %d and %d", truth.Rows, truth.Columns, seen.Rows, seen.Columns)
	}
	out := &interactions.Matrix{Rows: truth.Rows, Columns: truth.Columns, Offsets: make([]int64, truth.Rows+1)}
	taken := make([]int32, truth.Columns) // by item, the user, from 1, who cannot be given it any more
	key := philox.Key(seed, streamNegatives)
	for u := range truth.Rows {
		find, _ := truth.Row(u)
		mark, left := int32(u+1), truth.Columns
		for _, list := range [][]int32{find, seenBy(seen, int32(u))} {
			for _, i := range list {
				if taken[i] != mark {
					taken[i] = mark
					left--
				}
			}
		}
		row := slices.Clone(find)
		switch {
		case len(find) == 0:
		case left <= 2*negatives: // few are left: each is taken where it is among those still wanted of those still there
			wanted := min(negatives, left)
			for i := range int32(truth.Columns) {
				if taken[i] == mark {
					continue
				}
				word := philox.Block(key, [4]uint32{uint32(i), uint32(u), 1, 0})[0]
				if uint64(word)*uint64(left)>>32 < uint64(wanted) {
					row = append(row, i)
					wanted--
				}
				left--
			}
		default:
			for draw := uint32(0); len(row) < len(find)+negatives; draw++ {
				for _, word := range philox.Block(key, [4]uint32{draw, uint32(u), 0, 0}) {
					i := int32(uint64(word) * uint64(truth.Columns) >> 32)
					if taken[i] != mark && len(row) < len(find)+negatives {
						taken[i] = mark
						row = append(row, i)
					}
				}
			}
		}
		slices.Sort(row)
		out.Indices = append(out.Indices, row...)
		out.Offsets[u+1] = int64(len(out.Indices))
	}
	out.Values = slices.Repeat([]float32{1}, len(out.Indices))
	return out, nil
}

// among says whether an item is a candidate of a user.
func among(candidates *interactions.Matrix, u, item int32) bool {
	if candidates == nil {
		return true
	}
	row, _ := candidates.Row(int(u))
	_, found := slices.BinarySearch(row, item)
	return found
}

// leaveOthersOut takes all items that are not among candidates, ascending, out of the scores of those from lo on.
func leaveOthersOut(scores []float32, lo int, candidates []int32) {
	at, _ := slices.BinarySearch(candidates, int32(lo))
	for k := range scores {
		if at < len(candidates) && int(candidates[at]) == lo+k {
			at++
			continue
		}
		scores[k] = outOfList
	}
}
