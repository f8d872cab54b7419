package demand

import (
	"context"
	"fmt"
	"hash/fnv"
	"iter"
	"math"

	"debut/trainers/demand/forecast"
	"debut/trainers/metrics"
)

// measured are the metrics of forecasts, series by series and origin by origin, beside those of the seasonal naive method.
type measured struct {
	units []unit
}

// unit is a series from an origin on.
type unit struct {
	key             string // series, origin and what came, so that two models that were measured by the same have the same
	own, plain      [perUnit]float64
	errors, against float64 // weighted absolute errors, of wmae
	weight          float64
}

// What is measured of each unit, NaN where it is undefined.
const (
	ofSMAPE = iota
	ofMASE
	ofRMSSE
	ofPinball
	ofMSIS
	ofCoverage
	perUnit
)

// unitNames are the metrics of units; wmae is beside them.
var unitNames = [perUnit]string{"smape", "mase", "rmsse", "mean_pinball", "msis", "coverage"}

// from measures forecasts of the steps from an origin on, of all series that began before it, of which later steps are known: of a method, and of the
// seasonal naive one.
func (d *measured) from(ctx context.Context, t *tested, origin, steps int, method func(known iter.Seq[forecast.Series]) (forecast.Method, error)) error {
	known, numbers, err := t.data.before(origin, steps)
	if err != nil || len(numbers) == 0 {
		return err
	}
	m, err := method(known)
	if err != nil {
		return err
	}
	o := t.options
	o.Horizon = steps
	first := len(d.units)
	err = forecast.All(ctx, t.pool, known, m, o, func(k int, p *forecast.Prediction, err error) error {
		if err != nil {
			return fmt.Errorf("%s: %w", t.data.label(numbers[k]), err)
		}
		u := t.unit(numbers[k], origin, steps)
		u.own, u.errors = t.measure(p, numbers[k], origin, steps)
		d.units = append(d.units, u)
		return nil
	})
	if err != nil {
		return err
	}
	return forecast.All(ctx, t.pool, known, forecast.SeasonalNaive{}, o, func(k int, p *forecast.Prediction, err error) error {
		if err != nil {
			return fmt.Errorf("%s: %w", t.data.label(numbers[k]), err)
		}
		u := &d.units[first+k]
		u.plain, u.against = t.measure(p, numbers[k], origin, steps)
		return nil
	})
}

// observed leaves out units of which nothing came that could be compared.
func (d *measured) observed() {
	kept := d.units[:0]
	for _, u := range d.units {
		if !math.IsNaN(u.own[ofSMAPE]) {
			kept = append(kept, u)
		}
	}
	d.units = kept
}

// unit names what is compared.
func (t *tested) unit(i, origin, steps int) unit {
	u := unit{}
	hash := fnv.New64a()
	actual := t.data.actual(i, origin, steps)
	for k, w := range t.data.weights(i, origin-t.data.Series[i].First, steps) {
		b := math.Float64bits(actual[k])
		_, _ = hash.Write([]byte{byte(b), byte(b >> 8), byte(b >> 16), byte(b >> 24), byte(b >> 32), byte(b >> 40), byte(b >> 48), byte(b >> 56)})
		if !math.IsNaN(actual[k]) {
			u.weight += w
		}
	}
	u.key = fmt.Sprintf("%s from %s, %d steps, %016x", t.data.label(i), t.data.TimeText(origin), steps, hash.Sum64())
	return u
}

