package bench

import (
	"math"
	"slices"

	"debut/datasets/interactions"
	"debut/kernels/philox"
	"debut/kernels/pool"
)

// Shares of what tastePairs makes.
const (
	tastes     = 50
	tasteShare = 0.7
	heldOne    = 10   // of so many pairs of a user who is looked at, one is held back
	lookedAt   = 2000 // users, about
)

// pairUsers is how many users a task of a pool fills.
const pairUsers = 1024

// tastePairs is a matrix of so many pairs, each of a value, and another of some of them that are held back from it: few users have many items
// and few items are with many users, and each user has most of his items from one of some tastes. It is the same for any number of threads.
func tastePairs(p *pool.Pool, users, items, pairs int, value float32) (train, held *interactions.Matrix) {
	r := philox.New(1, philox.StreamOf("bench.factorization"))
	train = &interactions.Matrix{Rows: users, Columns: items, Offsets: shares(r.Perm(users), items, pairs), Indices: make([]int32, pairs)}
	item := r.Perm(items)
	free := make(chan []int32, p.Threads()) // of each item the user, counted from 1, who has it: never more tasks than threads are at work
	for range p.Threads() {
		free <- make([]int32, items)
	}
	pool.Each(p, (users+pairUsers-1)/pairUsers, func(block int) {
		owner := <-free
		defer func() { free <- owner }()
		for u := block * pairUsers; u < min((block+1)*pairUsers, users); u++ {
			draw := philox.New(1, philox.StreamOf("bench.factorization: items")+uint64(u))
			drawItems(draw, train.Indices[train.Offsets[u]:train.Offsets[u+1]], u, item, owner)
		}
	})
	held = holdBack(r, train)
	train.Values, held.Values = repeated(value, len(train.Indices)), repeated(1, len(held.Indices))
	return train, held
}

// shares deals pairs to users by their rank, and returns where each user's begin. The share of a place x of 0 … 1 is −ln x, as of the product
// of two random numbers; nobody has more than half of all items.
func shares(rank []int32, items, pairs int) []int64 {
	users := len(rank)
	least := int64(pairs) / int64(4*users)
	offsets := make([]int64, users+1)
	sum := int64(0)
	for u, k := range rank {
		n := int64(-math.Log((float64(k)+0.5)/float64(users)) * float64(pairs) / float64(users))
		n = min(max(n, least), int64(items/2))
		offsets[u+1] = n
		sum += n
	}
	// What rounding and bounds have left is dealt in turns.
	for u := 0; sum != int64(pairs); u = (u + 1) % users {
		if sum < int64(pairs) && offsets[u+1] < int64(items/2) {
			offsets[u+1]++
			sum++
		} else if sum > int64(pairs) && offsets[u+1] > 0 {
			offsets[u+1]--
			sum--
		}
	}
	for u := range users {
		offsets[u+1] += offsets[u]
	}
	return offsets
}

// drawItems fills the list of a user with different items, ascending. owner is left as he makes it.
func drawItems(draw *philox.Stream, list []int32, user int, item, owner []int32) {
	items, mark := len(item), int32(user+1)
	for n, misses := 0, 0; n < len(list); {
		i := int(float64(items) * draw.Float64() * draw.Float64())
		if misses > 20 { // nearly all that are popular he has
			i = draw.IntN(items)
		} else if taste := user % tastes; items > tastes && draw.Float64() < tasteShare {
			if i += taste - i%tastes; i >= items {
				i -= tastes
			}
		}
		if owner[item[i]] == mark {
			misses++
			continue
		}
		owner[item[i]], list[n], misses = mark, item[i], 0
		n++
	}
	slices.Sort(list)
}

// holdBack takes some pairs out of a matrix.
func holdBack(r *philox.Stream, m *interactions.Matrix) *interactions.Matrix {
	held := &interactions.Matrix{Rows: m.Rows, Columns: m.Columns, Offsets: make([]int64, m.Rows+1)}
	n, from := int64(0), int64(0)
	for u := range m.Rows {
		looked := u%(1+m.Rows/lookedAt) == 0
		list := m.Indices[from:m.Offsets[u+1]]
		from = m.Offsets[u+1]
		for _, i := range list {
			if looked && r.IntN(heldOne) == 0 {
				held.Indices = append(held.Indices, i)
				continue
			}
			m.Indices[n] = i
			n++
		}
		m.Offsets[u+1], held.Offsets[u+1] = n, int64(len(held.Indices))
	}
	m.Indices = m.Indices[:n]
	return held
}

func repeated(value float32, n int) []float32 {
	values := make([]float32, n)
	for k := range values {
		values[k] = value
	}
	return values
}
