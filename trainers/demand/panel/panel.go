// Package panel makes regular series of rows that have a key, a time and a value: it finds their frequency, puts each row on its step, and
// tells of gaps, of rows that are there twice, and of times between two steps. It reads no files.
package panel

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// What becomes of steps without a row.
const (
	GapsRefused = "refuse"  // they are an error
	GapsMissing = "missing" // nothing was observed
	GapsZero    = "zero"    // nothing was sold
)

// Rows are observations, in any order.
type Rows struct {
	Keys  []string    // of a row: what the series is called, such as "store 3, item 17"
	Times []int64     // microseconds since 1970, without a time zone
	Value []float64   // NaN where none is given
	Known [][]float64 // covariates, one slice each
}

// Options say how series are made.
type Options struct {
	Frequency string // "" is found out
	Gaps      string
	Names     []string // of the covariates, for messages
}

// Panel is a set of series on one grid, that end together.
type Panel struct {
	Frequency Frequency
	Last      bool     // dates are the last days of months
	Anchor    int64    // time of step 0
	End       int      // the step after the last observation of any series
	Series    []Series // by key
	Unsold    []Series // without an observation, of which rows say what covariates will be: they begin with the first of these, after the end
	Notes     []string
}

// Series is one of a panel.
type Series struct {
	Key    string
	First  int         // step of Values[0]
	Values []float64   // to the end of the panel; NaN where nothing was observed
	Known  [][]float64 // covariates, from the same step on, maybe beyond the end; NaN where none is known
}

// Time is that of a step.
func (p *Panel) Time(step int) int64 {
	g := grid{Frequency: p.Frequency, anchor: p.Anchor, last: p.Last}
	return g.at(step)
}

// TimeText writes the time of a step.
func (p *Panel) TimeText(step int) string { return text(p.Time(step)) }

// text is a date, with the time of the day where there is one.
func text(micros int64) string {
	t := civil(micros)
	if micros%day == 0 {
		return t.Format("2006-01-02")
	}
	return t.Format("2006-01-02 15:04:05")
}

// Build makes a panel. Rows without a value say what covariates are, those after the last observation what they will be.
func Build(rows Rows, o Options) (*Panel, error) {
	if len(rows.Keys) == 0 {
		return nil, fmt.Errorf("there are no rows")
	}
	order := make([]int, len(rows.Keys))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if c := strings.Compare(rows.Keys[a], rows.Keys[b]); c != 0 {
			return c
		}
		switch {
		case rows.Times[a] < rows.Times[b]:
			return -1
		case rows.Times[a] > rows.Times[b]:
			return 1
		}
		return 0
	})
	var groups [][]int // rows of a series
	for i, row := range order {
		if i == 0 || rows.Keys[row] != rows.Keys[order[i-1]] {
			groups = append(groups, nil)
		} else if previous := order[i-1]; rows.Times[row] == rows.Times[previous] {
			return nil, fmt.Errorf("series %q has two rows of %s, rows %d and %d; add them up by a query, SELECT …, sum(…) GROUP BY …; where clocks go back an hour, take times of UTC",
				rows.Keys[row], text(rows.Times[row]), previous+1, row+1)
		}
		last := len(groups) - 1
		groups[last] = append(groups[last], row)
	}
	times := make([][]int64, len(groups))
	for i, g := range groups {
		for _, row := range g {
			times[i] = append(times[i], rows.Times[row])
		}
	}
	var f Frequency
	var err error
	if o.Frequency == "" {
		f, err = find(times)
	} else {
		f, err = ByName(o.Frequency)
	}
	if err != nil {
		return nil, err
	}
	all := slices.Concat(times...)
	g := newGrid(f, all)
	p := &Panel{Frequency: f, Last: g.last, Anchor: g.anchor, End: math.MinInt}
	steps := make([][]int, len(groups))
	for i, group := range groups {
		for j, row := range group {
			k, ok := g.step(times[i][j])
			if !ok {
				return nil, fmt.Errorf("series %q: %s, row %d, is not on the %s steps through %s; name another frequency, or round times by a query, date_trunc('%s', time)",
					rows.Keys[row], text(rows.Times[row]), row+1, f.Name, text(g.anchor), unit(f))
			}
			steps[i] = append(steps[i], k)
			if !math.IsNaN(rows.Value[row]) {
				p.End = max(p.End, k+1)
			}
		}
	}
	if p.End == math.MinInt {
		return nil, fmt.Errorf("no row has a value of the target")
	}
	early := 0
	for i, group := range groups {
		s, err := p.series(rows, o, group, steps[i])
		if err != nil {
			if own, _ := find(times[i : i+1]); o.Frequency == "" && own.Name != "" && own.Name != f.Name {
				return nil, fmt.Errorf("series %q has %s rows, and together all have %s ones; make regular series of one step by a query, or take a run file for each. Or else: %w",
					rows.Keys[group[0]], own.Name, f.Name, err)
			}
			return nil, err
		}
		if s == nil {
			if s := p.unsold(rows, group, steps[i]); s != nil {
				p.Unsold = append(p.Unsold, *s)
			} else {
				p.Notes = append(p.Notes, fmt.Sprintf("series %q has no observation, nor a row after the last of others, and is left out", rows.Keys[group[0]]))
			}
			continue
		}
		if math.IsNaN(s.Values[len(s.Values)-1]) {
			early++
		}
		p.Series = append(p.Series, *s)
	}
	if early > 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("%d of %d series end before %s; they are forecast from where they end", early, len(p.Series), p.TimeText(p.End-1)))
	}
	return p, nil
}

