package factorization_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/storefront/history"
	"debut/datasets/table"
	"debut/trainers/recommender/recommendertest"
	"debut/trainers/run"
)

var long = flag.Bool("long", false, "train for minutes too")

// heldOut is the share of items, 1 of so many, whose views and purchases training does not see.
const heldOut = 10

// shopOfNewItems writes what users of a simulated shop bought of most items, what they bought of the others, and a table of all items; it returns the
// folder, and the views of the others that were in stock.
func shopOfNewItems(t *testing.T, cfg history.Config) (dir string, views *table.Frame) {
	t.Helper()
	dir = t.TempDir()
	shop := filepath.Join(dir, "shop")
	if _, err := history.Write(t.Context(), shop, cfg, history.Options{}); err != nil {
		t.Fatal(err)
	}
	read := func(query string, files ...string) *table.Frame {
		paths := make(configfile.Strings, len(files))
		for i, f := range files {
			paths[i] = filepath.Join(shop, f+".parquet")
		}
		f, err := table.Read(t.Context(), table.Source{Path: paths, Query: query}, "", map[string]string{"user": table.TypeCategorical, "item": table.TypeCategorical})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	write := func(name string, f *table.Frame) {
		var b strings.Builder
		b.WriteString("user,item\n")
		users, items := f.Column("user"), f.Column("item")
		for r := range f.Rows {
			fmt.Fprintf(&b, "%s,%s\n", users.Format(r), items.Format(r))
		}
		recommendertest.Write(t, filepath.Join(dir, name), b.String())
	}
	const all = "SELECT user, item FROM data WHERE "
	known := fmt.Sprintf("CAST(item AS BIGINT) %% %d <> 0", heldOut)
	write("buys.csv", read(all+known+" AND purchased", "train"))
	others := []string{"train", "validation", "test"}
	write("newbuys.csv", read(all+"purchased AND NOT "+known, others...))
	items, err := os.ReadFile(filepath.Join(shop, "items.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	recommendertest.Write(t, filepath.Join(dir, "items.parquet"), string(items))
	return dir, read("SELECT user, item, purchased FROM data WHERE in_stock AND NOT "+known, others...)
}

const newItemsRun = `
family: factorization
name: new
data: {sources: [{path: buys.csv}]}
items: {source: {path: items.parquet}, ignore: [cost, launch, lead_time_days], columns: {title: {type: text}, image: {type: vector}}}
model: {algorithm: two_tower, confidence: value, factors: 32, history: 16, unknown: 0.5}
train: {epochs: 12}
`

// rowAUC is the probability that of two views, one of which ended in a purchase, that one has the higher score.
func rowAUC(scores []float32, bought []bool) float64 {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(scores[a], scores[b]) })
	won, negatives, positives := 0.0, 0.0, 0.0
	for lo := 0; lo < len(order); {
		hi, p := lo, 0.0
		for ; hi < len(order) && scores[order[hi]] == scores[order[lo]]; hi++ {
			if bought[order[hi]] {
				p++
			}
		}
		n := float64(hi-lo) - p
		won += p * (negatives + n/2)
		negatives, positives, lo = negatives+n, positives+p, hi
	}
	return won / (negatives * positives)
}

// Items that nobody has are scored by their attributes: what users buy of them scores higher than others of them, which debut evaluate tells, by title and
// picture better than by category, brand and price alone; and of their views that were in stock those that ended in a purchase, though the
// prices, discounts and moments that decide on it are not known. Popularity, which knows nothing of them, has an AUC of 0.5 by both.
func TestNewItemsOfAShop(t *testing.T) {
	if !*long {
		t.Skip("a shop of two million views and two trainings take minutes; -long")
	}
	dir, views := shopOfNewItems(t, history.Config{Users: 20_000, Items: 5_000, Events: 2_000_000, Days: 365, Start: history.Default().Start, Seed: 1})
	var byView, among [2]float64
	for k, sets := range [][]string{nil, {"items.ignore=[cost, launch, lead_time_days, title, image]", "items.columns={}"}} {
		o := train(t, dir, newItemsRun, run.Options{Overwrite: true}, sets...)
		m, err := open(t, o.Folder, 2)
		if err != nil {
			t.Fatal(err)
		}
		rows := map[int32][]int{} // by user
		users, items, purchased := views.Column("user"), views.Column("item"), views.Column("purchased")
		columns := make([]int32, views.Rows)
		for r := range views.Rows {
			u, known := m.Shop.Users.Index(users.Format(r))
			i, there := m.Shop.Items.Index(items.Format(r))
			if !there {
				t.Fatalf("the model has no item %s", items.Format(r))
			}
			if columns[r] = i; known {
				rows[u] = append(rows[u], r)
			}
		}
		var scores []float32
		var bought []bool
		all := make([]float32, m.Scorer.Items())
		for u, list := range rows {
			if err := m.Scorer.Score([]int32{u}, all); err != nil {
				t.Fatal(err)
			}
			for _, r := range list {
				scores, bought = append(scores, all[columns[r]]), append(bought, purchased.Format(r) == "true" || purchased.Format(r) == "1")
			}
		}
		byView[k] = rowAUC(scores, bought)
		e, _, err := m.Evaluate(t.Context(), table.Source{Path: configfile.Strings{"newbuys.csv"}}, dir)
		if err != nil {
			t.Fatal(err)
		}
		g := e.Groups[len(e.Groups)-1]
		among[k], _ = g.Values.Get("auc")
		t.Logf("%q: of %d views the AUC is %.4f; %s, %d users: %.4f; %s", sets, len(scores), byView[k], g.Name, g.Count, among[k], o.Result.Protocol)
		if g.Name != "new items among themselves" {
			t.Errorf("the last group is %q", g.Name)
		}
	}
	if !(among[0] >= 0.7) || !(among[0] > among[1]) || !(byView[0] >= 0.56) || !(byView[0] > byView[1]) {
		t.Errorf("AUCs of new items are %.4f and by view %.4f; without title and picture %.4f and %.4f", among[0], byView[0], among[1], byView[1])
	}
}
