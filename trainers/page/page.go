// Package page writes reports as HTML pages that need nothing else: no network, no script. A page is a list of blocks – headings, texts, notices,
// tables, charts – that a caller fills; how they look, in light and dark, on a phone and read aloud, is known here alone.
//
// Whatever text comes in, it is shown as text: characters that mark HTML are escaped, those that cannot be printed become dots.
package page

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"strconv"

	"debut/datasets/wording"
)

// Page is a page to be written.
type Page struct {
	Title string // in the tab of the browser; also the heading of the page where Heading is empty
	// Heading stands above the page.
	Heading string
	Body    []Block
}

// Block is a part of a page: Heading, Text, Notice, *Table, Figures or Folded.
type Block interface{ write(*writer) }

// Heading begins a section.
type Heading string

// Text is a paragraph.
type Text []Span

// Span is a piece of a text, set in one way.
type Span struct {
	Text  string
	Style Style
}

// Style says how a piece of text is set.
type Style int

// Styles.
const (
	Plain Style = iota
	Strong
	Small
	Code
	Break // a new line, without text
)

// Plainly returns a text of one plain piece.
func Plainly(format string, args ...any) Text { return Text{{Text: fmt.Sprintf(format, args...)}} }

// Severity says how much a notice matters; it is told in words, not by color alone.
type Severity string

// Severities.
const (
	Severe  Severity = "severe"
	Warning Severity = "warning"
	Note    Severity = "note"
)

// Notice is something that a reader should see.
type Notice struct {
	Severity Severity
	Of       string // what it is about
	Text     Text
}

// Folded is shown when it is opened.
type Folded struct {
	Summary string
	Body    []Block
}

// Table is a table. One that is wider than the window is scrolled in itself.
type Table struct {
	Caption string
	Columns []Column
	Rows    [][]Cell
}

// Column describes a column of a table.
type Column struct {
	Name   string
	Number bool // set to the right
	Whole  bool // its words are not broken
}

// Cell is what stands in a table: a text, then a chart.
type Cell struct {
	Text  Text
	Chart Chart
	Below Text // under the chart
}

// Cells returns cells of plain texts.
func Cells(texts ...string) []Cell {
	cells := make([]Cell, len(texts))
	for i, t := range texts {
		cells[i].Text = Text{{Text: t}}
	}
	return cells
}

// Figures are charts beside each other, as many as there is room for.
type Figures []Figure

// Figure is a chart with what it shows.
type Figure struct {
	Caption string
	Chart   Chart
	Notes   Text
}

// Chart is a drawing: Bars or *Lines.
type Chart interface{ draw(*writer) }

