package forecast

import (
	"fmt"
	"math"
	"strings"
)

// ETS is exponential smoothing in its innovations state space forms (Hyndman, Koehler, Ord, Snyder, "Forecasting with Exponential
// Smoothing", 2008): error A or M; trend N, A, Ad, M or Md; season N, A or M. Form names one, as "MAdM", where Z stands for whatever
// has the lowest AICc; "" is "ZZZ". Forms whose variance is infinite – an additive error with a factor, MMA – are taken only where they
// are named in full.
type ETS struct {
	Form                string
	MultiplicativeTrend bool // a Z may be a multiplicative trend
}

// maxETSPeriod is the longest season that has a state a step.
const maxETSPeriod = 24

// form of an ETS model. Components are 'N', 'A' or 'M'.
type form struct {
	errors, trend, season byte
	damped                bool
}

// String names the form as ETS(error,trend,season).
func (f form) String() string {
	d := ""
	if f.damped {
		d = "d"
	}
	return fmt.Sprintf("ETS(%c,%c%s,%c)", f.errors, f.trend, d, f.season)
}

// Name is the form.
func (m ETS) Name() string {
	if m.Form == "" {
		return "ETS"
	}
	return "ETS " + m.Form
}

// forms lists what a pattern stands for.
func (m ETS) forms() ([]form, error) {
	pattern := m.Form
	if pattern == "" {
		pattern = "ZZZ"
	}
	wrong := fmt.Errorf("%w: ETS form %q; a form is an error Z, A or M, a trend Z, N, A, Ad, M or Md, and a season Z, N, A or M", ErrInput, m.Form)
	damped := len(pattern) == 4 && pattern[2] == 'd'
	if damped {
		pattern = pattern[:2] + pattern[3:]
	}
	if len(pattern) != 3 {
		return nil, wrong
	}
	trends := "NA"
	if m.MultiplicativeTrend {
		trends = "NAM"
	}
	choices := func(c byte, all, open string) string {
		switch {
		case c == 'Z':
			return open
		case strings.IndexByte(all, c) >= 0:
			return string(c)
		}
		return ""
	}
	errorsOf, trendsOf, seasons := choices(pattern[0], "AM", "AM"), choices(pattern[1], "NAM", trends), choices(pattern[2], "NAM", "NAM")
	if errorsOf == "" || trendsOf == "" || seasons == "" || damped && trendsOf == "N" {
		return nil, wrong
	}
	named := !strings.Contains(pattern, "Z")
	var list []form
	for i := range len(errorsOf) {
		for j := range len(trendsOf) {
			for k := range len(seasons) {
				for _, d := range []bool{false, true} {
					f := form{errorsOf[i], trendsOf[j], seasons[k], d}
					unstable := f.errors == 'A' && (f.trend == 'M' || f.season == 'M') || f.errors == 'M' && f.trend == 'M' && f.season == 'A'
					switch {
					case d && f.trend == 'N', damped && !d && f.trend != 'N', pattern[1] != 'Z' && d != damped, unstable && !named:
						continue
					}
					list = append(list, f)
				}
			}
		}
	}
	if damped && pattern[1] == 'Z' { // Zd: a damped trend of some kind
		kept := list[:0]
		for _, f := range list {
			if f.damped {
				kept = append(kept, f)
			}
		}
		list = kept
	}
	return list, nil
}

// ETSModel is a fitted form.
type ETSModel struct {
	Form                     string
	Alpha, Beta, Gamma, Phi  float64
	LogLik, AIC, AICc        float64
	Sigma2                   float64 // variance of the errors, relative ones where the error is a factor
	Level, Trend             float64 // at the end
	Season                   []float64
	form                     form
	period, n                int
	initLevel, initTrend     float64
	initSeason, bestResidual []float64
}

// FitETS fits the form to a series, or chooses one.
func FitETS(s Series, m ETS) (*ETSModel, error) {
	h, err := begin(s, Options{Horizon: 1}, 4)
	if err != nil {
		return nil, err
	}
	fit, err := h.fitETS(m)
	if err != nil {
		return nil, err
	}
	// The likelihood of values in another unit: each density shrinks by the scale.
	fit.LogLik -= float64(fit.n) * math.Log(h.scale)
	fit.AIC += 2 * float64(fit.n) * math.Log(h.scale)
	fit.AICc += 2 * float64(fit.n) * math.Log(h.scale)
	return fit, nil
}

// Forecast needs four observations, and more where the form has more parameters.
func (m ETS) Forecast(s Series, o Options) (*Prediction, error) {
	h, err := begin(s, o, 4)
	if err != nil {
		return nil, err
	}
	if h.flat {
		return h.flatPrediction(o), nil
	}
	fit, err := h.fitETS(m)
	if err != nil {
		return nil, err
	}
	p := fit.predict(h, o)
	return p, p.check()
}

func (h *history) fitETS(m ETS) (*ETSModel, error) {
	forms, err := m.forms()
	if err != nil {
		return nil, err
	}
	f := newFitter(h)
	var best *ETSModel
	for _, form := range forms {
		if form.season != 'N' && (h.period == 1 || h.period > maxETSPeriod) {
			if len(forms) == 1 {
				return nil, fmt.Errorf("%w: %v of a season of %d steps; it takes seasons of 2 to %d, two of them observed", ErrUnfit, form, h.period, maxETSPeriod)
			}
			continue
		}
		if (form.errors == 'M' || form.trend == 'M' || form.season == 'M') && !h.positive() {
			if len(forms) == 1 {
				return nil, fmt.Errorf("%w: %v multiplies, and not all values are above 0", ErrUnfit, form)
			}
			continue
		}
		if fit := f.fit(form); fit != nil && (best == nil || fit.AICc < best.AICc) {
			best = fit
		}
	}
	if best == nil {
		return nil, fmt.Errorf("%w: %d observations for the parameters of exponential smoothing", ErrShort, h.known)
	}
	return best, nil
}
