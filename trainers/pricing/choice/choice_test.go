package choice

import (
	"encoding/csv"
	"flag"
	"math"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"debut/kernels/philox"
)

var long = flag.Bool("long", false, "compare with R's package AER, where it is installed")

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*math.Max(1, math.Abs(want))) {
		t.Errorf("%s: %.12g, want %.12g", what, got, want)
	}
}

// generated draws choices of one of three alternatives, whose first two have a constant.
func generated(situations int) *Data {
	r := philox.New(2, 2)
	d := &Data{Names: []string{"first", "second", "price", "quality"}, Start: []int{0}}
	for range situations {
		best, taken := math.Inf(-1), 0
		for a := range 3 {
			row := []float64{0, 0, 1 + 4*r.Float64(), 100 * r.NormFloat64()}
			if a < 2 {
				row[a] = 1
			}
			u := .5*row[0] - .3*row[1] - .8*row[2] + .01*row[3] - math.Log(-math.Log(1-r.Float64()))
			if u > best {
				best, taken = u, len(d.Attributes)
			}
			d.Attributes = append(d.Attributes, row)
		}
		d.Start, d.Taken = append(d.Start, len(d.Attributes)), append(d.Taken, taken)
	}
	return d
}

func TestEstimate(t *testing.T) {
	d := generated(20_000)
	f, err := Estimate(d)
	if err != nil {
		t.Fatal(err)
	}
	for j, want := range []float64{.5, -.3, -.8, .01} {
		if math.Abs(f.Coefficients[j]-want) > 4*f.Errors[j] {
			t.Errorf("%s: %g ± %g, want %g", d.Names[j], f.Coefficients[j], f.Errors[j], want)
		}
	}
	// At the maximum the gradient vanishes: the taken attributes are the expected ones.
	gradient := make([]float64, 4)
	for s, taken := range d.Taken {
		rows := d.Attributes[d.Start[s]:d.Start[s+1]]
		p, err := f.Probabilities(rows)
		if err != nil {
			t.Fatal(err)
		}
		for j := range gradient {
			gradient[j] += d.Attributes[taken][j]
			for i, row := range rows {
				gradient[j] -= p[i] * row[j]
			}
		}
	}
	for j, g := range gradient {
		near(t, "gradient of "+d.Names[j], g/d.scales()[j], 0, 1e-5)
	}
	near(t, "null", f.Null, -20_000*math.Log(3), 1e-12)
}

// TestTravelMode is Greene's table 21.11 by R's data; TestBankWages a multinomial model of jobs.
func TestTravelMode(t *testing.T) {
	rows := fromR(t, `data("TravelMode"); write.csv(with(TravelMode, data.frame(mode=="air", mode=="train", mode=="bus", gcost, wait, ifelse(mode=="air", income, 0), choice=="yes")*1), row.names=FALSE)`)
	d := &Data{Names: []string{"air", "train", "bus", "gcost", "wait", "incair"}, Start: []int{0}}
	for i, row := range rows {
		d.Attributes = append(d.Attributes, row[:6])
		if row[6] == 1 {
			d.Taken = append(d.Taken, i)
		}
		if i%4 == 3 {
			d.Start = append(d.Start, i+1)
		}
	}
	f, err := Estimate(d)
	if err != nil {
		t.Fatal(err)
	}
	published := []float64{5.207433, 3.869036, 3.163190, -.015501, -.096125, .013287}
	for j, want := range published {
		near(t, d.Names[j], f.Coefficients[j], want, 3e-6) // of those the first two stand 1e-5 below the maximum
	}
	ones := []float64{1, 1, 1, 1, 1, 1}
	if theirs, _, _ := d.evaluate(published, ones); theirs > f.LogLikelihood {
		t.Errorf("the published coefficients are likelier: %.12f, ours %.12f", theirs, f.LogLikelihood)
	}
	near(t, "log-likelihood", f.LogLikelihood, -199.13, 5e-5)
}

