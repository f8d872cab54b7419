package stock

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"debut/datasets/nearest"
	"debut/datasets/table"
	"debut/trainers/supply/replenish"
)

// sheet is a table of a plan file.
type sheet struct {
	name  string
	frame *table.Frame
	used  map[string]bool
	errs  []error
}

// mistakes is how many of a table are told.
const mistakes = 10

func (s *sheet) fail(row int, format string, args ...any) {
	if len(s.errs) < mistakes {
		s.errs = append(s.errs, &replenish.InputError{Place: s.place(row), Message: fmt.Sprintf(format, args...)})
	}
}

// place stands for the place of a row until it is needed: finding it may read the file again.
func (s *sheet) place(row int) string { return s.name + "\x00" + strconv.Itoa(row) }

// column returns a column, nil where there is none.
func (s *sheet) column(name string) *table.Series {
	s.used[name] = true
	return s.frame.Column(name)
}

// need is column for one that must be there.
func (s *sheet) need(names ...string) *table.Series {
	for _, name := range names {
		if c := s.column(name); c != nil {
			return c
		}
	}
	s.errs = append(s.errs, fmt.Errorf("%s: there is no column %s; there are %s; name it so in the file, or by a query: SELECT … AS %s%s",
		s.name, strings.Join(names, " or "), strings.Join(s.frame.Names(), ", "), names[0], nearest.DidYouMean(names[0], s.frame.Names())))
	return nil
}

// texts are the names in a column, "" where they are missing.
func (s *sheet) texts(c *table.Series) []string {
	out := make([]string, s.frame.Rows)
	if c == nil {
		return out
	}
	for i := range out {
		if !c.Missing(i) {
			out[i] = strings.TrimSpace(c.Format(i))
		}
	}
	return out
}

// names are the texts of a column that must be there and full.
func (s *sheet) names(name string) []string {
	c := s.need(name)
	out := s.texts(c)
	for i, text := range out {
		if c != nil && text == "" {
			s.fail(i, "%s is missing", name)
		}
	}
	return out
}

// numbers are those of a column, absent where they are missing; a column that is needed has none missing.
func (s *sheet) numbers(absent float64, needed bool, names ...string) (out []float64) {
	out = make([]float64, s.frame.Rows)
	for i := range out {
		out[i] = absent
	}
	var c *table.Series
	if needed {
		c = s.need(names...)
	} else {
		for _, name := range names {
			if c = s.column(name); c != nil {
				break
			}
		}
	}
	if c == nil {
		return out
	}
	for i := range out {
		switch {
		case c.Missing(i):
			if needed {
				s.fail(i, "%s is missing", c.Name)
			}
		case c.Kind != table.Numeric:
			s.fail(i, "%s is %q; it must be a number", c.Name, c.Format(i))
			return out
		default:
			out[i] = c.Floats[i]
		}
	}
	return out
}

// weeks are lead times in weeks; those in days are rounded up.
func (s *sheet) weeks() []int {
	days := s.frame.Column("lead_time_weeks") == nil && s.frame.Column("lead_time_days") != nil
	values := s.numbers(0, true, "lead_time_weeks", "lead_time_days")
	out := make([]int, len(values))
	for i, v := range values {
		if days {
			v = math.Ceil(v / 7)
		}
		out[i] = s.whole(i, "the lead time in weeks", v)
	}
	return out
}

// whole is a number that must be one without a fraction.
func (s *sheet) whole(row int, what string, v float64) int {
	if v != math.Floor(v) || math.Abs(v) > 1e6 {
		s.fail(row, "%s is %g; it must be a whole number", what, v)
		return 0
	}
	return int(v)
}

// unused names columns that nothing was read of.
func (s *sheet) unused() (list []string) {
	for _, name := range s.frame.Names() {
		if !s.used[name] {
			list = append(list, name)
		}
	}
	return list
}