// measure compares a forecast with what came.
func (t *tested) measure(p *forecast.Prediction, i, origin, steps int) (m [perUnit]float64, weighted float64) {
	s := &t.data.Series[i]
	actual, history := t.data.actual(i, origin, steps), t.data.observed(i)[:origin-s.First]
	period := 1
	if len(t.data.Frequency.Periods) > 0 {
		period = t.data.Frequency.Periods[0]
	}
	m[ofSMAPE] = forecast.SMAPE(actual, p.Mean)
	m[ofMASE] = forecast.MASE(actual, p.Mean, history, period)
	m[ofRMSSE] = forecast.RMSSE(actual, p.Mean, history, period)
	for k := range p.Levels {
		m[ofPinball] += forecast.Pinball(actual, p.Quantiles[k], p.Levels[k]) / float64(len(p.Levels))
	}
	m[ofMSIS], m[ofCoverage] = math.NaN(), math.NaN()
	if n := len(p.Levels); n > 1 {
		low, high := p.Quantiles[0], p.Quantiles[n-1]
		m[ofMSIS] = forecast.MSIS(actual, low, high, history, period, 1-(p.Levels[n-1]-p.Levels[0]))
		m[ofCoverage] = forecast.Coverage(actual, low, high)
	}
	for k, w := range t.data.weights(i, origin-s.First, steps) {
		if !math.IsNaN(actual[k]) {
			weighted += w * math.Abs(actual[k]-p.Mean[k])
		}
	}
	return m, weighted
}

// result averages over units. One whose metric is undefined, as where nothing changes, does not count there.
func (d *measured) result() *metrics.Result {
	r := &metrics.Result{Task: Task, Rows: len(d.units), Weight: float64(len(d.units))}
	add := func(prefix string, own func(*unit) *[perUnit]float64, errors func(*unit) float64) {
		weighted, weight := 0.0, 0.0
		for i := range d.units {
			weighted += errors(&d.units[i])
			weight += d.units[i].weight
		}
		for k, name := range unitNames {
			if prefix == naive && k == ofCoverage {
				continue
			}
			r.Values = append(r.Values, metrics.Value{Name: prefix + name, Value: d.mean(k, own)})
			if k == ofRMSSE {
				r.Values = append(r.Values, metrics.Value{Name: prefix + "wmae", Value: weighted / weight})
			}
		}
	}
	add("", func(u *unit) *[perUnit]float64 { return &u.own }, func(u *unit) float64 { return u.errors })
	add(naive, func(u *unit) *[perUnit]float64 { return &u.plain }, func(u *unit) float64 { return u.against })
	for _, v := range r.Values {
		if math.IsNaN(v.Value) {
			if r.Undefined == nil {
				r.Undefined = map[string]string{}
			}
			r.Undefined[v.Name] = "no series has values to measure it by"
		}
	}
	return r
}

func (d *measured) mean(k int, of func(*unit) *[perUnit]float64) float64 {
	sum, n := 0.0, 0
	for i := range d.units {
		if v := of(&d.units[i])[k]; !math.IsNaN(v) && !math.IsInf(v, 0) {
			sum += v
			n++
		}
	}
	if n == 0 {
		return math.NaN()
	}
	return sum / float64(n)
}

// sample hands out units for comparisons. A metric of a unit that is undefined is the mean of the others there, which changes no mean; wmae, whose
// weights are the same for all models, is the unit's share of the weighted errors.
func (d *measured) sample() *metrics.Sample {
	u := &metrics.Units{}
	weight := 0.0
	for i := range d.units {
		u.Keys = append(u.Keys, d.units[i].key)
		weight += d.units[i].weight
	}
	of := func(u *unit) *[perUnit]float64 { return &u.own }
	for k, name := range unitNames {
		whole := d.mean(k, of)
		values := make([]float32, len(d.units))
		for i := range d.units {
			v := d.units[i].own[k]
			if math.IsNaN(v) || math.IsInf(v, 0) {
				v = whole
			}
			values[i] = float32(v)
		}
		u.Metrics = append(u.Metrics, metrics.UnitMetric{Name: name, Values: values})
	}
	values := make([]float32, len(d.units))
	for i := range d.units {
		values[i] = float32(d.units[i].errors * float64(len(d.units)) / weight)
	}
	u.Metrics = append(u.Metrics, metrics.UnitMetric{Name: "wmae", Values: values})
	return &metrics.Sample{Task: Task, Units: u}
}
