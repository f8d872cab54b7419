//go:build gpu && cgo && linux

/*
 * Every function of the driver, as a jump through cudrv_table, which leaves all arguments where they are.
 * Hidden: libraries that the program opens later must find the driver's functions, not these.
 */
	.macro jump name, index
	.p2align 4
	.globl \name
	.hidden \name
	.type \name, @function
\name:
	endbr64
	jmp *cudrv_table+8*\index(%rip)
	.size \name, .-\name
	.endm

	.text
#define SYMBOL(index, name, needed) jump name, index
#include "symbols.h"

	.section .note.GNU-stack,"",@progbits
