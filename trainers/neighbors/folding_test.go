package neighbors

import (
	"math"
	"slices"
	"testing"

	"debut/datasets/interactions"
	"debut/trainers/ranking"
)

// A user folded into a model of learned weights has what a training has for him that finds users alone, the items' weights staying as they
// are: his history times the weights, in closed form of EASE and of the spectral filter. Whether training knew him makes no difference, down to
// the bits, nor who is folded in beside him.
func TestFoldIntoWeights(t *testing.T) {
	train := choices(200, 40)
	ties := ranking.NewTies(train.Columns, name)
	for kind, fit := range map[string]func() (*Items, error){
		KindEASE:     func() (*Items, error) { return FitEASE(t.Context(), train, ties, 20, 0, nil) },
		KindSLIM:     func() (*Items, error) { return FitSLIM(t.Context(), train, ties, 0.5, 5, 0, nil) },
		KindSpectral: func() (*Items, error) { return FitSpectral(t.Context(), train, ties, 5, 0.3, 0, nil) },
	} {
		m, err := fit()
		if err != nil {
			t.Fatal(err)
		}
		weights := weightsOf(m.Graph)
		known := make([]float32, train.Columns)
		alone := make([]float32, train.Columns)
		scored := 0
		for u := range train.Rows {
			items, values := train.Row(u)
			if err := m.Scorer(train).Score([]int32{int32(u)}, known); err != nil {
				t.Fatal(err)
			}
			stranger := &interactions.Matrix{Rows: 1, Columns: train.Columns, Offsets: []int64{0, int64(len(items))}, Indices: items, Values: values}
			if err := m.Scorer(stranger).Score([]int32{0}, alone); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(known, alone) {
				t.Fatalf("%s: user %d has other scores when he is folded in", kind, u)
			}
			for j := range train.Columns {
				want, size := 0.0, 0.0
				for k, i := range items {
					want += float64(values[k]) * weights.At(int(i), j)
					size += math.Abs(float64(values[k]) * weights.At(int(i), j))
				}
				if d := math.Abs(float64(alone[j]) - want); !(d <= 1e-5*size) {
					t.Fatalf("%s: user %d has the score %v for item %d, in float64 %v", kind, u, alone[j], j, want)
				}
				if want != 0 {
					scored++
				}
			}
		}
		if scored < 1000 {
			t.Errorf("%s: %d scores", kind, scored)
		}
	}
}
