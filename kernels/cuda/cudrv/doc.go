// Package cudrv stands between gorgonia.org/cu and the CUDA driver, so that a program that is built for NVIDIA GPUs
// also starts where there is none.
//
// Package cu links the driver's library, and when it is initialized it ends the program where the driver fails. cudrv
// therefore defines every function of the driver that cu links, each a jump through a table; its cuInit does nothing
// and reports success. The table is filled by [Load], which opens the driver's library at run time, and whose errors
// say what is wrong. Until then, and where there is no driver, every function returns an error of the driver's own.
// A function that the driver is too old to have returns CUDA_ERROR_NOT_SUPPORTED; [Missing] lists those.
//
// Every program that contains cu must contain cudrv. Nothing but debut/kernels/cuda imports either.
//
// The functions come from ../include/cuda.h: symbols.h and results.go are generated from it, and lib/libcuda.a is
// the empty library that stands for the driver when a program is linked.
package cudrv

//go:generate go run ./internal/gensymbols -header ../include/cuda.h -symbols symbols.h -results results.go -archive lib/libcuda.a
