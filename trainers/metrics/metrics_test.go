package metrics

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// failer is what testing.T and rapid.T share.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
	Error(args ...any)
	Fatal(args ...any)
}

func near(t failer, what string, got, want float64) {
	t.Helper()
	if math.IsNaN(want) != math.IsNaN(got) || math.Abs(got-want) > 1e-12*math.Max(1, math.Abs(want)) {
		t.Errorf("%s = %.17g, want %.17g", what, got, want)
	}
}

func check(t failer, r *Result, want map[string]float64) {
	t.Helper()
	for name, w := range want {
		got, err := r.Get(name)
		if err != nil {
			t.Error(err)
		}
		near(t, name, got, w)
	}
}

func must(t failer) func(*Result, error) *Result {
	return func(r *Result, err error) *Result {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
}

func logit(p float64) float64 { return math.Log(p / (1 - p)) }

func TestBinaryByHand(t *testing.T) {
	// The example of scikit-learn's documentation: AUC 0.75, average precision 0.8333….
	logits := []float64{logit(0.1), logit(0.4), logit(0.35), logit(0.8)}
	r := must(t)(Binary(logits, []float64{0, 0, 1, 1}, nil, 0.5))
	check(t, r, map[string]float64{
		"auc": 0.75, "average_precision": 0.5*1 + 0.5*2.0/3,
		"log_loss":           -(math.Log(0.9) + math.Log(0.6) + math.Log(0.35) + math.Log(0.8)) / 4,
		"normalized_entropy": -(math.Log(0.9) + math.Log(0.6) + math.Log(0.35) + math.Log(0.8)) / 4 / math.Ln2,
		"brier":              (0.01 + 0.16 + 0.65*0.65 + 0.04) / 4,
		"accuracy":           0.75, "precision": 1, "recall": 0.5, "f1": 2.0 / 3,
	})
	if !reflect.DeepEqual(r.Confusion.Counts, [][]float64{{2, 0}, {1, 1}}) {
		t.Errorf("confusion %v", r.Confusion.Counts)
	}
	near(t, "recall of class 0", r.Classes[0].Recall, 1)
	near(t, "precision of class 0", r.Classes[0].Precision, 2.0/3)

	// A confident mistake: the loss is the logit, not infinite.
	r = must(t)(Binary([]float64{1000, -1000}, []float64{0, 1}, nil, 0.5))
	check(t, r, map[string]float64{"log_loss": 1000, "auc": 0, "precision": 0, "f1": 0})
	// All tied.
	r = must(t)(Binary([]float64{2, 2, 2}, []float64{0, 1, 1}, nil, 0.5))
	check(t, r, map[string]float64{"auc": 0.5, "average_precision": 2.0 / 3})
	// One class.
	r = must(t)(Binary([]float64{1, -2}, []float64{1, 1}, nil, 0.5))
	check(t, r, map[string]float64{"auc": math.NaN(), "average_precision": 1, "recall": 0.5})
	r = must(t)(Binary([]float64{-1, -2}, []float64{0, 0}, nil, 0.5))
	check(t, r, map[string]float64{"auc": math.NaN(), "average_precision": math.NaN(), "lift@10%": math.NaN(), "precision": math.NaN(), "recall": math.NaN(), "f1": math.NaN(), "accuracy": 1})
	if r.Undefined["f1"] != "no row is positive" || r.Undefined["accuracy"] != "" {
		t.Errorf("undefined: %v", r.Undefined)
	}
	// The threshold itself is positive.
	r = must(t)(Binary([]float64{0, -1}, []float64{1, 0}, nil, 0.5))
	check(t, r, map[string]float64{"accuracy": 1})
}

func TestMultiClassByHand(t *testing.T) {
	// true 0 1 2 0 1 2 predicted 0 2 1 0 0 1: scikit-learn's macro F1 example, 0.2666….
	pred := []int{0, 2, 1, 0, 0, 1}
	labels := []int{0, 1, 2, 0, 1, 2}
	logits := make([]float64, 0, 18)
	for _, p := range pred {
		z := []float64{0, 0, 0}
		z[p] = math.Log(2) // softmax 1/2, 1/4, 1/4
		logits = append(logits, z...)
	}
	r := must(t)(MultiClass(logits, 3, labels, nil, []string{"a", "b", "c"}))
	check(t, r, map[string]float64{
		"accuracy":        1.0 / 3,
		"precision_macro": 2.0 / 9, "recall_macro": 1.0 / 3, "f1_macro": 0.8 / 3,
		"precision_weighted": 2.0 / 9, "recall_weighted": 1.0 / 3, "f1_weighted": 0.8 / 3,
		"log_loss": (2*math.Log(2) + 4*math.Log(4)) / 6,
	})
	if !reflect.DeepEqual(r.Confusion.Counts, [][]float64{{2, 0, 0}, {1, 0, 1}, {0, 2, 0}}) {
		t.Errorf("confusion %v", r.Confusion.Counts)
	}
	if r.Classes[0].Class != "a" || r.Classes[0].Support != 2 || r.Classes[0].Predicted != 3 {
		t.Errorf("%+v", r.Classes[0])
	}
	// A class that neither occurs nor is predicted does not lower the macro average; ties go to the lowest class.
	r = must(t)(MultiClass([]float64{1, 1, 0, 0, 5, -3}, 3, []int{0, 1}, nil, nil))
	check(t, r, map[string]float64{"f1_macro": 1, "accuracy": 1})
	if r.Confusion.Classes[2] != "2" {
		t.Errorf("%v", r.Confusion.Classes)
	}
	r = must(t)(MultiClass([]float64{1000, -1000}, 2, []int{1}, nil, nil))
	check(t, r, map[string]float64{"log_loss": 2000})
}

func TestRegressionByHand(t *testing.T) {
	r := must(t)(Regression([]float64{2.5, 0, 2, 8}, []float64{3, -0.5, 2, 7}, nil))
	check(t, r, map[string]float64{"mse": 0.375, "rmse": math.Sqrt(0.375), "mae": 0.5, "r2": 1 - 1.5/29.1875})
	r = must(t)(Regression([]float64{1, 2}, []float64{0.1, 0.1}, nil))
	check(t, r, map[string]float64{"r2": math.NaN()})
	r = must(t)(Regression([]float64{1, 2, 9}, []float64{3, 3, 4}, []float64{1, 1, 0}))
	check(t, r, map[string]float64{"r2": math.NaN(), "mse": 2.5})
}

// TestAUCPairs compares AUC and average precision with their definitions.
func TestAUCPairs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "n")
		scores := rapid.SliceOfN(rapid.Map(rapid.IntRange(-5, 5), func(i int) float64 { return float64(i) }), n, n).Draw(t, "scores")
		labels := rapid.SliceOfN(rapid.Map(rapid.Bool(), func(b bool) float64 {
			if b {
				return 1
			}
			return 0
		}), n, n).Draw(t, "labels")
		weights := rapid.SliceOfN(rapid.Float64Range(0.1, 3), n, n).Draw(t, "weights")
		wins, pairs := 0.0, 0.0
		positives, average := 0.0, 0.0
		for i := range n {
			if labels[i] != 1 {
				continue
			}
			above, hits := 0.0, 0.0
			for j := range n {
				if scores[j] >= scores[i] {
					above += weights[j]
					hits += weights[j] * labels[j]
				}
				if labels[j] == 1 {
					continue
				}
				w := weights[i] * weights[j]
				pairs += w
				switch {
				case scores[i] > scores[j]:
					wins += w
				case scores[i] == scores[j]:
					wins += w / 2
				}
			}
			positives += weights[i]
			average += weights[i] * hits / above
		}
		r, err := Binary(scores, labels, weights, 0.5)
		if err != nil {
			t.Fatal(err)
		}
		auc, _ := r.Values.Get("auc")
		ap, _ := r.Values.Get("average_precision")
		if math.IsNaN(auc) != (pairs == 0) || pairs > 0 && math.Abs(auc-wins/pairs) > 1e-12 {
			t.Fatalf("auc %v, pairs give %v", auc, wins/pairs)
		}
		if math.IsNaN(ap) != (positives == 0) || positives > 0 && math.Abs(ap-average/positives) > 1e-12 {
			t.Fatalf("average precision %v, the definition gives %v", ap, average/positives)
		}
	})
}

