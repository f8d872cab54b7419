// Command asm writes the assembly of package cpu: the inner loops in AVX2 and AVX-512.
//
//	go run . -out ../loops_amd64.s -stubs ../loops_amd64_stubs.go -pkg cpu
//
// It is a module of its own so that the program does not depend on the generator.
package main

import (
	. "github.com/mmcloughlin/avo/build"
)

func main() {
	Package("debut/kernels/cpu")
	ConstraintExpr("amd64")
	gemmTile(avx512)
	gemmTile(avx2)
	Generate()
}
