package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"

	"debut/bench/peers"
	"debut/kernels/philox"
	"debut/kernels/pool"
	"debut/trainers/demand/forecast"
)

// forecastForm is how a case is written.
const forecastForm = "METHOD.SERIESxMONTHS, where METHOD is ets, theta, arima, median (of the three) or default"

// forecasts is the suite of methods that forecast series.
var forecasts = Suite{
	Name:    "forecast",
	Summary: "12 months ahead of generated series of months, with quantiles: automatic exponential smoothing, Theta, automatic ARIMA, their median, and the default",
	Cases:   []string{"ets.200x70", "theta.2000x70", "arima.100x70", "median.100x70", "default.100x70"},
	Form:    forecastForm,
	Peer:    "R's forecast",
	Metrics: []Metric{{Name: seriesMetric, Direction: Higher}, {Name: smapeMetric, Direction: Lower}},
	Host:    func(string) bool { return true },
	measure: measureForecast,
}

const (
	seriesMetric   = "series_per_second"
	smapeMetric    = "smape"
	forecastAhead  = 12
	forecastSeason = 12
)

var forecastCase = regexp.MustCompile(`^(ets|theta|arima|median|default)\.([1-9]\d{0,5})x([1-9]\d{1,3})$`)

// monthly is a series of months with a trend, a season and noise, all drawn by its number.
func monthly(number, n int) []float64 {
	s := philox.New(uint64(number), philox.StreamOf("bench.forecast"))
	level, slope, strength, noise := 50+500*s.Float64(), s.NormFloat64(), 0.3*s.Float64(), 0.02+0.15*s.Float64()
	y := make([]float64, n)
	walk := 0.0
	for i := range y {
		walk += 0.02 * s.NormFloat64()
		season := 1 + strength*math.Sin(2*math.Pi*float64(i)/forecastSeason+6*float64(number%7))
		y[i] = math.Max((level+slope*float64(i))*season*math.Exp(walk+noise*s.NormFloat64()), 0.1)
	}
	return y
}

// forecaster is the method of a case.
func forecaster(name string) forecast.Method {
	ets, theta, arima := forecast.ETS{}, forecast.ClassicTheta{}, forecast.ARIMA{}
	switch name {
	case "ets":
		return ets
	case "theta":
		return theta
	case "arima":
		return arima
	case "median":
		return forecast.Median{Members: []forecast.Method{ets, arima, theta}}
	}
	return &forecast.Rule{}
}

// smapeTolerance is how far apart, relative to theirs, the errors of two programs may be that look for the same models by other searches.
const smapeTolerance = 0.1

func measureForecast(ctx context.Context, name string, r *runner) (err error) {
	m := forecastCase.FindStringSubmatch(name)
	if m == nil {
		return fmt.Errorf("the case is not of the form %s", forecastForm)
	}
	count, err := strconv.Atoi(m[2])
	if err != nil {
		return err
	}
	months, err := strconv.Atoi(m[3])
	if err != nil {
		return err
	}
	series, later := make([]forecast.Series, count), make([][]float64, count)
	for i := range series {
		y := monthly(i, months+forecastAhead)
		series[i], later[i] = forecast.Series{Values: y[:months], Periods: []int{forecastSeason}}, y[months:]
	}
	p := pool.New(r.Device.Info().Threads)
	defer p.Close()
	method, smape := forecaster(m[1]), 0.0
	run := func() error {
		smape = 0
		return forecast.All(ctx, p, slices.Values(series), method, forecast.Options{Horizon: forecastAhead, Levels: []float64{0.1, 0.5, 0.9}},
			func(i int, f *forecast.Prediction, err error) error {
				if err != nil {
					return fmt.Errorf("series %d: %w", i, err)
				}
				for k, y := range later[i] {
					smape += 200 * math.Abs(y-f.Mean[k]) / (math.Abs(y) + math.Abs(f.Mean[k])) / float64(count*forecastAhead)
				}
				return nil
			})
	}
	if r.Peers && m[1] != "default" {
		done, err := compareForecasts(ctx, r, m[1], series, later, run, &smape)
		if done || err != nil {
			return err
		}
	}
	_, median, err := r.repeat(ctx, run)
	if err != nil {
		return err
	}
	r.report(seriesMetric, float64(count)/median.Seconds())
	r.report(smapeMetric, smape)
	return nil
}

// compareForecasts takes turns with R. Where its package is not installed, it says so and has done nothing.
func compareForecasts(ctx context.Context, r *runner, method string, series []forecast.Series, later [][]float64, run func() error, smape *float64) (done bool, err error) {
	folder, err := os.MkdirTemp("", "debut-bench-")
	if err != nil {
		return false, err
	}
	defer removeAll(folder, &err)
	work := peers.Forecasts{Method: method, Season: forecastSeason, Threads: r.Device.Info().Threads}
	for i, s := range series {
		work.Series = append(work.Series, append(slices.Clone(s.Values), later[i]...))
	}
	work.Ahead = forecastAhead
	peer, err := peers.StartForecast(ctx, folder, work)
	if errors.Is(err, peers.ErrAbsent) {
		r.absent(err)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer peer.Close()
	theirs, err := peer.Loss()
	if err != nil {
		return false, err
	}
	if err := run(); err != nil {
		return false, err
	}
	if !(math.Abs(*smape-theirs) <= smapeTolerance*theirs) {
		return false, fmt.Errorf("the sMAPE is %v and that of R %v: further apart than %v of it, so the work is not the same", *smape, theirs, smapeTolerance)
	}
	c, err := alternate(ctx, r.Duration, perSecond(run), peerRun(peer))
	if err != nil {
		return false, err
	}
	c.report(r, seriesMetric, float64(len(series)), 0, peer.Version()+", "+peer.Settings())
	r.report(smapeMetric, *smape)
	r.report("peer_"+smapeMetric, theirs)
	return true, nil
}
