package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"debut/datasets/configfile"
	"debut/datasets/duck"
	"debut/datasets/encoding"
	"debut/datasets/table"
	"debut/trainers/families"
	"debut/trainers/model"
	"debut/trainers/run"
)

// predictTrained is how many rows the model of predictions is trained on.
const predictTrained = 50_000

// predict reads rows from Parquet, scores them, and writes predictions to Parquet, as the command does; in turns with scoring the same
// rows, already encoded, in memory.
func (w *dataWork) predict(ctx context.Context, network string) (err error) {
	rows, output := filepath.Join(w.dir, "rows.parquet"), filepath.Join(w.dir, "predictions.parquet")
	if err := w.database(ctx, duck.Options{Threads: 1}, "COPY (SELECT * FROM read_csv("+duck.Literal(w.file())+")) TO "+duck.Literal(rows)+" (FORMAT parquet, COMPRESSION zstd)"); err != nil {
		return err
	}
	cfg, err := w.config(fmt.Sprintf("{source: {path: %q, query: SELECT * FROM data LIMIT %d}, target: label, id: id, split: {validation: 0}}", rows, predictTrained), network)
	if err != nil {
		return err
	}
	trained, err := run.Train(ctx, cfg, run.Options{ConfigPath: "run.yaml"})
	if err != nil {
		return err
	}
	opened, err := families.Open(trained.Folder, w.r.Device)
	if err != nil {
		return err
	}
	m, ok := opened.(model.Scorer)
	if !ok {
		return fmt.Errorf("a model of the family %s is no scorer of rows", opened.Family())
	}
	src := table.Source{Path: configfile.Strings{rows}}
	ours := func() error {
		written, err := model.Write(ctx, output, m.Predict(ctx, src, "", encoding.Input{}))
		if err == nil && written.Rows != w.rows {
			err = fmt.Errorf("%d rows were written", written.Rows)
		}
		return err
	}
	fresh := resetPeak()
	if err := ours(); err != nil { // alone, for its memory
		return err
	}
	if fresh {
		w.r.report("peak_megabytes", float64(peakBytes())/1e6)
	}
	if w.r.yardstick != nil { // alone
		return w.turns(ctx, ours, nil)
	}
	// In blocks, as they are scored on the way, and as they lie in memory then.
	var blocks []*encoding.Encoded
	for b, err := range m.Encode(ctx, src, "", encoding.Input{}) {
		if err != nil {
			return err
		}
		b.IDColumns = nil
		blocks = append(blocks, b.Encoded)
	}
	inMemory := func() error {
		rows := 0
		for _, b := range blocks {
			out, err := m.Score(ctx, b)
			if err != nil {
				return err
			}
			if len(out) != b.Rows {
				return errors.New("another number of outputs than of rows")
			}
			rows += b.Rows
		}
		if rows != w.rows {
			return fmt.Errorf("%d rows were scored", rows)
		}
		return nil
	}
	return w.turns(ctx, ours, map[string]func() error{"memory": inMemory})
}
