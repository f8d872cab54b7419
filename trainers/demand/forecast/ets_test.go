package forecast

import "testing"

// Values of R's forecast 8.20.
func TestETSAirPassengers(t *testing.T) {
	fit, err := FitETS(passengers, ETS{})
	if err != nil {
		t.Fatal(err)
	}
	if fit.Form != "ETS(M,Ad,M)" {
		t.Errorf("the form is %s, want ETS(M,Ad,M)", fit.Form)
	}
	near(t, "log-likelihood", fit.LogLik, -679.583216, 0.05)
	near(t, "AIC", fit.AIC, 1395.16643, 0.05)
	near(t, "AICc", fit.AICc, 1400.63843, 0.05)
	p, err := ETS{}.Forecast(passengers, Options{Horizon: 12, Levels: levels80})
	if err != nil {
		t.Fatal(err)
	}
	nearAll(t, "forecast", p.Mean, []float64{441.8018, 434.1186, 496.6300, 483.2375, 483.9914, 551.0244, 613.1797, 609.3648, 530.5408, 463.0332, 402.7478, 451.9694}, 0.005)
	for _, c := range []struct {
		form string
		aic  float64
	}{{"MAM", 1398.80724}, {"AAA", 1565.8717}} {
		fit, err := FitETS(passengers, ETS{Form: c.form})
		if err != nil {
			t.Fatal(err)
		}
		near(t, "AIC of "+c.form, fit.AIC, c.aic, 0.05)
	}
}

func TestSESNile(t *testing.T) {
	fit, err := FitETS(Series{Values: nile}, ETS{Form: "ANN"})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "α", fit.Alpha, 0.245668, 0.001)
	near(t, "the first level", fit.initLevel, 1110.734, 1)
	near(t, "AICc", fit.AICc, 1459.0310, 0.05)
	near(t, "forecast", fit.Level, 805.3363, 1)
}

func TestHoltWintersAirPassengers(t *testing.T) {
	h, err := begin(passengers, Options{Horizon: 12}, 1)
	if err != nil {
		t.Fatal(err)
	}
	fit, err := h.fitHoltWinters(true)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "α", fit.Alpha, 0.27559, 0.002)
	near(t, "β", fit.Beta, 0.03269, 0.002)
	near(t, "γ", fit.Gamma, 0.87073, 0.005)
	near(t, "SSE", fit.SSE, 16570.78, 10)
	p, err := HoltWinters{Multiplicative: true}.Forecast(passengers, Options{Horizon: 12})
	if err != nil {
		t.Fatal(err)
	}
	nearAll(t, "forecast", p.Mean, []float64{447.0559, 419.7123, 464.8671, 496.0839, 507.5326, 575.4509, 666.5923, 657.9137, 550.3088, 492.9853, 420.2073, 465.6345}, 0.005)
}
