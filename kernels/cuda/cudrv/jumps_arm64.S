//go:build gpu && cgo && linux

/*
 * Every function of the driver, as a jump through cudrv_table, which leaves all arguments where they are: x16 is
 * free for this by the calling convention, and a branch through it may land on a function's first instruction.
 * Hidden: libraries that the program opens later must find the driver's functions, not these.
 */
	.macro jump name, index
	.p2align 4
	.globl \name
	.hidden \name
	.type \name, %function
\name:
	hint #34
	adrp x16, cudrv_table+8*\index
	ldr x16, [x16, :lo12:cudrv_table+8*\index]
	br x16
	.size \name, .-\name
	.endm

	.text
#define SYMBOL(index, name, needed) jump name, index
#include "symbols.h"

	.section .note.GNU-stack,"",%progbits