// fill makes the model of the tables.
func (in *Input) fill() error {
	m := in.Model
	units := in.items()
	in.sites()
	in.edges(units)
	in.lanes()
	in.stock(units)
	in.demand(units)
	if m.Suppliers == nil {
		seen := map[string]bool{}
		for i := range m.Edges {
			if name := m.Edges[i].Supplier; !seen[name] {
				seen[name] = true
				m.Suppliers = append(m.Suppliers, replenish.Supplier{Name: name, Capacity: replenish.Unlimited, Place: m.Edges[i].Place})
			}
		}
	}
	var errs []error
	for _, name := range []string{"items", "sites", "suppliers", "edges", "lanes", "stock", "demand"} {
		s := in.sheets[name]
		if s == nil {
			continue
		}
		errs = append(errs, s.errs...)
		if list := s.unused(); len(list) > 0 && len(s.errs) == 0 {
			in.Warnings = append(in.Warnings, fmt.Sprintf("%s: nothing is read of the columns %s", name, strings.Join(list, ", ")))
		}
	}
	return in.Located(errors.Join(errs...))
}

func (in *Input) items() (units map[string]string) {
	s := in.sheets["items"]
	names, volume, holding := s.names("item"), s.numbers(0, false, "volume"), s.numbers(0, false, "holding_cost")
	shortage, fill, unit := s.numbers(0, false, "shortage_cost"), s.numbers(0, false, "fill_rate"), s.texts(s.column("unit"))
	units = map[string]string{}
	for i, name := range names {
		units[name] = unit[i]
		in.Model.Items = append(in.Model.Items, replenish.Item{
			Name: name, Volume: volume[i], Holding: holding[i], Shortage: shortage[i], FillRate: fill[i], Place: s.place(i),
		})
	}
	return units
}

// sameUnits refuses rows that count an item in another unit than the items do.
func (s *sheet) sameUnits(items []string, units map[string]string) {
	c := s.column("unit")
	if c == nil {
		return
	}
	for i, unit := range s.texts(c) {
		if want := units[items[i]]; unit != "" && want != "" && unit != want {
			s.fail(i, "%s is counted in %q here and in %q in the table of items; convert it, in the file or by a query", items[i], unit, want)
		} else if unit != "" && want == "" {
			s.fail(i, "%s is counted in %q here, and the table of items says of no unit what it is counted in; give items a column unit", items[i], unit)
		}
	}
}

func (in *Input) sites() {
	s := in.sheets["sites"]
	names, storage := s.names("site"), s.numbers(replenish.Unlimited, false, "storage")
	holding, handling := s.numbers(0, false, "holding_cost"), s.numbers(replenish.Unlimited, false, "handling")
	for i, name := range names {
		in.Model.Sites = append(in.Model.Sites, replenish.Site{Name: name, Storage: storage[i], Holding: holding[i], Handling: handling[i], Place: s.place(i)})
	}
	if s = in.sheets["suppliers"]; s == nil {
		return
	}
	names, capacity := s.names("supplier"), s.numbers(replenish.Unlimited, false, "capacity_week", "capacity")
	in.Model.Suppliers = []replenish.Supplier{}
	for i, name := range names {
		in.Model.Suppliers = append(in.Model.Suppliers, replenish.Supplier{Name: name, Capacity: capacity[i], Place: s.place(i)})
	}
}

func (in *Input) edges(units map[string]string) {
	s := in.sheets["edges"]
	items, suppliers, sites, lead := s.names("item"), s.names("supplier"), s.names("site"), s.weeks()
	cost, fixed := s.numbers(0, true, "unit_cost"), s.numbers(0, false, "fixed_cost")
	minimum, multiple := s.numbers(0, false, "minimum_order"), s.numbers(0, false, "multiple")
	capacity := s.numbers(replenish.Unlimited, false, "capacity_week")
	s.sameUnits(items, units)
	for i := range items {
		in.Model.Edges = append(in.Model.Edges, replenish.Edge{
			Item: items[i], Supplier: suppliers[i], Site: sites[i], Lead: lead[i], Minimum: minimum[i], Multiple: multiple[i],
			Cost: cost[i], Fixed: fixed[i], Capacity: capacity[i], Place: s.place(i),
		})
	}
}

