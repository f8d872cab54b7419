package peers

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// Forecasts is the work of forecasting series.
type Forecasts struct {
	Method  string      // ets, theta, arima or median, of the three
	Season  int         // steps
	Ahead   int         // steps; the last of each series are what is forecast
	Threads int         // processes of R that share the work
	Series  [][]float64 // all of one length
}

// StartForecast starts R with its package forecast on series; a run forecasts all of them. The folder is for files; the caller removes it.
func StartForecast(ctx context.Context, folder string, w Forecasts) (_ *Peer, err error) {
	r, err := exec.LookPath("Rscript")
	if err != nil {
		return nil, fmt.Errorf("peers: there is no R; install r-cran-forecast: %w", ErrAbsent)
	}
	script, err := unpack(folder, "forecast.R")
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(folder, "series.csv"), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("peers: %w", err)
	}
	out := csv.NewWriter(f)
	for _, y := range w.Series {
		row := make([]string, len(y))
		for i, v := range y {
			row[i] = strconv.FormatFloat(v, 'g', 17, 64)
		}
		if err := out.Write(row); err != nil {
			return nil, fmt.Errorf("peers: %w", err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return nil, fmt.Errorf("peers: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("peers: %w", err)
	}
	p, err := start(ctx, libraries{openBLAS: 1, openMP: 1}, r, "--vanilla", script, folder, w.Method, strconv.Itoa(w.Season), strconv.Itoa(w.Ahead), strconv.Itoa(w.Threads))
	if err != nil {
		return nil, err
	}
	p.settings += fmt.Sprintf(", mclapply on %d", w.Threads)
	return p, nil
}

// Loss is what the peer comes to: of forecasts the sMAPE, of similarities the sum of those it keeps.
func (p *Peer) Loss() (float64, error) {
	a, err := p.ask("loss")
	return a.Loss, err
}
