package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"debut/datasets/bytesize"
	"debut/datasets/configfile"
	"debut/datasets/duck"
	"debut/datasets/prepare"
	"debut/datasets/table"
	"debut/trainers/families"
	"debut/trainers/run"
)

// dataForm is how a case is written.
const dataForm = "csv.ROWS, prepare.ROWS, stream.ROWS, predict.ROWS or predict-linear.ROWS"

// data is the suite of what happens before a model sees a row, and after.
var data = Suite{
	Name: "data",
	Summary: "CSV of 12 columns to typed columns in memory; preparing it (duplicates, fill, split, vocabularies, Parquet), beside the same in bare DuckDB; " +
		"one epoch of a logistic regression streamed from it; predictions of a network and of a linear model, Parquet to Parquet, beside scoring the same rows in memory",
	Cases:   []string{"csv.5000000", "prepare.5000000", "stream.5000000", "predict.2000000", "predict-linear.2000000"},
	Form:    dataForm,
	Metrics: []Metric{{Name: "rows_per_second", Direction: Higher}, {Name: "log_loss", Direction: Same}},
	Host:    func(name string) bool { return strings.HasPrefix(name, "csv.") || strings.HasPrefix(name, "prepare.") },
	measure: measureData,
}

var dataCase = regexp.MustCompile(`^(csv|prepare|stream|predict|predict-linear)\.([1-9][0-9]{3,8})$`)

// Memory that preparing and streaming are given.
const (
	prepareMemory = 1 << 30
	streamMemory  = 512 << 20
)

func measureData(ctx context.Context, name string, r *runner) (err error) {
	m := dataCase.FindStringSubmatch(name)
	if m == nil {
		return fmt.Errorf("the case is not of the form %s, with 1000 rows or more", dataForm)
	}
	rows, err := strconv.Atoi(m[2])
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "debut-bench-data-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	w := &dataWork{r: r, dir: dir, rows: rows, threads: r.Device.Info().Threads}
	if err := w.generate(ctx); err != nil {
		return err
	}
	switch m[1] {
	case "csv":
		return w.csv(ctx)
	case "prepare":
		return w.prepare(ctx)
	case "predict":
		return w.predict(ctx, "{hidden: [{units: 128}, {units: 64}]}")
	case "predict-linear":
		return w.predict(ctx, "{kind: linear}")
	}
	return w.stream(ctx)
}

// dataWork is a table in a folder.
type dataWork struct {
	r       *runner
	dir     string
	rows    int
	threads int
	bytes   int64
}

func (w *dataWork) file() string { return filepath.Join(w.dir, "table.csv") }

// generate writes the table: whole numbers, decimal numbers with and without gaps, categories of 3 and of 50,000 values,
// times, and truth values. One row in a hundred is repeated.
func (w *dataWork) generate(ctx context.Context) error {
	sql := fmt.Sprintf(`COPY (SELECT i AS id, hash(i) %% 1000 AS u, (hash(i, 1) %% 10000)::DOUBLE / 100 AS price, 'item_' || (hash(i, 2) %% 50000) AS item,
CASE WHEN hash(i, 3) %% 10 = 0 THEN NULL ELSE (hash(i, 4) %% 1000)::DOUBLE END AS x1, (hash(i, 5) %% 1000000)::DOUBLE / 7 AS x2,
TIMESTAMP '2025-01-01' + to_seconds((hash(i, 6) %% 31536000)::BIGINT) AS t, hash(i, 7) %% 2 = 0 AS b,
['mobile', 'desktop', 'app'][(1 + hash(i, 8) %% 3)::BIGINT] AS device, hash(i, 9) %% 100 AS n, (hash(i, 10) %% 100000)::DOUBLE / 1000 AS x3, hash(i, 11) %% 7 = 0 AS label
FROM (SELECT CASE WHEN j %% 100 = 99 THEN j - 50 ELSE j END AS i FROM range(%d) r(j))) TO %s (HEADER)`, w.rows, duck.Literal(w.file()))
	if err := w.database(ctx, duck.Options{}, sql); err != nil {
		return err
	}
	info, err := os.Stat(w.file())
	if err != nil {
		return err
	}
	w.bytes = info.Size()
	return nil
}

