// Command loops writes the inner loops of package cpu beside the matrix product.
//
// A loop is described once, as what happens to a vector of elements, and written for every level: a routine visits the elements
// of rows from left to right (pass), or panels of columns from top to bottom (columns); what a row has beyond whole vectors
// is read and written under a mask, so that nothing outside of it is touched.
package main

import (
	"debut/kernels/cpu/asm/simd"

	. "github.com/mmcloughlin/avo/build"
)

func main() {
	ConstraintExpr("amd64")
	for _, l := range []simd.Level{simd.AVX512, simd.AVX2} {
		elementwise(l)
		activations(l)
		optimizers(l)
		normalization(l)
		reductions(l)
		losses(l)
		dropout(l)
		gather(l)
	}
	prefetch()
	Generate()
}
