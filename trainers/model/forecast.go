package model

import (
	"context"
	"iter"

	"debut/datasets/table"
	"debut/trainers/page"
)

// Forecaster is a model that says how series go on.
type Forecaster interface {
	// Forecast hands out the steps to come of all series, those of a series one after another, some series at a time: the columns of its key, the time,
	// mean and quantiles, the method, and what is to be known of it. After an error there are no more.
	Forecast(ctx context.Context, r ForecastRequest) iter.Seq2[*Predictions, error]
	// Horizon is how many steps a request without a number of them is answered with.
	Horizon() int
	// Keys are the columns that name a series, none where there is one.
	Keys() []string
}

// Trender is a model that says which of its series rise and which fall.
type Trender interface {
	// Trends has a row for each series, and for sums of them, of which some key columns are empty: how many series it is of, the trend (rising, falling,
	// steady, too short), the change of the level over a year or since the course last changed, with its interval, as a share, its p-value, the level, from when
	// the change is told, and when the course changed. Those that rise come first, those that fall last but for what is too short. Of the request the horizon is not looked at.
	Trends(ctx context.Context, r ForecastRequest) (*Predictions, error)
}

// ForecastPager is a model whose forecasts can be shown on a page.
type ForecastPager interface {
	Page(ctx context.Context, r ForecastRequest) (*page.Page, error)
}

// ForecastRequest says what is forecast.
type ForecastRequest struct {
	Horizon int // steps ahead; 0: the model's
	// Update are files of later rows, read as those of training were: series are forecast from there on.
	Update *table.Source
	// Covariates are files of rows that say what covariates will be.
	Covariates *table.Source
	BaseDir    string // what their paths are relative to
	// Keys are the series wanted, a text for each of the key columns; nil: all. An error of one that is not there matches ErrUnknown.
	Keys [][]string
}
