package rawbytes

import (
	"encoding/binary"
	"testing"
)

func TestOf(t *testing.T) {
	v := []int64{1, -2, 1 << 40}
	b := Of(v)
	for i, want := range v {
		if got := int64(binary.LittleEndian.Uint64(b[8*i:])); got != want {
			t.Errorf("element %d is %d, want %d", i, got, want)
		}
	}
	b[0] = 9 // a view, not a copy
	if v[0] != 9 || len(b) != 24 || Of([]float32{}) != nil {
		t.Errorf("%v, %d bytes", v, len(b))
	}
}
