package inspect

import (
	"fmt"
	"html/template"
	"io"
	"strconv"
	"time"

	"debut/datasets/table"
	"debut/datasets/wording"
)

// WriteHTML writes the report as one page that needs nothing else: no network,
// no scripts. Everything that comes from the data is escaped.
func (r *Report) WriteHTML(w io.Writer) error {
	if err := page.Execute(wording.VisibleWriter(w), r); err != nil {
		return fmt.Errorf("write the report as HTML: %w", err)
	}
	return nil
}

// bar is a rectangle of a drawing of 100 by 24 units.
type bar struct{ X, Y, Width, Height float64 }

// bars draws counts side by side.
func bars(counts []int64) []bar {
	most := int64(1)
	for _, n := range counts {
		most = max(most, n)
	}
	out := make([]bar, len(counts))
	width := 100 / float64(max(1, len(counts)))
	for i, n := range counts {
		height := 24 * float64(n) / float64(most)
		if n > 0 {
			height = max(height, 0.8) // one value is to be seen
		}
		out[i] = bar{float64(i) * width, 24 - height, width * 0.9, height}
	}
	return out
}

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"bars": bars,
	"rows": func(counts []Count) []int64 {
		out := make([]int64, len(counts))
		for i, c := range counts {
			out[i] = c.Rows
		}
		return out
	},
	"count":   thousands,
	"numeric": func(c *Column) bool { return c.Type == table.TypeNumeric && c.Numbers != nil && !c.Withheld },
	"number":  func(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) },
	"percent": func(x float64) string { return strconv.FormatFloat(100*x, 'f', 1, 64) + " %" },
	"edge": func(c *Column, x float64) string {
		if c.Dates != nil {
			return time.UnixMicro(int64(x)).UTC().Format(time.DateOnly)
		}
		return strconv.FormatFloat(x, 'g', 4, 64)
	},
}).Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>debut data inspect</title>
<style>
:root { color-scheme: light dark; --line: #8884; --bar: #3a7bd5; --severe: #c62828; --warning: #c77700; --note: #557; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.1rem; margin-top: 2rem; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; } td, th { border-bottom: 1px solid var(--line); padding: .35rem .5rem; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
td.n, th.n { text-align: right; white-space: nowrap; } td.t { overflow-wrap: normal; } svg { width: 9rem; height: 2rem; } svg rect { fill: var(--bar); }
.severe, .warning, .note { border-left: 4px solid; padding: .3rem .7rem; margin: .4rem 0; overflow-wrap: anywhere; }
.severe { border-color: var(--severe); } .warning { border-color: var(--warning); } .note { border-color: var(--note); }
small { opacity: .75; } code { font-size: .9em; }
</style></head><body>
<h1>Inspected data</h1>
{{range .Tables}}<h2>{{.Name}}</h2>
<p>{{with .Format}}{{.}}{{end}}{{with .Delimiter}}, delimiter {{printf "%q" .}}{{end}}{{if .Format}}: {{end}}{{count .Rows}} rows, {{len .Columns}} columns{{if .Sampled}}; {{count .Inspected}} rows inspected: {{.Sampled}}{{end}}; {{count .Duplicates.Rows}} rows repeat an earlier one.{{range .Notes}} {{.}}.{{end}}
{{with .Label}}The label is <b>{{.Column}}</b>{{if .Guessed}} (guessed){{end}}, {{.Task}}.{{range .Classes}} {{.Value}}: {{count .Rows}}.{{end}}{{end}}</p>
{{range .Warnings}}<div class="{{.Severity}}"><small>{{.Severity}}</small> <b>{{if .Column}}{{.Column}}{{else}}table{{end}}</b>: {{.Message}}{{range .Examples}} <code>{{.Value}}</code>{{if .Place}} <small>{{.Place}}</small>{{end}}{{end}}{{with .Remedy}}<br><small>Remedy: {{.}}</small>{{end}}</div>
{{end}}<table><thead><tr><th>column</th><th>type</th><th class="n">missing</th><th class="n">distinct</th><th>values</th><th>distribution</th><th class="n">alone predicts</th></tr></thead><tbody>
{{range $c := .Columns}}<tr><td>{{.Name}}{{range .Personal}} <small>({{.Kind}}?)</small>{{end}}</td><td class="t">{{if .Refused}}{{if ne .Type "unreadable"}}refused ({{.Type}}?){{else}}{{.Type}}{{end}}{{else}}{{.Type}}{{end}}{{with .Layout}} <small>{{.}}</small>{{end}}{{with .Notation}} <small>as {{.}}</small>{{end}}</td><td class="n">{{if .Missing}}{{percent .MissingShare}}{{end}}</td><td class="n">{{count .Distinct}}</td>
<td>{{if numeric .}}{{with .Numbers}}{{number .Min}} … {{number .Max}}, mean {{number .Mean}} ± {{number .Std}}{{end}}{{else if and .Dates (not .Withheld)}}{{.Dates.Min}} … {{.Dates.Max}}{{else}}{{if $c.Withheld}}<small>withheld</small>{{else}}{{range $i, $v := $c.Frequent}}{{if lt $i 4}}{{if $i}}, {{end}}{{$v.Value}} <small>{{count $v.Rows}}</small>{{end}}{{end}}{{end}}{{end}}</td>
<td>{{with .Histogram}}<svg viewBox="0 0 100 24" preserveAspectRatio="none" role="img">{{range bars .Counts}}<rect x="{{.X}}" y="{{.Y}}" width="{{.Width}}" height="{{.Height}}"/>{{end}}</svg><br><small>{{edge $c .From}} … {{edge $c .To}}</small>{{else}}{{if and $c.Frequent (not $c.Withheld)}}<svg viewBox="0 0 100 24" preserveAspectRatio="none" role="img">{{range bars (rows $c.Frequent)}}<rect x="{{.X}}" y="{{.Y}}" width="{{.Width}}" height="{{.Height}}"/>{{end}}</svg>{{end}}{{end}}</td>
<td class="n">{{with .Predicts}}{{.Measure}} {{number .Value}}{{end}}</td></tr>
{{end}}</tbody></table>
{{end}}</body></html>
`))