// TestWeightsReplicate checks that a row of weight w counts as w rows.
func TestWeightsReplicate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 20).Draw(t, "n")
		const c = 3
		logits := rapid.SliceOfN(rapid.Float64Range(-20, 20), n*c, n*c).Draw(t, "logits")
		labels := rapid.SliceOfN(rapid.IntRange(0, c-1), n, n).Draw(t, "labels")
		times := rapid.SliceOfN(rapid.IntRange(0, 3), n, n).Draw(t, "times")
		times[0] = 1
		weights := make([]float64, n)
		first, binary := make([]float64, n), make([]float64, n)
		var logitsR, firstR, binaryR []float64
		var labelsR []int
		for i := range n {
			weights[i] = float64(times[i])
			first[i], binary[i] = logits[i*c], float64(labels[i]%2)
			for range times[i] {
				logitsR = append(logitsR, logits[i*c:(i+1)*c]...)
				labelsR = append(labelsR, labels[i])
				firstR = append(firstR, first[i])
				binaryR = append(binaryR, binary[i])
			}
		}
		compare := func(weighted *Result, err error) func(*Result, error) {
			return func(repeated *Result, err2 error) {
				if err != nil || err2 != nil {
					t.Fatal(err, err2)
				}
				if weighted.Weight != repeated.Weight || !reflect.DeepEqual(weighted.Confusion, repeated.Confusion) || !reflect.DeepEqual(weighted.Classes, repeated.Classes) {
					t.Fatalf("%+v\n%+v", weighted, repeated)
				}
				for k, v := range weighted.Values {
					near(t, v.Name, v.Value, repeated.Values[k].Value)
				}
			}
		}
		compare(MultiClass(logits, c, labels, weights, nil))(MultiClass(logitsR, c, labelsR, nil, nil))
		compare(Binary(first, binary, weights, 0.3))(Binary(firstR, binaryR, nil, 0.3))
		compare(Regression(first, binary, weights))(Regression(firstR, binaryR, nil))
	})
}

