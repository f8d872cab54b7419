package inspect

import (
	"cmp"
	"math"
	"slices"

	"debut/datasets/encoding"
	"debut/datasets/table"
)

const (
	// folds of rows are predicted from the rows of the others.
	folds = 5
	// smoothing rows of the average label are added to every value's.
	smoothing = 1.0
	// quantileBins is into how many bins of equal counts numbers are cut that
	// have more than fewValues distinct values.
	quantileBins = 100
	// mostCells bounds the counts kept for a column.
	mostCells = 1 << 22
	// leakage is from which strength on a column is suspicious.
	leakage = 0.98
)

// foldOf puts a row into a fold that does not depend on the order of values.
func foldOf(row int) int { return int(mix(0x6c65616b, uint64(row)) >> 33 % folds) }

// predictive returns how well a column alone predicts the label, nil where that
// cannot be told.
//
// Numbers are ranked (AUC by the Mann-Whitney statistic) or fitted by a line.
// All values, numbers in bins of equal counts, are moreover taken as categories:
// the label of a row is predicted by the average label of the rows of the same
// value in the other folds (target encoding with cross-fitting, Micci-Barreca
// 2001), so that values seen once say nothing. The better of both counts.
func (t *target) predictive(s *table.Series) *Strength {
	if s.Kind == table.Vector || t.rows < 4*leastOfClass {
		return nil
	}
	numbers := asNumbers(s)
	switch t.Task {
	case encoding.TaskBinary:
		if t.rare < leastOfClass {
			return nil
		}
		value := t.crossAUC(t.categories(s, numbers))
		if numbers != nil {
			value = max(value, t.rankAUC(numbers))
		}
		return &Strength{Measure: "auc", Value: value}
	case encoding.TaskMulticlass:
		if t.count < 2 || t.count > mostClasses {
			return nil
		}
		return &Strength{Measure: "information", Value: t.crossInformation(t.categories(s, numbers))}
	default:
		value := t.crossR2(t.categories(s, numbers))
		if numbers != nil {
			standardize(numbers)
			r, n := correlation(numbers, t.values)
			if n >= 4*leastOfClass {
				value = max(value, r*r)
			}
		}
		return &Strength{Measure: "r2", Value: value}
	}
}

// categories returns the values of a column as codes from 0, and how many there
// are. Missing values are a category, and values of a single row share one, as
// do the rarest where there are too many.
func (t *target) categories(s *table.Series, numbers []float64) (codes []int32, count int) {
	if numbers != nil {
		codes, count = binned(numbers)
	} else {
		codes = make([]int32, len(s.Codes))
		for i, c := range s.Codes {
			codes[i] = c + 1
		}
		count = len(s.Dict) + 1
	}
	rows := make([]int64, count)
	for _, c := range codes {
		rows[c]++
	}
	// 0 stays the category of missing values, 1 becomes that of all rare values.
	most := max(16, mostCells/(folds*max(2, t.count)))
	order := make([]int, 0, count)
	for c := 1; c < count; c++ {
		if rows[c] > 1 {
			order = append(order, c)
		}
	}
	if len(order) > most {
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rows[b], rows[a]) })
		order = order[:most]
	}
	renamed := make([]int32, count)
	for c := range renamed {
		renamed[c] = 1
	}
	renamed[0] = 0
	for i, c := range order {
		renamed[c] = int32(i + 2)
	}
	for i, c := range codes {
		codes[i] = renamed[c]
	}
	return codes, len(order) + 2
}

// binned returns the codes of numbers: their rank where they are few, else the
// bin between quantiles; 0 is missing.
func binned(numbers []float64) (codes []int32, count int) {
	sorted := make([]float64, 0, len(numbers))
	for _, v := range numbers {
		if !math.IsNaN(v) {
			sorted = append(sorted, v)
		}
	}
	slices.Sort(sorted)
	distinct := slices.Compact(slices.Clone(sorted))
	edges := distinct
	if len(distinct) > fewValues {
		edges = nil
		for b := 1; b <= quantileBins; b++ {
			edges = append(edges, quantile(sorted, float64(b)/quantileBins))
		}
		edges = slices.Compact(edges)
	}
	codes = make([]int32, len(numbers))
	for i, v := range numbers {
		if !math.IsNaN(v) {
			at, _ := slices.BinarySearch(edges, v)
			codes[i] = int32(min(at, len(edges)-1)) + 1
		}
	}
	return codes, len(edges) + 1
}

// rankAUC returns the AUC of numbers, or of their negatives if that is better;
// rows without a number do not count.
func (t *target) rankAUC(numbers []float64) float64 {
	type pair struct {
		value    float64
		positive bool
	}
	var pairs []pair
	var positives int64
	for i, v := range numbers {
		if c := t.classes[i]; c >= 0 && !math.IsNaN(v) {
			pairs = append(pairs, pair{v, c == 1})
			if c == 1 {
				positives++
			}
		}
	}
	negatives := int64(len(pairs)) - positives
	if positives < leastOfClass || negatives < leastOfClass {
		return 0.5
	}
	slices.SortFunc(pairs, func(a, b pair) int { return cmp.Compare(a.value, b.value) })
	var below, won float64 // negatives passed; comparisons won by positives
	for i := 0; i < len(pairs); {
		var pos, neg float64
		j := i
		for ; j < len(pairs) && pairs[j].value == pairs[i].value; j++ {
			if pairs[j].positive {
				pos++
			} else {
				neg++
			}
		}
		won += pos * (below + neg/2)
		below += neg
		i = j
	}
	auc := won / (float64(positives) * float64(negatives))
	return max(auc, 1-auc)
}