// Write writes the page.
func (p *Page) Write(to io.Writer) error {
	buffered := bufio.NewWriter(to)
	w := &writer{to: buffered}
	heading := p.Heading
	if heading == "" {
		heading = p.Title
	}
	w.raw(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"/><meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>`)
	w.text(p.Title)
	w.raw("</title>\n<style>\n" + style + "</style></head><body><main>\n<h1>")
	w.text(heading)
	w.raw("</h1>\n")
	for _, b := range p.Body {
		b.write(w)
	}
	w.raw("</main></body></html>\n")
	if w.err == nil {
		w.err = buffered.Flush()
	}
	if w.err != nil {
		return fmt.Errorf("write the page: %w", w.err)
	}
	return nil
}

const style = `:root { color-scheme: light dark; --line: #8884; --s0: #2a6fc9; --s1: #b8471b; --s2: #23804a; --s3: #8a4fb0; --s4: #8a6d00; --s5: #a3316f; --severe: #c62828; --warning: #b26a00; --note: #667; }
@media (prefers-color-scheme: dark) { :root { --s0: #7fb0f5; --s1: #f09a6b; --s2: #6fcf97; --s3: #c9a0e8; --s4: #dcc25a; --s5: #ec8fc0; --severe: #ff8a80; --warning: #ffb74d; --note: #aab; } }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; overflow-wrap: anywhere; } h2 { font-size: 1.1rem; margin-top: 2rem; overflow-wrap: anywhere; } p { overflow-wrap: anywhere; }
.wide { overflow-x: auto; } .wide:focus-visible, summary:focus-visible { outline: 2px solid var(--s0); }
table { border-collapse: collapse; width: 100%; } caption { text-align: left; font-weight: 600; padding: .35rem 0; }
td, th { border-bottom: 1px solid var(--line); padding: .35rem .5rem; text-align: left; vertical-align: top; overflow-wrap: break-word; min-width: 3rem; }
td.n, th.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; } td.t, th.t { white-space: nowrap; }
.severe, .warning, .note { border-left: 4px solid; padding: .3rem .7rem; margin: .4rem 0; overflow-wrap: anywhere; }
.severe { border-color: var(--severe); } .warning { border-color: var(--warning); } .note { border-color: var(--note); }
small { opacity: .8; } code { font-size: .9em; overflow-wrap: anywhere; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); gap: 1rem 1.5rem; } figure { margin: .5rem 0; min-width: 0; } figcaption { font-weight: 600; overflow-wrap: anywhere; }
.chart { width: 100%; height: auto; max-width: 46rem; display: block; } .chart text { font-size: 12px; fill: currentColor; } .chart .grid { stroke: var(--line); } .chart .axis { stroke: currentColor; opacity: .6; }
.chart path { fill: none; stroke-width: 1.8; } .chart .band { opacity: .2; stroke: none; } .chart .mark { stroke: currentColor; stroke-dasharray: 2 3; opacity: .7; }
.spark { width: 9rem; height: 2rem; } .spark rect { fill: var(--s0); }
.legend { margin: .2rem 0; padding: 0; list-style: none; display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; font-size: .9rem; } .legend svg { width: 2.2rem; height: .8rem; vertical-align: middle; margin-right: .35rem; } .legend path { fill: none; stroke-width: 2.2; }
details { margin: .6rem 0; } summary { cursor: pointer; }
@media print { body { margin: 0; max-width: none; } }
`

// writer writes HTML; the first error stays.
type writer struct {
	to  *bufio.Writer
	err error
}

// raw writes what is HTML.
func (w *writer) raw(html string) {
	if w.err == nil {
		_, w.err = w.to.WriteString(html)
	}
}

// text writes what is to be read, or the value of an attribute between quotes.
func (w *writer) text(s string) { w.raw(html.EscapeString(wording.VisibleLine(s))) }

// number writes a coordinate or a length, to a tenth.
func (w *writer) number(x float64) { w.raw(strconv.FormatFloat(x, 'f', 1, 64)) }

func (h Heading) write(w *writer) {
	w.raw("<h2>")
	w.text(string(h))
	w.raw("</h2>\n")
}

func (t Text) write(w *writer) {
	w.raw("<p>")
	t.inline(w)
	w.raw("</p>\n")
}

var elements = map[Style]string{Strong: "b", Small: "small", Code: "code"}

func (t Text) inline(w *writer) {
	for _, s := range t {
		if s.Style == Break {
			w.raw("<br/>")
			continue
		}
		if e := elements[s.Style]; e != "" {
			w.raw("<" + e + ">")
			w.text(s.Text)
			w.raw("</" + e + ">")
			continue
		}
		w.text(s.Text)
	}
}

func (n Notice) write(w *writer) {
	class := n.Severity
	if class != Severe && class != Warning {
		class = Note
	}
	w.raw(`<div class="` + string(class) + `"><small>` + string(class) + "</small> ")
	if n.Of != "" {
		w.raw("<b>")
		w.text(n.Of)
		w.raw("</b>: ")
	}
	n.Text.inline(w)
	w.raw("</div>\n")
}

func (f Folded) write(w *writer) {
	w.raw("<details><summary>")
	w.text(f.Summary)
	w.raw("</summary>\n")
	for _, b := range f.Body {
		b.write(w)
	}
	w.raw("</details>\n")
}

func (c Column) class() string {
	switch {
	case c.Number:
		return ` class="n"`
	case c.Whole:
		return ` class="t"`
	}
	return ""
}

func (t *Table) write(w *writer) {
	// What scrolls can be reached by keyboard.
	w.raw(`<div class="wide" tabindex="0" role="region" aria-label="`)
	if t.Caption != "" {
		w.text(t.Caption)
	} else {
		w.raw("table")
	}
	w.raw(`"><table>`)
	if t.Caption != "" {
		w.raw("<caption>")
		w.text(t.Caption)
		w.raw("</caption>")
	}
	w.raw("<thead><tr>")
	for _, c := range t.Columns {
		w.raw(`<th scope="col"` + c.class() + ">")
		w.text(c.Name)
		w.raw("</th>")
	}
	w.raw("</tr></thead><tbody>\n")
	for _, row := range t.Rows {
		w.raw("<tr>")
		for i, c := range row {
			var column Column
			if i < len(t.Columns) {
				column = t.Columns[i]
			}
			w.raw("<td" + column.class() + ">")
			c.Text.inline(w)
			if c.Chart != nil {
				c.Chart.draw(w)
			}
			if len(c.Below) > 0 {
				w.raw("<br/>")
				c.Below.inline(w)
			}
			w.raw("</td>")
		}
		w.raw("</tr>\n")
	}
	w.raw("</tbody></table></div>\n")
}

func (f Figures) write(w *writer) {
	w.raw(`<div class="figures">` + "\n")
	for _, figure := range f {
		w.raw("<figure><figcaption>")
		w.text(figure.Caption)
		w.raw("</figcaption>\n")
		if figure.Chart != nil {
			figure.Chart.draw(w)
		}
		if len(figure.Notes) > 0 {
			w.raw("<small>")
			figure.Notes.inline(w)
			w.raw("</small>")
		}
		w.raw("</figure>\n")
	}
	w.raw("</div>\n")
}
