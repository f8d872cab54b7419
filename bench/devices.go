package bench

import (
	"fmt"
	"math"
	"strings"
)

// Ratios compares the results of further devices with those of the first: of speeds and times how many times as fast, of losses how far
// apart they are, relative to the greater. Losses that are further apart than the precisions of products explain are an error.
func Ratios(devices [][]Result, tolerance float64) ([]Result, error) {
	var out []Result
	if len(devices) == 0 {
		return out, nil
	}
	type key struct{ name, metric string }
	first := map[key]Result{}
	for _, r := range devices[0] {
		first[key{r.Case, r.Metric}] = r
	}
	for _, list := range devices[1:] {
		for _, r := range list {
			base, ok := first[key{r.Case, r.Metric}]
			if !ok || base.Value == 0 || r.Value == 0 {
				continue
			}
			x := r
			x.Share, x.Peer = 0, base.Device+", "+base.Level
			switch {
			case strings.HasSuffix(r.Metric, "_per_second"):
				x.Value, x.Metric = r.Value/base.Value, "ratio_of_"+r.Metric
			case r.Metric == "seconds_to_auc":
				x.Value, x.Metric = base.Value/r.Value, "ratio_of_speed_to_auc"
			case r.Metric == lossMetric:
				x.Value, x.Metric = math.Abs(r.Value-base.Value)/max(math.Abs(r.Value), math.Abs(base.Value)), "difference_of_"+r.Metric
				if !(x.Value <= tolerance) {
					return nil, fmt.Errorf("bench: %s %s: %v on %s and %v on %s: further apart than %v of it, so the work is not the same",
						r.Suite, r.Case, base.Value, base.Device, r.Value, r.Device, tolerance)
				}
			default:
				continue
			}
			out = append(out, x)
		}
	}
	return out, nil
}

// Tolerance is how far apart losses of two devices may be, see [Ratios]: by rounding alone, or by less precise products.
func Tolerance(precision string) float64 {
	if precision == "" || precision == "fp32" {
		return lossTolerance
	}
	return 10 * lossTolerance
}