// database runs statements one after another.
func (w *dataWork) database(ctx context.Context, o duck.Options, statements ...string) error {
	db, err := duck.Open(o)
	if err != nil {
		return err
	}
	defer db.Close()
	for _, sql := range statements {
		if err := db.Query(ctx, sql, nil); err != nil {
			return err
		}
	}
	return nil
}

// timed returns the seconds of a piece of work.
func timed(work func() error) (float64, error) {
	began := time.Now()
	err := work()
	return time.Since(began).Seconds(), err
}

// turns lets us and the peers take turns, three times or more and for the time asked for, and reports median speeds and ratios.
// In rounds, which compare us with ourselves, we are alone, and one turn may be enough.
func (w *dataWork) turns(ctx context.Context, ours func() error, peers map[string]func() error) error {
	least := 3
	if w.r.yardstick != nil {
		peers, least = nil, 1
	}
	names := slices.Sorted(maps.Keys(peers))
	var own []float64
	theirs := map[string][]float64{}
	began := time.Now()
	for len(own) < least || time.Since(began) < w.r.Duration {
		if err := ctx.Err(); err != nil {
			return err
		}
		d, err := w.r.timed(ours)
		if err != nil {
			return err
		}
		own = append(own, d.Seconds())
		for _, name := range names {
			p, err := timed(peers[name])
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			theirs[name] = append(theirs[name], p)
		}
	}
	w.r.report("rows_per_second", float64(w.rows)/middle(own))
	for _, name := range names {
		ratios := make([]float64, len(own))
		for i := range ratios {
			ratios[i] = theirs[name][i] / own[i]
		}
		w.r.report(name+"_rows_per_second", float64(w.rows)/middle(theirs[name]))
		w.r.report("ratio_to_"+name, middle(ratios))
	}
	return nil
}

