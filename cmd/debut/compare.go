package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"debut/datasets/wording"
	"debut/trainers/comparison"
	"debut/trainers/metrics"
	"debut/trainers/model"
	"debut/trainers/run"
	"debut/trainers/runfolder"
)

func (a *app) compareRuns() *cobra.Command {
	var device deviceFlags
	var source sourceFlags
	var keys keyFlags
	var data []string
	var part string
	var opt comparison.Options
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "compare RUN RUN...",
		Short: "Say which of several models is better, and how surely",
		Long: `Measure models on the same rows with confidence intervals, and test the differences between each two. The rows are those of --data, or
the test part of the runs, where their data have not changed and are split alike. Of recommenders, users are compared.

Intervals of metrics are BCa bootstrap intervals; a difference is tested with the standard error of paired bootstrap draws, for the
AUC by DeLong's test, and p-values are adjusted for all tests shown by Holm's method. The seed decides on every draw.`,
		Example: `  debut compare runs/first runs/wide
  debut compare runs/first runs/wide runs/linear --metric auc,log_loss,f1 --data june.csv
  debut compare runs/shop                                     # the intervals of one`,
		Args: takes(1, -1, "the folders of runs"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if part != run.PartTest && part != run.PartValidation {
				return usagef("--part %s: give %s or %s", part, run.PartTest, run.PartValidation)
			}
			if len(data) > 0 && cmd.Flags().Changed("part") {
				return usagef("--part is of the runs' own data: leave it or --data out")
			}
			names := make([]string, len(args))
			for i, arg := range args {
				if names[i] = filepath.Clean(arg); slices.Contains(names[:i], names[i]) {
					return usagef("%s is named twice", names[i])
				}
			}
			for _, name := range opt.Metrics {
				if _, err := metrics.Higher(name); err != nil { // before models and data are read
					return usagef("--metric: %s", strings.TrimPrefix(err.Error(), "metrics: "))
				}
			}
			opt.Threads = int(device.threads)
			src, err := source.source(cmd.Flags(), data)
			if err != nil {
				return err
			}
			samples := make([]*metrics.Sample, len(args))
			var first *run.Sampled
			for i, arg := range args {
				err := withModel(&device, &keys, arg, func(m model.Model) error {
					if len(data) == 0 {
						s, err := a.ownPart(cmd.Context(), arg, m, part)
						if err != nil {
							return err
						}
						if i == 0 {
							first = s
						}
						samples[i] = s.Sample
						return sameRows(names[0], names[i], part, first, s)
					}
					sampler, ok := m.(model.Sampler)
					if !ok {
						return fmt.Errorf("%s: a model of the family %s is not measured row by row", arg, m.Family())
					}
					s, report, err := sampler.Sample(cmd.Context(), src, "")
					samples[i] = s
					if err == nil {
						a.console.reportEncoding(report)
					}
					return err
				})
				if err != nil {
					return canceled(cmd.Context(), err)
				}
			}
			if part == run.PartValidation && len(data) == 0 {
				a.console.log.Warn("the validation rows have chosen the epoch of each model, and what else was chosen on them: the figures are better than those of other rows would be")
			}
			c, err := comparison.Compare(cmd.Context(), names, samples, opt)
			switch {
			case errors.Is(err, metrics.ErrUnknown):
				return usagef("--metric: %s", strings.TrimPrefix(err.Error(), "metrics: "))
			case err != nil:
				return err
			}
			if asJSON {
				return a.console.printJSON(c)
			}
			for _, note := range c.Notes {
				a.console.log.Warn(note)
			}
			return a.console.print(comparisonText(c))
		},
	}
	device.register(cmd)
	source.register(cmd)
	keys.register(a, cmd)
	flags := cmd.Flags()
	flags.StringSliceVar(&data, "data", nil, "`file` with labeled rows to compare on, in the place of the runs' own test part; may be repeated")
	flags.StringVar(&part, "part", run.PartTest, "part of the runs' own data: test or validation")
	flags.StringSliceVar(&opt.Metrics, "metric", nil, "metrics to compare by, separated by commas (default: the few that fit)")
	flags.IntVar(&opt.Replicates, "replicates", comparison.DefaultReplicates, "bootstrap draws")
	flags.Float64Var(&opt.Confidence, "confidence", comparison.DefaultConfidence, "of intervals and tests")
	flags.Uint64Var(&opt.Seed, "seed", 1, "seed of the draws")
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// ownPart has the model of a run answer for a part of the run's own data, which must be what they were.
func (a *app) ownPart(ctx context.Context, folder string, m model.Model, part string) (*run.Sampled, error) {
	own, err := openOwn(folder, part, "name labeled rows to compare on, --data FILE")
	if err != nil {
		return nil, err
	}
	sampler, ok := own.cfg.(run.Sampler)
	if !ok {
		return nil, own.unable(m)
	}
	s, err := sampler.SamplePart(ctx, m, own.base, part, a.console.log)
	if err != nil {
		return nil, own.unread(err)
	}
	return s, own.unchanged(s.Files)
}

