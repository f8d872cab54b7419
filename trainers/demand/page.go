package demand

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"debut/trainers/model"
	"debut/trainers/page"
)

// What a page shows of many series.
const (
	pageSeries = 24 // those that sold most of late
	pageTrends = 10 // of those that rise, and of those that fall
)

// Page shows the forecasts: which series and sums rise and fall, and the largest series with what is to come.
func (m *Model) Page(ctx context.Context, r model.ForecastRequest) (*page.Page, error) {
	rows, err := m.merged(ctx, r)
	if err != nil {
		return nil, err
	}
	s, err := m.panel(rows)
	if err != nil {
		return nil, err
	}
	chosen := largest(s, pageSeries)
	ahead, err := m.ahead(ctx, r, s, chosen)
	if err != nil {
		return nil, err
	}
	list, err := m.courses(ctx, s)
	if err != nil {
		return nil, err
	}
	horizon := r.Horizon
	if horizon == 0 {
		horizon = m.cfg.Horizon
	}
	target := s.cfg.Target
	p := &page.Page{Title: "Forecast of " + target}
	first := s.End
	for i := range s.Series {
		first = min(first, s.Series[i].First)
	}
	p.Body = append(p.Body, page.Plainly("%d series of %s steps, observed from %s to %s; %d steps ahead, to %s.", len(s.Series), s.Frequency.Name, s.TimeText(first),
		s.TimeText(s.End-1), horizon, s.TimeText(s.End+horizon-1)))
	p.Body = append(p.Body, trendBlocks(s, list)...)
	heading := "What is to come"
	if len(s.Series) > len(chosen) {
		heading += fmt.Sprintf(": the %d series with most of late", len(chosen))
	}
	p.Body = append(p.Body, page.Heading(heading))
	var figures page.Figures
	for k, i := range chosen {
		if figure, ok := m.figure(s, i, ahead[k]); ok {
			figures = append(figures, figure)
		}
	}
	p.Body = append(p.Body, figures)
	return p, nil
}

// largest are the series with the largest sums over the last season, or the last dozen steps; in the order of the sums, of equal ones in that of keys.
func largest(s *series, n int) []int {
	last := 12
	if p := s.Frequency.Periods; len(p) > 0 {
		last = p[len(p)-1]
	}
	size := make([]float64, len(s.Series))
	order := make([]int, len(s.Series))
	for i := range order {
		order[i] = i
		v := s.Series[i].Values
		for _, x := range v[max(0, len(v)-last):] {
			if !math.IsNaN(x) {
				size[i] += x
			}
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(size[b], size[a]) })
	return order[:min(n, len(order))]
}

// path is the forecast of a series.
type path struct {
	mean, low, high []float64
	method, notes   string
}

// ahead forecasts, and keeps the forecasts of chosen series.
func (m *Model) ahead(ctx context.Context, r model.ForecastRequest, s *series, chosen []int) ([]path, error) {
	at := map[string]int{}
	for k, i := range chosen {
		at[s.Series[i].Key] = k
	}
	out := make([]path, len(chosen))
	for p, err := range m.Forecast(ctx, r) {
		if err != nil {
			return nil, err
		}
		texts, numbers := map[string][]string{}, map[string][]float64{}
		var quantiles []string
		for _, c := range p.Columns {
			switch v := c.Values.(type) {
			case []string:
				texts[c.Name] = v
			case []float64:
				numbers[c.Name] = v
			}
			if _, err := strconv.ParseFloat(strings.TrimPrefix(c.Name, "q"), 64); err == nil && strings.HasPrefix(c.Name, "q") {
				quantiles = append(quantiles, c.Name)
			}
		}
		mean := numbers["mean"]
		for row := range mean {
			fields := make([]string, len(s.cfg.Keys))
			for j, name := range s.cfg.Keys {
				fields[j] = texts[name][row]
			}
			k, ok := at[strings.Join(fields, separator)]
			if !ok {
				continue
			}
			to := &out[k]
			to.mean = append(to.mean, mean[row])
			if len(quantiles) > 1 {
				to.low = append(to.low, numbers[quantiles[0]][row])
				to.high = append(to.high, numbers[quantiles[len(quantiles)-1]][row])
			}
			to.method, to.notes = texts["method"][row], texts["notes"][row]
		}
	}
	return out, nil
}

