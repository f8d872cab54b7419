package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"debut/datasets/encoding"
	"debut/datasets/sealed"
	"debut/datasets/table"
	"debut/datasets/warning"
	"debut/datasets/wording"
	"debut/trainers/families"
	"debut/trainers/metrics"
	"debut/trainers/model"
)

func (a *app) evaluate() *cobra.Command {
	var device deviceFlags
	var source sourceFlags
	var keys keyFlags
	var gated gateFlags
	var threshold float64
	var per string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "evaluate MODEL DATA...",
		Short: "Measure a model on rows with known targets",
		Long: `Measure a model on rows with known targets. MODEL is a run folder or its model/; DATA are CSV, Parquet or JSON files, or - for standard input. Columns
are found by name, in any order. A classifier is measured at the threshold that is kept with it, or that of --threshold. With --per user it is told
too how well the rows of a user are ordered among themselves: gauc, the mean of the users' AUCs, each by its rows. Of forecasts, DATA are rows of later times:
the first horizon is forecast, then, with that known, the next; metrics stand beside those of the seasonal naive method.`,
		Example: `  debut evaluate runs/first may.csv june.csv
  debut evaluate runs/first june.csv --threshold 0.3 --fail-under auc=0.9 --fail-under recall=0.5`,
		Args: takes(2, -1, "a model and at least one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			src, err := source.source(cmd.Flags(), args[1:])
			if err != nil {
				return err
			}
			gates, err := gated.gates([]string{partData})
			if err != nil {
				return err
			}
			var result *metrics.Result
			var report encoding.EncodeReport
			err = withModel(&device, &keys, args[0], func(m model.Model) (err error) {
				evaluator, ok := m.(model.Evaluator)
				if !ok {
					return fmt.Errorf("%s: a model of the family %s is not measured on files%s", args[0], m.Family(), insteadOf(m))
				}
				if cmd.Flags().Changed("per") && per == "" {
					return usagef("--per: it is empty; name a column, or leave it out")
				}
				if err := setThreshold(cmd, m, threshold); err != nil {
					return err
				}
				if err := checkGates(gates, evaluator.Task(), []string{partData}); err != nil {
					return err
				}
				if i := slices.IndexFunc(gates, func(g gate) bool { return g.metric == metrics.GroupedAUC }); i >= 0 && per == "" {
					return gates[i].ungrouped()
				}
				remove, err := spool(cmd.Context(), &src)
				defer remove()
				if err != nil {
					return err
				}
				result, report, err = evaluatePer(cmd.Context(), evaluator, src, per)
				return err
			})
			if err != nil {
				return canceled(cmd.Context(), err)
			}
			warnings := a.console.reportEncoding(report)
			measured := result.Warnings("", "")
			measured.Log(a.console.log)
			warnings = append(warnings, measured...)
			results := map[string]*metrics.Result{partData: result}
			if asJSON {
				err = a.console.printJSON(struct {
					Model    string                     `json:"model"`
					Data     []string                   `json:"data"`
					Metrics  map[string]*metrics.Result `json:"metrics"`
					Warnings warning.List               `json:"warnings,omitempty"`
					Report   encoding.EncodeReport      `json:"report"`
				}{args[0], args[1:], results, warnings, report})
			} else {
				err = a.console.print(evaluation(result))
			}
			if err != nil {
				return err
			}
			return judge(gates, results)
		},
	}
	device.register(cmd)
	source.register(cmd)
	keys.register(a, cmd)
	gated.register(cmd)
	registerThreshold(cmd, &threshold)
	cmd.Flags().StringVar(&per, "per", "", "`column` whose rows of the same value are ordered among themselves: gauc")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// evaluatePer measures a model, by groups of a column where one is named.
func evaluatePer(ctx context.Context, m model.Evaluator, src table.Source, column string) (*metrics.Result, encoding.EncodeReport, error) {
	if column == "" {
		return m.Evaluate(ctx, src, "")
	}
	by, ok := m.(model.GroupEvaluator)
	if !ok || m.Task() != metrics.TaskBinary {
		return nil, encoding.EncodeReport{}, usagef("--per: the model's target is not one of two classes, whose AUC could be measured by %s", wording.Quote(column))
	}
	return by.EvaluatePer(ctx, src, "", column)
}

// evaluation is what evaluate prints.
func evaluation(r *metrics.Result) string {
	t := grid{{metrics.Unit(r.Task), wording.Thousands(int64(r.Rows))}}
	for _, v := range r.Values {
		t = append(t, []string{v.Name, number(v.Value)})
	}
	var b strings.Builder
	b.WriteString(t.text())
	if r.Threshold != nil {
		fmt.Fprintf(&b, "\n%s\n", strings.TrimPrefix(from(r), ", "))
	}
	for _, text := range []string{classTables(r), calibrationTable(r), groupTable(r)} {
		if text != "" {
			b.WriteString("\n" + text)
		}
	}
	return b.String()
}

// registerThreshold registers --threshold.
func registerThreshold(cmd *cobra.Command, threshold *float64) {
	cmd.Flags().Float64Var(threshold, "threshold", 0, "`probability` from which on a row is predicted positive (default: the one kept with the model, else 0.5)")
}

// setThreshold gives a model the threshold of the command line, if there is one.
func setThreshold(cmd *cobra.Command, m model.Model, threshold float64) error {
	if !cmd.Flags().Changed("threshold") {
		return nil
	}
	d, ok := m.(model.Decider)
	if !ok {
		return usagef("--threshold: a model of the family %s has none", m.Family())
	}
	if err := d.SetThreshold(threshold); err != nil {
		return usagef("--%v", err)
	}
	return nil
}

// withModel opens a model on a device for the time of a call.
func withModel(device *deviceFlags, keys *keyFlags, path string, use func(model.Model) error) (err error) {
	with, err := keys.read()
	if err != nil {
		return err
	}
	dev, err := device.open()
	if err != nil {
		return err
	}
	defer closing(dev, &err)
	m, err := families.Open(path, dev, with...)
	switch {
	case errors.Is(err, sealed.ErrNoKey):
		return fmt.Errorf("%w: say where it is, with --identity key.txt or --passphrase FILE", err)
	case err != nil:
		return err
	}
	if c, ok := m.(io.Closer); ok {
		defer closing(c, &err)
	}
	return use(m)
}

// insteadOf names the command that a model answers.
func insteadOf(m model.Model) string {
	if _, ok := m.(model.Forecaster); ok {
		return "; debut forecast says how its series go on"
	}
	if _, ok := m.(model.Recommender); ok {
		return "; debut recommend lists items for users"
	}
	if _, ok := m.(model.Pricer); ok {
		return "; debut price sets prices, and debut predict says what is sold at given ones"
	}
	if _, ok := m.(model.Predictor); ok {
		return "; debut predict answers for rows"
	}
	return ""
}

// canceled makes an error that came of a canceled context say so: the database has words of its own for it.
func canceled(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
