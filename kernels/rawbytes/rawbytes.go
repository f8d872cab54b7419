// Package rawbytes views numbers as the bytes they are in memory: little-endian on every machine that this program runs on, which is
// also what the files and hashes hold that are made of them.
package rawbytes

import "unsafe"

// Number is what can be viewed.
type Number interface {
	~float32 | ~float64 | ~int32 | ~uint32 | ~int64 | ~uint64 | ~uint16
}

// Of views a slice as bytes, without copying.
func Of[T Number](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), len(s)*int(unsafe.Sizeof(s[0])))
}