func (in *Input) lanes() {
	s := in.sheets["lanes"]
	if s == nil {
		return
	}
	from, to, lead, items := s.names("from"), s.names("to"), s.weeks(), s.texts(s.column("item"))
	cost, capacity := s.numbers(0, false, "unit_cost"), s.numbers(replenish.Unlimited, false, "capacity_week")
	for i := range from {
		in.Model.Lanes = append(in.Model.Lanes, replenish.Lane{
			Item: items[i], From: from[i], To: to[i], Lead: lead[i], Cost: cost[i], Capacity: capacity[i], Place: s.place(i),
		})
	}
}

func (in *Input) stock(units map[string]string) {
	s := in.sheets["stock"]
	if s == nil {
		return
	}
	items, sites, amount, week := s.names("item"), s.names("site"), s.numbers(0, true, "units"), s.numbers(0, false, "week")
	s.sameUnits(items, units)
	for i := range items {
		in.Model.Stock = append(in.Model.Stock, replenish.Stock{
			Item: items[i], Site: sites[i], Week: s.whole(i, "the week", week[i]), Units: amount[i], Place: s.place(i),
		})
	}
}

func (in *Input) demand(units map[string]string) {
	s := in.sheets["demand"]
	items, sites, week := s.names("item"), s.names("site"), s.numbers(0, true, "week")
	s.sameUnits(items, units)
	levels, columns := s.quantiles()
	var mean, deviation []float64
	if len(levels) == 0 {
		mean, deviation = s.numbers(0, true, "mean"), s.numbers(0, true, "deviation")
	} else {
		s.used["mean"], s.used["deviation"] = true, true
	}
	values := make([][]float64, len(columns))
	for k, name := range columns {
		values[k] = s.numbers(0, true, name)
	}
	for i := range items {
		d := replenish.Demand{Item: items[i], Site: sites[i], Week: s.whole(i, "the week", week[i]), Place: s.place(i)}
		if len(levels) == 0 {
			d.Mean, d.Deviation = mean[i], deviation[i]
		} else {
			d.Levels, d.Values = levels, make([]float64, len(levels))
			for k := range levels {
				d.Values[k] = values[k][i]
			}
		}
		in.Model.Demand = append(in.Model.Demand, d)
	}
}

// quantiles are the columns called q0.05 and the like, by level.
func (s *sheet) quantiles() (levels []float64, columns []string) {
	for _, name := range s.frame.Names() {
		text, is := strings.CutPrefix(name, "q")
		level, err := strconv.ParseFloat(text, 64)
		if is && err == nil && level > 0 && level < 1 {
			columns = append(columns, name)
		}
	}
	level := func(name string) float64 {
		v, err := strconv.ParseFloat(name[1:], 64)
		if err != nil {
			return math.NaN() // it was a number above
		}
		return v
	}
	slices.SortFunc(columns, func(a, b string) int {
		if level(a) < level(b) {
			return -1
		}
		return 1
	})
	for _, name := range columns {
		levels = append(levels, level(name))
	}
	return levels, columns
}

// Located puts files and lines in the place of rows in errors.
func (in *Input) Located(err error) error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var list []error
		for _, e := range joined.Unwrap() {
			list = append(list, in.Located(e))
		}
		return errors.Join(list...)
	}
	var input *replenish.InputError
	if !errors.As(err, &input) {
		return err
	}
	return &replenish.InputError{Place: in.placeOf(input.Place), Message: input.Message, First: in.placeOf(input.First)}
}

func (in *Input) placeOf(place string) string {
	name, text, ok := strings.Cut(place, "\x00")
	row, err := strconv.Atoi(text)
	if s := in.sheets[name]; ok && err == nil && s != nil {
		if found := s.frame.Place(row); strings.Contains(found, ":") {
			return found
		} else {
			return name + ", " + found
		}
	}
	return place
}
