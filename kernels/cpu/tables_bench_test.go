package cpu

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"debut/kernels"
	"debut/kernels/philox"
)

// The batches of BenchmarkTables: there are several, so that rows come from memory and not from a cache.
const (
	tableWidth  = 16
	tableIDs    = 4096 * 10
	tableBatch  = 4096
	tableFields = tableIDs / tableBatch
	tableSets   = 16
)

// BenchmarkTables measures looking up, summing and updating random rows of 64 bytes, in nanoseconds a row – updates and what has them a row touched –, beside bare loops over the same
// memory. DEBUT_BENCH_ROWS sets the rows of the table instead of 10⁵ and 10⁷; 10⁸ take 7 GB, without Adagrad.
func BenchmarkTables(b *testing.B) {
	sizes := []int{1e5, 1e7}
	if v := os.Getenv("DEBUT_BENCH_ROWS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			b.Fatal(err)
		}
		sizes = []int{n}
	}
	for _, rows := range sizes {
		for _, level := range levels() {
			b.Run(fmt.Sprintf("rows=%d/%s", rows, level), func(b *testing.B) { benchmarkTable(b, rows, level) })
		}
	}
}

func benchmarkTable(b *testing.B, rows int, level string) {
	dev := openAt(b, level, 1)
	defer func() { _ = dev.Close() }()
	alloc := func(dt kernels.Dtype, r, c int) kernels.Matrix {
		buf, err := dev.Alloc(dt, r*c, "benchmark")
		if err != nil {
			b.Fatal(err)
		}
		return kernels.NewMatrix(buf, r, c)
	}
	table, rowState := alloc(kernels.Float32, rows, tableWidth), alloc(kernels.Float32, rows, 1)
	kinds, written := []kernels.OptimizerKind{kernels.SGD, kernels.RowwiseAdagrad}, []kernels.Matrix{table, rowState}
	var state kernels.Matrix
	if rows < 1e8 {
		state = alloc(kernels.Float32, rows, tableWidth)
		kinds, written = append(kinds, kernels.Adagrad), append(written, state)
	}
	for _, m := range written {
		s := Slice[float32](m.Buf)
		for i := 0; i < len(s); i += 16 { // memory that was never written is one page of zeros
			s[i] = 0.5
		}
	}
	grad, out := filled(tableBatch, tableFields*tableWidth), alloc(kernels.Float32, tableBatch, tableFields*tableWidth)
	hyper := kernels.NewMatrix(Wrap([]float32{1e-3, 1, 1, 1, 0}), 1, kernels.HyperLen)
	work := map[string][]kernels.Kernel{}
	bind := func(name string, k kernels.Kernel, err error) {
		if err != nil {
			b.Fatal(err)
		}
		work[name] = append(work[name], k)
	}
	rnd := philox.New(1, 2)
	touched := 0
	for range tableSets {
		ids := make([]int32, tableIDs)
		for i := range ids {
			ids[i] = int32(rnd.IntN(rows))
		}
		list := kernels.NewMatrix(Wrap(ids), tableBatch, tableFields)
		count, err := dev.NewRowCount(tableIDs)
		if err != nil {
			b.Fatal(err)
		}
		s := kernels.Segments{Unique: alloc(kernels.Int32, tableIDs, 1), Starts: alloc(kernels.Int32, tableIDs+1, 1), Places: alloc(kernels.Int32, tableIDs, 1), Number: alloc(kernels.Int32, tableIDs, 1)}
		sums := alloc(kernels.Float32, tableIDs, tableWidth)
		s.Unique.Count, sums.Count = count, count
		k, err := dev.Gather(kernels.GatherArgs{Table: table, IDs: list, Out: out})
		bind("gather", k, err)
		k, err = dev.SegmentPlan(kernels.SegmentPlanArgs{IDs: list, Segments: s, Limit: rows})
		bind("plan", k, err)
		if err := k.Run(); err != nil {
			b.Fatal(err)
		}
		n, err := count.Get()
		if err != nil {
			b.Fatal(err)
		}
		touched += n
		k, err = dev.SegmentSum(kernels.SegmentSumArgs{Segments: s, Grad: grad, Sums: sums})
		bind("sum", k, err)
		for _, kind := range kinds {
			args := kernels.UpdateArgs{Kind: kind, Param: table, Grad: sums, Rows: s.Unique, Hyper: hyper, Epsilon: 1e-8, V: state}
			if kind == kernels.RowwiseAdagrad {
				args.V = rowState
			}
			k, err = dev.Update(args)
			bind(kind.String(), k, err)
		}
		work["bare gather"] = append(work["bare gather"], bare{ids, func(i int, row []float32) { copy(Slice[float32](out.Buf)[i*tableWidth:(i+1)*tableWidth], row) }, &table, dev.f32.prefetch})
		work["bare sgd"] = append(work["bare sgd"], bare{Slice[int32](s.Unique.Buf)[:n], func(i int, row []float32) {
			g := Slice[float32](sums.Buf)[i*tableWidth : (i+1)*tableWidth]
			for j := range row {
				row[j] -= 1e-3 * g[j]
			}
		}, &table, dev.f32.prefetch})
	}
	for _, name := range []string{"plan", "sum", "bare gather", "gather", "bare sgd", "sgd", "adagrad", "rowwise_adagrad", "bare gather+sgd", "gather+sgd", "gather+rowwise_adagrad"} {
		lookup, update, both := strings.Cut(name, "+")
		if both && strings.HasPrefix(lookup, "bare ") {
			update = "bare " + update
		}
		if work[lookup] == nil || both && work[update] == nil {
			continue
		}
		b.Run(name, func(b *testing.B) {
			best := time.Duration(math.MaxInt64) // neighbors on the machine disturb, and nothing speeds up
			for b.Loop() {
				start := time.Now()
				for i, k := range work[lookup] {
					if err := k.Run(); err != nil {
						b.Fatal(err)
					}
					if !both {
						continue
					}
					if err := work[update][i].Run(); err != nil {
						b.Fatal(err)
					}
				}
				best = min(best, time.Since(start))
			}
			n := tableIDs * tableSets
			if strings.HasSuffix(name, "sgd") || strings.HasSuffix(name, "adagrad") {
				n = touched
			}
			b.ReportMetric(float64(best.Nanoseconds())/float64(n), "best-ns/row")
		})
	}
}

// bare is a plain loop over rows of a table, which asks for rows ahead.
type bare struct {
	ids      []int32
	do       func(i int, row []float32)
	table    *kernels.Matrix
	prefetch func([]float32)
}

func (l bare) Name() string       { return "bare" }
func (l bare) Cost() kernels.Cost { return kernels.Cost{} }

func (l bare) Run() error {
	t := Slice[float32](l.table.Buf)
	row := func(i int) []float32 { at := int(l.ids[i]) * tableWidth; return t[at : at+tableWidth] }
	const ahead = 48
	for i := range l.ids {
		if i+ahead < len(l.ids) {
			l.prefetch(row(i + ahead))
		}
		l.do(i, row(i))
	}
	return nil
}