// crossAUC returns the AUC of cross-fitted rates of the positive class, averaged
// over folds: within a fold all rows were left out of the same fit.
func (t *target) crossAUC(codes []int32, count int) float64 {
	cells := make([][2]int32, folds*count) // of fold and code: negatives, positives
	totals := make([][2]int64, count)
	var all [2]int64
	var ofFold [folds][2]int64
	for i, c := range codes {
		if y := t.classes[i]; y >= 0 {
			fold := foldOf(i)
			cells[fold*count+int(c)][y]++
			totals[c][y]++
			ofFold[fold][y]++
			all[y]++
		}
	}
	type scored struct {
		score    float64
		neg, pos float64
	}
	won, compared := 0.0, 0.0
	for fold := range folds {
		rest := [2]int64{all[0] - ofFold[fold][0], all[1] - ofFold[fold][1]}
		if rest[0]+rest[1] == 0 {
			continue
		}
		prior := float64(rest[1]) / float64(rest[0]+rest[1])
		var list []scored
		for c := range count {
			cell := cells[fold*count+c]
			if cell[0]+cell[1] == 0 {
				continue
			}
			pos, neg := float64(totals[c][1]-int64(cell[1])), float64(totals[c][0]-int64(cell[0]))
			score := (pos + smoothing*prior) / (pos + neg + smoothing)
			if pos+neg == 0 || c == 1 {
				score = prior // rare values say nothing
			}
			list = append(list, scored{score, float64(cell[0]), float64(cell[1])})
		}
		slices.SortStableFunc(list, func(a, b scored) int { return cmp.Compare(a.score, b.score) })
		below := 0.0
		for i := 0; i < len(list); {
			pos, neg, j := 0.0, 0.0, i
			for ; j < len(list) && list[j].score == list[i].score; j++ {
				pos += list[j].pos
				neg += list[j].neg
			}
			won += pos * (below + neg/2)
			below += neg
			i = j
		}
		compared += float64(ofFold[fold][0]) * float64(ofFold[fold][1])
	}
	if compared == 0 {
		return 0.5
	}
	return won / compared
}

// crossInformation returns the share of the label's entropy that cross-fitted
// shares of the classes take away (the uncertainty coefficient), at least 0.
func (t *target) crossInformation(codes []int32, count int) float64 {
	k := t.count
	cells := make([]int32, folds*count*k)
	totals := make([]int64, count*k)
	all := make([]int64, k)
	ofFold := make([]int64, folds*k)
	for i, c := range codes {
		if y := t.classes[i]; y >= 0 {
			fold := foldOf(i)
			cells[(fold*count+int(c))*k+int(y)]++
			totals[int(c)*k+int(y)]++
			ofFold[fold*k+int(y)]++
			all[y]++
		}
	}
	before, after := 0.0, 0.0
	prior := make([]float64, k)
	for fold := range folds {
		sum := 0.0
		for y := range k {
			prior[y] = float64(all[y]-ofFold[fold*k+y]) + 1/float64(k)
			sum += prior[y]
		}
		for y := range k {
			prior[y] /= sum
			before -= float64(ofFold[fold*k+y]) * math.Log(prior[y])
		}
		for c := range count {
			cell := cells[(fold*count+c)*k : (fold*count+c+1)*k]
			rows := 0.0
			for y := range k {
				rows += float64(totals[c*k+y] - int64(cell[y]))
			}
			for y, n := range cell {
				if n == 0 {
					continue
				}
				p := (float64(totals[c*k+y]-int64(n)) + smoothing*prior[y]) / (rows + smoothing)
				after -= float64(n) * math.Log(p)
			}
		}
	}
	if before <= 0 {
		return 0
	}
	return max(0, 1-after/before)
}

// crossR2 returns the share of the label's variance that cross-fitted means
// explain, at least 0.
func (t *target) crossR2(codes []int32, count int) float64 {
	type sums struct{ n, y, yy float64 }
	cells, totals := make([]sums, folds*count), make([]sums, count)
	var all sums
	var ofFold [folds]sums
	add := func(s *sums, y float64) { s.n++; s.y += y; s.yy += y * y }
	for i, c := range codes {
		if y := t.values[i]; !math.IsNaN(y) {
			fold := foldOf(i)
			add(&cells[fold*count+int(c)], y)
			add(&totals[c], y)
			add(&ofFold[fold], y)
			add(&all, y)
		}
	}
	before, after := 0.0, 0.0
	for fold := range folds {
		f := ofFold[fold]
		if all.n == f.n {
			continue
		}
		prior := (all.y - f.y) / (all.n - f.n)
		before += f.yy - 2*prior*f.y + f.n*prior*prior
		for c := range count {
			cell := cells[fold*count+c]
			n, y := totals[c].n-cell.n, totals[c].y-cell.y
			p := (y + smoothing*prior) / (n + smoothing)
			after += cell.yy - 2*p*cell.y + cell.n*p*p
		}
	}
	if !(before > 0) {
		return 0
	}
	return max(0, 1-after/before)
}
