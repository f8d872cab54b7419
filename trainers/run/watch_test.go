package run

import (
	"math"
	"testing"

	"debut/trainers/metrics"
	"debut/trainers/runfolder"
)

func TestImprovement(t *testing.T) {
	for name, c := range map[string]struct {
		scores    []float64
		higher    bool
		all, last float64
	}{
		"falling":       {[]float64{5, 4, 3, 2, 1}, false, 4, 1},
		"rising":        {[]float64{1, 2, 3, 4, 5}, true, 4, 1},
		"flat":          {[]float64{5, 2, 1, 1, 1, 1, 1, 1, 1, 0.9}, false, 4.1, 0.1},
		"not the last":  {[]float64{5, 1, 2, 3, 4}, false, 4, 0},
		"one":           {[]float64{5}, false, 0, 0},
		"one undefined": {[]float64{5, math.NaN(), 3, 2, 1}, false, 4, 1},
	} {
		var list []runfolder.Evaluation
		for _, s := range c.scores {
			list = append(list, runfolder.Evaluation{Part: PartValidation, Metrics: metrics.Values{{Name: "m", Value: s}}}, runfolder.Evaluation{Part: PartTrain, Metrics: metrics.Values{{Name: "m", Value: 99}}})
		}
		all, last := improvement(list, "m", c.higher)
		if math.Abs(all-c.all) > 1e-12 || math.Abs(last-c.last) > 1e-12 {
			t.Errorf("%s: %v in all, %v in the end; want %v and %v", name, all, last, c.all, c.last)
		}
	}
}
