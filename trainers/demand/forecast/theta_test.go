package forecast

import "testing"

// Values of R's forecast 8.20 and, within ±0.5, of the tests of Nixtla's statsforecast.
func TestThetaAirPassengers(t *testing.T) {
	plain := Series{Values: airPassengers}
	for _, c := range []struct {
		method Method
		series Series
		want   []float64
		within float64
	}{
		{ClassicTheta{}, passengers, []float64{440.0782, 428.3843, 489.7071, 475.7046, 479.6704, 545.3663, 602.7520, 601.1008, 523.9515, 456.6271, 397.9537, 447.6449}, 0.5},
		{Theta{}, passengers, []float64{440.7886, 429.0739, 490.4933, 476.4663, 480.4363}, 0.5},
		{Theta{Optimized: true}, passengers, []float64{442.8492, 432.1255, 495.1706, 482.1585, 487.3280}, 0.5},
		{Theta{Dynamic: true}, passengers, []float64{440.7631, 429.0512, 490.4711, 476.4495, 480.4251}, 0.5},
		{Theta{Optimized: true, Dynamic: true}, passengers, []float64{442.9720, 432.3586, 495.5702, 482.6789, 487.9888}, 0.5},
		{Theta{}, plain, []float64{432.9292}, 0.5},
		{Theta{Optimized: true, Dynamic: true}, plain, []float64{432.5131, 433.4257, 434.3344, 435.2391, 436.1399}, 0.5},
	} {
		p, err := c.method.Forecast(c.series, Options{Horizon: 12, Levels: levels80})
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range c.want {
			near(t, c.method.Name(), p.Mean[i], w, c.within)
		}
	}
}
