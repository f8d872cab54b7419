package history

import (
	"context"
	"fmt"
	"math"
	"time"

	"debut/datasets/table"
)

// deliverable is an error where an order of a policy cannot be placed. Those of other days than from … to−1 are passed over.
func (p *Policy) deliverable(s *simulation, from, to int) error {
	if s.sites == nil {
		return nil
	}
	weeks := ordered{w: s.world, origin: s.cfg.Days, used: map[edgeWeek]int64{}}
	for at, n := range s.sites.used {
		if n > 0 && (from-weeks.origin)%7 != 0 {
			weeks.used[edgeWeek{at, weeks.week(from)}] = int64(n)
		}
	}
	for _, o := range p.Orders {
		if o.Day < from || o.Day >= to {
			continue
		}
		if _, problem := weeks.add(o); problem != "" {
			return fmt.Errorf("an order of %d of item %d on %s: it %s", o.Quantity, o.Item, s.cfg.at(o.Day, 0).Format(time.DateOnly), problem)
		}
	}
	return nil
}

// ordered is what is ordered of suppliers in a week.
type ordered struct {
	w      *world
	origin int // the day from which weeks are counted
	used   map[edgeWeek]int64
}

type edgeWeek struct{ edge, week int }

func (d *ordered) week(day int) int { return int(math.Floor(float64(day-d.origin) / 7)) }

// add takes an order, or says what is wrong with it: the column, and the problem.
func (d *ordered) add(o Order) (column, problem string) {
	s := d.w.supply
	if o.Warehouse < 0 || o.Warehouse >= len(s.warehouses) {
		return "warehouse", fmt.Sprintf("is for no warehouse of the shop, which has 0 to %d", len(s.warehouses)-1)
	}
	if o.Transfer {
		switch {
		case o.Source < 0 || o.Source >= len(s.warehouses):
			return "from_warehouse", fmt.Sprintf("is from no warehouse of the shop, which has 0 to %d", len(s.warehouses)-1)
		case o.Source == o.Warehouse:
			return "from_warehouse", "is from the warehouse that it goes to; name another, or leave the row out"
		}
		return "", ""
	}
	if o.Source < 0 || o.Source >= len(s.suppliers) {
		return "supplier", fmt.Sprintf("is of no supplier of the shop, which has 0 to %d", len(s.suppliers)-1)
	}
	at := s.find(s.site(o.Item, o.Warehouse), o.Source)
	if at < 0 {
		return "supplier", fmt.Sprintf("is of a supplier who does not deliver item %d to warehouse %d; edges.parquet has who does", o.Item, o.Warehouse)
	}
	e := &s.edges[at]
	switch {
	case o.Quantity < int(e.minimum):
		return "quantity", fmt.Sprintf("is below the minimum order of %d that supplier %d has for item %d", e.minimum, o.Source, o.Item)
	case o.Quantity%int(e.multiple) != 0:
		return "quantity", fmt.Sprintf("is no multiple of %d, in which supplier %d delivers item %d", e.multiple, o.Source, o.Item)
	}
	key := edgeWeek{at, d.week(o.Day)}
	if d.used[key] += int64(o.Quantity); d.used[key] > int64(e.capacity) {
		return "quantity", fmt.Sprintf("brings what supplier %d is to deliver of item %d to warehouse %d, ordered in the week from %s, to %d; his capacity is %d a week",
			o.Source, o.Item, o.Warehouse, d.w.cfg.at(d.origin+7*key.week, 0).Format(time.DateOnly), d.used[key], e.capacity)
	}
	return "", ""
}

// readDeliveries reads orders of a shop with warehouses.
func (s *State) readDeliveries(ctx context.Context, src table.Source, baseDir string) ([]Order, error) {
	f, err := s.read(ctx, src, baseDir, []string{"item", "date", "quantity", "warehouse"}, "supplier", "from_warehouse")
	if err != nil {
		return nil, err
	}
	w := newGoods(s.Config)
	weeks := ordered{w: w, origin: s.Config.Days, used: map[edgeWeek]int64{}}
	list := make([]Order, f.Rows)
	for i := range list {
		o := &list[i]
		if o.Item, o.Day, err = s.itemAndDay(f, i); err != nil {
			return nil, err
		}
		if o.Quantity, err = s.quantity(f, i); err != nil {
			return nil, err
		}
		if o.Warehouse, err = s.place(f, i, "warehouse"); err != nil {
			return nil, err
		}
		given := func(column string) bool { return f.Column(column) != nil && !f.Column(column).Missing(i) }
		source := "supplier"
		switch o.Transfer = given("from_warehouse"); {
		case o.Transfer && given(source):
			return nil, s.wrong(f, i, source, "stands beside a from_warehouse; leave one of them out")
		case o.Transfer:
			source = "from_warehouse"
		case !given(source):
			return nil, fmt.Errorf("%s: the order names neither a supplier nor, to be transferred, a from_warehouse", f.Place(i))
		}
		if o.Source, err = s.place(f, i, source); err != nil {
			return nil, err
		}
		if column, problem := weeks.add(*o); problem != "" {
			return nil, s.wrong(f, i, column, problem)
		}
	}
	return list, nil
}

// place reads the number of a warehouse or a supplier.
func (s *State) place(f *table.Frame, row int, column string) (int, error) {
	v := f.Column(column).Floats[row]
	if !(v >= 0 && v <= math.MaxInt32 && v == math.Trunc(v)) {
		return 0, s.wrong(f, row, column, "is no number of one; the shop's tables have them")
	}
	return int(v), nil
}
