package factorization_test

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/table"
	"debut/datasets/warning"
	"debut/kernels/cpu"
	"debut/kernels/philox"
	"debut/trainers/factorization"
	"debut/trainers/families"
	"debut/trainers/model"
	"debut/trainers/recommender"
	"debut/trainers/recommender/recommendertest"
	"debut/trainers/run"
	"debut/trainers/runfolder"
)

const rated = `family: factorization
name: r
seed: 3
data: {sources: [{path: events.csv}], columns: {value: stars}, split: {method: random, validation: 0.1, test: 0.2}}
model: {algorithm: sgd, factors: 6}
`

// openRatings opens a model of ratings for the time of the test.
func openRatings(t testing.TB, path string, threads int) *factorization.RatingModel {
	t.Helper()
	dev, err := cpu.New(cpu.Options{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dev.Close() })
	m, err := families.Open(path, dev)
	if err != nil {
		t.Fatal(err)
	}
	r := m.(*factorization.RatingModel)
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// plantedFiles writes ratings of planted factors and biases with normal noise: train.csv and test.csv.
func plantedFiles(t testing.TB, users, items, rank, each int, noise float64) (dir string) {
	t.Helper()
	r := philox.New(17, 9)
	normal := func(n int, deviation float64) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = deviation * r.NormFloat64()
		}
		return x
	}
	size := math.Pow(float64(rank), -0.25) // products have unit variance
	p, q, bu, bi := normal(users*rank, size), normal(items*rank, size), normal(users, 0.5), normal(items, 0.5)
	var text [2]strings.Builder
	for k := range text {
		text[k].WriteString("user,item,stars\n")
	}
	order := make([]int32, items)
	for u := range users {
		r.PermInto(order)
		for k, i := range order[:each+each/10] {
			v := 8 + bu[u] + bi[i] + noise*r.NormFloat64()
			for c := range rank {
				v += p[u*rank+c] * q[int(i)*rank+c]
			}
			to := 0
			if k >= each {
				to = 1
			}
			fmt.Fprintf(&text[to], "u%d,i%d,%.4f\n", u, i, max(v, 0))
		}
	}
	dir = t.TempDir()
	recommendertest.Write(t, filepath.Join(dir, "events.csv"), text[0].String())
	recommendertest.Write(t, filepath.Join(dir, "test.csv"), text[1].String())
	return dir
}