// middle is the median.
func middle(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// csv reads the file into typed columns; the peer lets DuckDB find the types and fetches all values by chunk.
func (w *dataWork) csv(ctx context.Context) error {
	w.r.report("megabytes", float64(w.bytes)/1e6)
	ours := func() error {
		f, err := table.Read(ctx, table.Source{Path: configfile.Strings{w.file()}}, "", nil)
		if err == nil && (f.Rows != w.rows || len(f.Columns) != 12) {
			err = fmt.Errorf("%d rows of %d columns were read", f.Rows, len(f.Columns))
		}
		return err
	}
	peer := func() error {
		db, err := duck.Open(duck.Options{Threads: w.threads})
		if err != nil {
			return err
		}
		defer db.Close()
		rows := 0
		// Twelve arrays of Go, as a program would keep the values.
		numbers := make([][]float64, 6)
		integers := make([][]int64, 4)
		texts := make([][]string, 2)
		const columns = "price, x1, x2, x3, CAST(b AS INT)::DOUBLE, CAST(label AS INT)::DOUBLE, id, u, n, epoch_us(t), item, device"
		err = db.Stream(ctx, "SELECT "+columns+" FROM read_csv("+duck.Literal(w.file())+")", func(c *duck.Chunk) error {
			rows += c.Rows
			for k := range numbers {
				v, _ := duck.Vector[float64](c, k)
				numbers[k] = append(numbers[k], v...)
			}
			for k := range integers {
				v, _ := duck.Vector[int64](c, 6+k)
				integers[k] = append(integers[k], v...)
			}
			for k := range texts {
				v, _ := duck.Vector[duck.String](c, 10+k)
				for i := range v {
					texts[k] = append(texts[k], strings.Clone(v[i].Text()))
				}
			}
			return nil
		})
		if err == nil && rows != w.rows {
			err = fmt.Errorf("%d rows were read", rows)
		}
		return err
	}
	return w.turns(ctx, ours, map[string]func() error{"duckdb": peer})
}

// plan is the data file of the case.
func (w *dataWork) plan() *prepare.Config {
	return &prepare.Config{
		Output: filepath.Join(w.dir, "prepared"), Seed: 1, Threads: w.threads, Memory: prepareMemory,
		Sources: map[string]prepare.Source{"rows": {Source: table.Source{Path: configfile.Strings{w.file()}}}},
		Steps:   []prepare.Step{{Deduplicate: &prepare.Deduplicate{Keep: "first"}}, {Fill: map[string]prepare.Fill{"x1": {Method: prepare.FillMedian}}}},
	}
}

// prepare beside statements that a person would write for DuckDB, with the rows of each part in random order and without.
func (w *dataWork) prepare(ctx context.Context) error {
	ours := func() error {
		_, err := prepare.Run(ctx, w.plan(), prepare.Options{Overwrite: true})
		return err
	}
	peer := func(order string) func() error {
		return func() (err error) {
			out := filepath.Join(w.dir, "bare")
			if err := os.MkdirAll(out, 0o755); err != nil {
				return err
			}
			defer func() { err = errors.Join(err, os.RemoveAll(out)) }()
			statements := []string{
				"CREATE TABLE raw AS SELECT * FROM read_csv(" + duck.Literal(w.file()) + ")",
				"CREATE TABLE single AS SELECT DISTINCT * FROM raw",
				"CREATE TABLE parts AS SELECT * REPLACE (coalesce(x1, (SELECT median(x1) FROM single)) AS x1), CASE WHEN hash(id) % 10 < 2 THEN 'test' WHEN hash(id) % 10 = 2 THEN 'validation' ELSE 'train' END AS part FROM single",
			}
			for _, part := range []string{"train", "validation", "test"} {
				statements = append(statements, fmt.Sprintf("COPY (SELECT * EXCLUDE (part) FROM parts WHERE part = '%s'%s) TO %s (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 65536)",
					part, order, duck.Literal(filepath.Join(out, part+".parquet"))))
			}
			for _, column := range []string{"item", "device"} {
				statements = append(statements, fmt.Sprintf("COPY (SELECT %[1]s, count(*) AS n FROM parts WHERE part = 'train' GROUP BY 1 ORDER BY n DESC, 1) TO %[2]s (HEADER)",
					column, duck.Literal(filepath.Join(out, column+".csv"))))
			}
			return w.database(ctx, duck.Options{Path: filepath.Join(out, "work.duckdb"), Threads: w.threads, Memory: prepareMemory, TempDir: filepath.Join(out, "spill")}, statements...)
		}
	}
	before := resetPeak()
	if err := ours(); err != nil { // alone, for its memory
		return err
	}
	if before {
		w.r.report("peak_to_limit", float64(peakBytes())/prepareMemory)
	}
	return w.turns(ctx, ours, map[string]func() error{"duckdb": peer(""), "duckdb_shuffled": peer(" ORDER BY hash(id)")})
}

// config is a run of one epoch over data, in the folder run.
func (w *dataWork) config(data, model string) (run.Config, error) {
	return families.Parse("run.yaml", fmt.Appendf(nil, `
name: run
seed: 1
output: %q
device: %q
precision: %s
threads: %d
data: %s
model: %s
train: {epochs: 1, batch: 4096}
`, w.dir, cmp.Or(w.r.DeviceName, w.r.Device.Info().Kind), cmp.Or(w.r.Precision, "fp32"), w.threads, data, model), nil)
}

// stream trains a logistic regression for an epoch.
func (w *dataWork) stream(ctx context.Context) error {
	if _, err := prepare.Run(ctx, w.plan(), prepare.Options{}); err != nil {
		return err
	}
	cfg, err := w.config(fmt.Sprintf("{prepared: %q, target: label, ignore: id, memory: %s}", filepath.Join(w.dir, "prepared"), bytesize.Size(streamMemory)), "{kind: linear}")
	if err != nil {
		return err
	}
	fresh := resetPeak()
	var out *run.Outcome
	if _, err := w.r.timed(func() (err error) {
		out, err = run.Train(ctx, cfg, run.Options{ConfigPath: "run.yaml", Overwrite: true})
		return err
	}); err != nil {
		return err
	}
	if fresh {
		w.r.report("peak_to_limit", float64(peakBytes())/streamMemory)
	}
	epoch := out.Result.Epochs[0]
	w.r.report("rows_per_second", float64(epoch.RowsPerSecond))
	w.r.report("log_loss", float64(epoch.Loss))
	return nil
}

// resetPeak gives back what is not used and makes the kernel forget the most memory that the process has had, and reports whether it can.
func resetPeak() bool {
	debug.FreeOSMemory()
	return os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) == nil
}

// peakBytes is the most memory that the process has had since.
func peakBytes() int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err == nil {
				return n << 10
			}
		}
	}
	return 0
}
