package checkpoint

import "testing"

// BenchmarkWrite is what a checkpoint of 64 MiB costs: fetching, sums, writing, flushing, pruning.
func BenchmarkWrite(b *testing.B) {
	s := open(b, nil, b.TempDir(), 1)
	c := tableOf(0, 64, 1)
	b.SetBytes(64 << 20)
	for b.Loop() {
		c.Step++
		if err := s.Write(c); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLatest is what finding and verifying it costs.
func BenchmarkLatest(b *testing.B) {
	s := open(b, nil, b.TempDir(), 1)
	if err := s.Write(tableOf(1, 64, 1)); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(64 << 20)
	for b.Loop() {
		l, err := s.Latest()
		if err != nil {
			b.Fatal(err)
		}
		l.Close()
	}
}
