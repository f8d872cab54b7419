// Package replenish plans purchases and transfers of many items at several sites over some weeks, under limits that they share:
// which quantity of which item to order from which supplier, for which site, in which week.
//
// # The model
//
// In a week, orders and transfers arrive, transfers leave, and then demand comes. Stock is planned by its expectation. The level of an
// item at a site in a week is the expected stock before its demand; with it go, by the distribution of demand, an expected shortage and an
// expected stock at the end of the week, both convex in the level. What is uncertain about a level is the demand of the weeks that can no
// longer be reacted to: an order that arrives in week t by the quickest way in, of lead time L, was decided L weeks before, so that the
// shortage of week t is E[(D − y)⁺] where D is the sum of the demands of weeks t−L … t, independent of one another (trainers/supply/inventory has its
// distribution), and y the level with the mean of weeks t−L … t−1 added. Errors of earlier weeks are corrected by planning again, so a
// plan is to be made anew each week. Where shortages are lost, the level that is left is higher by what was lost; a level of zero
// loses the mean demand, and the curve is the convex hull of that point and of the loss.
//
// Levels are made of segments between points of these curves, so that all is a linear program of trainers/supply/lp; the points are dense
// around the levels that are best where nothing is limited. Minimum orders, multiples and fixed costs make it an integer one.
//
// Stock that is left after the last week is worth the cheapest way to get it, unless [Model].RunDown: else a plan would run down. Orders
// that would arrive after the last week are not planned.
package replenish

import (
	"encoding/json"
	"io"
	"math"
	"time"
)

// Unlimited is a capacity that limits nothing.
var Unlimited = math.Inf(1)

// Model is what is planned. Weeks are 1 … Weeks; money and units are of any one kind; the unit of an item is the same everywhere.
type Model struct {
	Weeks int

	// Waits says that a shortage waits until there is stock. Else it is lost.
	Waits bool

	// RunDown says that stock after the last week is worth nothing.
	RunDown bool

	Items     []Item
	Sites     []Site
	Suppliers []Supplier
	Edges     []Edge
	Lanes     []Lane
	Stock     []Stock
	Demand    []Demand

	// Budget is the most that orders placed in a week may cost, fixed costs among it; Unlimited where it is none.
	Budget float64
}

// Item is a product.
type Item struct {
	Name     string
	Volume   float64 // of a unit, in the unit of Site.Storage
	Holding  float64 // cost of a unit and week at any site
	Shortage float64 // cost of a unit short: of one lost (its price, and what else goes with it), or of one and week that waits
	FillRate float64 // the least expected share of demand served at each site; 0: none is asked for
	Place    string  // where it was read, for messages
}

// Site is a place with stock and demand.
type Site struct {
	Name     string
	Storage  float64 // volume; Unlimited where it is none
	Holding  float64 // cost of a unit of volume and week, besides that of the item
	Handling float64 // units a week that come in and leave by lanes; Unlimited
	Place    string
}

// Supplier is whom orders go to.
type Supplier struct {
	Name     string
	Capacity float64 // units a week over all items and sites; Unlimited
	Place    string
}

// Edge is a way to buy an item for a site.
type Edge struct {
	Item, Supplier, Site string
	Lead                 int     // weeks; an order of week t can be sold in week t + Lead
	Minimum              float64 // least quantity of an order that is not empty; 0: none
	Multiple             float64 // quantities are whole multiples of it; 0: any quantity
	Cost                 float64 // of a unit
	Fixed                float64 // of an order
	Capacity             float64 // units a week; Unlimited
	Place                string
}

// Lane is a way to move an item, or every item, from a site to another one.
type Lane struct {
	Item     string // "": every item that both sites know, by demand, stock or an edge
	From, To string
	Lead     int // weeks
	Cost     float64
	Capacity float64 // units of each item a week; Unlimited
	Place    string
}

// Stock is what is on hand (Week 0), or on order and arriving in a week.
type Stock struct {
	Item, Site string
	Week       int
	Units      float64
	Place      string
}

// Demand is the demand of a week: by its quantiles, or by mean and standard deviation (0: certain), if Levels is nil.
type Demand struct {
	Item, Site      string
	Week            int
	Levels, Values  []float64
	Mean, Deviation float64
	Place           string
}

// Options are how to plan. The zero value is right but for Threads.
type Options struct {
	// Threads work at the same time; at least one. The plan does not depend on them.
	Threads int

	// Gap is the relative gap at which a search ends: of a small program that of its cost to the bound, of a large one that of the
	// mixture of plans, from which one plan is then chosen. 0: 1e-4.
	Gap float64

	// TimeLimit ends the search with the best plan so far; 0: none.
	TimeLimit time.Duration

	// Keep is called now and then in the search of a large program with a function that writes how far it has come; nil: that is not kept. An
	// error of it ends the search.
	Keep func(write func(io.Writer) error) error

	// Kept is what Keep has written in an earlier search of the same plan, which is gone on with; nil: none.
	Kept io.Reader

	// Decompose says from how many columns on a program is solved by prices and not as a whole. 0: 6,000 and, where orders are of integers, 100
	// possible orders.
	Decompose int

	// Progress is called now and then, from the goroutine of Solve.
	Progress func(Progress)
}