func TestInputErrors(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for what, f := range map[string]func() (*Result, error){
		"row 1: the logit is NaN":                 func() (*Result, error) { return Binary([]float64{0, nan}, []float64{0, 1}, nil, .5) },
		"row 0: the logit is +Inf":                func() (*Result, error) { return Binary([]float64{inf}, []float64{0}, nil, .5) },
		"row 0: label 2":                          func() (*Result, error) { return Binary([]float64{0}, []float64{2}, nil, .5) },
		"2 predictions but 1 labels":              func() (*Result, error) { return Binary([]float64{0, 1}, []float64{0}, nil, .5) },
		"there are no rows":                       func() (*Result, error) { return Binary(nil, nil, nil, .5) },
		"threshold 1":                             func() (*Result, error) { return Binary([]float64{0}, []float64{0}, nil, 1) },
		"threshold NaN":                           func() (*Result, error) { return Binary([]float64{0}, []float64{0}, nil, nan) },
		"1 predictions but 2 weights":             func() (*Result, error) { return Binary([]float64{0}, []float64{0}, []float64{1, 1}, .5) },
		"row 0: weight -1":                        func() (*Result, error) { return Binary([]float64{0}, []float64{0}, []float64{-1}, .5) },
		"row 0: weight NaN":                       func() (*Result, error) { return Regression([]float64{0}, []float64{0}, []float64{nan}) },
		"all weights are zero":                    func() (*Result, error) { return Regression([]float64{0}, []float64{0}, []float64{0}) },
		"row 1: the prediction is -Inf":           func() (*Result, error) { return Regression([]float64{0, -inf}, []float64{0, 0}, nil) },
		"row 0: the target is NaN":                func() (*Result, error) { return Regression([]float64{0}, []float64{nan}, nil) },
		"row 1: a logit is NaN":                   func() (*Result, error) { return MultiClass([]float64{0, 0, 0, nan}, 2, []int{0, 1}, nil, nil) },
		"row 0: label 2; the classes are":         func() (*Result, error) { return MultiClass([]float64{0, 0}, 2, []int{2}, nil, nil) },
		"3 logits for 1 rows of 2 classes":        func() (*Result, error) { return MultiClass([]float64{0, 0, 0}, 2, []int{0}, nil, nil) },
		"1 classes; at least 2":                   func() (*Result, error) { return MultiClass([]float64{0}, 1, []int{0}, nil, nil) },
		"2 classes but 1 names":                   func() (*Result, error) { return MultiClass([]float64{0, 0}, 2, []int{0}, nil, []string{"a"}) },
		"1 predictions but 0 targets":             func() (*Result, error) { return Regression([]float64{0}, nil, nil) },
		"the sum of the weights overflows":        func() (*Result, error) { return Regression([]float64{0, 0}, []float64{0, 0}, []float64{1e308, 1e308}) },
		"cannot compute metrics: there are no ro": func() (*Result, error) { return MultiClass(nil, 2, nil, nil, nil) },
	} {
		r, err := f()
		if err == nil || !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), what) {
			t.Errorf("%q: got %v, %v", what, r, err)
		}
	}
}

