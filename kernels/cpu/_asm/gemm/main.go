// Command gemm writes the micro-kernels of the matrix product.
package main

import (
	"fmt"

	"debut/kernels/cpu/asm/simd"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64")
	gemmTile(simd.AVX512)
	gemmTile(simd.AVX2)
	for _, elements := range []int{12, 32} {
		packSteps(simd.AVX512, elements)
	}
	for _, elements := range []int{6, 16} {
		packSteps(simd.AVX2, elements)
	}
	packTransposed(simd.AVX512)
	packTransposed(simd.AVX2)
	Generate()
}

// gemmTile writes the micro-kernel of the matrix product: a tile of C, rows × 2 vectors, as the product of k steps.
//
// A is read where it lies, by the strides of its rows and of its steps; B is a packed panel, two vectors a step. The
// sums stay in registers: 12×2 of 32 with AVX-512, 6×2 of 16 with AVX2; the rest holds a step of B and an element of A.
// Four – with AVX2 two – pointers, each to the first of three rows, reach all rows by scaled strides.
func gemmTile(l simd.Level) {
	rows := 12
	if l.Width == 8 {
		rows = 6
	}
	TEXT("gemmTile"+l.Name, NOSPLIT, "func(k int, a *float32, rowStride, stepStride int, b, c *float32, stride int, bias *float32, flags int)")
	Doc(fmt.Sprintf("gemmTile%s sets a tile of C, %d rows of %d, to the product of k steps; strides are in bytes. Flags: 1 adds C, 2 applies", l.Name, rows, 2*l.Width),
		"ReLU. A bias that is not nil is added to every row before.")
	k := Load(Param("k"), GP64())
	a := Load(Param("a"), GP64())
	rs := Load(Param("rowStride"), GP64())
	ss := Load(Param("stepStride"), GP64())
	b := Load(Param("b"), GP64())

	groups := rows / 3
	base := make([]GPVirtual, groups)
	base[0] = a.(GPVirtual)
	three := GP64()
	LEAQ(Mem{Base: rs, Index: rs, Scale: 2}, three)
	for g := 1; g < groups; g++ {
		base[g] = GP64()
		LEAQ(Mem{Base: base[g-1], Index: three, Scale: 1}, base[g])
	}
	element := func(r int) Mem {
		m := Mem{Base: base[r/3]}
		if r%3 > 0 {
			m.Index, m.Scale = rs, uint8(r%3)
		}
		return m
	}
	sum := make([][2]VecVirtual, rows)
	for r := range sum {
		for j := range 2 {
			sum[r][j] = l.Vector()
			l.Zero(sum[r][j])
		}
	}
	bv := [2]VecVirtual{l.Vector(), l.Vector()}
	av := []VecVirtual{l.Vector(), l.Vector()}
	// The tile of C is on its way while the sums are taken.
	c := Load(Param("c"), GP64())
	cs := Load(Param("stride"), GP64())
	ahead := GP64()
	MOVQ(c, ahead)
	for r := range rows {
		for line := 0; line < 2*l.Bytes(); line += 64 {
			PREFETCHT0(Mem{Base: ahead, Disp: line})
		}
		if r < rows-1 {
			ADDQ(cs, ahead)
		}
	}
	name := "tile" + l.Name
	TESTQ(k, k)
	JZ(LabelRef(name + "Done"))
	Label(name + "Loop")
	VMOVUPS(l.At(b, 0), bv[0])
	VMOVUPS(l.At(b, 1), bv[1])
	PREFETCHT0(Mem{Base: b, Disp: 8 * 2 * l.Bytes()})
	if l.Width == 16 {
		PREFETCHT0(Mem{Base: b, Disp: 8*2*l.Bytes() + 64})
	}
	for r := range rows {
		x := av[r%len(av)]
		VBROADCASTSS(element(r), x)
		VFMADD231PS(x, bv[0], sum[r][0])
		VFMADD231PS(x, bv[1], sum[r][1])
	}
	for g := range base {
		ADDQ(ss, base[g])
	}
	ADDQ(Imm(uint64(2*l.Bytes())), b)
	DECQ(k)
	JNZ(LabelRef(name + "Loop"))
	Label(name + "Done")

	flags := Load(Param("flags"), GP64())
	// rows of C, one after another
	at := func(p Register, j int) Mem { return l.At(p, j) }
	TESTQ(U32(1), flags)
	JZ(LabelRef(name + "NoAdd"))
	p := GP64()
	MOVQ(c, p)
	for r := range rows {
		for j := range 2 {
			VADDPS(at(p, j), sum[r][j], sum[r][j])
		}
		if r < rows-1 {
			ADDQ(cs, p)
		}
	}
	Label(name + "NoAdd")
	bias := Load(Param("bias"), GP64())
	TESTQ(bias, bias)
	JZ(LabelRef(name + "NoBias"))
	VMOVUPS(at(bias, 0), bv[0])
	VMOVUPS(at(bias, 1), bv[1])
	for r := range rows {
		VADDPS(bv[0], sum[r][0], sum[r][0])
		VADDPS(bv[1], sum[r][1], sum[r][1])
	}
	Label(name + "NoBias")
	TESTQ(U32(2), flags)
	JZ(LabelRef(name + "NoReLU"))
	// VMAXPS returns its second source where one is NaN: the sum, so that NaN shows.
	l.Zero(bv[0])
	for r := range rows {
		for j := range 2 {
			VMAXPS(sum[r][j], bv[0], sum[r][j])
		}
	}
	Label(name + "NoReLU")
	for r := range rows {
		for j := range 2 {
			VMOVUPS(sum[r][j], at(c, j))
		}
		if r < rows-1 {
			ADDQ(cs, c)
		}
	}
	VZEROUPPER()
	RET()
}

