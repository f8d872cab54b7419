package main

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"debut/datasets/configfile"
	"debut/trainers/metrics"
	"debut/trainers/runfolder"
)

func (a *app) runs() *cobra.Command {
	var list runList
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "runs [FOLDER]",
		Short: "List runs with their metrics, and what they differ in",
		Long: `List the runs in a folder (runs), oldest first. Metrics are those of the test rows, else of validation rows; "validation.auc" names a
part. A run whose folder cannot be read is listed with what is wrong; folders that are no runs are left out.`,
		Example: `  debut runs --sort auc
  debut runs experiments --sort validation.log_loss --where status=finished --where model.kind=network
  debut runs --where 'auc>0.9' --metric auc,lift@10% --json
  debut runs diff runs/a runs/b`,
		Args: takes(0, 1, "one folder"),
		RunE: func(_ *cobra.Command, args []string) error {
			root := "runs"
			if len(args) > 0 {
				root = args[0]
			}
			entries, foreign, err := runfolder.List(root)
			if err != nil {
				return err
			}
			if err := list.arrange(&entries); err != nil {
				return err
			}
			if asJSON {
				return a.console.printJSON(struct {
					Folder  string    `json:"folder"`
					Runs    []runLine `json:"runs"`
					Foreign int       `json:"foreign,omitempty"` // folders that are no runs
				}{root, runLines(entries), foreign})
			}
			for _, e := range entries {
				if e.Problem != "" {
					a.console.log.Warn("a run cannot be read", "folder", e.Path, "problem", e.Problem)
				}
			}
			if foreign > 0 {
				a.console.log.Info("folders that are no runs were left out", "folders", foreign)
			}
			if len(entries) == 0 {
				return a.console.print("no runs\n")
			}
			return a.console.print(list.table(entries).text())
		},
	}
	cmd.Flags().StringVar(&list.sort, "sort", "", "`metric`, best first, or name, status, started, seconds")
	cmd.Flags().StringArrayVar(&list.where, "where", nil, "`condition` on status, name, family, task, a metric or a key of the run file, such as status=finished, auc>0.9 or train.batch=256; may be repeated")
	cmd.Flags().StringSliceVar(&list.metrics, "metric", nil, "metrics to show, separated by commas (default: the few that fit)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.AddCommand(a.runsDiff())
	return cmd
}

