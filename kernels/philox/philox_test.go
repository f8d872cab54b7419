package philox

import (
	"math"
	"slices"
	"testing"
)

// The known answers published with the Random123 library for philox4x32-10.
func TestBlockKnownAnswers(t *testing.T) {
	for _, c := range []struct {
		key  [2]uint32
		ctr  [4]uint32
		want [4]uint32
	}{
		{[2]uint32{0, 0}, [4]uint32{0, 0, 0, 0}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{
			[2]uint32{0xffffffff, 0xffffffff},
			[4]uint32{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
			[4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
		},
		{
			[2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
		},
	} {
		if got := Block(c.key, c.ctr); got != c.want {
			t.Errorf("Block(%x, %x) = %x, want %x", c.key, c.ctr, got, c.want)
		}
	}
}

func TestStreamsDiffer(t *testing.T) {
	a, b, c := New(1, 0), New(1, 1), New(2, 0)
	x, y, z := a.Uint64(), b.Uint64(), c.Uint64()
	if x == y || x == z || y == z {
		t.Fatalf("streams coincide: %x %x %x", x, y, z)
	}
	if New(1, 0).Uint64() != x {
		t.Fatal("a stream does not repeat")
	}
}

func TestMoments(t *testing.T) {
	const n = 200_000
	s := New(7, 3)
	var u, n1, n2 float64
	for range n {
		u += s.Float64()
		g := s.NormFloat64()
		n1 += g
		n2 += g * g
	}
	// five standard errors
	if m := u / n; math.Abs(m-0.5) > 5*math.Sqrt(1.0/12/n) {
		t.Errorf("uniform mean %v", m)
	}
	if m := n1 / n; math.Abs(m) > 5*math.Sqrt(1.0/n) {
		t.Errorf("normal mean %v", m)
	}
	if m := n2 / n; math.Abs(m-1) > 5*math.Sqrt(2.0/n) {
		t.Errorf("normal variance %v", m)
	}
}

func TestIntNIsUniform(t *testing.T) {
	const n, k = 70_000, 7
	var count [k]int
	s := New(3, 9)
	for range n {
		count[s.IntN(k)]++
	}
	chi2 := 0.0
	for _, c := range count {
		d := float64(c) - n/k
		chi2 += d * d / (n / k)
	}
	if chi2 > 27.9 { // 6 degrees of freedom, p = 0.0001
		t.Errorf("counts %v, chi² %.1f", count, chi2)
	}
	if s.IntN(1) != 0 || s.IntN(0) != 0 || s.IntN(-4) != 0 {
		t.Error("IntN of n ≤ 1 is not 0")
	}
}

func TestPerm(t *testing.T) {
	for _, n := range []int{0, 1, 2, 17, 1000} {
		p := New(5, uint64(n)).Perm(n)
		q := slices.Clone(p)
		slices.Sort(q)
		for i, v := range q {
			if int(v) != i {
				t.Fatalf("Perm(%d) is not a permutation: %v", n, p)
			}
		}
	}
}

// A stream that was used and reset is the one that New returns.
func TestReset(t *testing.T) {
	s, want := New(1, 2), New(3, 4)
	s.Uint32()
	s.Reset(3, 4)
	for range 9 {
		if got, w := s.Uint32(), want.Uint32(); got != w {
			t.Fatalf("a stream that was reset draws %d, want %d", got, w)
		}
	}
}

// A stream that was sought is as if it had been read up to there.
func TestSeek(t *testing.T) {
	read, sought := New(5, 6), new(Stream)
	for n := range uint64(11) {
		sought.Reset(5, 6)
		sought.Uint32()
		sought.Seek(n)
		again := *read
		for range 5 {
			if got, want := sought.Uint32(), again.Uint32(); got != want {
				t.Fatalf("after %d words: %#x, want %#x", n, got, want)
			}
		}
		read.Uint32()
	}
}
