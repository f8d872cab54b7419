package datasets

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"debut/datasets/encoding"
	"debut/datasets/table"
)

// offsets are what columns of numbers are moved by in these tests.
var offsets = []float64{1e3, -1e3, 1e7, -1e7, 1e8, -1e8, 1e12, -1e12, 1_700_000_000}

// wave is a number of row i that is a multiple of 2⁻¹², so that it has all its
// digits with any of the offsets added.
func wave(i int) float64 { return math.Round(math.Sin(float64(i*i))*4096) / 4096 }

// whole writes a number with all its digits.
func whole(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func TestTargetKeepsItsDigits(t *testing.T) {
	load := func(offset float64) *Dataset {
		return mustLoad(t, "x,y\n"+numbered(300, func(i int) string { return fmt.Sprintf("%d,%s", i%17, whole(offset+wave(i))) }),
			Config{Target: "y", Task: encoding.TaskRegression, Split: Split{Method: SplitNone}})
	}
	plain := load(0)
	for _, offset := range offsets {
		d := load(offset)
		e := &d.Encoder.Target
		// The mean is rounded to a number near the offset.
		ulp := math.Nextafter(math.Abs(offset), math.Inf(1)) - math.Abs(offset)
		if math.Abs(e.Mean-offset-plain.Encoder.Target.Mean) > ulp || math.Abs(e.Scale-plain.Encoder.Target.Scale) > 1e-9 {
			t.Errorf("offset %g: %v ± %v, without it %v ± %v", offset, e.Mean, e.Scale, plain.Encoder.Target.Mean, plain.Encoder.Target.Scale)
		}
		for i, y := range d.Train.Encoded().Target {
			if y != offset+wave(i) {
				t.Fatalf("offset %g: row %d is %v, want %v", offset, i, y, offset+wave(i))
			}
			z, want := e.Standardize(y), plain.Encoder.Target.Standardize(wave(i))
			if math.Abs(z-want) > 2*ulp+1e-9 {
				t.Errorf("offset %g: row %d is standardized to %v, want %v", offset, i, z, want)
			}
			if back := e.Value(z); math.Abs(back-y) > ulp {
				t.Errorf("offset %g: row %d comes back as %v, want %v", offset, i, back, y)
			}
		}
	}
}

// Features have lost no digits either: numbers of any offset, and moments of the
// same minute.
func TestFeaturesKeepTheirDigits(t *testing.T) {
	const rows = 300
	load := func(offset float64) []float32 {
		return mustLoad(t, "x,y\n"+numbered(rows, func(i int) string { return fmt.Sprintf("%s,%d", whole(offset+wave(i)), i%2) }),
			Config{Target: "y", Split: Split{Method: SplitNone}}).Train.Encoded().Numeric
	}
	plain := load(0)
	for _, offset := range offsets {
		ulp := math.Nextafter(math.Abs(offset), math.Inf(1)) - math.Abs(offset)
		for i, got := range load(offset) {
			if math.Abs(float64(got-plain[i])) > 2*ulp+1e-6 {
				t.Errorf("offset %g: row %d is %v, want %v", offset, i, got, plain[i])
			}
		}
	}
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	at := func(i int) time.Duration { return time.Duration(i*i*7919%60_000_000) * time.Microsecond }
	d := mustLoad(t, "t,y\n"+numbered(rows, func(i int) string {
		return fmt.Sprintf("%s,%d", start.Add(at(i)).Format("2006-01-02T15:04:05.000000"), i%2)
	}), Config{Target: "y", Split: Split{Method: SplitNone}})
	seconds := make([]float64, rows)
	for i := range seconds {
		seconds[i] = at(i).Seconds()
	}
	var mean, std float64
	for _, s := range seconds {
		mean += s / rows
	}
	for _, s := range seconds {
		std += (s - mean) * (s - mean) / rows
	}
	std = math.Sqrt(std)
	e, days := d.Train.Encoded(), slices.IndexFunc(d.Encoder.NumericFeatures(), func(f encoding.NumericFeature) bool { return f.Name == "t.days" })
	for i, s := range seconds {
		if got, want := float64(e.Numeric[i*e.D+days]), (s-mean)/std; math.Abs(got-want) > 1e-6 {
			t.Errorf("row %d is %v, want %v", i, got, want)
		}
	}
}

// Where a row weighs nothing its target may be a number that stands for none.
func TestTargetOfRowsWithoutWeight(t *testing.T) {
	d := mustLoad(t, "x,y,w\n"+numbered(100, func(i int) string {
		if i%5 == 0 {
			return fmt.Sprintf("%d,999999999999,0", i)
		}
		return fmt.Sprintf("%d,%d,1", i, i%4)
	}), Config{Target: "y", Weight: "w", Task: encoding.TaskRegression, Split: Split{Method: SplitNone}})
	if m, s := d.Encoder.Target.Mean, d.Encoder.Target.Scale; math.Abs(m-1.5) > 1e-9 || math.Abs(s-math.Sqrt(1.25)) > 1e-9 {
		t.Errorf("%v ± %v, want 1.5 ± %v", m, s, math.Sqrt(1.25))
	}
}

func TestWeightsKeepTheirDigits(t *testing.T) {
	weights := []float64{0.1, 1e-60, 1e30, 16777217, 0}
	d := mustLoad(t, "x,y,w\n"+numbered(20, func(i int) string { return fmt.Sprintf("%d,%d,%g", i, i%2, weights[i%len(weights)]) }),
		Config{Target: "y", Weight: "w", Split: Split{Method: SplitNone}})
	for i, w := range d.Train.Encoded().Weight {
		if w != weights[i%len(weights)] {
			t.Errorf("row %d weighs %v, want %v", i, w, weights[i%len(weights)])
		}
	}
}

// Rows of later files may have targets that are not representable in the units of
// the training.
func TestTargetTooFar(t *testing.T) {
	d := mustLoad(t, "x,y\n"+numbered(40, func(i int) string { return fmt.Sprintf("%d,%d.5e-30", i, i) }), Config{Target: "y", Task: encoding.TaskRegression, Split: Split{Method: SplitNone}})
	f, err := table.NewFrame(&table.Series{Name: "x", Floats: []float64{1, 2}}, &table.Series{Name: "y", Floats: []float64{1e-30, 1e12}})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = d.Encoder.Encode(t.Context(), f, true)
	wantError(t, err, `"y"`, "1000000000000", "too far for 32-bit arithmetic", "±")
}
