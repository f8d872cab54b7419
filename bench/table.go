package bench

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
)

// Number writes a value for people: four digits, or all before the point.
func Number(x float64) string {
	if math.Abs(x) >= 1000 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.4g", x)
}

// WriteTable writes results as a Markdown document for the record: when, with what, on which machine. The version is the
// program's. Results of several devices name theirs.
func WriteTable(w io.Writer, when time.Time, version string, results []Result) error {
	var b strings.Builder
	if len(results) == 0 {
		return fmt.Errorf("bench: no results to write")
	}
	r := results[0]
	fmt.Fprintf(&b, "# %s, %s\n\n", r.Suite, when.Format(time.DateOnly))
	var devices []string
	for _, r := range results {
		if d := fmt.Sprintf("%s, level %s, %d threads", r.Device, r.Level, r.Threads); r.Device != "" && !slices.Contains(devices, d) {
			devices = append(devices, d)
		}
	}
	for _, d := range devices {
		fmt.Fprintf(&b, "- device: %s\n", d)
	}
	fmt.Fprintf(&b, "- version: %s\n- measured: %s\n", version, when.UTC().Format(time.RFC3339))
	peer := ""
	for _, r := range results {
		// The settings of a peer may differ by case.
		if r.Peer != "" && r.Case+r.Peer != peer {
			fmt.Fprintf(&b, "- peer of %s: %s\n", r.Case, cell(r.Peer))
			peer = r.Case + r.Peer
		}
	}
	if s, err := Find(r.Suite); err == nil && s.ByCase {
		b.WriteString(byCase(results))
		_, err := io.WriteString(w, b.String())
		return err
	}
	b.WriteString("\n| case | metric | value | share of peak |\n|---|---|---:|---:|\n")
	for _, r := range results {
		share := ""
		if r.Share > 0 {
			share = fmt.Sprintf("%.1f %%", 100*r.Share)
		}
		name := cell(r.Case)
		if len(devices) > 1 {
			name += ", " + cell(r.Device)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, cell(r.Metric), Number(r.Value), share)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// byCase lays results out with a line for each case, and a column for each metric in the order in which metrics first come.
func byCase(results []Result) string {
	var cases, metrics []string
	values, settings := map[[2]string]string{}, map[string]string{}
	for _, r := range results {
		if !slices.Contains(cases, r.Case) {
			cases = append(cases, r.Case)
		}
		if !slices.Contains(metrics, r.Metric) {
			metrics = append(metrics, r.Metric)
		}
		values[[2]string{r.Case, r.Metric}], settings[r.Case] = Number(r.Value), r.Settings
	}
	var b strings.Builder
	b.WriteString("\n| case |")
	for _, m := range metrics {
		b.WriteString(" " + cell(m) + " |")
	}
	b.WriteString(" settings |\n|---|" + strings.Repeat("---:|", len(metrics)) + "---|\n")
	for _, c := range cases {
		b.WriteString("| " + cell(c) + " |")
		for _, m := range metrics {
			b.WriteString(" " + values[[2]string{c, m}] + " |")
		}
		b.WriteString(" " + cell(settings[c]) + " |\n")
	}
	return b.String()
}

// cell is text that does not end a table's cell or line.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(s)
}

// Table is a report for people, with cases in a column of so many characters at least.
func (r *Report) Table(width int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-*s %-18s %12s %12s %8s  %-14s %8s %7s  %s\n", width, "case", "metric", "before", "now", "ratio", "interval", "machine", "rounds", "")
	for _, v := range r.Verdicts {
		before, now, ratio, interval, machine := Number(v.Before), Number(v.Now), fmt.Sprintf("%.3f", v.Ratio), "", fmt.Sprintf("%.2f", v.Machine)
		if v.Least != nil {
			interval = fmt.Sprintf("%.3f … %.3f", *v.Least, *v.Greatest)
		}
		switch v.Verdict {
		case Missing:
			now, ratio, machine = "", "", ""
		case New:
			before, ratio, machine = "", "", ""
		}
		fmt.Fprintf(&b, "%-*s %-18s %12s %12s %8s  %-14s %8s %7d  %s\n", width, v.Case, v.Metric, before, now, ratio, interval, machine, v.Rounds, v.Verdict)
	}
	return b.String()
}
