package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// number writes a value for people: four digits, or all before the point.
func number(x float64) string {
	if math.Abs(x) >= 1000 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.4g", x)
}

// figures are numbers by case and metric, in order of appearance.
type figures struct {
	cases  []string
	values map[[2]string]float64
}

// of returns the figures of a kind of part.
func of(list []Record, kinds ...string) figures {
	f := figures{values: map[[2]string]float64{}}
	for _, r := range list {
		kind, _, _ := cutName(r.Part)
		if r.Value == nil || !slices.Contains(kinds, kind) {
			continue
		}
		if !slices.Contains(f.cases, r.Case) {
			f.cases = append(f.cases, r.Case)
		}
		f.values[[2]string{r.Case, r.Metric}] = *r.Value
	}
	return f
}

// get returns a figure as text, "" where there is none.
func (f figures) get(name, metric string, scale float64) string {
	v, ok := f.values[[2]string{name, metric}]
	if !ok {
		return ""
	}
	return number(v * scale)
}

func (f figures) value(name, metric string) float64 { return f.values[[2]string{name, metric}] }

// grid writes a table of Markdown.
func grid(b *strings.Builder, title string, header []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(b, "## %s\n\n| %s |\n|%s\n", title, strings.Join(header, " | "), strings.Repeat("---|", len(header)))
	for _, r := range rows {
		for i := range r {
			r[i] = strings.NewReplacer("|", `\|`, "\n", " ").Replace(r[i])
		}
		fmt.Fprintf(b, "| %s |\n", strings.Join(r, " | "))
	}
	b.WriteString("\n")
}

// writeTable writes what records tell, what matters most at the end.
func writeTable(b *strings.Builder, list []Record) {
	b.WriteString("# GPU check\n\n")
	kernelRows(b, list)
	profileRows(b, list)
	productRows(b, list)
	tableRows(b, list)
	opening(b, list)
	stepRows(b, list)
	ends(b, list)
}

// ceilingOf returns GFLOP/s of the largest product that was measured by default, for each precision.
func ceilingOf(list []Record, precision string) float64 {
	best := 0.0
	for _, r := range list {
		if kind, rest, _ := cutName(r.Part); kind == "products" && rest == precision && r.Metric == "gflop_per_second" {
			best = max(best, *r.Value)
		}
	}
	return best
}

// kernelRows lists the kernels of a step that take longest, and how near they come to what memory or arithmetic allows.
func kernelRows(b *strings.Builder, list []Record) {
	const most = 12
	copies := of(list, "ceilings").value("copy on the device", "gbyte_per_second")
	flops := ceilingOf(list, "fp32")
	byPart := map[string][]Record{}
	var parts []string
	for _, r := range list {
		if kind, _, _ := cutName(r.Part); kind == "kernels" && r.Metric == "microseconds" {
			if byPart[r.Part] == nil {
				parts = append(parts, r.Part)
			}
			byPart[r.Part] = append(byPart[r.Part], r)
		}
	}
	f := of(list, "kernels")
	for _, p := range parts {
		sum := 0.0
		for _, r := range byPart[p] {
			sum += *r.Value
		}
		slices.SortStableFunc(byPart[p], func(a, b Record) int { return cmp.Compare(*b.Value, *a.Value) })
		var rows [][]string
		for _, r := range byPart[p][:min(most, len(byPart[p]))] {
			limit := ""
			if copies > 0 && flops > 0 {
				share := max(f.value(r.Case, "gbyte_per_second")/copies, f.value(r.Case, "gflop_per_second")/flops)
				limit = fmt.Sprintf("%.0f %%", 100*share)
			}
			rows = append(rows, []string{r.Case, number(*r.Value), f.get(r.Case, "gbyte_per_second", 1), f.get(r.Case, "gflop_per_second", 1), limit})
		}
		title := fmt.Sprintf("%s: %d kernels, %s µs together; the longest", p, len(byPart[p]), number(sum))
		grid(b, title, []string{"kernel", "µs", "GB/s", "GFLOP/s", "of ceiling"}, rows)
	}
}

