package page

import "strconv"

// Bars are counts beside each other, as small as a word.
type Bars struct {
	Says   string // what a reader who does not see the chart should know
	Counts []int64
}

func (b Bars) draw(w *writer) {
	most := int64(1)
	for _, n := range b.Counts {
		most = max(most, n)
	}
	w.raw(`<svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" role="img" aria-label="`)
	w.text(b.Says)
	w.raw(`">`)
	width := 100 / float64(max(1, len(b.Counts)))
	for i, n := range b.Counts {
		tall := 24 * float64(max(0, n)) / float64(most)
		if n > 0 {
			tall = max(tall, 0.8) // one value is to be seen
		}
		w.raw(`<rect x="` + exact(float64(i)*width) + `" y="` + exact(24-tall) + `" width="` + exact(width*0.9) + `" height="` + exact(tall) + `"/>`)
	}
	w.raw("</svg>")
}

// exact writes a length of a drawing of 100 by 24 units.
func exact(x float64) string { return strconv.FormatFloat(x, 'f', 2, 64) }
