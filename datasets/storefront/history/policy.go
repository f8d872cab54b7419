package history

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"debut/datasets/table"
	"debut/datasets/wording"
)

// Policy is how a shop goes on where it does not as before: days are counted from the first of the shop.
type Policy struct {
	// Prices hold from their day until the item's next; before the first the shop sets them. nil: it does so always.
	Prices []Price
	// Orders are what is ordered in the evening of a day, in the place of what the shop would order by itself; nil: it does.
	Orders []Order
}

// Price is what an item costs from a day on.
type Price struct {
	Item, Day int
	Price     float64
	Discount  float64 // percent that is shown; NaN: it follows from the list price
}

// Order is so much of an item, to arrive after its lead time.
type Order struct{ Item, Day, Quantity int }

// settle sorts a policy and fills in discounts.
func (p *Policy) settle(w *world) {
	for i := range p.Prices {
		if c := &p.Prices[i]; math.IsNaN(c.Discount) {
			// As prices are rounded to cents, a round discount is one of about as much.
			c.Discount = max(0, math.Round(1000*(1-c.Price/w.items[c.Item].price))/10)
		}
	}
	slices.SortStableFunc(p.Prices, func(a, b Price) int { return cmp.Or(a.Item-b.Item, a.Day-b.Day) })
	slices.SortStableFunc(p.Orders, func(a, b Order) int { return cmp.Or(a.Day-b.Day, a.Item-b.Item) })
}

// ordersOn are the orders of a day.
func (p *Policy) ordersOn(day int) []Order {
	from, _ := slices.BinarySearchFunc(p.Orders, day, func(o Order, day int) int { return o.Day - day })
	to := from
	for to < len(p.Orders) && p.Orders[to].Day == day {
		to++
	}
	return p.Orders[from:to]
}

// outside counts the orders of days that are not from … to−1.
func (p *Policy) outside(from, to int) (n int) {
	for _, o := range p.Orders {
		if o.Day < from || o.Day >= to {
			n++
		}
	}
	return n
}

// reprice sets the prices of a day by the policy.
func (s *simulation) reprice(day int) {
	list := s.policy.Prices
	for lo := 0; lo < len(list); {
		hi, last := lo, -1
		for hi < len(list) && list[hi].Item == list[lo].Item {
			if list[hi].Day <= day {
				last = hi
			}
			hi++
		}
		if last >= 0 {
			o := &s.offers[list[lo].Item]
			o.price, o.discount = list[last].Price, list[last].Discount
		}
		lo = hi
	}
}

// Limits of what files say.
const (
	maxPrice    = 1e9
	maxQuantity = 1_000_000_000
)

// ReadPrices reads a table with the columns item, date and price, and discount in percent where it has one.
func (s *State) ReadPrices(ctx context.Context, src table.Source, baseDir string) ([]Price, error) {
	f, err := s.read(ctx, src, baseDir, "price")
	if err != nil {
		return nil, err
	}
	list := make([]Price, f.Rows)
	discount := f.Column("discount")
	for i := range list {
		p := &list[i]
		if p.Item, p.Day, err = s.itemAndDay(f, i); err != nil {
			return nil, err
		}
		p.Price, p.Discount = f.Column("price").Floats[i], math.NaN()
		if !(p.Price > 0 && p.Price <= maxPrice) {
			return nil, s.wrong(f, i, "price", "is no price; give a number above 0")
		}
		if discount != nil {
			if p.Discount = discount.Floats[i]; !(p.Discount >= 0 && p.Discount < 100) {
				return nil, s.wrong(f, i, "discount", "is no discount; give percent from 0 to below 100")
			}
		}
	}
	return list, nil
}

// ReadOrders reads a table with the columns item, date and quantity.
func (s *State) ReadOrders(ctx context.Context, src table.Source, baseDir string) ([]Order, error) {
	f, err := s.read(ctx, src, baseDir, "quantity")
	if err != nil {
		return nil, err
	}
	list := make([]Order, f.Rows)
	for i := range list {
		o := &list[i]
		if o.Item, o.Day, err = s.itemAndDay(f, i); err != nil {
			return nil, err
		}
		q := f.Column("quantity").Floats[i]
		if !(q >= 1 && q <= maxQuantity && q == math.Trunc(q)) {
			return nil, s.wrong(f, i, "quantity", "is no quantity; give a whole number from 1 on, or leave the row out")
		}
		o.Quantity = int(q)
	}
	return list, nil
}

// read reads the columns of a table of a policy.
func (s *State) read(ctx context.Context, src table.Source, baseDir, value string) (*table.Frame, error) {
	types := map[string]string{table.OtherColumns: table.TypeIgnore, "item": table.TypeNumeric, "date": table.TypeDate, value: table.TypeNumeric}
	if value == "price" {
		types["discount"] = table.TypeNumeric
	}
	f, _, err := table.ReadWith(ctx, &src, baseDir, table.ReadOptions{Types: types, Learned: true, Applied: true})
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"item", "date", value} {
		if f.Column(name) == nil {
			return nil, fmt.Errorf("%s: there is no column %s; a table of a policy has item, date and %s", wording.FileName(src.Path[0]), name, value)
		}
	}
	return f, nil
}

// itemAndDay reads what a row is about.
func (s *State) itemAndDay(f *table.Frame, row int) (item, day int, err error) {
	v := f.Column("item").Floats[row]
	if !(v >= 0 && v < float64(s.Config.Items) && v == math.Trunc(v)) {
		return 0, 0, s.wrong(f, row, "item", fmt.Sprintf("is no item of the shop, which has 0 to %d", s.Config.Items-1))
	}
	micros := f.Column("date").Micros[row]
	if micros == table.MissingDate {
		return 0, 0, s.wrong(f, row, "date", "is missing; give a day such as 2026-01-31")
	}
	since := time.UnixMicro(micros).UTC().Sub(s.Config.Start)
	days := math.Floor(since.Hours() / 24)
	if math.Abs(days) > 10*maxDays {
		return 0, 0, s.wrong(f, row, "date", "is far from the days of the shop")
	}
	return int(v), int(days), nil
}

func (s *State) wrong(f *table.Frame, row int, column, problem string) error {
	return &table.ValueError{Place: f.Place(row), Column: column, Value: f.Column(column).Format(row), Problem: problem}
}