// packSteps writes the copy of so many neighboring elements a step into a panel, where steps follow each other without a
// gap. Steps lie a stride apart, often on pages of their own, which no processor foresees: they are asked for ahead.
func packSteps(l simd.Level, elements int) {
	name := fmt.Sprintf("pack%d%s", elements, l.Name)
	TEXT(name, NOSPLIT, "func(dst, src *float32, stride, steps int)")
	Doc(fmt.Sprintf("%s copies %d elements a step; the stride of src is in bytes.", name, elements))
	dst := Load(Param("dst"), GP64())
	src := Load(Param("src"), GP64())
	stride := Load(Param("stride"), GP64())
	steps := Load(Param("steps"), GP64())
	ahead := GP64()
	LEAQ(Mem{Base: src, Index: stride, Scale: 8}, ahead)
	var mask Register
	if elements == 12 {
		bits := GP32()
		MOVL(U32(1<<12-1), bits)
		k := K()
		KMOVW(bits, k)
		mask = k
	}
	Label(name + "Loop")
	PREFETCHT0(Mem{Base: ahead})
	if elements == 32 {
		PREFETCHT0(Mem{Base: ahead, Disp: 64})
	}
	v, w := l.Vector(), l.Vector()
	switch elements {
	case 12:
		VMOVUPS_Z(Mem{Base: src}, mask, v)
		VMOVUPS(v, mask, Mem{Base: dst})
	case 6:
		x, y := XMM(), XMM()
		VMOVUPS(Mem{Base: src}, x)
		VMOVSD(Mem{Base: src, Disp: 16}, y)
		VMOVUPS(x, Mem{Base: dst})
		VMOVSD(y, Mem{Base: dst, Disp: 16})
	default:
		VMOVUPS(l.At(src, 0), v)
		VMOVUPS(l.At(src, 1), w)
		VMOVUPS(v, l.At(dst, 0))
		VMOVUPS(w, l.At(dst, 1))
	}
	ADDQ(stride, src)
	ADDQ(stride, ahead)
	ADDQ(U32(uint32(4*elements)), dst)
	DECQ(steps)
	JNZ(LabelRef(name + "Loop"))
	VZEROUPPER()
	RET()
}