// unit is the word of date_trunc.
func unit(f Frequency) string {
	return map[string]string{"hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month", "quarterly": "quarter", "yearly": "year"}[f.Name]
}

// unsold is a series of rows without a value, from the first after the end on; nil where there is none.
func (p *Panel) unsold(rows Rows, group, steps []int) *Series {
	from := slices.IndexFunc(steps, func(k int) bool { return k >= p.End })
	if from < 0 {
		return nil
	}
	s := &Series{Key: rows.Keys[group[0]], First: steps[from], Known: make([][]float64, len(rows.Known))}
	for c := range s.Known {
		s.Known[c] = make([]float64, steps[len(steps)-1]+1-s.First)
		for i := range s.Known[c] {
			s.Known[c][i] = math.NaN()
		}
		for j := from; j < len(group); j++ {
			s.Known[c][steps[j]-s.First] = rows.Known[c][group[j]]
		}
	}
	return s
}

// series lays the rows of one on the grid; nil where none has a value.
func (p *Panel) series(rows Rows, o Options, group, steps []int) (*Series, error) {
	first, last := -1, -1
	for j, row := range group {
		if !math.IsNaN(rows.Value[row]) {
			if first < 0 {
				first = j
			}
			last = j
		}
	}
	if first < 0 {
		return nil, nil
	}
	s := &Series{Key: rows.Keys[group[0]], First: steps[first]}
	end := max(p.End, steps[len(steps)-1]+1)
	s.Values = make([]float64, p.End-s.First)
	for i := range s.Values {
		s.Values[i] = math.NaN()
	}
	s.Known = make([][]float64, len(rows.Known))
	for c := range s.Known {
		s.Known[c] = make([]float64, end-s.First)
		for i := range s.Known[c] {
			s.Known[c][i] = math.NaN()
		}
	}
	for j := first; j < len(group); j++ {
		row, k := group[j], steps[j]
		if j > first && j <= last && k != steps[j-1]+1 {
			switch o.Gaps {
			case GapsMissing:
			case GapsZero:
				for i := steps[j-1] + 1; i < k; i++ {
					s.Values[i-s.First] = 0
				}
			default:
				return nil, fmt.Errorf("series %q has no row of %s; say what that means, data: {gaps: zero}, nothing was sold, or {gaps: missing}, nothing is known",
					s.Key, p.TimeText(steps[j-1]+1))
			}
		}
		if k < p.End {
			s.Values[k-s.First] = rows.Value[row]
		}
		for c := range s.Known {
			s.Known[c][k-s.First] = rows.Known[c][row]
		}
	}
	// Within the history a covariate holds until it is said otherwise.
	for _, c := range s.Known {
		for i := 1; i < len(s.Values); i++ {
			if math.IsNaN(c[i]) {
				c[i] = c[i-1]
			}
		}
		for i := len(s.Values) - 2; i >= 0; i-- {
			if math.IsNaN(c[i]) {
				c[i] = c[i+1]
			}
		}
	}
	return s, nil
}

// Lacks names a covariate and the first step of the next so many that it is not known for; −1 where all are known.
func (p *Panel) Lacks(s *Series, horizon int) (covariate, step int) {
	for c, values := range s.Known {
		for k := range len(s.Values) + horizon {
			if k >= len(values) || math.IsNaN(values[k]) {
				return c, s.First + k
			}
		}
	}
	return -1, 0
}
