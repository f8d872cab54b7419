package onnx

import (
	"bytes"
	"strings"
	"testing"
)

// A graph that the format cannot hold is an error before anything is written.
func TestLargestMessage(t *testing.T) {
	before := largestMessage
	defer func() { largestMessage = before }()
	g := NewGraph("texts")
	in := g.Input("text", String, []int{Batch, 1}, "")
	keys := []string{strings.Repeat("a", 1000), strings.Repeat("b", 1000)}
	out := g.NodeWith("ai.onnx.ml.LabelEncoder", []Attribute{TextList("keys_strings", keys), Ints("values_int64s", []int64{1, 2}), Int("default_int64", 0)}, in)
	g.Output(out, "id", Int64, []int{Batch, 1}, "")
	var b bytes.Buffer
	for limit, fits := range map[int64]bool{2000: false, 4000: true} {
		largestMessage = limit
		b.Reset()
		err := g.Write(&b)
		if fits != (err == nil) || !fits && (b.Len() > 0 || !strings.Contains(err.Error(), "2 GiB")) {
			t.Errorf("of %d bytes at most: %v, %d bytes written", limit, err, b.Len())
		}
	}
}