// profileRows lists what a profiler saw of a step.
func profileRows(b *strings.Builder, list []Record) {
	for _, r := range list {
		if kind, _, _ := cutName(r.Part); kind != "profile" || r.Status != passed {
			continue
		}
		var own []Record
		for _, x := range list {
			if x.Part == r.Part {
				own = append(own, x)
			}
		}
		f := of(own, "profile")
		var rows [][]string
		for _, name := range f.cases {
			rows = append(rows, []string{
				name, f.get(name, "microseconds", 1), f.get(name, "dram_percent", 1), f.get(name, "sm_percent", 1), f.get(name, "occupancy_percent", 1),
			})
		}
		grid(b, r.Part, []string{"kernel", "µs", "DRAM %", "SM %", "occupancy %"}, rows)
	}
}

func productRows(b *strings.Builder, list []Record) {
	var rows [][]string
	for _, r := range list {
		kind, precision, _ := cutName(r.Part)
		if kind != "products" || r.Metric != "gflop_per_second" {
			continue
		}
		shape, _, _ := strings.Cut(r.Case, " ")
		share := ""
		if c := ceilingOf(list, strings.Replace(precision, "own", "fp32", 1)); c > 0 {
			share = fmt.Sprintf("%.0f %%", 100**r.Value/c)
		}
		rows = append(rows, []string{shape, precision, number(*r.Value / 1e3), share})
	}
	grid(b, "Products", []string{"shape", "precision", "TFLOP/s", "of the fastest"}, rows)
}

func tableRows(b *strings.Builder, list []Record) {
	f := of(list, "tables")
	var rows [][]string
	for _, name := range f.cases {
		row := []string{name, f.get(name, "distinct_rows", 1)}
		for _, k := range []string{"gather", "plan", "sum", "update"} {
			cell := f.get(name, k+"_microseconds", 1)
			if speed := f.get(name, k+"_gbyte_per_second", 1); speed != "" {
				cell += " (" + speed + ")"
			}
			row = append(row, cell)
		}
		row = append(row, f.get(name, "microseconds", 1), f.get(name, "rows_per_second", 1))
		best, way := 0.0, ""
		for _, r := range list {
			if s, ok := strings.CutPrefix(r.Metric, peerTableMetric); ok && r.Case == name && *r.Value > best {
				best, way = *r.Value, s
			}
		}
		peer, ratio := "", ""
		if best > 0 {
			peer, ratio = number(best)+" "+way, number(f.value(name, "rows_per_second")/best)
		}
		rows = append(rows, append(row, peer, ratio))
	}
	grid(b, "Tables: µs (GB/s)", []string{"ids", "distinct", "gather", "plan of ids", "sums", "update", "all, µs", "rows/s", "PyTorch's best", "ratio"}, rows)
}

// opening tells what the machine is, and its ceilings.
func opening(b *strings.Builder, list []Record) {
	b.WriteString("## Machine\n\n")
	for _, r := range list {
		if strings.HasPrefix(r.Text, driverLacks) {
			continue // functions by the dozen
		}
		if kind, rest, _ := cutName(r.Part); r.Text != "" && r.Status == "" && (r.Part == "check" || kind == "opening" && rest == "first") {
			fmt.Fprintf(b, "- %s\n", beginning(r.Text, 300))
		}
	}
	for _, r := range list {
		kind, rest, _ := cutName(r.Part)
		if r.Value == nil || kind != "opening" && kind != "ceilings" {
			continue
		}
		what := r.Case
		if kind == "opening" {
			what = rest + " process"
		}
		fmt.Fprintf(b, "- %s: %s %s\n", what, number(*r.Value), strings.ReplaceAll(r.Metric, "_", " "))
	}
	b.WriteString("\n")
}