// ownData are the data of a run, of which a part is to be read again.
type ownData struct {
	folder, part string
	remedy       string // what to do where that cannot be
	cfg          run.Config
	base         string // what paths in the configuration are relative to
	result       *runfolder.RunResult
}

// openOwn finds the data of the run in a folder.
func openOwn(folder, part, remedy string) (*ownData, error) {
	opened, err := runfolder.Open(folder)
	if err != nil {
		return nil, fmt.Errorf("%w; name the folder of a run, or %s", err, remedy)
	}
	own := &ownData{folder: folder, part: part, remedy: remedy}
	if own.result, err = opened.Result(); err != nil {
		return nil, err
	}
	named, err := run.ArgumentOf(folder, run.ResumeLast)
	if err != nil {
		return nil, err
	}
	if own.cfg, err = loadRun(named.File, named.Overrides); err != nil {
		return nil, err
	}
	own.base, err = named.BaseDir(own.cfg)
	return own, err
}

func (o *ownData) unable(m model.Model) error {
	return fmt.Errorf("%s: runs of the family %s cannot read their data again; %s", o.folder, m.Family(), o.remedy)
}

// unread says what follows from an error of reading the part.
func (o *ownData) unread(err error) error {
	if errors.Is(err, run.ErrNoPart) {
		return fmt.Errorf("%s: the run has no %s rows; %s", o.folder, o.part, o.remedy)
	}
	return fmt.Errorf("%s: its data: %w; or %s", o.folder, err, o.remedy)
}

// unchanged returns an error where files that were read are not what they were when the run was trained.
func (o *ownData) unchanged(files []runfolder.DataFile) error {
	for _, f := range files {
		if !slices.ContainsFunc(o.result.Data, func(d runfolder.DataFile) bool { return d.SHA256 == f.SHA256 }) {
			return fmt.Errorf("%s: %s is not what it was when the run was trained, by its SHA-256, and what was trained on may be among its %s rows now; restore it, or %s", o.folder, f.Path, o.part, o.remedy)
		}
	}
	return nil
}

// sameRows returns an error where two runs have other rows in a part.
func sameRows(a, b, part string, x, y *run.Sampled) error {
	const remedy = "name labeled rows to compare on, --data FILE"
	sums := func(s *run.Sampled) (list []string) {
		for _, f := range s.Files {
			list = append(list, f.SHA256)
		}
		slices.Sort(list)
		return list
	}
	if !slices.Equal(sums(x), sums(y)) {
		return fmt.Errorf("%s and %s have read other data; %s", a, b, remedy)
	}
	var differ []string
	for _, key := range slices.Sorted(maps.Keys(x.Rows)) {
		if v, ok := y.Rows[key]; !ok || v != x.Rows[key] {
			differ = append(differ, key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(y.Rows)) {
		if _, ok := x.Rows[key]; !ok {
			differ = append(differ, key)
		}
	}
	if len(differ) > 0 {
		return fmt.Errorf("the %s rows of %s and %s are not the same: the runs differ in %s; train both with the same, or %s", part, a, b, strings.Join(differ, ", "), remedy)
	}
	return nil
}

// comparisonText lays a comparison out.
func comparisonText(c *comparison.Comparison) string {
	var b strings.Builder
	percent := fmt.Sprintf("%g %%", 100*c.Confidence)
	fmt.Fprintf(&b, "%s %s; %s intervals, %s, of %s draws\n", wording.Thousands(int64(c.Rows)), metrics.Unit(c.Task), percent, c.Intervals, wording.Thousands(int64(c.Replicates)))
	interval := func(i comparison.Interval) string { return number(i.Low) + " to " + number(i.High) }
	for k, metric := range c.Metrics {
		t := grid{{metric, "", percent + " interval"}}
		for _, m := range c.Models {
			e := m.Estimates[k]
			t = append(t, []string{m.Name, number(float64(e.Value)), interval(e.Interval)})
		}
		b.WriteString("\n" + t.text())
		if len(c.Models) == 1 {
			continue
		}
		t = grid{{"difference", "", percent + " interval", "p", "p (Holm)", "test", "better"}}
		for _, d := range c.Differences {
			if d.Metric != metric {
				continue
			}
			better := d.Better
			if better == "" {
				better = "–"
			}
			t = append(t, []string{d.B + " − " + d.A, number(float64(d.Value)), interval(d.Interval), level(float64(d.P)), level(float64(d.PHolm)), d.Test, better})
		}
		b.WriteString("\n" + t.text())
	}
	if n := len(c.Differences); n > 1 {
		fmt.Fprintf(&b, "\np (Holm) is adjusted for the %d tests; a better model is named where it is under %.4g.\n", n, 1-c.Confidence)
	}
	return b.String()
}

// level formats a p-value.
func level(p float64) string {
	if p < 1e-4 {
		return "<0.0001"
	}
	return number(p)
}
