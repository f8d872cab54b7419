package forecast

import "testing"

func TestCroston(t *testing.T) {
	s := Series{Values: []float64{0, 0, 3, 0, 0, 0, 2, 0, 1, 0, 0, 4, 0, 0, 0, 0, 3, 0}}
	p, err := Croston{}.Forecast(s, Options{Horizon: 3, Levels: levels80})
	if err != nil {
		t.Fatal(err)
	}
	nearAll(t, "Croston", p.Mean, []float64{0.89448291, 0.89448291, 0.89448291}, 1e-8) // R's forecast 8.20
	sba, err := Croston{SBA: true}.Forecast(s, Options{Horizon: 1})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "SBA", sba.Mean[0], 0.95*p.Mean[0], 1e-12)
	// What is sold no more: Croston stays as it was, TSB fades by a factor of 0.9 a step.
	gone := Series{Values: append(append([]float64(nil), s.Values...), make([]float64, 20)...)}
	a, err := TSB{}.Forecast(s, Options{Horizon: 1})
	if err != nil {
		t.Fatal(err)
	}
	b, err := TSB{}.Forecast(gone, Options{Horizon: 1})
	if err != nil {
		t.Fatal(err)
	}
	if b.Mean[0] > 0.2*a.Mean[0] {
		t.Errorf("after 20 steps without demand TSB says %v, before %v", b.Mean[0], a.Mean[0])
	}
}
