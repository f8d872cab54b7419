package replenish

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"debut/datasets/nearest"
	"debut/trainers/supply/inventory"
)

// InputError is an error of the model: where it was read, and what is wrong.
type InputError struct {
	Place   string // "" where it was not read
	Message string
	First   string // the place of what it repeats, "" where it is no such error
}

// Error returns the place and the message.
func (e *InputError) Error() string {
	message := e.Message
	if e.First != "" {
		message += "; first at " + e.First
	}
	if e.Place == "" {
		return "replenish: " + message
	}
	return e.Place + ": " + message
}

// maxErrors is how many mistakes are told at once.
const maxErrors = 20

// faults collects mistakes.
type faults struct {
	list []error
	more int
}

func (f *faults) add(place, format string, args ...any) {
	f.repeated(place, "", format, args...)
}

// repeated is add for what is there twice.
func (f *faults) repeated(place, first, format string, args ...any) {
	if len(f.list) == maxErrors {
		f.more++
		return
	}
	f.list = append(f.list, &InputError{place, fmt.Sprintf(format, args...), first})
}

func (f *faults) err() error {
	if f.more > 0 {
		return errors.Join(append(f.list, fmt.Errorf("and %d more", f.more))...)
	}
	return errors.Join(f.list...)
}

// number checks that a value is finite and not negative.
func (f *faults) number(place, what string, v float64) {
	if !(v >= 0) || math.IsInf(v, 0) {
		f.add(place, "%s is %g; it must be a number that is not negative", what, v)
	}
}

// capacity checks a limit.
func (f *faults) capacity(place, what string, v float64) {
	switch {
	case v == 0:
		f.add(place, "%s is 0: nothing could pass; leave the limit out where there is none, or what it limits", what)
	case !(v > 0):
		f.add(place, "%s is %g; it must be above zero", what, v)
	}
}

// names indexes names and refuses empty and repeated ones.
func (f *faults) names(kind string, n int, at func(int) (name, place string)) map[string]int {
	index := make(map[string]int, n)
	for i := range n {
		name, place := at(i)
		switch first, twice := index[name]; {
		case name == "":
			f.add(place, "a %s has no name", kind)
		case twice:
			_, before := at(first)
			f.repeated(place, before, "%s %q is there twice", kind, name)
		default:
			index[name] = i
		}
	}
	return index
}

// known returns the index of a name, and tells where there is none.
func (f *faults) known(place, what, kind string, index map[string]int, name string) int {
	if i, ok := index[name]; ok {
		return i
	}
	names := make([]string, 0, len(index))
	for n := range index {
		names = append(names, n)
	}
	slices.Sort(names)
	f.add(place, "%s names the %s %q, which there is not%s", what, kind, name, nearest.DidYouMean(name, names))
	return -1
}

// indexes are names to places in the lists of a model.
type indexes struct{ items, sites, suppliers map[string]int }

// Check returns what is wrong with a model, as *InputError joined: up to 20 mistakes at once.
func (m *Model) Check() error {
	_, err := m.check()
	return err
}

func (m *Model) check() (*indexes, error) {
	f := &faults{}
	if m.Weeks < 1 || m.Weeks > 520 {
		f.add("", "there are %d weeks; give 1 to 520", m.Weeks)
		return nil, f.err()
	}
	f.capacity("", "the budget of a week", m.Budget)
	x := &indexes{
		items:     f.names("item", len(m.Items), func(i int) (string, string) { return m.Items[i].Name, m.Items[i].Place }),
		sites:     f.names("site", len(m.Sites), func(i int) (string, string) { return m.Sites[i].Name, m.Sites[i].Place }),
		suppliers: f.names("supplier", len(m.Suppliers), func(i int) (string, string) { return m.Suppliers[i].Name, m.Suppliers[i].Place }),
	}
	if len(m.Items) == 0 || len(m.Sites) == 0 {
		f.add("", "there are %d items and %d sites; a plan needs one of each at least", len(m.Items), len(m.Sites))
	}
	for i := range m.Items {
		t := &m.Items[i]
		f.number(t.Place, "the volume of "+t.Name, t.Volume)
		f.number(t.Place, "the holding cost of "+t.Name, t.Holding)
		f.number(t.Place, "the shortage cost of "+t.Name, t.Shortage)
		if !(t.FillRate >= 0 && t.FillRate < 1) {
			f.add(t.Place, "the fill rate of %s is %g; it is a share from 0, for none, to less than 1", t.Name, t.FillRate)
		}
		if t.Shortage == 0 && t.FillRate == 0 {
			f.add(t.Place, "%s has neither a shortage cost nor a fill rate: nothing would ever be ordered; give one of the two", t.Name)
		}
	}
	for i := range m.Sites {
		s := &m.Sites[i]
		f.capacity(s.Place, "the storage of "+s.Name, s.Storage)
		f.capacity(s.Place, "the handling capacity of "+s.Name, s.Handling)
		f.number(s.Place, "the holding cost of "+s.Name, s.Holding)
	}
	for i := range m.Suppliers {
		f.capacity(m.Suppliers[i].Place, "the capacity of "+m.Suppliers[i].Name, m.Suppliers[i].Capacity)
	}
	m.checkWays(f, x)
	m.checkUnits(f, x)
	return x, f.err()
}

