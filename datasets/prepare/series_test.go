package prepare

import (
	"fmt"
	"strings"
	"testing"
)

const ofOrders = "sources: {o: {path: orders.csv}}\nsplit: {method: none}\n"

// seriesOf returns the rows of prepared series, in order.
func seriesOf(t *testing.T, files map[string]string, step, columns string) []string {
	t.Helper()
	dir := folder(t, files)
	mustRun(t, dir, ofOrders+"steps:\n"+step)
	var items []string
	for _, c := range strings.Split(columns, ", ") {
		items = append(items, "coalesce(CAST(\""+c+"\" AS VARCHAR), 'NULL')")
	}
	return rows(t, dir, "SELECT "+strings.Join(items, ", ")+" FROM out ORDER BY ALL")
}

const ordered = `store,item,at,quantity,price
a,x,2024-01-01,2,10
a,x,2024-01-03,1,11
a,x,2024-01-16,4,
a,y,2024-01-10,1,5
b,x,2024-01-31,7,9
`

func TestSeries(t *testing.T) {
	values := "{sold: {function: sum, value: quantity}, orders: {function: count}, price: {function: last, value: price}, big: {function: count, where: quantity > 1}, mean: {function: mean, value: quantity}}"
	for name, c := range map[string]struct{ step, columns, want string }{
		"weeks, zeros": {
			"  - series: {time: at, step: week, by: [store, item], gaps: zero, values: " + values + "}\n", "store, item, at, sold, orders, price, big",
			"a x 2024-01-01 3 2 11 1; a x 2024-01-08 0 0 11 0; a x 2024-01-15 4 1 11 1; a x 2024-01-22 0 0 11 0; a x 2024-01-29 0 0 11 0; " +
				"a y 2024-01-08 1 1 5 0; a y 2024-01-15 0 0 5 0; a y 2024-01-22 0 0 5 0; a y 2024-01-29 0 0 5 0; b x 2024-01-29 7 1 9 1",
		},
		"weeks from Sunday, none": {
			"  - series: {time: at, step: week, week: sunday, by: [store, item], gaps: none, values: " + values + "}\n", "store, item, at, sold",
			"a x 2023-12-31 3; a x 2024-01-14 4; a y 2024-01-07 1; b x 2024-01-28 7",
		},
		"missing, within": {
			"  - series: {time: at, step: week, by: [store], gaps: missing, from: 2024-01-08, until: 2024-01-29, values: " + values + "}\n", "store, at, sold, orders, mean",
			"a 2024-01-08 1 1 1; a 2024-01-15 4 1 4; a 2024-01-22 NULL NULL NULL",
		},
		"one series": {
			"  - series: {time: at, step: month, gaps: zero, values: " + values + "}\n", "at, sold, orders, mean",
			"2024-01-01 15 5 3",
		},
		"quarters": {
			"  - series: {time: at, step: quarter, by: store, gaps: zero, until: 2024-07-01, values: {sold: {function: sum, value: quantity}}}\n", "store, at, sold",
			"a 2024-01-01 8; a 2024-04-01 0; b 2024-01-01 7; b 2024-04-01 0",
		},
	} {
		got := strings.Join(seriesOf(t, map[string]string{"orders.csv": ordered}, c.step, c.columns), "; ")
		if strings.ReplaceAll(strings.ReplaceAll(got, " 00:00:00", ""), ".0", "") != c.want {
			t.Errorf("%s:\n%s, want\n%s", name, got, c.want)
		}
	}
}

// An event counts on the day that it is where the shop is; a day on which the clock changes is one day.
func TestSeriesByTheClockOfAPlace(t *testing.T) {
	files := map[string]string{"orders.csv": "at,quantity\n2024-03-30T22:30:00Z,1\n2024-03-30T23:30:00Z,2\n2024-03-31T21:59:00Z,4\n2024-03-31T22:00:00Z,8\n2024-10-26T22:30:00Z,16\n2024-10-27T22:59:00Z,32\n"}
	step := "  - series: {time: at, step: day, gaps: none, time_zone: %s, values: {n: {function: sum, value: quantity}}}\n"
	for zone, want := range map[string]string{
		"Europe/Berlin": "2024-03-30 1; 2024-03-31 6; 2024-04-01 8; 2024-10-27 48",
		"UTC":           "2024-03-30 3; 2024-03-31 12; 2024-10-26 16; 2024-10-27 32",
	} {
		got := strings.Join(seriesOf(t, files, fmt.Sprintf(step, zone), "at, n"), "; ")
		if strings.ReplaceAll(strings.ReplaceAll(got, " 00:00:00", ""), ".0", "") != want {
			t.Errorf("%s: %s, want %s", zone, got, want)
		}
	}
}

