package factorization

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"testing"

	"debut/datasets/interactions"
	"debut/kernels/cpu"
	"debut/kernels/philox"
	"debut/kernels/pool"
)

// popular generates a matrix in which users and items are about as unevenly busy as in a shop: by powers of their rank.
func popular(users, items, entries int, value func(u, i int32) float32) *interactions.Matrix {
	draw := philox.New(1, 2)
	table := func(n int, power, flat float64) func() int32 {
		sums, sum := make([]float64, n), 0.0
		for k, rank := range draw.Perm(n) {
			sum += math.Pow(float64(rank)+flat, -power)
			sums[k] = sum
		}
		return func() int32 { return int32(sort.SearchFloat64s(sums, draw.Float64()*sum)) }
	}
	user, item := table(users, 0.5, 30), table(items, 0.8, 20)
	rows := make([][]int32, users)
	for n := 0; n < entries; {
		u, i := user(), item()
		at, found := slices.BinarySearch(rows[u], i)
		if !found {
			rows[u] = slices.Insert(rows[u], at, i)
			n++
		}
	}
	m := &interactions.Matrix{Rows: users, Columns: items, Offsets: make([]int64, users+1)}
	for u, row := range rows {
		m.Indices = append(m.Indices, row...)
		for _, i := range row {
			m.Values = append(m.Values, value(int32(u), i))
		}
		m.Offsets[u+1] = int64(len(m.Indices))
	}
	return m
}

func one(_, _ int32) float32 { return 1 }

// BenchmarkSteps measures epochs in updates a second, with what is drawn for an epoch.
func BenchmarkSteps(b *testing.B) {
	for _, threads := range []int{1, 2} {
		for _, rating := range []bool{false, true} {
			name, users, items, entries := "preferences", 29858, 40981, 810000
			if rating {
				name, users, items, entries = "ratings", 70000, 10000, 5000000
			}
			b.Run(fmt.Sprintf("%s/threads=%d", name, threads), func(b *testing.B) {
				m := popular(users, items, entries, one)
				dev, err := cpu.New(cpu.Options{Threads: threads})
				if err != nil {
					b.Fatal(err)
				}
				p := pool.New(threads)
				defer p.Close()
				o := SGD{Factors: 64, Rate: 0.02, BiasRate: 0.02, Decay: 1, Deviation: 0.1}
				var t *Steps
				if rating {
					t, _, err = NewRatingSteps(dev, p, m, RatingSettings{SGD: o, UserL2: 0.05, ItemL2: 0.05})
				} else {
					t, err = NewPreferenceSteps(dev, p, m, PreferenceSettings{SGD: o, UserL2: 0.01, ItemL2: 0.01, NegativeL2: 0.01})
				}
				if err != nil {
					b.Fatal(err)
				}
				defer t.Close()
				for b.Loop() {
					if _, err := t.Epoch(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N)*float64(m.Len())/b.Elapsed().Seconds()/1e6, "Mupdates/s")
			})
		}
	}
}
