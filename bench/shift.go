package bench

import "math"

var inf = math.Inf(1)

const (
	// How much of a change of the machine's speed, as the yardstick tells it, a case may follow: less than all where
	// the machine has become faster, more where it has become slower.
	leastFollowed, mostFollowed = 0.8, 1.2
	// answersFollowed is the power by which work follows how soon threads answer each other, and leastAnswers the least of the
	// result: where threads have no processor at the same time, answers are hundreds of times slower, which no work is.
	answersFollowed, leastAnswers = 0.5, 0.4
	// alikeWithin is how much the machine's speed in a round may differ from the baseline's for the round to be preferred.
	alikeWithin = 0.1
)

// answersKind is the speed of answers between threads among those of a machine.
const answersKind = "answers"

// compare fills in a verdict. What looks slower is unclear at first. It has fallen once the latest rounds say so by
// themselves, and all rounds together say so and that it is slower at all beyond the noise: the interval ends below the middle of
// what is asked for and the speed before.
func (g *gate) compare(v *Verdict, before, now, latest *Case) {
	s, machine := shiftOf(v.Metric, v.Direction, now, before)
	v.shift, v.Machine, v.Ratio, v.Verdict = s, machine, s.ratio, Steady
	if s.greatest < inf {
		v.Least, v.Greatest = &v.shift.least, &v.shift.greatest
	}
	if before.find(v.Metric).Exact {
		if s.ratio < g.FailBelow {
			v.Verdict = Fallen
		}
		return
	}
	if s.ratio*benefit(machine) >= g.FailBelow {
		// It may be slower because the machine is, which may pass, or besides: more rounds can tell.
		if s.ratio*machine < g.FailBelow {
			v.Verdict = slowMachine
		}
		return
	}
	v.Verdict = Unclear
	if latest == nil || s.greatest*benefit(machine) >= (1+g.FailBelow)/2 {
		return
	}
	if s, machine := shiftOf(v.Metric, v.Direction, latest, before); s.ratio*benefit(machine) < g.FailBelow {
		v.Verdict = Fallen
	}
}

// benefit is the doubt that speaks for a case where the machine is so many times as fast as before: no work follows a
// change of the machine just as the yardstick does.
func benefit(machine float64) float64 {
	if machine > 1 {
		return math.Pow(machine, 1-leastFollowed)
	}
	return math.Pow(machine, 1-mostFollowed)
}

// shiftOf compares a metric of a case as if the machine had been as fast at all times, and returns how many times as fast as
// before it was. What that is for a case lies between the kinds of work of the yardstick; the least is taken, which can
// hide that something is slower for as long as the machine is disturbed, and does not make it up.
func shiftOf(metric string, d Direction, now, before *Case) (s shift, machine float64) {
	series := before.find(metric)
	if series.Exact {
		return rankShift(speeds(now.find(metric), d, nil), speeds(series, d, nil), gateAlpha), 1
	}
	usual := map[string]float64{}
	for kind, speeds := range before.Speeds {
		usual[kind] = middle(speeds)
	}
	drifts := func(c *Case) []float64 {
		out := make([]float64, len(c.find(metric).Samples))
		for i := range out {
			out[i] = inf
			for kind, before := range usual {
				if i < len(c.Speeds[kind]) {
					x := c.Speeds[kind][i] / before
					if kind == answersKind {
						x = max(math.Pow(x, answersFollowed), leastAnswers)
					}
					out[i] = min(out[i], x)
				}
			}
			if out[i] == inf {
				out[i] = 1 // a device without a yardstick
			}
		}
		return out
	}
	x, y := drifts(now), drifts(before)
	a, typical := speeds(now.find(metric), d, x), middle(y)
	// Rounds on a machine as it was before tell most. Which these are, the yardstick says, not their result.
	var alike, at []float64
	for i := range a {
		if math.Abs(math.Log(x[i]/typical)) <= alikeWithin {
			alike, at = append(alike, a[i]), append(at, x[i])
		}
	}
	if len(alike) >= Rounds {
		a, x = alike, at
	}
	return rankShift(a, speeds(series, d, y), gateAlpha), middle(x) / typical
}

// speeds returns samples as speeds on a machine of the same speed.
func speeds(s *Series, d Direction, drifts []float64) []float64 {
	out := make([]float64, len(s.Samples))
	for i, x := range s.Samples {
		out[i] = d.speed(x)
		if drifts != nil {
			out[i] /= drifts[i]
		}
	}
	return out
}