// stepRows sets our steps beside those of the fastest way of the peer.
func stepRows(b *strings.Builder, list []Record) {
	f := of(list, "step")
	var rows [][]string
	for _, name := range f.cases {
		row := []string{name, f.get(name, "gpu_microseconds_per_step", 1)}
		host := f.value(name, "host_microseconds_to_assemble") + f.value(name, "host_microseconds_to_enqueue")
		if host > 0 {
			row = append(row, number(host)+" ("+f.get(name, "host_microseconds_to_enqueue", 1)+")")
		} else {
			row = append(row, "")
		}
		row = append(row, f.get(name, "rows_per_second", 1))
		best, mode, loss := 0.0, "", 0.0
		for _, r := range list {
			kind, way, _ := cutName(r.Part)
			if kind != "peer" || r.Case != name || r.Value == nil {
				continue
			}
			if r.Metric == "rows_per_second" && *r.Value > best {
				best, mode = *r.Value, way
				for _, x := range list {
					if x.Part == r.Part && x.Case == name && x.Metric == "loss_after_50_steps" {
						loss = *x.Value
					}
				}
			}
		}
		ours, ourLoss := f.value(name, "rows_per_second"), f.value(name, "loss_after_50_steps")
		switch best {
		case 0:
			row = append(row, "", "", number(ourLoss))
		default:
			ratio := ""
			if ours > 0 {
				ratio = number(ours / best)
			}
			losses := number(ourLoss) + ", " + number(loss)
			precision := strings.Fields(name)[1]
			if !(math.Abs(ourLoss-loss) <= tolerance(precision)*max(math.Abs(ourLoss), math.Abs(loss))) {
				losses += " DIFFER"
			}
			row = append(row, number(best)+" "+mode, ratio, losses)
		}
		rows = append(rows, row)
	}
	grid(b, "Training steps", []string{"case", "GPU µs", "host µs (enqueue)", "rows/s", "PyTorch's best", "ratio", "loss after 50 steps"}, rows)
	var ways [][]string
	for _, r := range list {
		if kind, way, _ := cutName(r.Part); kind == "peer" && r.Metric == "rows_per_second" {
			ways = append(ways, []string{r.Case, way, number(*r.Value)})
		}
	}
	grid(b, "PyTorch", []string{"case", "way", "rows/s"}, ways)
}

// ends tells how parts ended: those that passed are counted.
func ends(b *strings.Builder, list []Record) {
	counts := map[Status]int{}
	seconds := 0.0
	b.WriteString("## Parts\n\n")
	for _, r := range list {
		if r.Status == "" {
			continue
		}
		counts[r.Status]++
		seconds += r.Seconds
	}
	fmt.Fprintf(b, "- %d passed", counts[passed])
	for _, s := range []Status{failed, killed, late, interrupted, skipped, absent} {
		if counts[s] > 0 {
			fmt.Fprintf(b, ", %d %s", counts[s], s)
		}
	}
	fmt.Fprintf(b, "; they ran %.0f s in all\n", seconds)
	// What was not begun, and what is not installed, is told together.
	var missed, reasons []string
	missing := map[string][]string{}
	for _, r := range list {
		switch {
		case r.Status == skipped || r.Status == interrupted && r.Seconds == 0:
			missed = append(missed, r.Part)
		case r.Status == absent:
			_, why, found := strings.Cut(r.Text, "peers: ")
			if !found {
				why = r.Text
			}
			if missing[why] == nil {
				reasons = append(reasons, why)
			}
			missing[why] = append(missing[why], r.Part)
		case r.Status != "" && r.Status != passed:
			fmt.Fprintf(b, "- %s %s after %.1f s: %s\n", r.Part, strings.ToUpper(string(r.Status)), r.Seconds, ending(r.Text, 300))
		}
	}
	for _, why := range reasons {
		fmt.Fprintf(b, "- absent: %s: %s\n", strings.Join(missing[why], ", "), ending(why, 300))
	}
	if len(missed) > 0 {
		fmt.Fprintf(b, "- not begun: %s\n", strings.Join(missed, ", "))
	}
	for _, r := range list {
		if kind, _, _ := cutName(r.Part); kind == "tests" && r.Text != "" && r.Status == "" {
			fmt.Fprintf(b, "- %s: %s\n", r.Part, r.Text)
		}
	}
}
