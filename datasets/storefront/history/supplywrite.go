package history

import (
	"github.com/apache/arrow-go/v18/arrow"
)

// waits are the columns that the truth about views has besides, where there are warehouses.
func (w *writer) waits() []arrow.Field {
	if w.supply == nil {
		return nil
	}
	return []arrow.Field{field("deferred", truth)}
}

// places writes warehouses and suppliers, and the ways between them, to items and to users.
func (w *writer) places() error {
	s := w.supply
	for _, write := range []struct {
		name   string
		fields []arrow.Field
		rows   func(t *tableFile)
	}{
		{"warehouses", []arrow.Field{field("warehouse", integer), field("country", text), field("holding_cost_year", decimal)}, func(t *tableFile) {
			for n, h := range s.warehouses {
				t.integer(int64(n))
				t.text(countries[h.country])
				t.real(h.holding)
				t.end()
			}
		}},
		{hiddenDir + "/warehouses", []arrow.Field{field("warehouse", integer), field("share", decimal)}, func(t *tableFile) {
			for n, h := range s.warehouses {
				t.integer(int64(n))
				t.real(h.share)
				t.end()
			}
		}},
		{"suppliers", []arrow.Field{field("supplier", integer), field("country", text)}, func(t *tableFile) {
			for n, country := range s.suppliers {
				t.integer(int64(n))
				t.text(countries[country])
				t.end()
			}
		}},
		{"regions", []arrow.Field{field("country", text), field("warehouse", integer), field("delivery_cost", decimal)}, func(t *tableFile) {
			for c, n := range s.serves {
				t.text(countries[c])
				t.integer(int64(n))
				t.real(s.delivery[c])
				t.end()
			}
		}},
		{"transfers", []arrow.Field{field("from_warehouse", integer), field("warehouse", integer), field("transfer_cost", decimal), field("days", integer)}, func(t *tableFile) {
			for from := range s.warehouses {
				for to := range s.warehouses {
					if from != to {
						cost, days := s.transfer(from, to)
						t.integer(int64(from))
						t.integer(int64(to))
						t.real(cost)
						t.integer(int64(days))
						t.end()
					}
				}
			}
		}},
		{"edges", []arrow.Field{field("item", integer), field("supplier", integer), field("warehouse", integer), field("cost", decimal), field("freight", decimal), field("lead_time_days", integer),
			field("minimum_order", integer), field("multiple", integer), field("capacity_week", integer), field("own", truth)}, w.edgeRows},
	} {
		t, err := createTable(w.dir, write.name+".parquet", write.fields...)
		if err != nil {
			return err
		}
		write.rows(t)
		if err := w.finish(t); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) edgeRows(t *tableFile) {
	n := len(w.supply.warehouses)
	for site := range len(w.items) * n {
		for k, e := range w.supply.at(site) {
			t.integer(int64(site / n))
			t.integer(int64(e.supplier))
			t.integer(int64(site % n))
			t.real(e.cost)
			t.real(e.freight)
			t.integer(int64(e.lead))
			t.integer(int64(e.minimum))
			t.integer(int64(e.multiple))
			t.integer(int64(e.capacity))
			t.truth(k == 0)
			t.end()
		}
	}
}

// openSites begins the tables of weeks by warehouse.
func (w *writer) openSites() (err error) {
	w.sites, err = createTable(w.dir, "warehouse_weeks.parquet", field("week", moment), field("item", integer), field("warehouse", integer), field("stock", integer), field("received", integer),
		field("sold", integer), field("sent", integer), field("deferred", integer), field("delivered", integer), field("views", integer),
		field("revenue", decimal), field("cost", decimal), field("profit", decimal), field("holding", decimal), field("transport", decimal), field("spent", decimal))
	if err != nil {
		return err
	}
	w.hiddenSites, err = createTable(w.dir, hiddenDir+"/warehouse_weeks.parquet", field("week", moment), field("item", integer), field("warehouse", integer), field("expected_demand", decimal), field("lost", integer),
		field("expected_revenue", decimal), field("expected_profit", decimal))
	return err
}

// siteWeeks writes an item's week in each warehouse, and returns what it was in all. Of candidates that are not launched those warehouses
// are written that have some already.
func (w *writer) siteWeeks(day int, monday int64, item int, k *sites) (all siteWeek) {
	for n := range k.warehouses {
		wk := &k.week[k.site(item, n)]
		all.add(wk)
		if w.items[item].launch > day && !wk.stocked() {
			continue
		}
		t, hid := w.sites, w.hiddenSites
		for _, t := range []*tableFile{t, hid} {
			t.moment(monday)
			t.integer(int64(item))
			t.integer(int64(n))
		}
		for _, v := range []int32{wk.start, wk.received, wk.sold, wk.sent, wk.deferred, wk.delivered, wk.views} {
			t.integer(int64(v))
		}
		for _, v := range []float64{wk.revenue, wk.cost, wk.profit(), wk.holding, wk.transport, wk.spent} {
			t.real(cents(v))
		}
		t.end()
		hid.real(wk.expected)
		hid.integer(int64(wk.lost))
		hid.real(wk.expectedRevenue)
		hid.real(wk.expectedRevenue - wk.expectedCost)
		hid.end()
	}
	return all
}

// stocked says whether there was any in the week.
func (wk *siteWeek) stocked() bool { return wk.start > 0 || wk.received > 0 }

// siteMoney writes what an item's week came to in all warehouses.
func (w *writer) siteMoney(wk *siteWeek) {
	for _, v := range []float64{wk.revenue, wk.cost, wk.profit(), wk.holding, wk.transport} {
		w.weeks.real(cents(v))
	}
	w.hid.real(wk.expectedRevenue)
	w.hid.real(wk.expectedRevenue - wk.expectedCost)
	if w.o.Truth {
		w.hid.real(wk.dearer)
		w.hid.real(wk.cheaper)
	}
	m := w.sum.Money
	m.Revenue += wk.revenue
	m.Cost += wk.cost
	m.Profit += wk.profit()
	m.ExpectedUnits += wk.expected
	m.ExpectedRevenue += wk.expectedRevenue
	m.ExpectedProfit += wk.expectedRevenue - wk.expectedCost
	m.Holding += wk.holding
	m.Transport += wk.transport
	m.Spent += wk.spent
	m.Delivered += int64(wk.delivered)
}

// keepDeliveries writes orders.
func (w *writer) keepDeliveries(s *simulation) error {
	t, err := createTable(w.dir, "orders.parquet", field("date", moment), field("item", integer), field("quantity", integer), field("warehouse", integer), field("supplier", integer),
		field("from_warehouse", integer), field("arrives", moment))
	if err != nil {
		return err
	}
	for _, o := range s.placed {
		t.moment(w.cfg.at(o.Day, 0).UnixMicro())
		t.integer(int64(o.Item))
		t.integer(int64(o.Quantity))
		t.integer(int64(o.Warehouse))
		days := 0
		if o.Transfer {
			t.missing()
			t.integer(int64(o.Source))
			_, days = w.supply.transfer(o.Source, o.Warehouse)
		} else {
			t.integer(int64(o.Source))
			t.missing()
			days = int(w.supply.edges[w.supply.find(w.supply.site(o.Item, o.Warehouse), o.Source)].lead)
		}
		t.moment(w.cfg.at(o.Day+days, 0).UnixMicro())
		t.end()
	}
	return w.finish(t)
}

// keepSites writes what is in the warehouses, on the way to them, waited for, and ordered in the week.
func (w *writer) keepSites(s *simulation) error {
	k := s.sites
	n := len(k.warehouses)
	for site, level := range k.level {
		w.sum.Money.StockWorth += float64(level) * k.worth[site]
	}
	w.sum.Money.Waiting = int64(len(k.queue))
	t, err := createTable(w.dir, hiddenDir+"/stock.parquet", field("item", integer), field("warehouse", integer), field("level", integer), field("demand", decimal), field("worth", decimal))
	if err != nil {
		return err
	}
	for site := range k.level {
		t.integer(int64(site / n))
		t.integer(int64(site % n))
		t.integer(int64(k.level[site]))
		t.real(float64(k.demand[site]))
		t.real(k.worth[site])
		t.end()
	}
	if err := w.finish(t); err != nil {
		return err
	}
	if t, err = createTable(w.dir, hiddenDir+"/arriving.parquet", field("item", integer), field("warehouse", integer), field("quantity", integer), field("due_day", integer), field("worth", decimal),
		field("transfer_cost", decimal)); err != nil {
		return err
	}
	for _, d := range k.arriving {
		t.integer(int64(d.site) / int64(n))
		t.integer(int64(d.site) % int64(n))
		t.integer(int64(d.quantity))
		t.integer(int64(d.day))
		t.real(d.worth)
		if d.transfer {
			t.real(d.carriage)
		} else {
			t.missing()
		}
		t.end()
	}
	if err := w.finish(t); err != nil {
		return err
	}
	if t, err = createTable(w.dir, hiddenDir+"/waiting.parquet", field("item", integer), field("country", integer), field("price", decimal)); err != nil {
		return err
	}
	for _, q := range k.queue {
		t.integer(int64(q.site) / int64(n))
		t.integer(int64(q.country))
		t.real(float64(q.price))
		t.end()
	}
	if err := w.finish(t); err != nil {
		return err
	}
	if t, err = createTable(w.dir, hiddenDir+"/used.parquet", field("edge", integer), field("quantity", integer)); err != nil {
		return err
	}
	for at, quantity := range k.used {
		if quantity > 0 {
			t.integer(int64(at))
			t.integer(int64(quantity))
			t.end()
		}
	}
	return w.finish(t)
}
