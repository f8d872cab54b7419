package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"debut/datasets/table"
	"debut/datasets/warning"
	"debut/datasets/wording"
)

// Policy is how a shop goes on where it does not as before: days are counted from the first of the shop.
type Policy struct {
	// Prices hold from their day until the item's next; before the first the shop sets them. nil: it does so always.
	Prices []Price
	// Orders are what is ordered in the evening of a day, in the place of what the shop would order by itself; nil: it does.
	Orders []Order
	// Launches put candidates into the shop.
	Launches []Launch
	// Contacts tell users of items.
	Contacts []Contact
}

// Launch is of a candidate, whose items follow those of the catalog. Price is what it costs from then on, 0: its list price. Quantity is in stock then, in warehouses by
// their shares; 0: as much as the shop would have, unless the launch is Empty.
type Launch struct {
	Item     int     `json:"item"`
	Day      int     `json:"day"`
	Price    float64 `json:"price,omitempty"`
	Quantity int     `json:"quantity,omitempty"`
	Empty    bool    `json:"empty,omitempty"` // it begins with what orders have brought alone
}

// Contact tells a user of an item on a day: perhaps he looks at it.
type Contact struct{ User, Item, Day int }

// Price is what an item costs from a day on.
type Price struct {
	Item, Day int
	Price     float64
	Discount  float64 // percent that is shown; NaN: it follows from the list price
}

// Order is so much of an item, to arrive after its lead time; in a shop with warehouses, at one of them from a supplier.
type Order struct {
	Item, Day, Quantity int

	Warehouse int
	Source    int  // a supplier
	Transfer  bool // Source is another warehouse; what is not there is not transferred
}

