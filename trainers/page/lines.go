package page

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Lines are series over one axis, with bands around them. A value that is no number interrupts a line or a band.
type Lines struct {
	Says   string // what a reader who does not see the chart should know, in a sentence
	Time   bool   // X are microseconds since 1970-01-01, UTC
	XLabel string
	YLabel string // with the unit
	Zero   bool   // the axis begins at 0
	Series []Series
	Bands  []Band
	Marks  []Mark
}

// Series is a line through points, X ascending.
type Series struct {
	Name string
	X, Y []float64
}

// Band is what lies between two lines. It has the color of the series of its number.
type Band struct {
	Name      string
	X         []float64
	Low, High []float64
	Of        int // the series that it belongs to
}

// Mark is a vertical line at X.
type Mark struct {
	Name string
	X    float64
}

// Size of a chart in its own units, which are about pixels, and the room around the plot.
const (
	width, height            = 480.0, 240.0
	left, right, top, bottom = 52.0, 10.0, 14.0, 34.0
	colors                   = 6
)

// Lines differ by more than color.
var dashes = [colors]string{"", "6 3", "2 3", "9 3 2 3", "12 4", "4 2 1 2"}

// scale maps values to places.
type scale struct{ from, to, low, high float64 }

func (s scale) at(x float64) float64 { return s.low + (x-s.from)/(s.to-s.from)*(s.high-s.low) }

// drawable is a value that has a place: differences of two are finite.
func drawable(v float64) bool { return math.Abs(v) <= 1e300 }

// extent widens from and to by finite values.
func extent(from, to *float64, values []float64) {
	for _, v := range values {
		if drawable(v) {
			*from, *to = math.Min(*from, v), math.Max(*to, v)
		}
	}
}

func (l *Lines) draw(w *writer) {
	x0, x1, y0, y1 := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for _, s := range l.Series {
		extent(&x0, &x1, s.X)
		extent(&y0, &y1, s.Y)
	}
	for _, b := range l.Bands {
		extent(&x0, &x1, b.X)
		extent(&y0, &y1, b.Low)
		extent(&y0, &y1, b.High)
	}
	for _, m := range l.Marks {
		extent(&x0, &x1, []float64{m.X})
	}
	if !(x0 <= x1 && y0 <= y1) {
		w.raw("<p><small>nothing to draw</small></p>\n")
		return
	}
	if l.Zero {
		y0, y1 = math.Min(y0, 0), math.Max(y1, 0)
	}
	if y1-y0 <= 1e-12*math.Max(math.Abs(y0), math.Abs(y1)) { // one value, in the middle; of zeros from 0 to 1
		d := math.Max(math.Abs(y0)/2, 0.5)
		y0, y1 = y0-d, y1+d
		if l.Zero {
			y0 = math.Min(0, y0+d)
		}
	}
	if x1 <= x0 {
		x0, x1 = x0-0.5, x1+0.5
	}
	ys := ticks(y0, y1, 5)
	y0, y1 = math.Min(y0, ys[0]), math.Max(y1, ys[len(ys)-1])
	x, y := scale{x0, x1, left, width - right}, scale{y0, y1, height - bottom, top}

	w.raw(`<svg class="chart" viewBox="0 0 ` + trim(width) + " " + trim(height) + `" role="img" aria-label="`)
	w.text(l.Says)
	w.raw(`">`)
	for _, v := range ys {
		w.raw(`<path class="grid" d="M`)
		w.number(left)
		w.raw(" ")
		w.number(y.at(v))
		w.raw("H")
		w.number(width - right)
		w.raw(`"/><text text-anchor="end" x="`)
		w.number(left - 5)
		w.raw(`" y="`)
		w.number(y.at(v) + 4)
		w.raw(`">`)
		w.text(short(v, ys[min(1, len(ys)-1)]-ys[0]))
		w.raw("</text>")
	}
	for _, t := range l.xticks(x0, x1) {
		w.raw(`<text text-anchor="middle" x="`)
		w.number(math.Min(math.Max(x.at(t.at), left+8), width-right-18))
		w.raw(`" y="`)
		w.number(height - bottom + 16)
		w.raw(`">`)
		w.text(t.text)
		w.raw("</text>")
	}
	w.raw(`<path class="axis" d="M`)
	w.number(left)
	w.raw(" ")
	w.number(height - bottom)
	w.raw("H")
	w.number(width - right)
	w.raw(`"/>`)
	if l.YLabel != "" {
		w.raw(`<text x="2" y="10">`)
		w.text(l.YLabel)
		w.raw("</text>")
	}
	if l.XLabel != "" {
		w.raw(`<text text-anchor="end" x="` + trim(width-right) + `" y="` + trim(height-4) + `">`)
		w.text(l.XLabel)
		w.raw("</text>")
	}
	for _, b := range l.Bands {
		b.draw(w, x, y)
	}
	for _, m := range l.Marks {
		if !drawable(m.X) {
			continue
		}
		w.raw(`<path class="mark" d="M`)
		w.number(x.at(m.X))
		w.raw(" ")
		w.number(top)
		w.raw("V")
		w.number(height - bottom)
		w.raw(`"/>`)
	}
	for i, s := range l.Series {
		w.raw(`<path style="stroke:var(--s` + strconv.Itoa(i%colors) + `)"` + dashed(i) + ` d="`)
		pen := "M"
		for k := range min(len(s.X), len(s.Y)) {
			if !drawable(s.Y[k]) || !drawable(s.X[k]) {
				pen = "M"
				continue
			}
			// A point by itself is a line of no length, which the round end makes a dot.
			w.raw(pen)
			w.number(x.at(s.X[k]))
			w.raw(" ")
			w.number(y.at(s.Y[k]))
			if pen == "M" {
				w.raw("h0")
			}
			pen = "L"
		}
		w.raw(`" stroke-linecap="round" stroke-linejoin="round"/>`)
	}
	w.raw("</svg>\n")
	l.legend(w)
}

