package model

import (
	"context"
	"iter"

	"debut/datasets/table"
)

// Forecaster is a model that says how series go on.
type Forecaster interface {
	// Forecast hands out the steps to come of all series, those of a series one after another, some series at a time: the columns of its key, the time,
	// mean and quantiles, the method, and what is to be known of it. After an error there are no more.
	Forecast(ctx context.Context, r ForecastRequest) iter.Seq2[*Predictions, error]
	// Horizon is how many steps a request without a number of them is answered with.
	Horizon() int
}

// ForecastRequest says what is forecast.
type ForecastRequest struct {
	Horizon int // steps ahead; 0: the model's
	// Update are files of later rows, read as those of training were: series are forecast from there on.
	Update *table.Source
	// Covariates are files of rows that say what covariates will be.
	Covariates *table.Source
	BaseDir    string // what their paths are relative to
}