// packTransposed writes the copy of a panel whose steps lie along the rows of a matrix: squares of as many rows and steps as a
// vector has lanes are transposed in registers.
func packTransposed(l simd.Level) {
	name := "packTransposed" + l.Name
	TEXT(name, NOSPLIT, "func(dst, src *float32, stride, squares int)")
	Doc(fmt.Sprintf("%s copies %d rows of squares × %d elements to columns of a panel of %d elements a step; the stride of src is in bytes.", name, l.Width, l.Width, 2*l.Width))
	dst := Load(Param("dst"), GP64())
	src := Load(Param("src"), GP64())
	stride := Load(Param("stride"), GP64())
	squares := Load(Param("squares"), GP64())
	three := GP64()
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, three)
	row := GP64()
	Label(name + "Loop")
	MOVQ(src, row)
	v := make([]VecVirtual, l.Width)
	for i := range v {
		v[i] = l.Vector()
		switch i % 4 {
		case 0:
			VMOVUPS(Mem{Base: row}, v[i])
		case 3:
			VMOVUPS(Mem{Base: row, Index: three, Scale: 1}, v[i])
			LEAQ(Mem{Base: row, Index: stride, Scale: 4}, row)
		default:
			VMOVUPS(Mem{Base: row, Index: stride, Scale: uint8(i % 4)}, v[i])
		}
	}
	for i, x := range transpose(l, v) {
		VMOVUPS(x, Mem{Base: dst, Disp: i * 2 * l.Bytes()})
	}
	ADDQ(Imm(uint64(l.Bytes())), src)
	ADDQ(U32(uint32(l.Width*2*l.Bytes())), dst)
	DECQ(squares)
	JNZ(LabelRef(name + "Loop"))
	VZEROUPPER()
	RET()
}

// transpose turns rows into columns: pairs of rows are interleaved, then pairs of pairs, which leaves a column of four
// rows in each 128-bit lane; then lanes are brought together.
func transpose(l simd.Level, r []VecVirtual) []VecVirtual {
	n := len(r)
	two := func(op func(...Op), x, y VecVirtual) VecVirtual {
		z := l.Vector()
		op(y, x, z)
		return z
	}
	t := make([]VecVirtual, n)
	for i := 0; i < n; i += 2 {
		t[i], t[i+1] = two(VUNPCKLPS, r[i], r[i+1]), two(VUNPCKHPS, r[i], r[i+1])
	}
	u := make([]VecVirtual, n) // u[4g+c], lane L: column 4L+c of rows 4g … 4g+3
	for i := 0; i < n; i += 4 {
		u[i], u[i+1] = two(VUNPCKLPD, t[i], t[i+2]), two(VUNPCKHPD, t[i], t[i+2])
		u[i+2], u[i+3] = two(VUNPCKLPD, t[i+1], t[i+3]), two(VUNPCKHPD, t[i+1], t[i+3])
	}
	lanes := func(control uint64, x, y VecVirtual) VecVirtual {
		z := l.Vector()
		if l.Width == 16 {
			VSHUFF32X4(Imm(control), y, x, z)
		} else {
			VPERM2F128(Imm(control), y, x, z)
		}
		return z
	}
	out := make([]VecVirtual, n)
	for c := range 4 {
		if l.Width == 8 {
			out[c], out[4+c] = lanes(0x20, u[c], u[4+c]), lanes(0x31, u[c], u[4+c])
			continue
		}
		even, odd := lanes(0x88, u[c], u[4+c]), lanes(0xdd, u[c], u[4+c])
		even2, odd2 := lanes(0x88, u[8+c], u[12+c]), lanes(0xdd, u[8+c], u[12+c])
		out[c], out[8+c] = lanes(0x88, even, even2), lanes(0xdd, even, even2)
		out[4+c], out[12+c] = lanes(0x88, odd, odd2), lanes(0xdd, odd, odd2)
	}
	return out
}
