package encodergraph

import (
	"fmt"
	"math"

	"debut/datasets/encoding"
	"debut/engine/onnx"
)

// date computes the parts of a date from the seconds since 1970, all in float64, whose whole numbers are exact. Days become years, months
// and days by the proleptic Gregorian calendar (Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil): its years begin
// in March, so that the day that is not in every year is the last.
type date struct {
	to      *onnx.Graph
	seconds onnx.Value // [batch, 1]
	day     onnx.Value // since 1970

	year, month, dayOfMonth onnx.Value
	ofYear                  onnx.Value // days since the first of January
}

func (d *date) c(v float64) onnx.Value           { return onnx.Scalar(d.to, v) }
func (d *date) add(a, b onnx.Value) onnx.Value   { return d.to.Node("Add", a, b) }
func (d *date) sub(a, b onnx.Value) onnx.Value   { return d.to.Node("Sub", a, b) }
func (d *date) times(a, b onnx.Value) onnx.Value { return d.to.Node("Mul", a, b) }

// over is the whole number below a quotient.
func (d *date) over(a onnx.Value, by float64) onnx.Value {
	return d.to.Node("Floor", d.to.Node("Div", a, d.c(by)))
}

// rest is what a division leaves.
func (d *date) rest(a onnx.Value, by float64) onnx.Value {
	return d.sub(a, d.times(d.over(a, by), d.c(by)))
}

// divides says, as 1 and 0, that a number is a multiple of another.
func (d *date) divides(a onnx.Value, by float64) onnx.Value {
	return d.to.Node("Sub", d.c(1), d.to.Node("Min", d.rest(a, by), d.c(1)))
}

func newDate(to *onnx.Graph, seconds onnx.Value) *date {
	d := &date{to: to, seconds: seconds}
	d.day = d.over(seconds, 86400)
	z := d.add(d.day, d.c(719468)) // since 0000-03-01
	era := d.over(z, 146097)       // of 400 years
	ofEra := d.sub(z, d.times(era, d.c(146097)))
	years := d.over(d.sub(d.add(d.sub(ofEra, d.over(ofEra, 1460)), d.over(ofEra, 36524)), d.over(ofEra, 146096)), 365)
	fromMarch := d.sub(ofEra, d.sub(d.add(d.times(years, d.c(365)), d.over(years, 4)), d.over(years, 100)))
	month := d.over(d.add(d.times(fromMarch, d.c(5)), d.c(2)), 153) // 0 is March
	d.dayOfMonth = d.add(d.sub(fromMarch, d.over(d.add(d.times(month, d.c(153)), d.c(2)), 5)), d.c(1))
	next := d.over(month, 10) // 1 in January and February of the next year
	d.month = d.sub(d.add(month, d.c(3)), d.times(next, d.c(12)))
	d.year = d.add(d.add(years, d.times(era, d.c(400))), next)
	leap := d.add(d.sub(d.divides(d.year, 4), d.divides(d.year, 100)), d.divides(d.year, 400))
	// March begins on day 59 or 60, January 306 days after it.
	d.ofYear = d.add(fromMarch, d.to.Node("Where", d.to.Node("Equal", next, d.c(1)), d.c(-306), d.add(leap, d.c(59))))
	return d
}

// part is one of the parts of a date that an encoder has.
func (d *date) part(name string) onnx.Value {
	switch name {
	case "year":
		return d.year
	case "month":
		return d.month
	case "day":
		return d.dayOfMonth
	case "weekday": // 1970-01-01 was a Thursday, and Monday is 0
		return d.rest(d.add(d.day, d.c(3)), 7)
	case "hour":
		return d.to.Node("Div", d.rest(d.to.Node("Floor", d.seconds), 86400), d.c(3600))
	case "year_sin", "year_cos":
		angle := d.times(d.ofYear, d.c(2*math.Pi/365.25))
		if name == "year_cos" {
			angle = d.add(angle, d.c(math.Pi/2))
		}
		return d.to.Node("Sin", angle)
	case encoding.PartDays:
		return d.to.Node("Div", d.seconds, d.c(86400))
	}
	return d.to.Fail(fmt.Errorf("encodergraph: the part %q of a date has no form in ONNX", name))
}

// addDate takes a date apart.
func (b *builder) addDate(c *encoding.ColumnEncoding, in onnx.Value, places []int) {
	to := b.to
	missing := to.Node("IsNaN", in)
	if n := len(c.Parts); n > 0 {
		d := newDate(to, to.Node("Where", missing, onnx.Scalar(to, float64(c.FillMicros)/1e6), in))
		parts := make([]onnx.Value, n)
		mean, scale, low, high := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
		clamped := false
		for i, f := range c.Features {
			parts[i] = d.part(c.Parts[i])
			mean[i], scale[i], low[i], high[i] = f.Mean, f.Scale, math.Inf(-1), math.Inf(1)
			if k := len(f.Edges); k > 0 {
				clamped, low[i], high[i] = true, f.Edges[0], f.Edges[k-1]
			}
		}
		v := to.Node("Div", to.Node("Sub", concat(to, parts), onnx.Vector(to, mean...)), onnx.Vector(to, scale...))
		if clamped {
			v = to.Node("Min", to.Node("Max", v, onnx.Vector(to, low...)), onnx.Vector(to, high...))
		}
		b.part(single(to, v), places[:n])
	}
	if c.Indicator {
		b.part(single(to, missing), places[len(c.Parts):])
	}
}
