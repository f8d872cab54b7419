package bench

import "slices"

// Direction says what is better.
type Direction string

// The directions of a metric.
const (
	Higher Direction = "higher" // speeds
	Lower  Direction = "lower"  // times, counts of steps
	Same   Direction = "same"   // results of the work, such as losses: elsewhere and later the same but for rounding
)

// Metric is a number of its cases that a suite stands by: it is compared between devices and between versions. Whatever else a
// suite reports is there to be read.
type Metric struct {
	Name      string
	Direction Direction
	// Exact metrics do not depend on how fast the machine is at the moment.
	Exact bool
}

// metric returns the declared metric of a name.
func (s Suite) metric(name string) (Metric, bool) {
	i := slices.IndexFunc(s.Metrics, func(m Metric) bool { return m.Name == name })
	if i < 0 {
		return Metric{}, false
	}
	return s.Metrics[i], true
}

// speed turns a value into one of which more is better.
func (d Direction) speed(value float64) float64 {
	if d == Lower {
		return 1 / value
	}
	return value
}
