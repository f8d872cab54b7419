package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"debut/datasets/atomicfile"
	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/storefront"
	"debut/datasets/table"
	"debut/datasets/wording"
	"debut/trainers/families"
	"debut/trainers/metrics"
	"debut/trainers/model"
	"debut/trainers/run"
)

// The run files of the demo. Their first line begins with demoMark.
var (
	//go:embed demo/run.yaml
	demoRun []byte
	//go:embed demo/baseline.yaml
	demoBaseline []byte
)

// demoMark tells a folder of the demo from any other.
const demoMark = "# Written by debut demo."

// Names in the demo's folder.
const (
	demoRunFile      = "run.yaml"
	demoBaselineFile = "baseline.yaml"
	demoDataDir      = "data"
	demoPredictions  = "predictions.csv"
)

func (a *app) demo() *cobra.Command {
	d := demonstration{app: a}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Simulate a shop, train on it, and compare with the truth",
		Long: `Simulate the sessions of a shop, train a network and a logistic regression to say which end in a purchase, predict new
sessions, compare with the probabilities that the simulator knows, and ask a server of the model about one of them. Everything is
left in one folder, which running the demo again replaces. No network is used but the machine's own.`,
		Args: takes(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error { return d.run(cmd) },
	}
	cmd.Flags().StringVar(&d.dir, "dir", filepath.Join("runs", "demo"), "folder to work in")
	cmd.Flags().IntVar(&d.sessions, "sessions", storefront.DefaultConfig().Sessions, "sessions to simulate")
	d.device.register(cmd)
	return cmd
}

// demonstration is one run of the demo.
type demonstration struct {
	*app
	dir      string
	sessions int
	device   deviceFlags
}

func (d *demonstration) run(cmd *cobra.Command) error {
	shop := storefront.DefaultConfig()
	shop.Sessions = d.sessions
	shop.Users = max(1, d.sessions*3/10)
	fresh := max(1, d.sessions/5)
	if err := shop.Validate(); err != nil {
		return usagef("--sessions %d: %v", d.sessions, err)
	}
	summary, err := d.simulate(shop, fresh)
	if err != nil {
		return err
	}
	overrides := append([]string{"output=" + strconv.Quote(d.dir)}, d.device.overrides(cmd.Flags())...)
	network, err := d.train(cmd.Context(), demoRunFile, overrides)
	if err != nil {
		return err
	}
	baseline, err := d.train(cmd.Context(), demoBaselineFile, overrides)
	if err != nil {
		return err
	}
	truth, err := newTruth(shop, fresh)
	if err != nil {
		return err
	}
	scores := grid{
		{"", "test AUC", "new AUC", "new log-loss", "off the truth"},
	}
	for _, m := range []struct {
		name    string
		outcome *run.Outcome
		write   string
	}{{"logistic regression", baseline, ""}, {"network", network, demoPredictions}} {
		predicted, err := d.predict(cmd.Context(), m.outcome.Folder, m.write)
		if err != nil {
			return canceled(cmd.Context(), err)
		}
		row, err := truth.compare(predicted)
		if err != nil {
			return err
		}
		auc := "–"
		if test := m.outcome.Result.Metrics["test"]; test != nil {
			if x, ok := test.Values.Get("auc"); ok {
				auc = number(x)
			}
		}
		scores = append(scores, append([]string{m.name, auc}, row...))
	}
	row, err := truth.compare(truth.probability)
	if err != nil {
		return err
	}
	scores = append(scores, append([]string{"the truth", ""}, row...))
	served, err := d.served(cmd.Context(), network.Folder)
	if err != nil {
		return canceled(cmd.Context(), err)
	}
	return d.console.print(d.report(summary, fresh, scores, network) + served)
}

// simulate writes the demo's run files and data. The run file comes first: it marks the folder as the demo's.
func (d *demonstration) simulate(shop storefront.Config, fresh int) (storefront.Summary, error) {
	if err := d.checkFolder(); err != nil {
		return storefront.Summary{}, err
	}
	if err := os.MkdirAll(d.dir, 0o755); err != nil {
		return storefront.Summary{}, err
	}
	for _, f := range []struct {
		name string
		text []byte
	}{{demoRunFile, demoRun}, {demoBaselineFile, demoBaseline}} {
		err := atomicfile.Write(filepath.Join(d.dir, f.name), 0o644, func(w io.Writer) error {
			_, err := w.Write(f.text)
			return err
		})
		if err != nil {
			return storefront.Summary{}, err
		}
	}
	data := filepath.Join(d.dir, demoDataDir)
	d.console.log.Info("simulating a shop", "sessions", shop.Sessions, "folder", data)
	summary, err := storefront.WriteCSV(data, shop)
	if err != nil {
		return summary, err
	}
	_, err = storefront.WriteNewSessions(data, shop, fresh)
	return summary, err
}

