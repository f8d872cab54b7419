package model

import (
	"context"

	"debut/datasets/table"
)

// Pricer is a model that knows how demand answers to prices, and sets them.
type Pricer interface {
	// Price chooses prices. Errors about bounds name those that exclude every price.
	Price(ctx context.Context, r PriceRequest) (*PricePlan, error)
}

// PriceRequest says which prices are asked for.
type PriceRequest struct {
	Goal    string      // profit, revenue or units
	Periods int         // that prices are for, from 1
	Margin  float64     // the least share of the price above the cost, from 0 to below 1
	Change  float64     // the largest share by which a price moves; 0: any
	Endings []float64   // what prices end in behind the point; nil: any
	Band    *[2]float64 // shares below and above the cheapest price elsewhere, as −0.1 and 0.05
	Ladders []PriceLadder
	// Terms are rows of products: cost, stock, min and max, each where it is known.
	Terms   *table.Source
	BaseDir string // what its paths are relative to
	// Falling plans a price for each period from the stock of Terms, that may never rise; Salvage is what one that is left is worth, as a share of the cost.
	Falling bool
	Salvage float64
	Curve   bool // PricePlan.Curve is asked for
	Draws   int  // of demand curves, that intervals come from
}

// PriceLadder holds the price of a product to at most a share of another's.
type PriceLadder struct {
	Lower, Upper string
	Share        float64
}

// PricePlan are prices with what they bring.
type PricePlan struct {
	Prices []SetPrice
	Curve  []PricePoint
	// Now and Set are what all products bring in all periods, at the prices that are and that were set; Low and High are the bounds of the difference, nine times in ten.
	Now, Set, Low, High float64
	Notes               []string
}

// SetPrice is the price of a product. Units and profit are of all periods.
type SetPrice struct {
	Product, Category      string
	Before, Price          float64
	Cost                   float64 // 0 where it is not known
	UnitsBefore, Units     float64
	RevenueBefore, Revenue float64
	ProfitBefore, Profit   float64
	ProfitLow, ProfitHigh  float64 // nine times in ten
	Elasticity             float64
	Period                 int     // of a plan of falling prices, from 1; 0: of all
	Stock                  float64 // that is expected to be left before the period, of such a plan
	Note                   string
}

// PricePoint is a point of a product's profit curve, the other prices being as they are set. Units and profit are of all periods.
type PricePoint struct {
	Product                       string
	Price, Units, Revenue, Profit float64
	ProfitLow, ProfitHigh         float64 // nine times in ten
}
