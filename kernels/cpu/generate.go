package cpu

//go:generate go run -C _asm ./gemm -out ../gemm_amd64.s -stubs ../gemm_amd64_stubs.go -pkg cpu
//go:generate go run -C _asm ./loops -out ../loops_amd64.s -stubs ../loops_amd64_stubs.go -types ../loops_routines.go -tables ../loops_amd64_tables.go -pkg cpu