func TestSeriesMistakes(t *testing.T) {
	values := "values: {n: {function: count}}"
	for _, c := range []struct{ step, want string }{
		{"{time: at, step: week, " + values + "}", "gaps"},
		{"{time: at, step: fortnight, gaps: zero, " + values + "}", "fortnight"},
		{"{time: at, step: week, gaps: fill, " + values + "}", "gaps"},
		{"{time: at, step: week, gaps: zero}", "values"},
		{"{time: at, step: day, week: sunday, gaps: zero, " + values + "}", "goes with steps of a week"},
		{"{time: when, step: day, gaps: zero, " + values + "}", `no column "when"`},
		{"{time: item, step: day, gaps: zero, " + values + "}", "cast it to TIMESTAMP"},
		{"{time: at, step: day, by: [shop], gaps: zero, " + values + "}", `no column "shop"`},
		{"{time: at, step: day, by: [at], gaps: zero, " + values + "}", "column of times"},
		{"{time: at, step: day, gaps: zero, time_zone: Europe/Berlin, " + values + "}", "has no zone"},
		{"{time: at, step: day, gaps: zero, from: yesterday, " + values + "}", "is no day"},
		{"{time: at, step: week, gaps: zero, from: 2024-01-03, " + values + "}", "such as 2024-01-01"},
		{"{time: at, step: day, gaps: zero, from: 2024-03-01, until: 2024-02-01, " + values + "}", "not after from"},
		{"{time: at, step: day, gaps: zero, from: 2030-01-01, " + values + "}", "no event lies within"},
		{"{time: at, step: day, gaps: zero, values: {n: {function: sum}}}", "about a column"},
		{"{time: at, step: day, gaps: zero, values: {n: {function: count, value: quantity}}}", "does not go with count"},
		{"{time: at, step: day, gaps: zero, values: {n: {function: sum, value: item}}}", "needs numbers"},
		{"{time: at, step: day, gaps: zero, values: {n: {function: sum, value: amount}}}", "amount"},
		{"{time: at, step: day, gaps: zero, values: {at: {function: count}}}", "choose another name"},
		{"{time: at, step: day, by: price, gaps: zero, " + values + "}", "1 rows have no price"},
	} {
		dir := folder(t, map[string]string{"orders.csv": ordered})
		if _, err := run(t, dir, ofOrders+"steps:\n  - series: "+c.step+"\n"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.step, err, c.want)
		}
	}
	// The remedy for missing keys leads on.
	dir := folder(t, map[string]string{"orders.csv": ordered})
	mustRun(t, dir, ofOrders+"steps:\n  - filter: '\"price\" IS NOT NULL'\n  - series: {time: at, step: day, by: price, gaps: zero, "+values+"}\n")
	// Behind a step that learns there is no way; before it there is.
	learning := "  - fill: {price: {method: mean}}\n"
	series := "  - series: {time: at, step: day, by: store, gaps: zero, values: {price: {function: last, value: price}}}\n"
	if _, err := run(t, dir, ofOrders+"steps:\n"+learning+series); err == nil || !strings.Contains(err.Error(), "put this step before it") {
		t.Error(err)
	}
	mustRun(t, dir, ofOrders+"steps:\n"+series+learning)
}

// Sums do not depend on the order in which events are met: the same bytes for any number of threads.
func TestSeriesOfManyThreads(t *testing.T) {
	var b strings.Builder
	b.WriteString("item,at,amount\n")
	for i := range 60000 {
		fmt.Fprintf(&b, "i%d,2024-%02d-%02d,%d.%02d\n", i*i%97, 1+i%12, 1+i%28, i%1000, i%89)
	}
	var all []string
	for _, threads := range []int{1, 2, 7} {
		dir := folder(t, map[string]string{"orders.csv": b.String()})
		mustRun(t, dir, ofOrders+fmt.Sprintf("threads: %d\n", threads)+"steps:\n  - series: {time: at, step: week, by: item, gaps: zero, values: {sum: {function: sum, value: amount}, mean: {function: mean, value: amount}, last: {function: last, value: amount}}}\n")
		all = append(all, sums(t, dir))
	}
	if all[0] != all[1] || all[1] != all[2] {
		t.Error("the bytes depend on the number of threads")
	}
}
