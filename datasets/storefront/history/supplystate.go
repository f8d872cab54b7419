package history

import (
	"context"
	"math"

	"debut/datasets/duck"
)

// reloadSites reads what is in the warehouses, on the way to them, waited for, and ordered in the week.
func (s *State) reloadSites(ctx context.Context, db *duck.DB, file func(string) string, k *sites) error {
	n, stores := 0, int64(len(k.warehouses))
	items := int64(len(k.level)) / stores
	err := db.Query(ctx, "SELECT item, warehouse, level, demand, worth FROM "+file(hiddenDir+"/stock.parquet"), func(c *duck.Chunk) error {
		item, _ := duck.Vector[int64](c, 0)
		warehouse, _ := duck.Vector[int64](c, 1)
		level, _ := duck.Vector[int64](c, 2)
		demand, _ := duck.Vector[float64](c, 3)
		worth, _ := duck.Vector[float64](c, 4)
		for i := range c.Rows {
			if n >= len(k.level) || item[i]*stores+warehouse[i] != int64(n) || !valid(level[i]) || !(demand[i] >= 0 && demand[i] < math.MaxFloat32) || !(worth[i] >= 0 && worth[i] < math.MaxFloat32) {
				return s.errState("stock")
			}
			k.level[n], k.demand[n], k.worth[n] = int32(level[i]), float32(demand[i]), worth[i]
			n++
		}
		return nil
	})
	if err == nil && n != len(k.level) {
		err = s.errState("stock")
	}
	if err != nil {
		return err
	}
	k.beginWeek()
	err = db.Query(ctx, "SELECT item, warehouse, quantity, due_day, worth, coalesce(transfer_cost, -1) FROM "+file(hiddenDir+"/arriving.parquet"), func(c *duck.Chunk) error {
		item, _ := duck.Vector[int64](c, 0)
		warehouse, _ := duck.Vector[int64](c, 1)
		quantity, _ := duck.Vector[int64](c, 2)
		due, _ := duck.Vector[int64](c, 3)
		worth, _ := duck.Vector[float64](c, 4)
		carriage, _ := duck.Vector[float64](c, 5)
		for i := range c.Rows {
			if item[i] < 0 || item[i] >= items || warehouse[i] < 0 || warehouse[i] >= stores || !valid(quantity[i]) || !valid(due[i]) || !(worth[i] >= 0 && worth[i] < math.MaxFloat32) {
				return s.errState("arriving")
			}
			d := delivery{site: int32(item[i]*stores + warehouse[i]), quantity: int32(quantity[i]), day: int32(due[i]), worth: worth[i]}
			if carriage[i] >= 0 {
				d.transfer, d.carriage = true, carriage[i]
			}
			k.onWay[d.site] += d.quantity
			k.arriving = append(k.arriving, d)
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = db.Query(ctx, "SELECT item, country, price FROM "+file(hiddenDir+"/waiting.parquet"), func(c *duck.Chunk) error {
		item, _ := duck.Vector[int64](c, 0)
		country, _ := duck.Vector[int64](c, 1)
		price, _ := duck.Vector[float64](c, 2)
		for i := range c.Rows {
			if item[i] < 0 || item[i] >= items || country[i] < 0 || country[i] >= numCountries || !(price[i] > 0 && price[i] <= maxPrice) {
				return s.errState("waiting")
			}
			site := k.site(int(item[i]), k.serves[country[i]])
			k.waiting[site]++
			k.queue = append(k.queue, waiter{int32(site), uint8(country[i]), float32(price[i])})
		}
		return nil
	})
	if err != nil {
		return err
	}
	return numbers(ctx, db, 2, "SELECT edge, quantity FROM "+file(hiddenDir+"/used.parquet"), func(v []int64) error {
		if v[0] < 0 || v[0] >= int64(len(k.used)) || !valid(v[1]) {
			return s.errState("used")
		}
		k.used[v[0]] = int32(v[1])
		return nil
	})
}
