package factorization

import (
	"errors"
	"math"
	"slices"
	"testing"

	"debut/kernels"
	"debut/kernels/cuda"
	"debut/kernels/cuda/cudatest"
)

// A GPU that has not room for all rows trains them in blocks, to the same bits: implicit and explicit, by conjugate gradients and exactly,
// with rows of the other side that come in several blocks, and a Gram matrix of several parts.
func TestBlocks(t *testing.T) {
	was := gramRows
	gramRows = 32
	t.Cleanup(func() { gramRows = was })
	m := drawn(150, 70, 0.1, func(u, i int) float64 { return float64(1 + (u+i)%5) })
	dev := cudatest.Open(t, cuda.Options{})
	for name, change := range map[string]func(c *ModelConfig){
		"implicit": func(*ModelConfig) {},
		"cholesky": func(c *ModelConfig) { c.Solver, c.Factors, c.Confidence = Cholesky, 12, ConfidenceLog },
		"explicit": func(c *ModelConfig) { c.Feedback = Explicit },
	} {
		cfg := settings(change)
		passes := func(memory int64) (*als, []float64) {
			a, err := newALS(dev, m, cfg, 3, memory)
			if err != nil {
				t.Fatal(err)
			}
			var losses []float64
			for range 2 {
				loss, err := a.pass(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				losses = append(losses, loss)
			}
			return a, losses
		}
		whole, losses := passes(0)
		least := int64(0)
		for _, n := range blockNeed(m, longestRow(m.Transpose()), cfg) {
			least += n
		}
		for _, memory := range []int64{least, 2 * least} {
			blocks, got := passes(memory)
			if all := m.Len(); memory == least && int64(len(blocks.blocks.columns.data)) >= all && blocks.blocks.rows >= m.Rows {
				t.Fatalf("%s: blocks of %d rows and %d pairs hold all %d", name, blocks.blocks.rows, len(blocks.blocks.columns.data), all)
			}
			if !slices.Equal(blocks.model.Users, whole.model.Users) || !slices.Equal(blocks.model.Items, whole.model.Items) || !slices.Equal(got, losses) {
				t.Errorf("%s: in blocks of %d bytes there are other factors, or other losses: %v and %v", name, memory, got, losses)
			}
			for i := 1; i < len(got); i++ {
				if !(got[i] < got[i-1]) || math.IsNaN(got[i]) {
					t.Errorf("%s: losses %v", name, got)
				}
			}
			if err := whole.loaded(); err != nil || blocks.loaded() != nil {
				t.Fatal(err)
			}
		}
		_, err := newALS(dev, m, cfg, 3, least/8)
		if !errors.Is(err, kernels.ErrOutOfMemory) {
			t.Errorf("%s: a row that does not fit: %v", name, err)
		}
	}
}
