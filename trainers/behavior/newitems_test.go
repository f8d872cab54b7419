package behavior

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/npy"
	"debut/kernels/philox"
	"debut/trainers/model"
)

// catalog writes clicks on items whose image, a vector, and title drive them: clicks.csv on known items, new.csv on items
// that are in no other file, with the images of all in image.npy and their ids in items.txt. Words that sell are written in
// other forms in the titles of new items. It returns the AUC of the true probabilities on the new items.
func catalog(t *testing.T, dir string) float64 {
	t.Helper()
	const known, added, width = 300, 150, 8
	rnd := philox.New(11, 5)
	words := []string{"leather", "cotton", "running", "garden", "classic", "vintage", "kitchen", "wireless"}
	others := []string{"leathers", "cottony", "runnings", "gardens", "classics", "vintages", "kitchens", "wirelessly"}
	worth := []float64{1.6, -1.2, 1.0, -1.6, 0.8, -0.8, 1.4, -1.4}
	var titles, ids []string
	var appeal []float64
	images := make([]float32, 0, (known+added)*width)
	for i := range known + added {
		score := 0.0
		for k := range width {
			x := rnd.NormFloat64()
			images = append(images, float32(x))
			if k < 3 {
				score += []float64{1, -0.8, 0.6}[k] * x
			}
		}
		title := fmt.Sprintf("Model %d", rnd.IntN(1000))
		for range 2 {
			w := rnd.IntN(len(words))
			score += worth[w]
			form := words[w]
			if i >= known {
				form = others[w]
			}
			title += ", " + form
		}
		ids, titles, appeal = append(ids, fmt.Sprintf("sku-%d", i)), append(titles, title), append(appeal, score)
	}
	var positive, negative []float64
	clicks := func(name string, from, to, rows int) {
		var b bytes.Buffer
		b.WriteString("item,title,hour,click\n")
		for range rows {
			i := from + rnd.IntN(to-from)
			p, y := 1/(1+math.Exp(-appeal[i])), 0
			if rnd.Float64() < p {
				y = 1
			}
			if from > 0 && y == 1 {
				positive = append(positive, p)
			} else if from > 0 {
				negative = append(negative, p)
			}
			fmt.Fprintf(&b, "%s,\"%s\",%d,%d\n", ids[i], titles[i], rnd.IntN(24), y)
		}
		writeFile(t, filepath.Join(dir, name), b.Bytes())
	}
	clicks("clicks.csv", 0, known, 12000)
	clicks("new.csv", known, known+added, 3000)
	var b bytes.Buffer
	if err := npy.Write(&b, images, width); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "image.npy"), b.Bytes())
	writeFile(t, filepath.Join(dir, "items.txt"), []byte(strings.Join(ids, "\n")+"\n"))
	right := 0.0
	for _, p := range positive {
		for _, n := range negative {
			if p > n {
				right++
			} else if p == n {
				right += 0.5
			}
		}
	}
	return right / float64(len(positive)*len(negative))
}

func writeFile(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestNewItems trains on clicks and scores items that no click was seen of: by their ids nothing can be said, by what they
// are nearly as much as there is to know.
func TestNewItems(t *testing.T) {
	dir := t.TempDir()
	best := catalog(t, dir)
	auc := map[string]float64{}
	for name, features := range map[string]string{"ids": "item, hour", "image": "item, hour, image", "title": "item, hour, title", "both": "image, title"} {
		c := configure(t, dir, `
seed: 5
data:
  source: {path: PATH/clicks.csv, vectors: {image: {path: PATH/image.npy, on: item, ids: PATH/items.txt}}}
  target: click
  features: [`+features+`]
  columns: {title: {type: text}}
model: {hidden: [{units: 16}]}
train: {epochs: 6, batch: 64, optimizer: {learning_rate: 0.003}}
`)
		o := train(t, c)
		m := open(t, o.Folder)
		src := c.Data.Source
		src.Path = configfile.Strings{filepath.Join(dir, "new.csv")}
		r, report, err := m.Evaluate(context.Background(), src, "")
		if err != nil {
			t.Fatal(err)
		}
		if unseen := len(report.Unseen) == 1 && report.Unseen[0].Rows == r.Rows; unseen != strings.Contains(features, "item") {
			t.Errorf("%s: unseen %+v", name, report.Unseen)
		}
		if auc[name], err = r.Get("auc"); err != nil {
			t.Fatal(err)
		}
		p, err := model.Collect(m.Predict(context.Background(), src, "", encoding.Input{}))
		if err != nil || p.Rows != r.Rows {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Logf("AUC on new items: %.3f by ids, %.3f by images, %.3f by titles, %.3f by both; %.3f is the best there is", auc["ids"], auc["image"], auc["title"], auc["both"], best)
	if math.Abs(auc["ids"]-0.5) > 0.05 {
		t.Errorf("ids alone give %.3f", auc["ids"])
	}
	if auc["image"] < 0.6 || auc["title"] < 0.6 || auc["both"] < max(auc["image"], auc["title"]) || auc["both"] < best-0.1 {
		t.Errorf("AUC %v, at best %.3f", auc, best)
	}
}

// TestVectorCoefficients names the numbers of a vector in the coefficients of a linear model.
func TestVectorCoefficients(t *testing.T) {
	dir := t.TempDir()
	var b bytes.Buffer
	rnd := philox.New(2, 2)
	for range 400 {
		x, z := rnd.NormFloat64(), rnd.NormFloat64()
		fmt.Fprintf(&b, "{\"v\": [%g, %g], \"y\": %g}\n", x, z, 1+2*x-3*z)
	}
	writeFile(t, filepath.Join(dir, "rows.jsonl"), b.Bytes())
	c := configure(t, dir, `
data: {source: {path: PATH/rows.jsonl}, target: "y", columns: {v: {transform: standardize}}}
model: {kind: linear, solver: exact}
`)
	m := open(t, train(t, c).Folder)
	if m.Coefficients == nil || len(m.Coefficients.Features) != 2 || m.Coefficients.Features[1].Feature != "v[1]" {
		t.Fatalf("coefficients %+v", m.Coefficients)
	}
	got := m.Coefficients
	for i, v := range []float64{got.Intercept - 1, got.Features[0].Value - 2, got.Features[1].Value + 3} {
		if math.Abs(v) > 1e-3 {
			t.Errorf("coefficient %d is off by %v", i, v)
		}
	}
}
