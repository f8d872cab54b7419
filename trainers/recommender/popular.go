package recommender

// popular ranks items by the share of users that have them: what to recommend to whom nothing is known of.
type popular struct{ share []float32 }

// newPopular makes it from how many of so many users have each item.
func newPopular(counts []int32, users int) *popular {
	p := &popular{make([]float32, len(counts))}
	for i, n := range counts {
		p.share[i] = float32(float64(n) / float64(max(1, users)))
	}
	return p
}

// Items is the number of items.
func (p *popular) Items() int { return len(p.share) }

// Concurrent says that Score may be called by several goroutines.
func (p *popular) Concurrent() {}

// Score gives everybody the same scores.
func (p *popular) Score(users []int32, out []float32) error {
	for i := range users {
		copy(out[i*len(p.share):], p.share)
	}
	return nil
}
