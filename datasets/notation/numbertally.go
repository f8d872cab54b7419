package notation

import (
	"math"
	"math/bits"
	"strings"
)

// NumberTally counts in which styles the texts of a column are numbers. The zero
// value is empty. Its memory is constant.
type NumberTally struct {
	rows   int
	whole  int            // rows of numbers that every style reads
	fits   [numStyles]int // the others, by style
	needs  [numStyles]int
	commas separated
	points separated
	units  []UnitCount
}

// separated counts numbers with a character that stands before fractions or sets
// thousands apart.
type separated struct {
	rows      int
	grouped   int     // of rows, those in which it can set thousands apart
	ambiguous int     // of grouped, those in which it can also stand before a fraction
	value     float64 // of the first one grouped
	distinct  bool    // another one has another value
	without   bool    // a number without it is of 1000 or more
}

// thousands reports whether the character likely sets thousands apart: all numbers
// that have it allow that, two of them differ, and those without it are too small
// to need it.
func (p *separated) thousands() bool { return p.grouped == p.rows && p.nearly() }

// nearly is thousands but for a few numbers, which may be mistakes. Where a fraction
// of three digits is written without zeros at its end, a tenth of them are shorter.
func (p *separated) nearly() bool {
	return p.rows > 0 && nearlyAll(p.grouped, p.rows) && p.distinct && !p.without
}

// nearlyAll reports whether n is 98 percent of all or more.
func nearlyAll(n, all int) bool { return float64(n) >= 0.98*float64(all) }

func (p *separated) add(n int, grouped, fraction bool, value float64) {
	p.rows += n
	if !grouped {
		return
	}
	p.distinct = p.distinct || p.grouped > 0 && value != p.value
	if p.grouped == 0 {
		p.value = value
	}
	p.grouped += n
	if fraction {
		p.ambiguous += n
	}
}

// maxUnits bounds the units remembered.
const maxUnits = 16

// UnitCount is how many rows of numbers have a unit: a currency as it is written,
// "%", or "" for none.
type UnitCount struct {
	Unit string
	Rows int
}

// Add counts a text that n rows hold; it is not kept. n is positive.
func (t *NumberTally) Add(s string, n int) {
	t.rows += n
	r := survey(s)
	if r.fits == 0 {
		return
	}
	if r.amount.unit != "" || strings.Trim(r.amount.number, "0.,") != "" { // nothing is as much in any unit
		t.unit(r.amount.unit, n)
	}
	if r.fits == allStyles && r.needs == 0 {
		t.whole += n
	} else {
		count(&t.fits, r.fits, n)
		count(&t.needs, r.needs, n)
	}
	if t.commas.without && t.points.without && !r.comma && !r.point {
		return
	}
	// The marks around amounts do not matter to what is within.
	within := r.fits >> amountStyles
	point, comma := within&^commaStyles, within&commaStyles
	style := within
	if point != 0 {
		style = point
	}
	v := r.value(bits.TrailingZeros16(uint16(style)))
	if r.comma {
		grouped := within.at(commaThousandsStyle)
		t.commas.add(n, grouped, comma != 0, v)
	} else if math.Abs(v) >= 1000 {
		t.commas.without = true
	}
	if r.point {
		grouped := within.at(pointThousandsStyle)
		t.points.add(n, grouped, point != 0, v)
	} else if math.Abs(v) >= 1000 {
		t.points.without = true
	}
}

// value reads the number that was surveyed in a style, without its sign and what
// K, M and B behind it mean.
func (r *reading) value(style int) float64 {
	d, _ := styles[style].scan(r.amount.number)
	v, _ := d.value(r.amount.number, false, styles[style].Point(), 0)
	return v
}

func count(counts *[numStyles]int, set StyleSet, n int) {
	for ; set != 0; set &= set - 1 {
		counts[bits.TrailingZeros16(uint16(set))] += n
	}
}

func (t *NumberTally) unit(unit string, n int) {
	for i := range t.units {
		if t.units[i].Unit == unit {
			t.units[i].Rows += n
			return
		}
	}
	if len(t.units) < maxUnits {
		t.units = append(t.units, UnitCount{strings.Clone(unit), n})
	}
}

// Rows returns how many rows were counted, numbers or not.
func (t *NumberTally) Rows() int { return t.rows }

// Plain returns how many rows are plain numbers.
func (t *NumberTally) Plain() int { return t.whole + t.fits[plainStyle] }

// Fits returns how many rows are numbers in the style.
func (t *NumberTally) Fits(y Style) int {
	if i := y.index(); i >= 0 {
		return t.whole + t.fits[i]
	}
	return 0
}

// Needs returns how many rows the style reads by marks of its own, other than
// Number.
func (t *NumberTally) Needs(y Style) int {
	if i := y.index(); i >= 0 {
		return t.needs[i]
	}
	return 0
}

// Units returns the units of numbers, in order of appearance. To read amounts of
// several currencies, or with and without percent, as plain numbers mixes them up. Zeros
// without a unit are not counted.
func (t *NumberTally) Units() []UnitCount { return append([]UnitCount(nil), t.units...) }

// Best returns the style that fits the most rows, and how many; of several the
// simplest. other is a style that fits as many and gives other numbers to some.
//
// A comma with three digits behind it can be that of thousands, 1,935, or of a
// fraction. It is taken for that of thousands where all numbers with a comma allow
// it, at least two of them differ, and those without one are below 1000, as 301;
// then other is the decimal comma, and the other way around where that is not so.
// A point is always taken for that of a fraction, as every program does; other
// tells where by the same evidence it could be that of thousands. By that evidence
// other may also lack a few rows: 1,5 among hundreds like 1,935 may be a mistake.
func (t *NumberTally) Best() (style Style, rows int, other Style, hasOther bool) {
	chosen, most := t.most(allStyles)
	if most == 0 {
		return Style{}, 0, Style{}, false
	}
	if commaStyles.at(chosen) && t.commas.thousands() {
		if i, n := t.most(allStyles &^ commaStyles); n == most {
			chosen = i
		}
	}
	style = styles[chosen]
	opposite, n := t.most(commaStyles)
	if style.Comma {
		opposite, n = t.most(allStyles &^ commaStyles)
	}
	switch {
	case n == most:
		hasOther = t.commas.ambiguous > 0 || t.points.ambiguous > 0 && t.points.thousands()
	case nearlyAll(n, most):
		hasOther = t.commas.ambiguous > 0 && t.commas.nearly() || t.points.ambiguous > 0 && t.points.nearly()
	}
	if !hasOther {
		return style, most, Style{}, false
	}
	return style, most, styles[opposite], true
}

// most returns the simplest style of a set that fits the most rows.
func (t *NumberTally) most(set StyleSet) (style, rows int) {
	style = bits.TrailingZeros16(uint16(set))
	for i, n := range t.fits {
		if set.at(i) && n > t.fits[style] {
			style = i
		}
	}
	return style, t.fits[style] + t.whole
}
