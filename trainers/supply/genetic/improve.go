package genetic

import "debut/kernels/philox"

// Flips returns a local search for [Binary] genomes, for Problem.Improve: it flips one gene at a time, or one of the ones together with one of the
// zeros, in random order, and keeps what is better, until a whole round brings nothing or the rounds are over.
func Flips(evaluate func(genome []bool) Score, rounds int) func([]bool, Score, *philox.Stream) (Score, int) {
	return func(genome []bool, score Score, random *philox.Stream) (Score, int) {
		evaluations := 0
		better := func() bool {
			other := evaluate(genome)
			evaluations++
			if !other.Better(score) {
				return false
			}
			score = other
			return true
		}
		for range rounds {
			improved := false
			order := random.Perm(len(genome))
			for _, i := range order {
				genome[i] = !genome[i]
				if better() {
					improved = true
					continue
				}
				partner := int(order[random.IntN(len(order))])
				if partner != int(i) && genome[partner] == genome[i] { // i is flipped: the two were different
					genome[partner] = !genome[partner]
					if better() {
						improved = true
						continue
					}
					genome[partner] = !genome[partner]
				}
				genome[i] = !genome[i]
			}
			if !improved {
				break
			}
		}
		return score, evaluations
	}
}
