package storefront

import (
	"errors"
	"fmt"
	"time"
)

// Limits of a configuration. They keep ids, timestamps and tables within what
// the simulator was made for; none is reached by accident.
const (
	maxSessions = 1_000_000_000
	maxUsers    = 100_000_000
	maxItems    = 10_000_000
	maxDays     = 3660
	minYear     = 1970
	maxYear     = 2200
)

// ErrConfig is wrapped by every error that a [Config] causes.
var ErrConfig = errors.New("storefront: invalid configuration")

// Config describes the shop and the period to simulate. Begin with
// [DefaultConfig] and change what differs: a zero value is not valid.
type Config struct {
	// Sessions is the number of sessions with a label.
	Sessions int `json:"sessions"`
	// Users is the size of the audience at the end of the period. Half of them
	// have visited the shop before it begins, the others come for the first
	// time, spread evenly over the sessions.
	Users int `json:"users"`
	// Items is the number of items in the catalog.
	Items int `json:"items"`
	// Days is the length of the period over which the sessions are spread.
	Days int `json:"days"`
	// Start is the first day of the period, in UTC. The time of day is ignored.
	Start time.Time `json:"start"`
	// Seed selects the shop, its audience and all that happens in it.
	Seed uint64 `json:"seed"`
}

// DefaultConfig returns a shop of modest size: 20,000 sessions of 6,000 users
// in the year 2025, 1,200 items, seed 1.
func DefaultConfig() Config {
	return Config{
		Sessions: 20_000,
		Users:    6_000,
		Items:    1_200,
		Days:     365,
		Start:    time.Date(2025, time.January, 1, 0, 0, 0, 0, time.UTC),
		Seed:     1,
	}
}

// Validate reports every field that is out of range, in one error that wraps
// [ErrConfig].
func (c Config) Validate() error {
	var problems []error
	between := func(name string, value, low, high int) {
		if value < low || value > high {
			problems = append(problems, fmt.Errorf("%s is %d: choose a number from %d to %d", name, value, low, high))
		}
	}
	between("sessions", c.Sessions, 1, maxSessions)
	between("users", c.Users, 1, maxUsers)
	between("items", c.Items, len(categories), maxItems)
	between("days", c.Days, 1, maxDays)
	// Each user who comes for the first time needs a session of their own.
	if c.Sessions >= 1 && c.Users/2 > c.Sessions {
		problems = append(problems, fmt.Errorf("%d users are more than %d sessions can bring in: "+
			"choose at most %d users, or more sessions", c.Users, c.Sessions, 2*c.Sessions))
	}
	switch year := c.Start.UTC().Year(); {
	case c.Start.IsZero():
		problems = append(problems, errors.New("start is not set: give the first day of the period"))
	case year < minYear || year > maxYear:
		problems = append(problems, fmt.Errorf("start is in the year %d: choose a year from %d to %d", year, minYear, maxYear))
	}
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrConfig, errors.Join(problems...))
}

// validateNew checks the number of sessions asked for after the period. It may
// not exceed the labeled ones, so that the period at most doubles.
func (c Config) validateNew(n int) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if n < 1 || n > c.Sessions {
		return fmt.Errorf("%w: %d new sessions: choose a number from 1 to the %d sessions of the period, or raise sessions",
			ErrConfig, n, c.Sessions)
	}
	return nil
}

// startDay returns the first moment of the period.
func (c Config) startDay() time.Time {
	y, m, d := c.Start.UTC().Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// knownUsers returns how many users visited before the period begins.
func (c Config) knownUsers() int { return (c.Users + 1) / 2 }
