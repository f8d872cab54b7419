package interactions

import (
	"fmt"
	"testing"

	"debut/kernels/philox"
	"debut/kernels/pool"
)

// BenchmarkBuild reports the seconds that ten million events take, and the memory of the matrix for each pair.
func BenchmarkBuild(b *testing.B) {
	const events, users, items = 10_000_000, 1_000_000, 100_000
	p := pool.New(2)
	defer p.Close()
	ids := make([]string, users)
	for i := range ids {
		ids[i] = fmt.Sprintf("customer-%d", i)
	}
	for b.Loop() {
		builder, err := NewBuilder(&Config{})
		if err != nil {
			b.Fatal(err)
		}
		r := philox.New(1, 2)
		for range events {
			// A product of two uniform numbers: few items are in most events.
			item := int(float64(items) * r.Float64() * r.Float64())
			if err := builder.Add(Event{User: ids[r.IntN(users)], Item: ids[item], Value: 1, Time: NoTime}); err != nil {
				b.Fatal(err)
			}
		}
		d, err := builder.Build(b.Context(), 1, p)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(d.Train.Bytes())/float64(d.Train.Len()), "B/pair")
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/events*1e9, "ns/event")
}