// figure draws the end of a series, and what is to come.
func (m *Model) figure(s *series, i int, f path) (page.Figure, bool) {
	v := s.Series[i].Values
	if len(f.mean) == 0 {
		return page.Figure{}, false
	}
	shown := 3 * len(f.mean)
	if p := s.Frequency.Periods; len(p) > 0 {
		shown = max(shown, 2*p[len(p)-1])
	}
	from := max(0, len(v)-shown)
	at := func(k int) float64 { return float64(s.Time(s.Series[i].First + k)) }
	past, next := page.Series{Name: "observed"}, page.Series{Name: "forecast"}
	for k := from; k < len(v); k++ {
		past.X, past.Y = append(past.X, at(k)), append(past.Y, v[k])
	}
	for k := range f.mean {
		next.X = append(next.X, at(len(v)+k))
	}
	next.Y = f.mean
	chart := &page.Lines{Time: true, Zero: *s.cfg.NonNegative, YLabel: s.cfg.Target, Series: []page.Series{past, next}}
	if len(f.low) > 0 {
		levels := m.cfg.Levels
		name := fmt.Sprintf("%.4g %% interval", 100*(levels[len(levels)-1]-levels[0]))
		chart.Bands = []page.Band{{Name: name, X: next.X, Low: f.low, High: f.high, Of: 1}}
	}
	total := 0.0
	for _, x := range f.mean {
		total += x
	}
	chart.Says = fmt.Sprintf("%s of %s until %s, and the forecast to %s: %s in sum", s.cfg.Target, s.label(i), s.TimeText(s.End-1), s.TimeText(s.End+len(f.mean)-1), page.Number(total))
	notes := page.Plainly("%s in sum, by %s", page.Number(total), f.method)
	if f.notes != "" {
		notes = append(notes, page.Span{Text: "; " + f.notes})
	}
	return page.Figure{Caption: s.label(i), Chart: chart, Notes: notes}, true
}

// percent is a share for a reader, with its sign.
func percent(x float64) string {
	return strings.Replace(fmt.Sprintf("%+.1f %%", 100*x), "-", "−", 1)
}

// trendBlocks are tables of what rises and falls.
func trendBlocks(s *series, list []course) []page.Block {
	single := make([]*course, 0, len(list))
	var together []*course
	counts := map[string]int{}
	for i := range list {
		c := &list[i]
		if i < len(s.Series) {
			single = append(single, c)
			counts[c.direction]++
		} else {
			together = append(together, c)
		}
	}
	var blocks []page.Block
	blocks = append(blocks, page.Heading("What rises and falls"), page.Plainly("Since its last change %d series rise, %d fall, %d do neither with certainty, and %d are too short to say. "+
		"A change is that of the level without season over a year, or since the course last changed; of those called rising or falling one in ten is wrong at most.",
		counts[rising], counts[falling], counts[steady], counts[unknown]))
	table := func(caption string, of []*course) {
		if len(of) == 0 {
			return
		}
		t := &page.Table{Caption: caption, Columns: []page.Column{{Name: "series"}, {Name: "trend", Whole: true}, {Name: "level", Number: true},
			{Name: "change", Number: true}, {Name: "90 % interval", Number: true}, {Name: "share", Number: true}, {Name: "from", Whole: true}, {Name: "course changed"}}}
		for _, c := range of {
			var changes []string
			for _, k := range c.Changes {
				changes = append(changes, s.TimeText(c.first+k))
			}
			t.Rows = append(t.Rows, page.Cells(s.name(c.keys, c.of), c.direction, page.Number(c.Level), page.Signed(c.Change), page.Signed(c.Low)+" … "+page.Signed(c.High), percent(c.Share),
				s.TimeText(c.first+c.Since+c.Steps-c.Window), strings.Join(changes, ", ")))
		}
		blocks = append(blocks, t)
	}
	in := func(of []*course, direction string, order func(a, b *course) int) []*course {
		var out []*course
		for _, c := range of {
			if c.direction == direction {
				out = append(out, c)
			}
		}
		slices.SortStableFunc(out, order)
		return out[:min(pageTrends, len(out))]
	}
	var known []*course
	for _, c := range together {
		if c.found {
			known = append(known, c)
		}
	}
	slices.SortStableFunc(known, func(a, b *course) int { return cmp.Compare(b.Level, a.Level) })
	table("sums", known[:min(2*pageTrends, len(known))])
	table("rising most", in(single, rising, func(a, b *course) int { return cmp.Compare(b.Low, a.Low) }))
	table("falling most", in(single, falling, func(a, b *course) int { return cmp.Compare(a.High, b.High) }))
	return blocks
}

// name is what a course is of.
func (s *series) name(keys []string, of int) string {
	var parts []string
	for k, v := range keys {
		if v != "" {
			parts = append(parts, s.cfg.Keys[k]+" "+v)
		}
	}
	switch {
	case len(parts) > 0 && of > 1:
		return strings.Join(parts, ", ") + fmt.Sprintf(" (%d series)", of)
	case len(parts) > 0:
		return strings.Join(parts, ", ")
	case of > 1:
		return fmt.Sprintf("all %d series", of)
	}
	return "the series"
}
