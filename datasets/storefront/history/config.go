// Package history simulates years of a shop at scale, together with what nobody
// can know of a real one: the tastes of its users, how demand answers to
// prices, what would have been sold had there been stock, and the probability
// behind every purchase.
//
// A catalog of items has prices that change by the week, competitors that
// undercut them, stock that runs out and comes back after a lead time, words and
// a picture (as a vector) that tell of what an item is like, and launches within
// the period: new items without history. Users have tastes, budgets and habits;
// they come back, view items of what they like, put them into the cart, and buy.
// Whether a view ends in a purchase is no factorization machine (see truth.go):
// there are thresholds, saturation and seasons in it.
//
// # Scale and determinism
//
// The period is simulated day by day: what users of a day want is drawn for
// blocks of users at a time, on all processors; what they get, for the stock,
// one view after another in the order of time, while the next day is drawn.
// Memory grows with users and items, not with views. All random numbers are
// functions of the seed and of what they are for, and blocks do not depend on
// the number of threads: the same configuration gives the same bytes.
package history

import (
	"errors"
	"fmt"
	"time"
)

// Config describes a shop and a period.
type Config struct {
	Users  int       `json:"users"`
	Items  int       `json:"items"`
	Events int       `json:"events"` // views to come about, within about a percent
	Days   int       `json:"days"`
	Start  time.Time `json:"start"` // first day, in UTC
	Seed   uint64    `json:"seed"`
	// Candidates are products that the shop does not sell yet: Policy.Launches launches them.
	Candidates int `json:"candidates,omitempty"`
	// Substitution is how much less a user wants an item for having seen others of its category in the session: that times the sum of
	// their probabilities is taken from the log-odds. 0: not at all.
	Substitution float64 `json:"substitution,omitempty"`
	// Warehouses serve the countries that are nearest to each; 0: one stock of each item serves everybody.
	Warehouses int `json:"warehouses,omitempty"`
	// Suppliers deliver to the warehouses.
	Suppliers int `json:"suppliers,omitempty"`
	// Deferred is the share of those who want what is not in stock that wait for it; without warehouses nobody does.
	Deferred float64 `json:"deferred,omitempty"`
}

// Default returns a shop of a million views.
func Default() Config {
	return Config{Users: 50_000, Items: 5_000, Events: 1_000_000, Days: 365, Start: time.Date(2025, time.January, 1, 0, 0, 0, 0, time.UTC), Seed: 1}
}

// ErrConfig is matched by errors about a configuration.
var ErrConfig = errors.New("cannot be simulated")

// Limits of a configuration.
const (
	maxUsers  = 50_000_000
	maxItems  = 5_000_000
	maxEvents = 2_000_000_000
	maxDays   = 3660

	maxCandidates   = 1_000_000
	maxSubstitution = 100

	maxWarehouses = numCountries
	maxSuppliers  = 100
	maxSites      = 10_000_000 // items in warehouses
)

// Validate returns an error that names what is out of range.
func (c Config) Validate() error {
	for _, f := range []struct {
		name             string
		value, low, high int
	}{{"users", c.Users, 10, maxUsers}, {"items", c.Items, len(categories), maxItems}, {"events", c.Events, 100, maxEvents}, {"days", c.Days, 10, maxDays}} {
		if f.value < f.low || f.value > f.high {
			return fmt.Errorf("%d %s %w; give %d to %d", f.value, f.name, ErrConfig, f.low, f.high)
		}
	}
	if c.Candidates < 0 || c.Candidates > maxCandidates {
		return fmt.Errorf("%d candidates %w; give 0 to %d", c.Candidates, ErrConfig, maxCandidates)
	}
	if !(c.Substitution >= 0 && c.Substitution <= maxSubstitution) {
		return fmt.Errorf("a substitution of %v %w; give 0 to %d", c.Substitution, ErrConfig, maxSubstitution)
	}
	if err := c.validateSupply(); err != nil {
		return err
	}
	// A user has one session a day at most.
	if most := float64(c.Users) * float64(c.Days) * 0.75 * 0.5 * meanViews; float64(c.Events) > most {
		return fmt.Errorf("%d events of %d users in %d days %w; with so many users and days there are at most %.0f", c.Events, c.Users, c.Days, ErrConfig, most)
	}
	if y := c.Start.Year(); y < 1970 || y > 2200 {
		return fmt.Errorf("a start in the year %d %w; give a day from 1970 to 2200", y, ErrConfig)
	}
	return nil
}

func (c Config) validateSupply() error {
	switch {
	case c.Warehouses < 0 || c.Warehouses > maxWarehouses:
		return fmt.Errorf("%d warehouses %w; give 0 to %d", c.Warehouses, ErrConfig, maxWarehouses)
	case c.Warehouses == 0 && (c.Suppliers != 0 || c.Deferred != 0):
		return fmt.Errorf("suppliers, and buyers who wait, without warehouses %w; give warehouses from 1 to %d", ErrConfig, maxWarehouses)
	case c.Warehouses > 0 && (c.Suppliers < 1 || c.Suppliers > maxSuppliers):
		return fmt.Errorf("%d suppliers %w; give 1 to %d", c.Suppliers, ErrConfig, maxSuppliers)
	case !(c.Deferred >= 0 && c.Deferred <= 1):
		return fmt.Errorf("a share of %v of the buyers who wait %w; give 0 to 1", c.Deferred, ErrConfig)
	case c.Warehouses*(c.Items+c.Candidates) > maxSites:
		return fmt.Errorf("%d items and candidates in %d warehouses %w; give fewer, for %d stocks at most", c.Items+c.Candidates, c.Warehouses, ErrConfig, maxSites)
	}
	return nil
}

// at returns a moment of a day of the period.
func (c Config) at(day int, second int32) time.Time {
	return c.Start.AddDate(0, 0, day).Add(time.Duration(second) * time.Second)
}
