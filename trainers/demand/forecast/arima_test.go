package forecast

import (
	"math"
	"testing"
)

// Values of R 4.2.2 and its forecast 8.20.
func TestAirlineModel(t *testing.T) {
	logs := make([]float64, len(airPassengers))
	for i, v := range airPassengers {
		logs[i] = math.Log(v)
	}
	m, err := FitARIMA(Series{Values: logs, Periods: []int{12}}, ARIMA{Order: &Order{D: 1, Q: 1, SD: 1, SQ: 1}})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "θ", m.MA[0], -0.401828, 5e-4)
	near(t, "Θ", m.SMA[0], -0.556945, 5e-4)
	near(t, "σ²", m.Sigma2, 0.00137126, 0.005*0.00137126) // R counts residuals of the 13 values that differences take away, too
	near(t, "log-likelihood", m.LogLik, 244.6995, 0.005)
	near(t, "AIC", m.AIC, -483.3991, 0.01)
}

func TestAutomaticARIMAAirPassengers(t *testing.T) {
	m, err := FitARIMA(passengers, ARIMA{})
	if err != nil {
		t.Fatal(err)
	}
	if got := m.String(); got != "ARIMA(2,1,1)(0,1,0)[12]" {
		t.Fatalf("the model is %s, want ARIMA(2,1,1)(0,1,0)[12]", got)
	}
	near(t, "φ₁", m.AR[0], 0.595981, 2e-3)
	near(t, "φ₂", m.AR[1], 0.214275, 2e-3)
	near(t, "θ₁", m.MA[0], -0.981877, 2e-3)
	near(t, "AICc", m.AICc, 1018.17, 0.05)
}
