package factorization

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"testing"

	"debut/kernels/cuda"
	"debut/kernels/cuda/cudatest"
	"debut/kernels/philox"
	"debut/trainers/ranking"
)

// A GPU makes the lists that the processor makes: blocks of users and tiles of items that are not whole, what users have and hidden items left
// out, weights, and many equal scores, whose order is that of the ties.
func TestListsOnGPU(t *testing.T) {
	const users, items, width = 45, 130, 6
	r := philox.New(1, 1)
	f := &Factors{Width: width, Mean: 2}
	for range users * width {
		f.Users = append(f.Users, float32(r.IntN(5)-2))
	}
	for range items * width {
		f.Items = append(f.Items, float32(r.IntN(3)-1))
	}
	weights := make([]float32, items)
	for i := range weights {
		weights[i] = []float32{0.5, 1, 2}[i%3]
	}
	all := make([]int32, users)
	for u := range all {
		all[u] = int32(users - 1 - u)
	}
	processor, gpu := f.Scorer(processor(t, 1)), newDeviceScorer(f, cudatest.Open(t, cuda.Options{}))
	gpu.block, gpu.tile = 20, 48
	for name, o := range map[string]ranking.Options{
		"all":      {K: 7},
		"left out": {K: 10, Seen: drawn(users, items, 0.3, func(_, _ int) float64 { return 1 }), Hidden: []int32{3, 129, 3}, Weights: weights},
		"too many": {K: items + 5, Hidden: []int32{0}},
		"long":     {K: 3000}, // there is no kernel
		"evaluate": {K: 4, Cold: weights, Histories: drawn(users, items, 0.1, func(_, _ int) float64 { return 1 })},
	} {
		o.Ties = ranking.NewTies(items, strconv.Itoa)
		want, err := ranking.TopK(t.Context(), processor, all, o)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ranking.TopK(t.Context(), gpu, all, o)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Items, want.Items) || !slices.Equal(got.Scores, want.Scores) {
			t.Errorf("%s: other lists than the processor's", name)
		}
		// Others like them, with what is bound already: fewer users, and nothing left out.
		o.Seen = nil
		kept := gpu.kept
		if want, err = ranking.TopK(t.Context(), processor, all[5:], o); err != nil {
			t.Fatal(err)
		}
		if got, err = ranking.TopK(t.Context(), gpu, all[5:], o); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Items, want.Items) || gpu.kept != kept {
			t.Errorf("%s: other lists the second time, or bound anew", name)
		}
	}
	f.Users[3*width] = float32(math.NaN())
	if _, err := ranking.TopK(t.Context(), gpu, all, ranking.Options{K: 2, Ties: ranking.NewTies(items, strconv.Itoa)}); !errors.Is(err, ranking.ErrNaN) {
		t.Errorf("a score that is no number: %v", err)
	}
}
