// Package philox is the project's only source of random numbers: Philox4x32-10, a counter-based generator.
//
// A number is a pure function of a key and a counter, so it does not matter which thread asks for it, in which
// order, or how often. Whatever is random in a run – initial weights, dropout masks, splits, the order of an
// epoch – names its stream and its place in it, and the same seed gives the same bits on any machine.
//
// Source: Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.
package philox

import (
	"hash/fnv"
	"math"
	"math/bits"
)

const (
	mul0  = 0xD2511F53
	mul1  = 0xCD9E8D57
	weyl0 = 0x9E3779B9
	weyl1 = 0xBB67AE85
)

// Block returns the four random words of Philox4x32-10 at a counter under a key.
func Block(key [2]uint32, counter [4]uint32) [4]uint32 {
	k0, k1 := key[0], key[1]
	c0, c1, c2, c3 := counter[0], counter[1], counter[2], counter[3]
	for range 10 {
		p0 := uint64(mul0) * uint64(c0)
		p1 := uint64(mul1) * uint64(c2)
		c0, c1, c2, c3 = uint32(p1>>32)^c1^k0, uint32(p1), uint32(p0>>32)^c3^k1, uint32(p0)
		k0 += weyl0
		k1 += weyl1
	}
	return [4]uint32{c0, c1, c2, c3}
}

// Key mixes a seed and a stream number into a generator key. Distinct pairs give unrelated keys with
// overwhelming probability (the mixer is SplitMix64's finalizer).
func Key(seed, stream uint64) [2]uint32 {
	z := mix(seed + 0x9E3779B97F4A7C15*(stream+1))
	z = mix(z ^ bits.RotateLeft64(stream, 32))
	return [2]uint32{uint32(z), uint32(z >> 32)}
}

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// StreamOf turns a name, such as a layer's, into a stream number (FNV-1a, 64 bits).
func StreamOf(name string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // hash.Hash documents that Write never fails
	return h.Sum64()
}

// Stream draws numbers one after another from one key. It is not safe for concurrent use: give each goroutine a
// stream of its own. The zero value is the stream of key (0, 0).
type Stream struct {
	key     [2]uint32
	counter uint64
	block   [4]uint32
	left    int // unread words of block
}

// New returns the stream of the given number under a seed.
func New(seed, stream uint64) *Stream {
	s := new(Stream)
	s.Reset(seed, stream)
	return s
}

// Reset makes s the stream that New returns, from its beginning, without allocating.
func (s *Stream) Reset(seed, stream uint64) {
	*s = Stream{key: Key(seed, stream)}
}

// Seek makes s as it is after so many words of 32 bits were read from its beginning. [Stream.Float64] reads two, [Stream.NormFloat64] four.
func (s *Stream) Seek(words uint64) {
	s.counter, s.left = words/4, 0
	for range words % 4 {
		s.Uint32()
	}
}

// Uint32 returns 32 random bits.
func (s *Stream) Uint32() uint32 {
	if s.left == 0 {
		s.block = Block(s.key, [4]uint32{uint32(s.counter), uint32(s.counter >> 32)})
		s.counter++
		s.left = 4
	}
	v := s.block[4-s.left]
	s.left--
	return v
}

// Uint64 returns 64 random bits.
func (s *Stream) Uint64() uint64 {
	lo := s.Uint32()
	return uint64(s.Uint32())<<32 | uint64(lo)
}

// Float64 returns a number uniform in [0, 1), a multiple of 2⁻⁵³.
func (s *Stream) Float64() float64 {
	return float64(s.Uint64()>>11) * 0x1p-53
}

// IntN returns a number uniform in [0, n), without bias (Lemire, "Fast Random Integer Generation in an Interval",
// 2019). It returns 0 for n ≤ 1.
func (s *Stream) IntN(n int) int {
	if n <= 1 {
		return 0
	}
	bound := uint64(n)
	hi, lo := bits.Mul64(s.Uint64(), bound)
	if lo < bound {
		for threshold := -bound % bound; lo < threshold; {
			hi, lo = bits.Mul64(s.Uint64(), bound)
		}
	}
	return int(hi)
}

// NormFloat64 returns a number of the standard normal distribution, by the Box–Muller transform.
func (s *Stream) NormFloat64() float64 {
	u := 1 - s.Float64() // (0, 1]: the logarithm is finite
	v := s.Float64()
	return math.Sqrt(-2*math.Log(u)) * math.Cos(2*math.Pi*v)
}

// Perm returns a uniform permutation of 0 … n−1 (Fisher–Yates). n must fit an int32.
func (s *Stream) Perm(n int) []int32 {
	p := make([]int32, max(n, 0))
	s.PermInto(p)
	return p
}

// PermInto fills p with a uniform permutation of 0 … len(p)−1 without allocating.
func (s *Stream) PermInto(p []int32) {
	for i := range p {
		p[i] = int32(i)
	}
	for i := len(p) - 1; i > 0; i-- {
		j := s.IntN(i + 1)
		p[i], p[j] = p[j], p[i]
	}
}