func dashed(i int) string {
	if d := dashes[i%colors]; d != "" {
		return ` stroke-dasharray="` + d + `"`
	}
	return ""
}

func (b Band) draw(w *writer, x, y scale) {
	n := min(len(b.X), len(b.Low), len(b.High))
	known := func(k int) bool {
		return drawable(b.X[k]) && drawable(b.Low[k]) && drawable(b.High[k])
	}
	w.raw(`<path class="band" style="fill:var(--s` + strconv.Itoa(b.Of%colors) + `)" d="`)
	for from := 0; from < n; from++ {
		if !known(from) {
			continue
		}
		to := from
		for to+1 < n && known(to+1) {
			to++
		}
		pen := "M"
		for k := from; k <= to; k++ {
			w.raw(pen)
			w.number(x.at(b.X[k]))
			w.raw(" ")
			w.number(y.at(b.High[k]))
			pen = "L"
		}
		for k := to; k >= from; k-- {
			w.raw("L")
			w.number(x.at(b.X[k]))
			w.raw(" ")
			w.number(y.at(b.Low[k]))
		}
		w.raw("Z")
		from = to
	}
	w.raw(`"/>`)
}

func (l *Lines) legend(w *writer) {
	if len(l.Series)+len(l.Bands)+len(l.Marks) < 2 {
		return
	}
	w.raw(`<ul class="legend">`)
	entry := func(drawing, name string) {
		w.raw(`<li><svg viewBox="0 0 36 12" aria-hidden="true">` + drawing + "</svg>")
		w.text(name)
		w.raw("</li>")
	}
	for i, s := range l.Series {
		entry(`<path style="stroke:var(--s`+strconv.Itoa(i%colors)+`)"`+dashed(i)+` d="M1 6H35"/>`, s.Name)
	}
	for _, b := range l.Bands {
		entry(`<rect width="36" height="12" opacity=".25" style="fill:var(--s`+strconv.Itoa(b.Of%colors)+`)"/>`, b.Name)
	}
	for _, m := range l.Marks {
		entry(`<path stroke="currentColor" stroke-dasharray="2 3" d="M18 0V12"/>`, m.Name)
	}
	w.raw("</ul>\n")
}

func trim(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// ticks are at most n+1 round values that cover from to to.
func ticks(from, to float64, n int) []float64 {
	step := math.Pow(10, math.Floor(math.Log10((to-from)/float64(n))))
	if !(step > 0) || math.IsInf(step, 0) { // beyond what numbers can tell apart
		return []float64{from, to}
	}
	for _, m := range []float64{1, 2, 5, 10} {
		if (to-from)/(step*m) <= float64(n) {
			step *= m
			break
		}
	}
	var out []float64
	for k := math.Floor(from / step); ; k++ {
		out = append(out, k*step)
		if k*step >= to || len(out) > 2*n+2 {
			return out
		}
	}
}

// short writes the value of a tick, of ticks that are a step apart.
func short(v, step float64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if math.Abs(v) >= u.size && step >= u.size/1000 && math.Abs(v) < 1e15 {
			return strconv.FormatFloat(math.Round(v/u.size*1000)/1000, 'g', 6, 64) + u.name
		}
	}
	if math.Abs(v) < step*1e-9 {
		return "0"
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

type tick struct {
	at   float64
	text string
}

// xticks are about six marks of the axis: round numbers, or beginnings of years, months, days, hours.
func (l *Lines) xticks(from, to float64) []tick {
	var out []tick
	if !l.Time || math.Abs(from) > 4e17 || math.Abs(to) > 4e17 {
		values := ticks(from, to, 6)
		for _, v := range values {
			if v >= from && v <= to {
				out = append(out, tick{v, short(v, values[1]-values[0])})
			}
		}
		return out
	}
	start, end := time.UnixMicro(int64(from)).UTC(), time.UnixMicro(int64(to)).UTC()
	days := end.Sub(start).Hours() / 24
	layout, next := "2006", (func(time.Time) time.Time)(nil)
	first := time.Date(start.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
	switch {
	case days > 6*366:
		years := int(math.Ceil(days / 366 / 6))
		next = func(t time.Time) time.Time { return t.AddDate(years, 0, 0) }
	case days > 180:
		months := 12
		for _, m := range []int{1, 2, 3, 6} {
			if days/30.5/float64(m) <= 6 {
				months = m
				break
			}
		}
		layout, next = "2006-01", func(t time.Time) time.Time { return t.AddDate(0, months, 0) }
	case days > 3:
		step := int(math.Ceil(days / 6))
		layout, first = "01-02", start.Truncate(24*time.Hour)
		next = func(t time.Time) time.Time { return t.AddDate(0, 0, step) }
	default:
		step := time.Duration(math.Ceil(math.Max(days*24/6, 1.0/60)*60)) * time.Minute
		if step > time.Hour {
			step = step.Truncate(time.Hour) + time.Hour
		}
		layout, first = "15:04", start.Truncate(step)
		next = func(t time.Time) time.Time { return t.Add(step) }
	}
	for t := first; !t.After(end) && len(out) < 20; t = next(t) {
		if !t.Before(start) {
			out = append(out, tick{float64(t.UnixMicro()), strings.TrimSpace(t.Format(layout))})
		}
	}
	return out
}