// Progress is how far planning has come.
type Progress struct {
	Phase       string
	Round       int
	Best, Bound float64 // costs; NaN where not known
	Seconds     float64
}

// Plan is what to do, and what is expected of it.
type Plan struct {
	Weeks     int        `json:"weeks"`
	Method    string     `json:"method"`
	Status    string     `json:"status"` // optimal, feasible, time limit, or interrupted
	Cost      float64    `json:"cost"`   // of the program: what Bound bounds
	Bound     float64    `json:"bound"`  // no plan of the program costs less; −Inf where none is known
	Gap       float64    `json:"gap"`    // (Cost − Bound) / |Cost|
	Orders    []Order    `json:"orders"`
	Transfers []Transfer `json:"transfers"`
	Levels    []Level    `json:"levels"`
	Costs     Costs      `json:"costs"`
	FillRate  float64    `json:"fill_rate"` // of all units
	Lost      float64    `json:"short_units"`
	Demand    float64    `json:"demand_units"`
	Binding   []Binding  `json:"binding"`
	Duals     string     `json:"duals"` // of which program the shadow prices are
	Warnings  []string   `json:"warnings,omitempty"`
	Seconds   float64    `json:"seconds"`

	exact bool // costs of waiting are those of integer programs
}

// MarshalJSON writes a bound and a gap that are not known as null.
func (p *Plan) MarshalJSON() ([]byte, error) {
	type plain Plan
	out := struct {
		*plain
		Bound *float64 `json:"bound"`
		Gap   *float64 `json:"gap"`
	}{plain: (*plain)(p)}
	if !math.IsInf(p.Bound, 0) {
		out.Bound, out.Gap = &p.Bound, &p.Gap
	}
	return json.Marshal(out)
}

// Order is a quantity ordered.
type Order struct {
	Item     string  `json:"item"`
	Supplier string  `json:"supplier"`
	Site     string  `json:"site"`
	Week     int     `json:"week"`
	Arrives  int     `json:"arrives"`
	Units    float64 `json:"units"`
	Cost     float64 `json:"cost"` // with the fixed one

	// Wait is, of an order of week 1, by how much the plan's cost rises where it can only be placed from week 2 on and all else of the item
	// may change within what the others leave of shared limits, and in a large program at the prices of these; nil elsewhere.
	Wait *float64 `json:"cost_of_waiting,omitempty"`
}

// Transfer is a quantity moved.
type Transfer struct {
	Item    string  `json:"item"`
	From    string  `json:"from"`
	To      string  `json:"to"`
	Week    int     `json:"week"`
	Arrives int     `json:"arrives"`
	Units   float64 `json:"units"`
	Cost    float64 `json:"cost"`
}

// Level is what is expected of an item at a site in a week, by the curves themselves.
type Level struct {
	Item   string  `json:"item"`
	Site   string  `json:"site"`
	Week   int     `json:"week"`
	Demand float64 `json:"demand"`
	Before float64 `json:"before"` // stock before demand, less what waits
	Stock  float64 `json:"stock"`  // on hand at the end
	Short  float64 `json:"short"`  // lost in the week, or waiting at its end
	Unmet  float64 `json:"unmet"`  // of the week's demand, what is not served in it
}

// Costs are what a plan is expected to cost, by kind.
type Costs struct {
	Purchase  float64 `json:"purchase"`
	Fixed     float64 `json:"fixed"`
	Transport float64 `json:"transport"`
	Holding   float64 `json:"holding"`
	Shortage  float64 `json:"shortage"`
	Terminal  float64 `json:"terminal"` // what is left is worth, negative
}

// Total is their sum.
func (c Costs) Total() float64 {
	return c.Purchase + c.Fixed + c.Transport + c.Holding + c.Shortage + c.Terminal
}

// Binding is a limit that a plan reaches.
type Binding struct {
	Kind  string  `json:"kind"` // storage, handling, supplier, budget, edge, lane, or fill rate
	Name  string  `json:"name"`
	Week  int     `json:"week"` // 0: all
	Limit float64 `json:"limit"`
	Used  float64 `json:"used"`

	// Price is by how much the cost falls with one unit more of the limit (of a fill rate: one unit more that may be short), nil where it is
	// not known: of integer orders at their capacity, and where branch and bound was interrupted.
	Price *float64 `json:"price,omitempty"`
	Over  float64  `json:"over,omitempty"` // by how much it is exceeded, where nothing planned could keep it
}

// since is the time from a moment, in seconds.
func since(began time.Time) float64 { return time.Since(began).Seconds() }