// checkFolder refuses a folder that holds anything but an earlier demo.
func (d *demonstration) checkFolder() error {
	entries, err := os.ReadDir(d.dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(d.dir, demoRunFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !bytes.HasPrefix(text, []byte(demoMark)) {
		return fmt.Errorf("%s holds files that are not the demo's; choose another folder with --dir", d.dir)
	}
	return nil
}

// train trains as a run file in the demo's folder says.
func (d *demonstration) train(ctx context.Context, name string, overrides []string) (*run.Outcome, error) {
	path := filepath.Join(d.dir, name)
	cfg, err := families.Load(path, overrides)
	if err != nil {
		return nil, err
	}
	d.console.log.Info("training", "run", path)
	opt, err := d.trainOptions(run.Argument{File: path, Config: path}, cfg)
	if err != nil {
		return nil, err
	}
	opt.Overwrite = true
	return d.runTraining(ctx, cfg, opt, false)
}

// predict returns the probabilities of the new sessions and, where a file is named, writes the predictions to it.
func (d *demonstration) predict(ctx context.Context, folder, file string) ([]float64, error) {
	var out *model.Predictions
	err := withModel(&d.device, &keyFlags{}, folder, func(m model.Model) (err error) {
		src := table.Source{Path: configfile.Strings{filepath.Join(demoDataDir, storefront.NewSessionsFile)}}
		predictor, ok := m.(model.Predictor)
		if !ok {
			return fmt.Errorf("demo: the model %s does not predict", folder)
		}
		out, err = model.Collect(predictor.Predict(ctx, src, d.dir, encoding.Input{}))
		return err
	})
	if err != nil {
		return nil, err
	}
	if file != "" {
		if err := table.Write(ctx, filepath.Join(d.dir, file), out.Columns); err != nil {
			return nil, err
		}
	}
	for _, c := range out.Columns {
		if p, ok := c.Values.([]float64); ok && c.Name == "probability" {
			return p, nil
		}
	}
	return nil, fmt.Errorf("demo: the model %s predicts no probability", folder)
}

// truth is what the simulator knows of the new sessions.
type truth struct{ probability, label []float64 }

func newTruth(shop storefront.Config, n int) (truth, error) {
	var t truth
	sessions, err := storefront.SimulateNew(shop, n)
	if err != nil {
		return t, err
	}
	for s := range sessions {
		label := 0.0
		if s.Purchased {
			label = 1
		}
		t.probability, t.label = append(t.probability, s.Probability), append(t.label, label)
	}
	return t, nil
}

// compare returns, as cells, AUC and log-loss of probabilities against the labels, and their mean distance from the
// true probabilities.
func (t truth) compare(p []float64) ([]string, error) {
	if len(p) != len(t.probability) {
		return nil, fmt.Errorf("demo: %d predictions for %d sessions", len(p), len(t.probability))
	}
	logits := make([]float64, len(p))
	off := 0.0
	for i, x := range p {
		off += math.Abs(x - t.probability[i])
		x = min(max(x, 1e-12), 1-1e-12) // a logit must be finite
		logits[i] = math.Log(x / (1 - x))
	}
	r, err := metrics.Binary(logits, t.label, nil, 0.5)
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	var cells []string
	for _, name := range []string{"auc", "log_loss"} {
		x, err := r.Get(name)
		if err != nil {
			return nil, fmt.Errorf("demo: %w", err)
		}
		cells = append(cells, number(x))
	}
	return append(cells, number(off/float64(len(p)))), nil
}

// report is what the demo prints.
func (d *demonstration) report(s storefront.Summary, fresh int, scores grid, network *run.Outcome) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s sessions of a simulated shop, %.1f %% with a purchase; %s new ones to predict\n\n",
		wording.Thousands(int64(s.Sessions)), 100*s.BaseRate, wording.Thousands(int64(fresh)))
	b.WriteString(scores.text())
	b.WriteString(`
"off the truth" is the mean distance of the predicted from the true probability. The truth itself is the ceiling: labels are
drawn at random by it, so no model ranks better but by luck.

look at:
`)
	in := func(name string) string { return quoted(filepath.Join(d.dir, name)) }
	folder := quoted(network.Folder)
	files := grid{
		{"  " + in(demoRunFile), "how the network is trained"},
		{"  " + in(filepath.Join(demoDataDir, storefront.SessionsFile)), "what it is trained on"},
		{"  " + in(demoPredictions), "its predictions"},
		{"  " + in(filepath.Join(demoDataDir, storefront.NewTruthFile)), "what they should be"},
		{"  " + folder, "metrics by epoch, result, model"},
	}
	b.WriteString(files.leftText())
	fmt.Fprintf(&b, "\nnext:\n  debut train %s --name smaller --set 'model.hidden=[{units: 16}]'\n", in(demoRunFile))
	fmt.Fprintf(&b, "  debut predict %s %s -o predictions.parquet\n", folder, in(filepath.Join(demoDataDir, storefront.NewSessionsFile)))
	return b.String()
}