// checkWays checks edges and lanes.
func (m *Model) checkWays(f *faults, x *indexes) {
	seen := map[[3]int]string{}
	for i := range m.Edges {
		e := &m.Edges[i]
		what := fmt.Sprintf("the edge of %s from %s to %s", e.Item, e.Supplier, e.Site)
		key := [3]int{f.known(e.Place, what, "item", x.items, e.Item), f.known(e.Place, what, "supplier", x.suppliers, e.Supplier), f.known(e.Place, what, "site", x.sites, e.Site)}
		if first, twice := seen[key]; twice && min(key[0], key[1], key[2]) >= 0 {
			f.repeated(e.Place, first, "%s is there twice", what)
		}
		seen[key] = e.Place
		m.lead(f, e.Place, what, e.Lead)
		f.number(e.Place, what+": the minimum order", e.Minimum)
		f.number(e.Place, what+": the multiple", e.Multiple)
		f.number(e.Place, what+": the cost of a unit", e.Cost)
		f.number(e.Place, what+": the fixed cost", e.Fixed)
		f.capacity(e.Place, what+": the capacity", e.Capacity)
		if least := e.least(); e.Capacity > 0 && least > e.Capacity {
			f.add(e.Place, "%s: the least order is %g, more than the capacity of %g a week", what, least, e.Capacity)
		}
	}
	seen = map[[3]int]string{}
	for i := range m.Lanes {
		l := &m.Lanes[i]
		what := fmt.Sprintf("the lane from %s to %s", l.From, l.To)
		key := [3]int{-1, f.known(l.Place, what, "site", x.sites, l.From), f.known(l.Place, what, "site", x.sites, l.To)}
		if l.Item != "" {
			key[0] = f.known(l.Place, what, "item", x.items, l.Item)
		}
		if first, twice := seen[key]; twice {
			f.repeated(l.Place, first, "%s is there twice", what)
		}
		seen[key] = l.Place
		if l.From == l.To {
			f.add(l.Place, "%s leads nowhere", what)
		}
		m.lead(f, l.Place, what, l.Lead)
		f.number(l.Place, what+": the cost of a unit", l.Cost)
		f.capacity(l.Place, what+": the capacity", l.Capacity)
	}
}

func (m *Model) lead(f *faults, place, what string, lead int) {
	switch {
	case lead < 0:
		f.add(place, "%s: the lead time is %d weeks; it is 0 or more", what, lead)
	case lead >= m.Weeks:
		f.add(place, "%s: the lead time is %s, so that an order of week 1 would arrive in week %d, after the last one, %d; plan %d weeks at least, or leave it out",
			what, weeks(lead), 1+lead, m.Weeks, lead+1)
	}
}

func weeks(n int) string {
	if n == 1 {
		return "1 week"
	}
	return strconv.Itoa(n) + " weeks"
}

// checkUnits checks stock and demand.
func (m *Model) checkUnits(f *faults, x *indexes) {
	for i := range m.Stock {
		s := &m.Stock[i]
		what := fmt.Sprintf("stock of %s at %s", s.Item, s.Site)
		f.known(s.Place, what, "item", x.items, s.Item)
		f.known(s.Place, what, "site", x.sites, s.Site)
		if s.Week < 0 {
			f.add(s.Place, "%s arrives in week %d; on hand is week 0, on order 1 and more", what, s.Week)
		}
		switch {
		case s.Units < 0:
			f.add(s.Place, "%s is %g units; it cannot be negative: what customers are owed belongs to the demand of week 1", what, s.Units)
		default:
			f.number(s.Place, what, s.Units)
		}
	}
	seen := map[[3]int]string{}
	for i := range m.Demand {
		d := &m.Demand[i]
		what := "demand of " + d.Item + " at " + d.Site + " in week " + strconv.Itoa(d.Week)
		key := [3]int{f.known(d.Place, what, "item", x.items, d.Item), f.known(d.Place, what, "site", x.sites, d.Site), d.Week}
		if d.Week < 1 {
			f.add(d.Place, "%s: weeks begin with 1", what)
		}
		if first, twice := seen[key]; twice && min(key[0], key[1]) >= 0 {
			f.repeated(d.Place, first, "%s is there twice", what)
		}
		seen[key] = d.Place
		if d.Levels != nil {
			if _, err := inventory.NewQuantiles(d.Levels, d.Values); err != nil {
				f.add(d.Place, "%s: %s", what, trimmed(err))
			}
			continue
		}
		f.number(d.Place, what+": the mean", d.Mean)
		f.number(d.Place, what+": the standard deviation", d.Deviation)
	}
	if len(m.Demand) == 0 {
		f.add("", "there is no demand to plan for")
	}
}

func trimmed(err error) string {
	const prefix = "inventory: "
	if s := err.Error(); len(s) > len(prefix) && s[:len(prefix)] == prefix {
		return s[len(prefix):]
	}
	return err.Error()
}

// least is the least order that is not empty, 0 where any is.
func (e *Edge) least() float64 {
	if e.Multiple > 0 {
		return e.Multiple * math.Max(1, math.Ceil(e.Minimum/e.Multiple-1e-9))
	}
	return e.Minimum
}