func TestBankWages(t *testing.T) {
	rows := fromR(t, `data("BankWages"); b <- subset(BankWages, gender=="male"); write.csv(data.frame(as.integer(b$job), b$education, (b$minority=="yes")*1), row.names=FALSE)`)
	d := &Data{Names: []string{"admin", "manage", "admin education", "manage education", "admin minority", "manage minority"}, Start: []int{0}}
	for i, row := range rows {
		d.Attributes = append(d.Attributes, make([]float64, 6),
			[]float64{1, 0, row[1], 0, row[2], 0}, []float64{0, 1, 0, row[1], 0, row[2]})
		d.Taken = append(d.Taken, 3*i+jobs[int(row[0])])
		d.Start = append(d.Start, 3*i+3)
	}
	f, err := Estimate(d)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(f.Coefficients, f.LogLikelihood)
	near(t, "admin education", f.Coefficients[2], .553399, 1e-6)
	near(t, "manage education", f.Coefficients[3], 2.186770, 1e-6)
	near(t, "log-likelihood", f.LogLikelihood, -118.74, 5e-5)
}

// jobs are R's levels by their place among the alternatives.
var jobs = map[int]int{1: 0, 2: 1, 3: 2}

func fromR(t *testing.T, script string) [][]float64 {
	t.Helper()
	if !*long {
		t.Skip("the comparison with R needs -long")
	}
	out, err := exec.Command("Rscript", "-e", "suppressMessages(library(AER)); "+script).Output()
	if err != nil {
		t.Skipf("R with its package AER is not here (Debian: r-cran-aer): %v", err)
	}
	cells, err := csv.NewReader(strings.NewReader(string(out))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rows := make([][]float64, len(cells)-1)
	for i, line := range cells[1:] {
		for _, cell := range line {
			v, err := strconv.ParseFloat(cell, 64)
			if err != nil {
				t.Fatal(err)
			}
			rows[i] = append(rows[i], v)
		}
	}
	return rows
}

func TestBestPrices(t *testing.T) {
	products := []Product{{1, 1}, {2, 2}, {1.5, 1.2}}
	prices, profit, err := BestPrices(products, .5)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{4.92161633, 5.92161633, 5.12161633} {
		near(t, "price", prices[i], want, 1e-9)
	}
	near(t, "profit", profit, 1.92161633, 1e-8)
	// No other prices near bring more.
	worth := func(prices []float64) (sum float64) {
		total := 1.0
		for i, p := range products {
			e := math.Exp(p.Appeal - .5*prices[i])
			total += e
			sum += (prices[i] - p.Cost) * e
		}
		return sum / total
	}
	near(t, "profit by definition", worth(prices), profit, 1e-12)
	for i := range prices {
		for _, by := range []float64{-.01, .01} {
			prices[i] += by
			if worth(prices) > profit {
				t.Errorf("product %d at %g brings more", i, prices[i])
			}
			prices[i] -= by
		}
	}
	// Hardly wanted and very much wanted products keep their digits.
	for _, x := range []float64{-700, -30, 0, 30, 700} {
		w := lambertOfExp(x)
		if w > 0 {
			near(t, "w + ln w", w+math.Log(w), x, 1e-13)
		}
	}
}

func TestRefused(t *testing.T) {
	one := [][]float64{{1, 0}, {0, 1}}
	for want, d := range map[string]*Data{
		"one at least":            {},
		"2 choices for 1":         {Start: []int{0, 2}, Attributes: one, Taken: []int{0, 0}},
		"there are no attributes": {Start: []int{0, 2}, Attributes: [][]float64{{}, {}}, Taken: []int{0}},
		"row 5 was taken":         {Names: []string{"a", "b"}, Start: []int{0, 2}, Attributes: one, Taken: []int{5}},
		"has 2 attributes":        {Names: []string{"a"}, Start: []int{0, 2}, Attributes: one, Taken: []int{0}},
		"is NaN":                  {Names: []string{"a"}, Start: []int{0, 2}, Attributes: [][]float64{{1}, {math.NaN()}}, Taken: []int{0}},
		"never differs":           {Names: []string{"a"}, Start: []int{0, 2}, Attributes: [][]float64{{1}, {1}}, Taken: []int{0}},
		"without fail":            {Names: []string{"a"}, Start: []int{0, 2}, Attributes: [][]float64{{1}, {0}}, Taken: []int{0}},
		"combinations":            {Names: []string{"a", "b"}, Start: []int{0, 2, 4}, Attributes: [][]float64{{1, 2}, {0, 0}, {3, 6}, {1, 2}}, Taken: []int{0, 3}},
	} {
		if _, err := Estimate(d); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	if _, _, err := BestPrices([]Product{{1, 1}}, 0); err == nil || !strings.Contains(err.Error(), "no price is too high") {
		t.Errorf("no sensitivity: %v", err)
	}
}