// TestLossesOfRegressions compares with values by hand: 2·(2·log(2/3) − 2 + 3) and 2·0.5, weighted 1 and 3; pinball losses of
// one below by 1 and one above by 1.
func TestLossesOfRegressions(t *testing.T) {
	pred, target, weights := []float64{3, .5}, []float64{2, 0}, []float64{1, 3}
	r := must(t)(Regression(pred, target, weights))
	r.AddPoissonDeviance(pred, target, weights)
	r.AddPinball([]float64{3, -1}, target, weights, .9)
	for name, want := range map[string]float64{
		PoissonDeviance: (2*(2*math.Log(2.0/3)+1) + 3*1) / 4,
		Pinball:         (.1*1 + 3*.9*1) / 4,
	} {
		if got, err := r.Get(name); err != nil || math.Abs(got-want) > 1e-15 {
			t.Errorf("%s %v, want %v; %v", name, got, want, err)
		}
	}
	for _, wrong := range [][2]float64{{0, 1}, {-1, 1}, {1, -1}} {
		r := must(t)(Regression(wrong[:1], wrong[1:], nil))
		r.AddPoissonDeviance(wrong[:1], wrong[1:], nil)
		if got, _ := r.Values.Get(PoissonDeviance); !math.IsNaN(got) {
			t.Errorf("%v: deviance %v", wrong, got)
		}
	}
}

