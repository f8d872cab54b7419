package storefront

import (
	"iter"
	"math"
	"time"
)

// Simulate returns the labeled sessions of a shop, in the order of time. Each
// range over the result begins anew and yields the same sessions. The error
// wraps [ErrConfig].
func Simulate(cfg Config) (iter.Seq[Session], error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return sessions(cfg, 0, cfg.Sessions), nil
}

// SimulateNew returns the n sessions that follow those of [Simulate]: the same
// shop and audience, at the same pace, after the period. n is at most
// cfg.Sessions. The error wraps [ErrConfig].
func SimulateNew(cfg Config, n int) (iter.Seq[Session], error) {
	if err := cfg.validateNew(n); err != nil {
		return nil, err
	}
	return sessions(cfg, cfg.Sessions, cfg.Sessions+n), nil
}

// sessions yields the sessions with index from first up to, not including, end.
func sessions(cfg Config, first, end int) iter.Seq[Session] {
	return func(yield func(Session) bool) {
		a := newAudience(cfg, end)
		items := newCatalog(cfg)
		for i := range end {
			// Sessions before the first one asked for still bring in users and
			// leave visits behind; what happens in them does not matter.
			s, u := a.arrive(i)
			if i < first {
				continue
			}
			behave(&s, u(), items, random(cfg.Seed, forBehavior, i))
			s.Probability = purchaseProbability(&s)
			s.Purchased = random(cfg.Seed, forLabel, i).Float64() < s.Probability
			r := random(cfg.Seed, forMissing, i)
			for c := range s.missing {
				s.missing[c] = r.Float64() < withheld[c]
			}
			if !yield(s) {
				return
			}
		}
	}
}

// audience is the state that runs from session to session: who has been to the
// shop, and when for the last time.
type audience struct {
	cfg       Config
	time      *timeline
	lastVisit []int64 // second since the start, by user
}

// newAudience returns the audience as the period begins, for a run of so many
// sessions.
func newAudience(cfg Config, sessions int) *audience {
	a := &audience{cfg: cfg, time: newTimeline(cfg, sessions), lastVisit: make([]int64, cfg.knownUsers(), cfg.Users)}
	for i := range a.lastVisit {
		a.lastVisit[i] = -int64(newUser(cfg.Seed, i).away * secondsPerDay)
	}
	return a
}

// arrive begins session i, which must be the next: when, whose, and how long
// after their last visit. The user's habits come as a function, for they cost
// more than all the rest and are not always wanted.
func (a *audience) arrive(i int) (Session, func() user) {
	r := random(a.cfg.Seed, forArrival, i)
	second := a.time.at(i, r.Float64())
	s := Session{Index: i, Time: a.time.start.Add(time.Duration(second) * time.Second)}
	s.Weekend = isWeekend(s.Time)

	known := len(a.lastVisit)
	s.NewVisitor = r.Float64() < a.newcomerRate(i)
	if s.NewVisitor {
		s.User = known
		a.lastVisit = append(a.lastVisit, second)
	} else {
		// Those who came to know the shop lately come back most.
		s.User = known - 1 - int(float64(known)*math.Pow(r.Float64(), 1.5))
		s.DaysSinceLastVisit = roundTo(float64(second-a.lastVisit[s.User])/secondsPerDay, 10)
		a.lastVisit[s.User] = second
	}
	return s, func() user { return newUser(a.cfg.Seed, s.User) }
}

// newcomerRate returns the probability that session i brings a new user. In
// the period it is what makes the audience exactly as large as configured
// (selection sampling: Knuth, The Art of Computer Programming, volume 2, 3.4.2,
// algorithm S); after it, the average rate goes on.
func (a *audience) newcomerRate(i int) float64 {
	if i < a.cfg.Sessions {
		return float64(a.cfg.Users-len(a.lastVisit)) / float64(a.cfg.Sessions-i)
	}
	return float64(a.cfg.Users-a.cfg.knownUsers()) / float64(a.cfg.Sessions)
}
