package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"debut/trainers/metrics"
	"debut/trainers/run"
)

// partData names the rows that evaluate was given, beside the parts of a run.
const partData = "data"

// gate is a bound that a metric of a part must reach.
type gate struct {
	text   string
	part   string // "": the last there is of those that the model has not seen
	metric string
	bound  float64
}

// gateFlags are the bounds of --fail-under.
type gateFlags struct{ texts []string }

func (f *gateFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.texts, "fail-under", nil,
		fmt.Sprintf("exit with %d where a metric is worse than a bound, such as auc=0.9, log_loss=0.3 or validation.f1=0.5, or undefined; may be repeated", exitGate))
}

// gates parses the flags; parts are the names that may stand before a metric.
func (f *gateFlags) gates(parts []string) (list []gate, err error) {
	for _, text := range f.texts {
		name, value, ok := strings.Cut(text, "=")
		bound, err := strconv.ParseFloat(value, 64)
		if !ok || name == "" || err != nil || math.IsNaN(bound) || math.IsInf(bound, 0) {
			return nil, usagef("--fail-under %s: write METRIC=BOUND, such as auc=0.9", text)
		}
		g := gate{text: text, metric: name, bound: bound}
		if part, metric, ok := strings.Cut(name, "."); ok {
			if !slices.Contains(parts, part) {
				return nil, usagef("--fail-under %s: there is no part %q; there are %s", text, part, strings.Join(parts, ", "))
			}
			g.part, g.metric = part, metric
		}
		if _, err := metrics.Higher(g.metric); err != nil {
			return nil, usagef("--fail-under %s: %s", text, strings.TrimPrefix(err.Error(), "metrics: "))
		}
		list = append(list, g)
	}
	return list, nil
}

// partOf is the part that a gate looks at, of those there are.
func (g gate) partOf(parts []string) (string, error) {
	order := []string{partData, run.PartTest, run.PartValidation}
	if g.part != "" {
		order = []string{g.part}
	}
	for _, part := range order {
		if slices.Contains(parts, part) {
			return part, nil
		}
	}
	if g.part == "" {
		return "", usagef("--fail-under %s: there are neither test nor validation rows to measure it on; give some a share in data.split, or write train.%s", g.text, g.text)
	}
	return "", usagef("--fail-under %s: the run has no %s rows", g.text, g.part)
}

// check returns an error where gates cannot be judged by what will be measured.
func checkGates(list []gate, task metrics.Task, parts []string) error {
	for _, g := range list {
		if err := metrics.Check(task, g.metric); err != nil {
			return usagef("--fail-under %s: %s", g.text, strings.TrimPrefix(err.Error(), "metrics: "))
		}
		if _, err := g.partOf(parts); err != nil {
			return err
		}
	}
	return nil
}

// ungrouped is the error of a gate for which no groups of rows are known.
func (g gate) ungrouped() error {
	return usagef("--fail-under %s: %s is measured among the rows of a user: name their column, for debut evaluate by --per, for a run by train.early_stopping.per", g.text, g.metric)
}

// gateError says that a model is not good enough.
type gateError struct{ message string }

// Error says which metric is worse than it may be.
func (e *gateError) Error() string { return e.message }

// judge returns a *gateError where a metric is worse than its bound.
func judge(list []gate, results map[string]*metrics.Result) error {
	var parts, failures []string
	for part := range results {
		parts = append(parts, part)
	}
	for _, g := range list {
		part, err := g.partOf(parts)
		if err != nil {
			return err
		}
		r := results[part]
		if _, measured := r.Values.Get(g.metric); !measured && g.metric == metrics.GroupedAUC {
			return g.ungrouped()
		}
		value, err := r.Get(g.metric)
		if err != nil {
			return usagef("--fail-under %s: %s; there are %s", g.text, strings.TrimPrefix(err.Error(), "metrics: "), strings.Join(names(r.Values), ", "))
		}
		higher, err := metrics.Higher(g.metric)
		if err != nil {
			return err
		}
		where := part + " " + g.metric
		switch {
		case math.IsNaN(value):
			failures = append(failures, fmt.Sprintf("%s is undefined: %s", where, r.Undefined[g.metric]))
		case higher && value < g.bound:
			failures = append(failures, fmt.Sprintf("%s is %v, under %v", where, value, g.bound))
		case !higher && value > g.bound:
			failures = append(failures, fmt.Sprintf("%s is %v, over %v", where, value, g.bound))
		}
	}
	if len(failures) > 0 {
		return &gateError{"the model is not good enough: " + strings.Join(failures, "; ")}
	}
	return nil
}

func names(values metrics.Values) (list []string) {
	for _, v := range values {
		list = append(list, v.Name)
	}
	return list
}