func (a *app) runsDiff() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "diff RUN RUN",
		Short:   "Show what the run files of two runs differ in",
		Long:    "Show what the run files of two runs, or two run files, differ in, as they were resolved. Names and folders of the runs are left out.",
		Example: "  debut runs diff runs/a runs/b",
		Args:    takes(2, 2, "two runs"),
		RunE: func(_ *cobra.Command, args []string) error {
			var texts [2][]byte
			for i, arg := range args {
				path := arg
				if info, err := os.Stat(arg); err == nil && info.IsDir() {
					path = filepath.Join(arg, runfolder.ConfigFile)
				}
				text, err := os.ReadFile(path)
				if errors.Is(err, os.ErrNotExist) {
					return fmt.Errorf("%s: there is no run file %s", arg, path)
				}
				if err != nil {
					return err
				}
				if _, err := configfile.Values(text); err != nil {
					return fmt.Errorf("%s: %w", path, err)
				}
				texts[i] = text
			}
			all, err := configfile.Differences(texts[0], texts[1])
			if err != nil {
				return err
			}
			type difference struct {
				Key string  `json:"key"`
				A   *string `json:"a"` // null where it is not set
				B   *string `json:"b"`
			}
			set := func(v string) *string {
				if v == "" {
					return nil
				}
				return &v
			}
			differences, t := []difference{}, grid{{"", args[0], args[1]}}
			for _, d := range all {
				if d.Path == "name" || d.Path == "output" || d.Path == "relative_to" {
					continue
				}
				differences = append(differences, difference{d.Path, set(d.Was), set(d.Now)})
				t = append(t, []string{d.Path, cmp.Or(d.Was, "–"), cmp.Or(d.Now, "–")})
			}
			switch {
			case asJSON:
				return a.console.printJSON(struct {
					A           string       `json:"a"`
					B           string       `json:"b"`
					Differences []difference `json:"differences"`
				}{args[0], args[1], differences})
			case len(differences) == 0:
				return a.console.print("no difference\n")
			}
			return a.console.print(t.leftText())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// runList says which runs are listed, how, and in which order.
type runList struct {
	sort           string
	where, metrics []string
}

// runLine is a run in JSON. Metrics have the shape that they have in run.json, without tables by class.
type runLine struct {
	Path    string                     `json:"path"`
	Name    string                     `json:"name"`
	Status  runfolder.Status           `json:"status,omitempty"`
	Family  string                     `json:"family,omitempty"`
	Task    metrics.Task               `json:"task,omitempty"`
	Started *time.Time                 `json:"started,omitempty"`
	Seconds *float64                   `json:"seconds,omitempty"`
	Metrics map[string]*metrics.Result `json:"metrics,omitempty"`
	Error   string                     `json:"error,omitempty"`   // why it failed
	Problem string                     `json:"problem,omitempty"` // why it cannot be read
}

func runLines(entries []runfolder.Entry) []runLine {
	out := make([]runLine, len(entries))
	for i, e := range entries {
		l := runLine{Path: e.Path, Name: filepath.Base(e.Path), Problem: e.Problem}
		if r := e.Result; r != nil {
			l.Status, l.Family, l.Task, l.Error, l.Metrics = r.Status, familyOf(r), r.Task, r.Error, map[string]*metrics.Result{}
			if !r.Started.IsZero() {
				l.Started = &r.Started
			}
			if s, ok := took(r); ok {
				l.Seconds = &s
			}
			for part, m := range r.Metrics {
				l.Metrics[part] = m.Brief()
			}
		}
		out[i] = l
	}
	return out
}

func familyOf(r *runfolder.RunResult) string { return cmp.Or(r.Family, "behavior") }

// took is how many seconds a run took from its start to its end.
func took(r *runfolder.RunResult) (float64, bool) {
	if r.Started.IsZero() || r.Finished.IsZero() {
		return 0, false
	}
	return r.Finished.Sub(r.Started).Seconds(), true
}

// arrange leaves the runs that meet all conditions, in order.
func (l *runList) arrange(entries *[]runfolder.Entry) error {
	var conditions []condition
	for _, text := range l.where {
		c, err := parseCondition(text)
		if err != nil {
			return err
		}
		conditions = append(conditions, c)
	}
	for _, name := range l.metrics {
		if err := checkMetric("--metric", name); err != nil {
			return err
		}
	}
	*entries = slices.DeleteFunc(*entries, func(e runfolder.Entry) bool {
		return slices.ContainsFunc(conditions, func(c condition) bool { return !c.met(&e) })
	})
	started := func(e runfolder.Entry) time.Time {
		if e.Result == nil {
			return time.Time{}
		}
		return e.Result.Started
	}
	switch l.sort {
	case "", "started":
		slices.SortStableFunc(*entries, func(a, b runfolder.Entry) int { return started(a).Compare(started(b)) })
	case "name":
	case "status":
		slices.SortStableFunc(*entries, func(a, b runfolder.Entry) int { return cmp.Compare(statusOf(a), statusOf(b)) })
	case "seconds":
		sortBy(*entries, func(e *runfolder.Entry) (float64, bool) {
			if e.Result == nil {
				return 0, false
			}
			return took(e.Result)
		}, false)
	default:
		if err := checkMetric("--sort", l.sort); err != nil {
			return err
		}
		higher, err := metrics.Higher(metricOf(l.sort))
		if err != nil {
			return err
		}
		sortBy(*entries, func(e *runfolder.Entry) (float64, bool) { return e.Metric(l.sort) }, higher)
	}
	return nil
}

// sortBy sorts by a value, those that have none last.
func sortBy(entries []runfolder.Entry, of func(*runfolder.Entry) (float64, bool), descending bool) {
	value := func(e runfolder.Entry) float64 {
		v, ok := of(&e)
		switch {
		case !ok || math.IsNaN(v):
			return math.Inf(1)
		case descending:
			return -v
		}
		return v
	}
	slices.SortStableFunc(entries, func(a, b runfolder.Entry) int { return cmp.Compare(value(a), value(b)) })
}

// metricOf is the metric in a name that may begin with a part.
func metricOf(name string) string {
	if part, metric, ok := strings.Cut(name, "."); ok && slices.Contains(parts, part) {
		return metric
	}
	return name
}

func checkMetric(flag, name string) error {
	if _, err := metrics.Higher(metricOf(name)); err != nil {
		return usagef("%s %s: %s", flag, name, strings.TrimPrefix(err.Error(), "metrics: "))
	}
	return nil
}

// statusOf is the status in a list.
func statusOf(e runfolder.Entry) string {
	if e.Result == nil {
		return "unreadable"
	}
	return string(e.Result.Status)
}

// table lays runs out, a line each.
func (l *runList) table(entries []runfolder.Entry) grid {
	columns := slices.Clone(l.metrics)
	if len(columns) == 0 {
		if _, err := metrics.Higher(metricOf(l.sort)); l.sort != "" && err == nil {
			columns = append(columns, l.sort)
		}
		for _, e := range entries {
			for _, part := range []string{"test", "validation", "train"} {
				if e.Result == nil || e.Result.Metrics[part] == nil {
					continue
				}
				for _, v := range metrics.Headline(e.Result.Task, e.Result.Metrics[part].Values) {
					if !slices.Contains(columns, v.Name) {
						columns = append(columns, v.Name)
					}
				}
				break
			}
		}
	}
	t := grid{append([]string{"run", "status", "started", "seconds"}, columns...)}
	for _, e := range entries {
		row := []string{e.Path, statusOf(e), "–", "–"}
		if r := e.Result; r != nil {
			if !r.Started.IsZero() {
				row[2] = r.Started.Local().Format("2006-01-02 15:04")
			}
			if s, ok := took(r); ok {
				row[3] = strconv.FormatFloat(s, 'f', 1, 64)
			}
		}
		for _, name := range columns {
			if v, ok := e.Metric(name); ok {
				row = append(row, number(v))
			} else {
				row = append(row, "–")
			}
		}
		t = append(t, row)
	}
	return t
}

// condition is one of --where.
type condition struct{ key, operator, value string }

func parseCondition(text string) (condition, error) {
	i := strings.IndexAny(text, "=!<>")
	if i > 0 {
		for _, operator := range []string{"!=", "<=", ">=", "=", "<", ">"} {
			if value, ok := strings.CutPrefix(text[i:], operator); ok {
				return condition{strings.TrimSpace(text[:i]), operator, strings.TrimSpace(value)}, nil
			}
		}
	}
	return condition{}, usagef("--where %s: write KEY=VALUE, or with !=, <, <=, > or >= in the place of =", text)
}

// of is what the condition looks at, "" where the run has no such thing.
func (c condition) of(e *runfolder.Entry) string {
	r := e.Result
	switch c.key {
	case "status":
		return statusOf(*e)
	case "name":
		return filepath.Base(e.Path)
	}
	if r == nil {
		return ""
	}
	switch c.key {
	case "family":
		return familyOf(r)
	case "task":
		return string(r.Task)
	case "seconds":
		if s, ok := took(r); ok {
			return strconv.FormatFloat(s, 'g', -1, 64)
		}
		return ""
	}
	if v, ok := e.Metric(c.key); ok {
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	values, err := configfile.Values(e.Config)
	if err != nil {
		return ""
	}
	return values[c.key]
}

func (c condition) met(e *runfolder.Entry) bool {
	got := c.of(e)
	a, errA := strconv.ParseFloat(got, 64)
	b, errB := strconv.ParseFloat(c.value, 64)
	numbers := errA == nil && errB == nil
	switch c.operator {
	case "=", "!=":
		same := got == c.value || numbers && a == b
		if matched, err := path.Match(c.value, got); err == nil && matched {
			same = true
		}
		return same == (c.operator == "=")
	}
	if !numbers {
		return false
	}
	switch c.operator {
	case "<":
		return a < b
	case "<=":
		return a <= b
	case ">":
		return a > b
	}
	return a >= b
}
