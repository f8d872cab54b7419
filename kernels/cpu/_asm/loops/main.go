// Command loops writes the inner loops of package cpu beside the matrix product.
//
// A loop is described once, as what happens to a vector of elements, and written for every level: a routine visits the elements
// of rows from left to right (pass), or panels of columns from top to bottom (columns); what a row has beyond whole vectors
// is read and written under a mask, so that nothing outside of it is touched.
package main

import (
	"flag"
	"log"

	"debut/kernels/cpu/asm/simd"

	. "github.com/mmcloughlin/avo/build"
)

// levels are written in this order.
var levels = []simd.Level{simd.AVX512, simd.AVX2}

// writers write routines for a level; their files register them.
var writers []func(simd.Level)

// writes registers a writer.
func writes(w func(simd.Level)) struct{} {
	writers = append(writers, w)
	return struct{}{}
}

func main() {
	types := flag.String("types", "", "where the Go file of the type of a level's routines goes")
	tables := flag.String("tables", "", "where the Go file of the levels' routines goes")
	ConstraintExpr("amd64")
	for _, l := range levels {
		for _, write := range writers {
			write(l)
		}
	}
	prefetch()
	prefetchRows()
	Generate()
	if err := writeRoutines(*types, *tables); err != nil {
		log.Fatal(err)
	}
}