func rmseOf(t testing.TB, o *run.Outcome, part string) float64 {
	t.Helper()
	r := o.Result.Metrics[part]
	if r == nil || r.Task != recommender.TaskRating {
		t.Fatalf("the %s part has %+v", part, r)
	}
	v, err := r.Get("rmse")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Ratings with planted factors are predicted as well as their noise lets them be, with nothing set: by steps within 2 %. Biases, which
// know nothing of factors, leave the rest.
func TestPlantedNoise(t *testing.T) {
	if testing.Short() {
		t.Skip("30 epochs over 400,000 ratings take long under the race detector; TestSameBits has all that runs on several goroutines")
	}
	const noise = 0.5
	dir := plantedFiles(t, 1000, 800, 2, 400, noise)
	const data = "data={sources: [{path: events.csv}], test: [{path: test.csv}], columns: {value: stars}}"
	for _, c := range []struct {
		algorithm   string
		least, most float64 // of RMSE / noise
	}{{"{algorithm: sgd}", 1, 1.02}, {"{algorithm: als, feedback: explicit, factors: 8}", 1, 1.03}, {"{algorithm: bias}", 2.1, 2.4}} {
		set := []string{data, "model=" + c.algorithm}
		if strings.Contains(c.algorithm, "als") {
			set = append(set, "train={epochs: 6}")
		}
		o := train(t, dir, rated, run.Options{Overwrite: true}, set...)
		got := rmseOf(t, o, run.PartTest) / noise
		t.Logf("%s: RMSE %.4f of the noise", c.algorithm, got)
		if !(got > c.least && got < c.most) {
			t.Errorf("%s: the RMSE of the test is %.4f of the noise, want from %v to %v", c.algorithm, got, c.least, c.most)
		}
	}
}

// What stars are counted in changes nothing: ratings from 0 to 100, or to 0.01, are predicted as those from 0 to 5, by the same defaults.
func TestScale(t *testing.T) {
	dir := ratings(t)
	plain := rmseOf(t, train(t, dir, rated, run.Options{}), run.PartTest)
	for _, scale := range []float64{0.002, 20} {
		var b strings.Builder
		b.WriteString("user,item,stars\n")
		for _, row := range rows(t, filepath.Join(dir, "events.csv"))[1:] {
			var v float64
			if _, err := fmt.Sscan(row[2], &v); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%s,%s,%v\n", row[0], row[1], scale*v)
		}
		other := t.TempDir()
		recommendertest.Write(t, filepath.Join(other, "events.csv"), b.String())
		if got := rmseOf(t, train(t, other, rated, run.Options{}), run.PartTest) / scale; math.Abs(got-plain) > 1e-3*plain {
			t.Errorf("in units of %v the RMSE is %v, else %v", scale, got, plain)
		}
	}
}

// posterior is the RMSE, of the noise, of the predictions for test.csv by somebody who knows the distributions that plantedFiles draws from and
// all but the draws: the means of the posterior, by Gibbs sampling (Salakhutdinov and Mnih, "Bayesian Probabilistic Matrix Factorization using
// Markov Chain Monte Carlo", 2008, without the hyperparameters, which are known). No predictions have a smaller square error on the average over sets.
func posterior(t testing.TB, dir string, users, items, rank int, noise float64) float64 {
	t.Helper()
	type rating struct {
		user, item int
		value      float64
	}
	read := func(file string) (list []rating, of [2][][]rating) {
		of[0], of[1] = make([][]rating, users), make([][]rating, items)
		for _, row := range rows(t, filepath.Join(dir, file))[1:] {
			var x rating
			if _, err := fmt.Sscanf(strings.Join(row, " "), "u%d i%d %g", &x.user, &x.item, &x.value); err != nil {
				t.Fatal(err)
			}
			list = append(list, x)
			of[0][x.user], of[1][x.item] = append(of[0][x.user], x), append(of[1][x.item], x)
		}
		return list, of
	}
	_, train := read("events.csv")
	test, _ := read("test.csv")
	r, n := philox.New(3, 3), rank+1
	x := [2][]float64{make([]float64, users*n), make([]float64, items*n)} // the bias of each, and its factors
	for side := range x {
		for k := range x[side] {
			x[side][k] = 0.3 * r.NormFloat64()
		}
	}
	a, b := make([]float64, n*n), make([]float64, n)
	draw := func(side, row int) {
		clear(a)
		clear(b)
		for c := range n { // the prior: biases of deviation 0.5, and factors of rank^-¼
			a[c*n+c] = math.Sqrt(float64(rank))
		}
		a[0] = 4
		for _, v := range train[side][row] {
			other := x[1-side][[]int{v.item, v.user}[side]*n:]
			y := append([]float64{1}, other[1:n]...)
			for c := range n {
				b[c] += y[c] * (v.value - 8 - other[0]) / (noise * noise)
				for e := range c + 1 {
					a[c*n+e] += y[c] * y[e] / (noise * noise)
				}
			}
		}
		for c := range n { // Cholesky's factor L in the place of the precision; b becomes L⁻¹·b and so much noise, and then the draw
			for e := range c + 1 {
				for k := range e {
					a[c*n+e] -= a[c*n+k] * a[e*n+k]
				}
				if e < c {
					a[c*n+e] /= a[e*n+e]
				} else {
					a[c*n+c] = math.Sqrt(a[c*n+c])
				}
			}
			for k := range c {
				b[c] -= a[c*n+k] * b[k]
			}
			b[c] /= a[c*n+c]
		}
		for c := n - 1; c >= 0; c-- {
			b[c] += r.NormFloat64()
			for k := c + 1; k < n; k++ {
				b[c] -= a[k*n+c] * b[k]
			}
			b[c] /= a[c*n+c]
		}
		copy(x[side][row*n:], b)
	}
	const burn, kept = 30, 50
	sums := make([]float64, len(test))
	for sweep := range burn + kept {
		for side := range x {
			for row := range train[side] {
				draw(side, row)
			}
		}
		if sweep < burn {
			continue
		}
		for k, v := range test {
			p, q := x[0][v.user*n:], x[1][v.item*n:]
			sums[k] += 8 + p[0] + q[0]
			for c := 1; c < n; c++ {
				sums[k] += p[c] * q[c]
			}
		}
	}
	square := 0.0
	for k, v := range test {
		square += (v.value - sums[k]/kept) * (v.value - sums[k]/kept)
	}
	return math.Sqrt(square/float64(len(test))) / noise
}

// Where users and items have few ratings, these do not say what the factors are, and the noise is out of reach, for anybody: the defaults come near
// what there is to be known.
func TestFewRatings(t *testing.T) {
	if testing.Short() {
		t.Skip("a sampler of a hundred thousand ratings takes long under the race detector; TestSameBits has all that runs on several goroutines")
	}
	for _, c := range []struct {
		users, items, rank, each int
		noise                    float64
		models                   map[string]float64 // RMSE, of the posterior's
	}{
		{600, 300, 2, 20, 0.8, map[string]float64{"{algorithm: sgd}": 1.03, "{feedback: explicit}": 1.04, "{algorithm: sgd, factors: 16}": 1.2}},
		{1500, 700, 3, 40, 0.5, map[string]float64{"{algorithm: sgd}": 1.03}},
	} {
		dir := plantedFiles(t, c.users, c.items, c.rank, c.each, c.noise)
		limit := posterior(t, dir, c.users, c.items, c.rank, c.noise)
		if !(limit > 1.04 && limit < 1.2) {
			t.Errorf("%d ratings a user: the posterior's error is %.4f of the noise", c.each, limit)
		}
		for model, most := range c.models {
			o := train(t, dir, rated, run.Options{Overwrite: true}, "data={sources: [{path: events.csv}], test: [{path: test.csv}], columns: {value: stars}}", "model="+model)
			got := rmseOf(t, o, run.PartTest) / c.noise
			t.Logf("%d ratings a user, %s: the RMSE is %.4f of the noise, the posterior's %.4f; %s", c.each, model, got, limit, o.Result.Protocol)
			if !(got < most*limit) {
				t.Errorf("%d ratings a user, %s: the RMSE is %.4f of the noise, that of the posterior %.4f", c.each, model, got, limit)
			}
			if p := o.Result.Protocol; !strings.Contains(p, "trials by the RMSE of 10 % of the ratings held back") || strings.Contains(p, "factors and the regularization chosen") == strings.Contains(model, "factors") {
				t.Errorf("the protocol is %q", p)
			}
		}
	}
}

// rows reads a CSV file.
func rows(t testing.TB, path string) [][]string {
	t.Helper()
	list, err := csv.NewReader(strings.NewReader(recommendertest.Read(t, path))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// kinds of models of ratings.
var ratingModels = []string{"{algorithm: sgd, factors: 6}", "{algorithm: als, feedback: explicit, factors: 4}", "{algorithm: bias}"}

// A model that is opened has the figures of its run, predicts what it is measured by, row by row, and falls back where it knows nothing:
// to what is known of the other, and to the mean.
func TestPredict(t *testing.T) {
	dir := ratings(t)
	recommendertest.Write(t, filepath.Join(dir, "test.csv"), "user,item,stars\nu1,i3,4\nu2,i7,1\nu2,i8,2.5\n")
	recommendertest.Write(t, filepath.Join(dir, "new.csv"), "note,item,user\na,i3,u1\nb,i3,nobody\n\"c, d\",\"no, thing\",u1\ne,🙂,nobody\nf, i7 ,u2\n")
	parts := "data={sources: [{path: events.csv}], test: [{path: test.csv}], columns: {value: stars}}"
	for k, algorithm := range ratingModels {
		o := train(t, dir, rated, run.Options{}, parts, "model="+algorithm, fmt.Sprint("name=m", k))
		m := openRatings(t, o.Folder, 2)
		r, report, err := m.Evaluate(t.Context(), table.Source{Path: configfile.Strings{"test.csv"}}, dir)
		if err != nil || fmt.Sprint(r.Values) != fmt.Sprint(o.Result.Metrics[run.PartTest].Values) || r.Rows != 3 || r.Task != m.Task() || report.Rows != 3 {
			t.Errorf("%s: the model has %+v, %v, the run %+v", algorithm, r, err, o.Result.Metrics[run.PartTest])
		}
		if want := metricsOf(t, m, filepath.Join(dir, "test.csv")); math.Abs(want-rmseOf(t, o, run.PartTest)) > 1e-12 {
			t.Errorf("%s: predictions are off by %v", algorithm, want)
		}
		src := table.Source{Path: configfile.Strings{"new.csv"}, Format: "auto"}
		p, err := model.Collect(m.Predict(t.Context(), src, dir, encoding.Input{Keep: []string{"note"}}))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, c := range p.Columns {
			names = append(names, c.Name)
		}
		if !slices.Equal(names, []string{"user", "item", "note", "prediction"}) || p.Rows != 5 || p.Report.Rows != 5 {
			t.Fatalf("%s: %d rows of %q", algorithm, p.Rows, names)
		}
		got := p.Columns[3].Values.([]float64)
		userAlone, itemAlone := m.Rate(1, -1), m.Rate(-1, 1)
		if u, _ := m.Shop.Users.Index("u1"); true {
			userAlone = m.Rate(u, -1)
		}
		if i, _ := m.Shop.Items.Index("i3"); true {
			itemAlone = m.Rate(-1, i)
		}
		if got[1] != itemAlone || got[2] != userAlone || got[3] != m.Rate(-1, -1) || math.Abs(got[3]-recommender.Mean(m.Histories)) > 1e-3 {
			t.Errorf("%s: predicted %v, of the item alone %v, of the user alone %v, of neither %v", algorithm, got, itemAlone, userAlone, m.Rate(-1, -1))
		}
		if u := p.Report.Unseen; len(u) != 2 || u[0].Column != "user" || u[0].Rows != 2 || u[1].Rows != 2 || !slices.Equal(u[1].Examples, []string{"no, thing", "🙂"}) {
			t.Errorf("%s: unseen are %+v", algorithm, u)
		}
		// A column is missing: an error, or on demand unknown.
		recommendertest.Write(t, filepath.Join(dir, "items.csv"), "item\ni3\n")
		src.Path = configfile.Strings{"items.csv"}
		var missing *table.MissingColumnError
		if _, err := model.Collect(m.Predict(t.Context(), src, dir, encoding.Input{})); !errors.As(err, &missing) || missing.Name != "user" {
			t.Errorf("%s: without a column of users: %v", algorithm, err)
		}
		if p, err = model.Collect(m.Predict(t.Context(), src, dir, encoding.Input{AllowMissing: true})); err != nil || p.Columns[1].Values.([]float64)[0] != itemAlone || !slices.Equal(p.Report.Absent, []string{"user"}) {
			t.Errorf("%s: allowed: %+v, %v", algorithm, p, err)
		}
		// Lists go by what is predicted.
		for l, err := range m.Recommend(t.Context(), model.Request{Users: []string{"u1"}, K: 60}) {
			if err != nil || !l.Known || len(l.Items) == 0 {
				t.Fatalf("%+v, %v", l, err)
			}
			u, _ := m.Shop.Users.Index("u1")
			for k, id := range l.Items {
				i, _ := m.Shop.Items.Index(id)
				if math.Abs(float64(l.Scores[k])-m.Rate(u, i)) > 1e-4 || k > 0 && l.Scores[k] > l.Scores[k-1] {
					t.Errorf("%s: %s has the score %v, and %v is predicted", algorithm, id, l.Scores[k], m.Rate(u, i))
				}
			}
		}
		if _, err := m.Similar("i3", 2); (err != nil) != (k == 2) || err != nil && !strings.Contains(err.Error(), "model: {algorithm: sgd}") {
			t.Errorf("%s: similar items: %v", algorithm, err)
		}
	}
}

// metricsOf is the RMSE of predictions for a file of ratings.
func metricsOf(t *testing.T, m *factorization.RatingModel, path string) float64 {
	t.Helper()
	p, err := model.Collect(m.Predict(t.Context(), table.Source{Path: configfile.Strings{path}, Format: "auto"}, "", encoding.Input{}))
	if err != nil {
		t.Fatal(err)
	}
	sum, list := 0.0, rows(t, path)[1:]
	for k, v := range p.Columns[2].Values.([]float64) {
		var y float64
		if _, err := fmt.Sscan(list[k][2], &y); err != nil {
			t.Fatal(err)
		}
		sum += (y - v) * (y - v)
	}
	return math.Sqrt(sum / float64(len(list)))
}

// Bad ratings are refused with their place, strange ones said what is done with, and each remedy is one.
func TestRatingInput(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "events.csv")
	text := "user,item,stars,at\n\"a, b\",\"tea, green\",4,1\n\"a, b\",☕,2,2\n🙂,☕,1,3\n🙂,\"tea, green\",5,4\nc,☕,0,5\nc,\"tea, green\",3,6\n"
	const data = "data={sources: [{path: events.csv}], columns: {value: stars}}"
	for _, c := range []struct{ rows, want string }{
		{"d,☕,-1,7", "events.csv:8"}, {"d,☕,NaN,7", "events.csv:8"}, {"d,☕,inf,7", "events.csv:8"}, {"d,☕,good,7", "events.csv:8"}, {"d,☕,,7", "events.csv:8"}, {"d,☕,2e12,7", "events.csv:8"}, {",☕,1,7", "events.csv:8"},
	} {
		recommendertest.Write(t, file, text+c.rows+"\n")
		if _, err := start(t.Context(), t, dir, rated, run.Options{}, data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", c.rows, err, c.want)
		}
	}
	// Several ratings of an item come to their mean, to the latest where that is asked for, as the warning says.
	recommendertest.Write(t, file, text+"🙂,☕,5,9\n")
	for set, want := range map[string]float64{data: 3, "data={sources: [{path: events.csv}], columns: {value: stars, time: at}, aggregate: last}": 5} {
		for _, algorithm := range ratingModels[2:] { // all read the same
			o := train(t, dir, rated, run.Options{Overwrite: true}, set, "model="+algorithm)
			m := openRatings(t, o.Folder, 1)
			u, _ := m.Shop.Users.Index("🙂")
			items, values := m.Histories.Row(int(u))
			i, _ := m.Shop.Items.Index("☕")
			if k := slices.Index(items, i); k < 0 || float64(values[k]) != want {
				t.Errorf("%s: the rating is %v, want %v", set, values, want)
			}
			told := o.Result.Warnings.Named(warning.Read)
			if len(told) != 1 || !strings.Contains(told[0].Message, "1 pairs of a user and an item have several ratings") || (told[0].Remedy != "") != (want == 3) {
				t.Errorf("%s: told %v", set, told)
			}
			for l, err := range m.Recommend(t.Context(), model.Request{Users: []string{"a, b", "🙂"}, K: 3, Seen: true}) {
				if err != nil || len(l.Items) != 2 || !l.Known {
					t.Errorf("%+v, %v", l, err)
				}
			}
		}
	}
	// Ratings that are all the same.
	recommendertest.Write(t, file, "user,item,stars\na,x,3\nb,y,3\nb,x,3\n")
	for _, algorithm := range ratingModels {
		o := train(t, dir, rated, run.Options{Overwrite: true}, data, "model="+algorithm)
		if told := o.Result.Warnings.Named(warning.Read); len(told) != 1 || !strings.Contains(told[0].Message, "all 3 ratings of the training part are 3") {
			t.Errorf("%s: told %v", algorithm, told)
		}
		if v := openRatings(t, o.Folder, 1).Rate(0, 1); math.Abs(v-3) > 0.05 { // first factors are no zeros
			t.Errorf("%s: %v is predicted", algorithm, v)
		}
	}
	// Users and items of test alone.
	recommendertest.Write(t, file, text)
	recommendertest.Write(t, filepath.Join(dir, "test.csv"), "user,item,stars\nc,☕,1\nstranger,☕,1\nc,strange,1\n")
	for _, algorithm := range ratingModels {
		o := train(t, dir, rated, run.Options{Overwrite: true}, "data={sources: [{path: events.csv}], test: [{path: test.csv}], columns: {value: stars}}", "model="+algorithm)
		told := o.Result.Warnings.Named(warning.Unseen)
		if len(told) != 2 || !strings.Contains(told.String(), "what is known of an item alone predicts") || !strings.Contains(told.String(), "what is known of a user alone predicts") || o.Result.Metrics[run.PartTest].Rows != 3 {
			t.Errorf("%s: told %v of %+v", algorithm, told, o.Result.Metrics)
		}
		m := openRatings(t, o.Folder, 1)
		u, _ := m.Shop.Users.Index("stranger")
		i, _ := m.Shop.Items.Index("☕")
		if v, want := m.Rate(u, i), m.Rate(-1, i); math.Abs(v-want) > 1e-6 {
			t.Errorf("%s: a user without ratings has %v, and %v is what the item has", algorithm, v, want)
		}
	}
}

// A model folder that lacks what somebody is folded in by is none.
func TestTamperedRatings(t *testing.T) {
	dir := ratings(t)
	for k, algorithm := range ratingModels {
		o := train(t, dir, rated, run.Options{}, "model="+algorithm, fmt.Sprint("name=t", k))
		path := filepath.Join(o.Folder, runfolder.ModelDir, runfolder.ModelFile)
		text := recommendertest.Read(t, path)
		changed := regexp.MustCompile(`,\s*"regularization": [0-9.e-]+|"regularization": [0-9.e-]+,`).ReplaceAllString(text, "")
		if changed == text {
			t.Fatalf("%s: nothing is changed in %s", algorithm, text)
		}
		recommendertest.Write(t, path, changed)
		if _, err := open(t, o.Folder, 1); err == nil || !strings.Contains(err.Error(), "regularization, exponent or learning_rate is missing") {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
}

// Settings that models of ratings have not.
func TestRefusedRatings(t *testing.T) {
	for _, c := range []struct{ set, want string }{
		{"model={algorithm: bias, factors: 3}", "the algorithm bias has no such setting"},
		{"model={algorithm: bias, regularization: -1}", "finite number from 0"},
		{"model={algorithm: sgd, unobserved: 1}", "the algorithm sgd has no such setting"},
		{"model={algorithm: sgd, factors: 0, decay: 2}", "must be from 0.001 to 1"},
		{"evaluation={cutoffs: [5]}", "leave the section out"},
		{"evaluation={keep_seen: true}", "leave the section out"},
		{"data.columns={user: user}", "name it, columns: {value: rating}"},
		{"data.sources=[{path: a.txt, format: adjacency}]", "an adjacency list has no ratings"},
		{"train.early_stopping={metric: recall@10}", `unknown metric "recall@10" for a rating target, whose metrics are mse, rmse, mae, r2`},
		{"train.early_stopping={metric: mae, patience: 2}", ""},
		{"data.sources=[{path: a.txt, format: log}]", ""},
	} {
		_, err := families.Parse("run.yaml", []byte(rated), []string{c.set})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want an error with %q", c.set, err, c.want)
		}
	}
	for _, set := range []string{"train={epochs: 3}", "train={early_stopping: {patience: 3}}"} {
		if _, err := families.Parse("run.yaml", []byte(rated), []string{"model={algorithm: bias}", set}); err == nil || !strings.Contains(err.Error(), "found in one go; leave the section out") {
			t.Errorf("%s: %v", set, err)
		}
	}
	if _, err := families.Parse("run.yaml", []byte(rated), []string{"model={algorithm: bias}", "checkpoint={every_steps: 3}"}); err == nil || !strings.Contains(err.Error(), "found in one go") {
		t.Errorf("%v", err)
	}
}

// A model that is worse than the mean is told of; the remedy comes to the mean.
func TestWorseThanMean(t *testing.T) {
	r := philox.New(5, 5)
	var b strings.Builder
	b.WriteString("user,item,stars\n")
	for u := range 80 {
		for i := range 40 {
			fmt.Fprintf(&b, "u%d,i%d,%.3f\n", u, i, 5+r.NormFloat64())
		}
	}
	dir := t.TempDir()
	recommendertest.Write(t, filepath.Join(dir, "events.csv"), b.String())
	o := train(t, dir, rated, run.Options{}, "model={algorithm: sgd, factors: 30, regularization: 0, learning_rate: 0.1}", "train={epochs: 40}", "data.split={method: random, validation: 0}")
	told := o.Result.Warnings.Named(warning.WorseThanPlain)
	if len(told) != 1 || !strings.Contains(told[0].Remedy, "model: {algorithm: bias, regularization: 100}") {
		t.Fatalf("told %v", o.Result.Warnings)
	}
	better := train(t, dir, rated, run.Options{Overwrite: true}, "model={algorithm: bias, regularization: 100}", "data.split={method: random, validation: 0}")
	mean := o.Result.Metrics[run.PartTest].Plain
	if got := rmseOf(t, better, run.PartTest); got > math.Sqrt(mean.Value)*1.01 || got > 0.8*rmseOf(t, o, run.PartTest) {
		t.Errorf("the remedy's RMSE is %v, that of the mean %v, without the remedy %v", got, math.Sqrt(mean.Value), rmseOf(t, o, run.PartTest))
	}
}

// A part that is read again gives what the run measured.
func TestSampleRatings(t *testing.T) {
	dir := ratings(t)
	for k, algorithm := range ratingModels {
		o := train(t, dir, rated, run.Options{}, "model="+algorithm, fmt.Sprint("name=s", k))
		c, err := families.Parse("run.yaml", []byte(rated), []string{"model=" + algorithm})
		if err != nil {
			t.Fatal(err)
		}
		m := openRatings(t, o.Folder, 1)
		s, err := c.(run.Sampler).SamplePart(context.Background(), m, dir, run.PartTest, nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Measure()
		if err != nil || fmt.Sprint(r.Values) != fmt.Sprint(o.Result.Metrics[run.PartTest].Values) || s.Rows["seed"] != "3" {
			t.Errorf("%s: %+v, %v; the run has %+v", algorithm, r, err, o.Result.Metrics[run.PartTest])
		}
		for _, part := range []string{run.PartTest, run.PartTrain} {
			answers, err := c.(run.PartPredictor).PredictPart(context.Background(), m, dir, part, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			p, err := model.Collect(answers.Predictions)
			if err != nil || len(answers.Files) != 1 || len(p.Columns) != 4 || p.Columns[2].Name != "stars" {
				t.Fatalf("%s: %+v, %v", algorithm, p, err)
			}
			if part == run.PartTrain {
				if p.Rows != int(m.Histories.Len()) {
					t.Errorf("%s: %d predictions of %d ratings", algorithm, p.Rows, m.Histories.Len())
				}
				continue
			}
			ratings, predicted := p.Columns[2].Values.([]float64), p.Columns[3].Values.([]float64)
			if !slices.Equal(ratings, s.Targets) || !slices.Equal(predicted, s.Outputs) {
				t.Errorf("%s: predictions of the part are not those it is measured by", algorithm)
			}
		}
	}
}
