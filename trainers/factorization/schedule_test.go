package factorization

import (
	"math"
	"testing"
)

// Every sample of the matrix is taken once an epoch, and no two blocks of a round have a user or an item in common.
func TestScheduleCovers(t *testing.T) {
	m := popular(300, 200, 9000, stars)
	_, p := trainingOn(t, 2)
	const blocks = 7
	n := int(m.Len())
	s := newSchedule(m, p, 5, blocks, make([]int32, 2*n), make([]float32, n), nil)
	for epoch := range 3 {
		s.begin(epoch)
		seen := make(map[[2]int32]bool)
		for round := range blocks {
			users, items := make(map[int32]int32), make(map[int32]int32)
			for _, b := range s.meetings(round) {
				for k := b.from; k < b.to; k++ {
					u, i := s.samples[2*k], s.samples[2*k+1]
					if other, ok := users[u]; ok && other != b.users {
						t.Fatalf("user %d is in blocks %d and %d of a round", u, other, b.users)
					}
					if other, ok := items[i]; ok && other != b.items {
						t.Fatalf("item %d is in blocks %d and %d of a round", i, other, b.items)
					}
					users[u], items[i] = b.users, b.items
					if seen[[2]int32{u, i}] || s.values[k] != stars(u, i) {
						t.Fatalf("sample %d, %d is there twice or has the value %v", u, i, s.values[k])
					}
					seen[[2]int32{u, i}] = true
				}
			}
		}
		if len(seen) != n {
			t.Fatalf("an epoch has %d samples of %d", len(seen), n)
		}
	}
}

// Over epochs, the item drawn for one that a user has is any that he has not, all alike or by the weight asked for.
func TestNegativesDistribution(t *testing.T) {
	const users, items, trials = 30, 48, 2500
	m := popular(users, items, 450, stars)
	_, p := trainingOn(t, 1)
	for _, c := range []struct {
		power  float64
		blocks int
	}{{0, 1}, {0, 4}, {0.75, 4}, {1, 3}} {
		n := newNegatives(m.ColumnCounts(), c.power, 11)
		s := newSchedule(m, p, 11, c.blocks, make([]int32, 3*m.Len()), nil, n)
		// The weight with which an item was drawn for a user, and for the first user's first item alone, summed over epochs, with
		// squares of an epoch's weight.
		var sums, squares [users + 1][items]float64
		weight, lost := 1.0, 0
		for epoch := range trials {
			s.begin(epoch)
			var once [users + 1][items]float64
			for round := range c.blocks {
				for _, b := range s.meetings(round) {
					if n.weight != nil {
						weight = float64(n.blocks[b.items])
					}
					for k := b.from; k < b.to; k++ {
						u, i, j := s.samples[3*k], s.samples[3*k+1], s.samples[3*k+2]
						if j < 0 {
							lost++
							continue
						}
						once[u][j] += weight
						if u == 0 && i == m.Indices[0] {
							once[users][j] += weight
						}
					}
				}
			}
			for u := range once {
				for j, w := range once[u] {
					sums[u][j] += w
					squares[u][j] += w * w
				}
			}
		}
		if most := 0.05 * trials * float64(m.Len()); c.power == 0 && float64(lost) > most {
			t.Errorf("%+v: %d samples found no negative", c, lost)
		}
		worst, sum, degrees := 0.0, 0.0, 0.0
		for u := range sums {
			row, _ := m.Row(u % users)
			entries := float64(len(row))
			if u == users {
				entries = 1
			}
			has := make(map[int]bool)
			for _, i := range row {
				has[int(i)] = true
			}
			all := 0.0
			for _, w := range sums[u] {
				all += w
			}
			for j, got := range sums[u] {
				want := all / float64(items-len(row))
				if n.weight != nil {
					want = trials * entries * n.weight[j] / n.total
				}
				if has[j] || want == 0 {
					if got != 0 {
						t.Fatalf("%+v: user %d was given item %d, which he has or nobody", c, u%users, j)
					}
					continue
				}
				z := (got - want) / math.Sqrt(squares[u][j]-got*got/trials)
				worst, sum, degrees = max(worst, math.Abs(z)), sum+z*z, degrees+1
			}
		}
		// A thousand deviates of unit variance: the largest is near 3.3, the mean square near 1.
		t.Logf("%+v: the worst of %v counts is off by %.2f deviations, the mean square is %.3f", c, degrees, worst, sum/degrees)
		if worst > 5 || sum/degrees > 1.2 {
			t.Errorf("%+v: the worst of %v counts is off by %.2f deviations, the mean square is %.3f", c, degrees, worst, sum/degrees)
		}
	}
}