func TestNames(t *testing.T) {
	results := []*Result{
		must(t)(Binary([]float64{0}, []float64{0}, nil, .5)),
		must(t)(MultiClass([]float64{0, 0, 0, 0, 0, 0}, 6, []int{0}, nil, nil)),
		must(t)(Regression([]float64{0}, []float64{0}, nil)),
	}
	results[0].addGroupAUC([]float64{0}, []float64{0}, nil, []uint32{0})
	results[2].AddPoissonDeviance([]float64{0}, []float64{0}, nil)
	results[2].AddPinball([]float64{0}, []float64{0}, nil, .5)
	for _, r := range results {
		var names []string
		for _, v := range r.Values {
			for _, m := range catalogs[r.Task].Metrics { // a metric of several cutoffs is listed once
				if m.matches(v.Name) && !slices.Contains(names, m.Name) {
					names = append(names, m.Name)
				}
			}
			if _, err := Higher(v.Name); err != nil {
				t.Error(err)
			}
			if err := Check(r.Task, v.Name); err != nil {
				t.Error(err)
			}
		}
		if !reflect.DeepEqual(names, Names(r.Task)) {
			t.Errorf("%s: computed %v, listed %v", r.Task, names, Names(r.Task))
		}
	}
	for name, want := range map[string]bool{"auc": true, "log_loss": false, "rmse": false, "r2": true, "f1_macro": true, "lift@2%": true, "lift@100%": true, "top_k_accuracy@7": true} {
		if got, err := Higher(name); err != nil || got != want {
			t.Errorf("Higher(%s) = %v, %v", name, got, err)
		}
	}
	if _, err := Higher("logloss"); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), `did you mean "log_loss"?`) {
		t.Error(err)
	}
	for _, name := range []string{"lift@0%", "lift@101%", "lift@05%", "lift@5", "lift@%", "top_k_accuracy@5%"} {
		if _, err := Higher(name); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Check(TaskMultiClass, "f1_micro"); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "use accuracy") {
		t.Error(err)
	}
	if err := Check(TaskRegression, "auc"); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "whose metrics are mse, rmse, mae, r2") {
		t.Error(err)
	}
	if err := Check("x", "auc"); err == nil {
		t.Error("an unknown task passed")
	}
	if _, err := results[0].Get("mse"); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
}

func TestJSON(t *testing.T) {
	r := must(t)(Binary([]float64{0, 1}, []float64{0, 0}, nil, .5))
	r.NameClasses([]string{"stays", "buys"})
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(b), `{"task":"binary","rows":2,"weight":2,"values":{"auc":null,"average_precision":null,"lift@1%":null,"lift@5%":null,"lift@10%":null,"log_loss":1.0032044340`) ||
		!strings.Contains(string(b), `"undefined":{"auc":"no row is positive",`) ||
		!strings.Contains(string(b), `"confusion":{"classes":["stays","buys"],"counts":[[0,2],[0,0]]}`) {
		t.Errorf("%s", b)
	}
	var back Result
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(back)
	if err != nil || string(again) != string(b) {
		t.Errorf("%s\n%s\n%v", b, again, err)
	}
	for _, bad := range []string{`3`, `{"a":"x"}`, `[1]`} {
		var v Values
		if err := json.Unmarshal([]byte(bad), &v); err == nil {
			t.Errorf("%s was read as %v", bad, v)
		}
	}
}

// TestLift compares with counting: of 200 rows the first 10 % are 20, of which 15 are positive; of all 200, 30.
func TestLift(t *testing.T) {
	scores, labels := make([]float64, 200), make([]float64, 200)
	for i := range scores {
		scores[i] = -float64(i)
		if i < 20 && i%4 != 3 || i >= 100 && i < 115 {
			labels[i] = 1
		}
	}
	r := must(t)(Binary(scores, labels, nil, .5))
	check(t, r, map[string]float64{"lift@1%": 1 / .15, "lift@5%": .8 / .15, "lift@10%": .75 / .15})
	// Half of the rows at the boundary are among the first, whichever they are.
	for i := 15; i < 25; i++ {
		scores[i] = -15
	}
	r = must(t)(Binary(scores, labels, nil, .5))
	check(t, r, map[string]float64{"lift@10%": (12 + 3./2) / 20 / .15})
	// A row of weight 2 is two rows.
	weights := slices.Repeat([]float64{2}, 200)
	check(t, must(t)(Binary(scores, labels, weights, .5)), map[string]float64{"lift@10%": (12 + 3./2) / 20 / .15})
	// No score tells anything.
	check(t, must(t)(Binary(make([]float64, 200), labels, nil, .5)), map[string]float64{"lift@1%": 1, "lift@10%": 1})
}

