package forecast

import (
	"context"
	"iter"

	"debut/kernels/pool"
)

// batchSize is how many series are forecast at a time: enough to keep all threads busy, few enough that memory does not matter.
const batchSize = 256

// All forecasts series side by side on a pool, the caller's goroutine alone where it is nil, and hands each prediction or error to emit, in the order
// of the series, on the caller's goroutine. It ends with emit's first error or that of the context. Bits do not depend on the number of threads, memory not on
// that of series.
func All(ctx context.Context, p *pool.Pool, series iter.Seq[Series], m Method, o Options, emit func(i int, p *Prediction, err error) error) error {
	var batch []Series
	predictions, errs := make([]*Prediction, batchSize), make([]error, batchSize)
	first := 0
	flush := func() error {
		pool.Each(p, len(batch), func(i int) {
			own := o
			own.Seed += uint64(first+i) * 0x9E3779B97F4A7C15 // paths of one series say nothing of those of another
			predictions[i], errs[i] = m.Forecast(batch[i], own)
		})
		for i := range batch {
			if err := emit(first+i, predictions[i], errs[i]); err != nil {
				return err
			}
			predictions[i] = nil
		}
		first += len(batch)
		batch = batch[:0]
		return ctx.Err()
	}
	for s := range series {
		if batch = append(batch, s); len(batch) == batchSize {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}
