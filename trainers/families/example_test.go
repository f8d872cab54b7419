package families_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/table"
	"debut/kernels/devices"
	"debut/trainers/families"
	"debut/trainers/model"
	"debut/trainers/run"
)

// A program trains what a run file describes, opens the model that is left, and asks it for what it can do.
func Example() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	var rows strings.Builder
	rows.WriteString("session,price,visits,bought\n")
	for i := range 200 {
		fmt.Fprintf(&rows, "s%d,%d,%d,%v\n", i, 10+i%7, i%5, i%5 > 2)
	}
	if err := os.WriteFile(filepath.Join(dir, "sessions.csv"), []byte(rows.String()), 0o644); err != nil {
		log.Fatal(err)
	}
	cfg, err := families.Parse("run.yaml", []byte(`
name: example
data: {source: {path: sessions.csv}, target: bought, id: session}
model: {hidden: [{units: 8}]}
train: {epochs: 10, batch: 32, optimizer: {learning_rate: 0.05}}
`), []string{"output=" + filepath.Join(dir, "runs")})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	out, err := run.Train(ctx, cfg, run.Options{BaseDir: dir})
	if err != nil && !errors.Is(err, run.ErrInterrupted) {
		log.Fatal(err)
	}
	auc, err := out.Result.Metrics[run.PartTest].Get("auc")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(out.Result.Status, "AUC above 0.9:", auc > 0.9)

	device, err := devices.Open("cpu", devices.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer device.Close()
	m, err := families.Open(out.Folder, device)
	if err != nil {
		log.Fatal(err)
	}
	predictor, ok := m.(model.Predictor)
	if !ok {
		log.Fatal("the model does not predict")
	}
	source := table.Source{Path: configfile.Strings{"sessions.csv"}}
	written, err := model.Write(ctx, filepath.Join(dir, "predictions.csv"), predictor.Predict(ctx, source, dir, encoding.Input{}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(written.Rows, written.Columns)
	// Output:
	// finished AUC above 0.9: true
	// 200 [session probability prediction]
}