func TestCalibrationByHand(t *testing.T) {
	// Bins of 1/15: two rows at 0.1 and two at 0.9.
	r := must(t)(Binary([]float64{logit(.1), logit(.1), logit(.9), logit(.9)}, []float64{0, 1, 1, 1}, []float64{1, 1, 1, 3}, .5))
	check(t, r, map[string]float64{"ece": (2*.4 + 4*.1) / 6})
	if b := r.Calibration.Bins; len(b) != 2 || b[0].Weight != 2 || b[1].Weight != 4 || b[0].Observed != .5 {
		t.Errorf("bins %+v", b)
	}
	near(t, "low", r.Calibration.Bins[1].Low, 13./15)
	near(t, "predicted", r.Calibration.Bins[1].Predicted, .9)
	// A probability of 1 is in the last bin.
	r = must(t)(Binary([]float64{1000, -1000}, []float64{1, 1}, nil, .5))
	check(t, r, map[string]float64{"ece": .5})
	// Of several classes the predicted one counts: 3/4 and 1/2, right and wrong.
	r = must(t)(MultiClass([]float64{math.Log(6), 0, 0, math.Log(2), 0, 0}, 3, []int{0, 1}, nil, nil))
	check(t, r, map[string]float64{"ece": (.25 + .5) / 2})
}

// TestOneVersusRest compares with scikit-learn 1.2.1:
//
//	roc_auc_score(y, p, multi_class="ovr", average="macro"), the same with "weighted", and with sample_weight;
//	top_k_accuracy_score(y, p, k=3)
func TestOneVersusRest(t *testing.T) {
	const n, c = 12, 4
	logits, labels, weights := make([]float64, n*c), make([]int, n), make([]float64, n)
	for i := range labels {
		labels[i], weights[i] = int("011122223330"[i]-'0'), float64(1+i%3)
		for k := range c {
			logits[i*c+k] = float64((i*31+k*17+i*k*5)%19)/8 - 1 + float64(k)/1000
		}
	}
	check(t, must(t)(MultiClass(logits, c, labels, nil, nil)), map[string]float64{"auc_ovr": 0.6244212962962963, "auc_ovr_weighted": 0.6504629629629629, "top_k_accuracy@3": 0.9166666666666666})
	check(t, must(t)(MultiClass(logits, c, labels, weights, nil)), map[string]float64{"auc_ovr": 0.7282262731481483})
	// A class without rows does not count; with one class alone there is nothing to compare.
	r := must(t)(MultiClass([]float64{1, 0, 0, 0, 1, 0}, 3, []int{0, 1}, nil, nil))
	check(t, r, map[string]float64{"auc_ovr": 1})
	r = must(t)(MultiClass([]float64{1, 0, 0, 0, 1, 0}, 3, []int{1, 1}, nil, nil))
	if check(t, r, map[string]float64{"auc_ovr": math.NaN()}); r.Undefined["auc_ovr"] != "all rows are of one class" {
		t.Errorf("undefined: %v", r.Undefined)
	}
	r = must(t)(MultiClass(make([]float64, 202), 101, []int{0, 1}, nil, nil))
	if check(t, r, map[string]float64{"auc_ovr": math.NaN()}); !strings.Contains(r.Undefined["auc_ovr"], "100 classes") {
		t.Errorf("undefined: %v", r.Undefined)
	}
}

func TestSum(t *testing.T) {
	var s sum
	for _, x := range []float64{1, 1e100, 1, -1e100} {
		s.add(x)
	}
	near(t, "sum", s.value(), 2)
}

func BenchmarkBinary(b *testing.B) {
	const n = 1 << 16
	logits, labels := make([]float64, n), make([]float64, n)
	for i := range logits {
		logits[i] = math.Sin(float64(i) * 12.9898)
		labels[i] = float64(i * 7919 % 3 / 2)
	}
	for b.Loop() {
		if _, err := Binary(logits, labels, nil, .5); err != nil {
			b.Fatal(err)
		}
	}
}