// settle sorts a policy and fills in discounts.
func (p *Policy) settle(w *world) {
	for _, l := range p.Launches {
		if l.Price > 0 {
			p.Prices = append(p.Prices, Price{Item: l.Item, Day: l.Day, Price: l.Price, Discount: 0})
		}
	}
	slices.SortStableFunc(p.Contacts, func(a, b Contact) int { return cmp.Or(a.Day-b.Day, a.User-b.User, a.Item-b.Item) })
	for i := range p.Prices {
		if c := &p.Prices[i]; math.IsNaN(c.Discount) {
			c.Discount = impliedDiscount(c.Price, w.items[c.Item].price)
		}
	}
	slices.SortStableFunc(p.Prices, func(a, b Price) int { return cmp.Or(a.Item-b.Item, a.Day-b.Day) })
	slices.SortStableFunc(p.Orders, func(a, b Order) int { return cmp.Or(a.Day-b.Day, a.Item-b.Item, a.Warehouse-b.Warehouse) })
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

// outside counts what is of days that are not from … to−1, and changes nothing there. A price of before holds.
func (p *Policy) outside(from, to int) (o Outside) {
	for _, c := range p.Prices {
		if c.Day >= to {
			o.Prices++
		}
	}
	for _, c := range p.Orders {
		if c.Day < from || c.Day >= to {
			o.Orders++
		}
	}
	for _, c := range p.Launches {
		if c.Day >= to {
			o.Launches++
		}
	}
	for _, c := range p.Contacts {
		if c.Day < from || c.Day >= to {
			o.Contacts++
		}
	}
	return o
}

// unlaunched warns of what is about candidates that are not launched by the end of a continuation.
func (p *Policy) unlaunched(items int, launched []Launch) (list warning.List) {
	in := map[int]bool{}
	for _, l := range launched {
		in[l.Item] = true
	}
	var what []string
	count := func(name string, rows int, item func(i int) int) {
		n := 0
		for i := range rows {
			if at := item(i); at >= items && !in[at] {
				n++
			}
		}
		if n > 0 {
			what = append(what, fmt.Sprintf("%d of %d %s", n, rows, name))
		}
	}
	count("prices", len(p.Prices), func(i int) int { return p.Prices[i].Item })
	count("orders", len(p.Orders), func(i int) int { return p.Orders[i].Item })
	count("contacts", len(p.Contacts), func(i int) int { return p.Contacts[i].Item })
	if what == nil {
		return nil
	}
	return warning.List{{
		Name: warning.Unlaunched, Message: strings.Join(what, ", ") + " are about candidates that are not launched by the end: nobody sees or buys them",
		Remedy: "launch them with --launches, or leave the rows out",
	}}
}

// fits is an error where more of an item comes into stock than can be counted.
func (p *Policy) fits(s *simulation) error {
	k := &s.stock
	total := make([]int64, len(s.items))
	for i := range total {
		total[i] = int64(k.level[i]) + int64(k.ordered[i])
	}
	for _, a := range k.arriving {
		total[a.item] += int64(a.quantity)
	}
	if s.sites != nil {
		clear(total)
		for site, n := range s.sites.level {
			total[site/len(s.sites.warehouses)] += int64(n) + int64(s.sites.onWay[site])
		}
	}
	for _, o := range p.Orders {
		total[o.Item] += int64(o.Quantity)
	}
	for _, l := range p.Launches {
		total[l.Item] += int64(l.Quantity)
	}
	for i, n := range total {
		if n > maxStock {
			return fmt.Errorf("item %d: %d in stock and ordered, more than %d; order less", i, n, maxStock)
		}
	}
	return nil
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
	maxStock    = 2_000_000_000 // of an item, with all that is ordered: as many as 32 bits hold, and what the shop orders by itself
)

// ReadPrices reads a table with the columns item, date and price, and discount in percent where it has one. Like those of the other tables of a
// policy, its numbers and days may be written as in any table that is read; one without rows is none of a thing.
func (s *State) ReadPrices(ctx context.Context, src table.Source, baseDir string) ([]Price, error) {
	f, err := s.read(ctx, src, baseDir, []string{"item", "date", "price"}, "discount")
	if err != nil {
		return nil, err
	}
	list := make([]Price, f.Rows)
	discount := f.Column("discount")
	type when struct{ item, day int }
	before := map[when]float64{}
	for i := range list {
		p := &list[i]
		if p.Item, p.Day, err = s.itemAndDay(f, i); err != nil {
			return nil, err
		}
		p.Discount = math.NaN()
		if p.Price, err = s.price(f, i); err != nil {
			return nil, err
		}
		at := when{p.Item, p.Day}
		if other, twice := before[at]; twice && other != p.Price {
			return nil, s.wrong(f, i, "price", fmt.Sprintf("is the item's second price from that day on, beside %v; leave one of them out", other))
		}
		before[at] = p.Price
		if discount != nil && !discount.Missing(i) {
			if p.Discount = discount.Floats[i]; !(p.Discount >= 0 && p.Discount < 100) {
				return nil, s.wrong(f, i, "discount", "is no discount; give percent from 0 to below 100")
			}
		}
	}
	return list, nil
}

// ReadOrders reads a table with the columns item, date and quantity, and in a shop with warehouses supplier and warehouse; from_warehouse in the
// place of supplier transfers.
func (s *State) ReadOrders(ctx context.Context, src table.Source, baseDir string) ([]Order, error) {
	if s.Config.Warehouses > 0 {
		return s.readDeliveries(ctx, src, baseDir)
	}
	f, err := s.read(ctx, src, baseDir, []string{"item", "date", "quantity"})
	if err != nil {
		return nil, err
	}
	list := make([]Order, f.Rows)
	for i := range list {
		o := &list[i]
		if o.Item, o.Day, err = s.itemAndDay(f, i); err != nil {
			return nil, err
		}
		if o.Quantity, err = s.quantity(f, i); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// ReadLaunches reads a table with the columns item and date, and price and quantity where it has them; with a quantity of 0 a launch begins with
// what orders have brought. Candidates that are launched
// already are left out, if it was on that day.
func (s *State) ReadLaunches(ctx context.Context, src table.Source, baseDir string) ([]Launch, error) {
	f, err := s.read(ctx, src, baseDir, []string{"item", "date"}, "price", "quantity")
	if err != nil {
		return nil, err
	}
	var list []Launch
	for i := range f.Rows {
		var l Launch
		if l.Item, l.Day, err = s.itemAndDay(f, i); err != nil {
			return nil, err
		}
		if l.Item < s.Config.Items {
			return nil, s.wrong(f, i, "item", fmt.Sprintf("is sold already; candidates are the items from %d on", s.Config.Items))
		}
		if f.Column("price") != nil && !f.Column("price").Missing(i) {
			if l.Price, err = s.price(f, i); err != nil {
				return nil, err
			}
		}
		if q := f.Column("quantity"); q != nil && !q.Missing(i) {
			if l.Empty = q.Floats[i] == 0; !l.Empty {
				if l.Quantity, err = s.quantity(f, i); err != nil {
					return nil, err
				}
			}
		}
		same := func(other Launch) bool { return other.Item == l.Item }
		if at := slices.IndexFunc(s.Launched, same); at >= 0 {
			if s.Launched[at].Day != l.Day {
				return nil, s.wrong(f, i, "item", "was launched already, on another day")
			}
			continue
		}
		if l.Day < s.Day {
			return nil, s.wrong(f, i, "date", "is in the past: the shop goes on from "+s.Config.at(s.Day, 0).Format(time.DateOnly))
		}
		if slices.ContainsFunc(list, same) {
			return nil, s.wrong(f, i, "item", "is launched twice")
		}
		list = append(list, l)
	}
	return list, nil
}

// ReadContacts reads a table with the columns user, item and date.
func (s *State) ReadContacts(ctx context.Context, src table.Source, baseDir string) ([]Contact, error) {
	f, err := s.read(ctx, src, baseDir, []string{"user", "item", "date"})
	if err != nil {
		return nil, err
	}
	list := make([]Contact, f.Rows)
	for i := range list {
		c := &list[i]
		if c.Item, c.Day, err = s.itemAndDay(f, i); err != nil {
			return nil, err
		}
		u := f.Column("user").Floats[i]
		if !(u >= 0 && u < float64(s.Config.Users) && u == math.Trunc(u)) {
			return nil, s.wrong(f, i, "user", fmt.Sprintf("is no user of the shop, which has 0 to %d", s.Config.Users-1))
		}
		c.User = int(u)
	}
	return list, nil
}

func (s *State) price(f *table.Frame, row int) (float64, error) {
	v := f.Column("price").Floats[row]
	if !(v > 0 && v <= maxPrice) {
		return 0, s.wrong(f, row, "price", "is no price; give a number above 0")
	}
	return v, nil
}

func (s *State) quantity(f *table.Frame, row int) (int, error) {
	q := f.Column("quantity").Floats[row]
	if !(q >= 1 && q <= maxQuantity && q == math.Trunc(q)) {
		return 0, s.wrong(f, row, "quantity", "is no quantity; give a whole number from 1 on, or leave the row out")
	}
	return int(q), nil
}

// read reads the columns of a table of a policy, those that it must have and others.
func (s *State) read(ctx context.Context, src table.Source, baseDir string, needed []string, others ...string) (*table.Frame, error) {
	types := map[string]string{table.OtherColumns: table.TypeIgnore}
	for _, name := range slices.Concat(needed, others) {
		types[name] = table.TypeNumeric
		if name == "date" {
			types[name] = table.TypeDate
		}
	}
	f, _, err := table.ReadWith(ctx, &src, baseDir, table.ReadOptions{Types: types, Optional: others, Empty: true, Applied: true})
	var missing *table.MissingColumnError
	if errors.As(err, &missing) {
		return nil, fmt.Errorf("%s: there is no column %s; the table has to have %s", wording.FileName(src.Path[0]), missing.Name, wording.List(needed, len(needed)))
	}
	if err != nil {
		return nil, err
	}
	for _, note := range f.Notes {
		s.told = append(s.told, warning.Warning{Name: warning.Read, Message: note})
	}
	for _, c := range f.Columns {
		if c.Note != "" {
			s.told = append(s.told, warning.Warning{Name: warning.Read, Column: c.Name, Message: wording.FileName(src.Path[0]) + ": " + c.Note})
		}
	}
	return f, nil
}

// itemAndDay reads what a row is about.
func (s *State) itemAndDay(f *table.Frame, row int) (item, day int, err error) {
	v := f.Column("item").Floats[row]
	if last := s.Config.Items + s.Config.Candidates - 1; !(v >= 0 && v <= float64(last) && v == math.Trunc(v)) {
		return 0, 0, s.wrong(f, row, "item", fmt.Sprintf("is no item of the shop, which has 0 to %d", last))
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
