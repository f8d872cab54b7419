package notation

import "strings"

// DateTally counts in which layouts the texts of a column are dates. The zero
// value is empty. Its memory is bounded by the number of layouts.
type DateTally struct {
	rows   int
	groups []dateGroup
	index  map[[2]Layout]int
	last   int // the group of the last date, most likely that of the next
}

// dateGroup is the texts that are dates in the same layouts.
type dateGroup struct {
	layouts [2]Layout
	n       int // of layouts
	rows    int
	differ  int    // rows to which the layouts give different days
	example string // the first text
}

func (g *dateGroup) fits(l Layout) bool {
	return g.n > 0 && g.layouts[0] == l || g.n > 1 && g.layouts[1] == l
}

// LayoutCount is how many rows are written in a layout, and one of their texts.
type LayoutCount struct {
	Layout  Layout
	Rows    int
	Example string
}

// Add counts a text that n rows hold; it is not kept.
func (t *DateTally) Add(s string, n int) {
	t.rows += n
	layouts, count, differ := layoutsOf(s)
	if count == 0 {
		return
	}
	if t.last == len(t.groups) || t.groups[t.last].layouts != layouts {
		at, ok := t.index[layouts]
		if !ok {
			if t.index == nil {
				t.index = map[[2]Layout]int{}
			}
			at = len(t.groups)
			t.index[layouts] = at
			t.groups = append(t.groups, dateGroup{layouts: layouts, n: count, example: strings.Clone(s)})
		}
		t.last = at
	}
	g := &t.groups[t.last]
	g.rows += n
	if differ {
		g.differ += n
	}
}

// Rows returns how many rows were counted, dates or not.
func (t *DateTally) Rows() int { return t.rows }

// Dates returns how many rows are dates in some layout.
func (t *DateTally) Dates() int {
	n := 0
	for i := range t.groups {
		n += t.groups[i].rows
	}
	return n
}

// Fits returns how many rows are dates in the layout.
func (t *DateTally) Fits(l Layout) int { return fits(t.groups, l) }

func fits(groups []dateGroup, l Layout) int {
	n := 0
	for i := range groups {
		if groups[i].fits(l) {
			n += groups[i].rows
		}
	}
	return n
}

// Best returns the layout that fits the most rows and how many it fits, 0 where
// none is a date. Of several the preferred: the year first; where day and month
// could be exchanged, day first with hyphens and month first with slashes. other
// is the layout with day and month exchanged where it fits as many and gives
// another day to one.
func (t *DateTally) Best() (layout Layout, rows int, other Layout, hasOther bool) {
	return t.BestOf(func(Layout) bool { return true })
}

// BestOf is Best among the layouts that are admitted; other need not be.
func (t *DateTally) BestOf(admits func(Layout) bool) (layout Layout, rows int, other Layout, hasOther bool) {
	layout, rows = best(t.groups, admits)
	other, ok := layout.exchanged()
	if !ok || t.Fits(other) < rows {
		return layout, rows, Layout{}, false
	}
	for i := range t.groups {
		if g := &t.groups[i]; g.differ > 0 && g.fits(layout) && g.fits(other) {
			return layout, rows, other, true
		}
	}
	return layout, rows, Layout{}, false
}

func best(groups []dateGroup, admits func(Layout) bool) (layout Layout, rows int) {
	for i := range groups {
		for _, l := range groups[i].layouts[:groups[i].n] {
			if !admits(l) {
				continue
			}
			if n := fits(groups, l); n > rows || n == rows && n > 0 && l.before(layout) {
				layout, rows = l, n
			}
		}
	}
	return layout, rows
}

// Mixed returns layouts that together fit all dates, if it takes more than one: the
// one that fits the most, then that of the most of the rest, and so on. doubtful
// says that they do not settle the day of every date, because day and month could
// be exchanged in those of a layout, or two of the layouts contradict each other.
func (t *DateTally) Mixed() (parts []LayoutCount, doubtful bool) {
	rest := append([]dateGroup(nil), t.groups...)
	for len(rest) > 0 {
		layout, rows := best(rest, func(Layout) bool { return true })
		if rows == 0 {
			break // texts that no row holds
		}
		part := LayoutCount{Layout: layout, Rows: rows}
		other, exchangeable := layout.exchanged()
		differ := false
		left := rest[:0]
		for _, g := range rest {
			if !g.fits(layout) {
				left = append(left, g)
				continue
			}
			if part.Example == "" {
				part.Example = g.example
			}
			exchangeable = exchangeable && g.fits(other)
			differ = differ || g.differ > 0
		}
		doubtful = doubtful || exchangeable && differ
		parts, rest = append(parts, part), left
	}
	if len(parts) < 2 {
		return nil, false
	}
	for i := range t.groups {
		if g := &t.groups[i]; g.differ > 0 && chosen(parts, g.layouts[0]) && chosen(parts, g.layouts[1]) {
			doubtful = true
		}
	}
	return parts, doubtful
}

func chosen(parts []LayoutCount, l Layout) bool {
	for i := range parts {
		if parts[i].Layout == l {
			return true
		}
	}
	return false
}
