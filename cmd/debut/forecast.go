package main

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"debut/datasets/atomicfile"
	"debut/datasets/table"
	"debut/datasets/wording"
	"debut/trainers/model"
)

func (a *app) forecast() *cobra.Command {
	var device deviceFlags
	var keys keyFlags
	var to predictionOutput
	var update, covariates []string
	var horizon int
	var asJSON, trends bool
	var shown string
	cmd := &cobra.Command{
		Use:   "forecast MODEL [-o OUT.csv] [--html PAGE.html] [--trends]",
		Short: "Forecast the series of a model",
		Long: `Forecast the series that a model was trained on, and write a row for each series and step: its keys, the time, mean and quantiles, by which
method, and what is to be known of it. MODEL is a run folder or its model/. The file is CSV, TSV, JSON lines or Parquet, or - for standard output.

--update names files of later rows, read as the training data were: series, new ones too, are forecast from there on. What covariates will be is said by rows without
a target, in the training data, in --update, or in files of --covariates.

--trends says instead which series, and sums of them by each key, rise and fall: the change of their level without season over a year, or since their course last changed,
with an interval of 90 %, as a share too, and when their courses changed. Without -o the first and last of them are shown.

--html writes a page of both: what rises and falls, and the largest series with what is to come.`,
		Example: `  debut forecast runs/demand -o forecast.parquet
  debut forecast runs/demand --horizon 4 --update june.csv --covariates prices.csv -o forecast.csv
  debut forecast runs/demand --trends
  debut forecast runs/demand -o forecast.csv --html forecast.html`,
		Args: takes(1, 1, "a model"),
		RunE: func(cmd *cobra.Command, args []string) error {
			read := append(append([]string(nil), update...), covariates...)
			if to.path != "" || shown == "" && !trends {
				if err := to.check(cmd, read, asJSON); err != nil {
					return err
				}
			}
			if shown != "" {
				if err := checkOutput("--html", shown, read); err != nil {
					return err
				}
				if err := apart([2]string{"--output", to.path}, [2]string{"--html", shown}); err != nil {
					return err
				}
			}
			if cmd.Flags().Changed("horizon") && horizon < 1 {
				return usagef("--horizon %d: give a number of steps from 1", horizon)
			}
			r := model.ForecastRequest{Horizon: horizon}
			if len(update) > 0 {
				r.Update = &table.Source{Path: update}
			}
			if len(covariates) > 0 {
				r.Covariates = &table.Source{Path: covariates}
			}
			var written *model.Written
			var found *model.Predictions
			err := withModel(&device, &keys, args[0], func(m model.Model) (err error) {
				f, ok := m.(model.Forecaster)
				if !ok {
					return fmt.Errorf("%s: a model of the family %s does not forecast series%s", args[0], m.Family(), insteadOf(m))
				}
				rows := f.Forecast(cmd.Context(), r)
				if trends {
					t, ok := m.(model.Trender)
					if !ok {
						return fmt.Errorf("%s: a model of the family %s says nothing of trends%s", args[0], m.Family(), insteadOf(m))
					}
					if found, err = t.Trends(cmd.Context(), r); err != nil {
						return err
					}
					rows = func(yield func(*model.Predictions, error) bool) { yield(found, nil) }
				}
				if shown != "" {
					if err := writePage(cmd.Context(), m, args[0], r, shown); err != nil {
						return err
					}
					a.console.log.Info("wrote the page", "path", shown)
				}
				if to.path != "" {
					written, err = model.WriteTo(cmd.Context(), to.open(a.console, nil), rows)
				}
				return err
			})
			if err != nil {
				return canceled(cmd.Context(), err)
			}
			switch {
			case written == nil && trends && asJSON:
				return a.console.printJSON(trendRows(found))
			case written == nil && trends:
				return a.console.print(trendText(found))
			case written == nil && asJSON:
				return a.console.printJSON(map[string]string{"model": args[0], "page": shown})
			case written == nil: // the page is all there is
				return nil
			case asJSON:
				return a.console.printJSON(struct {
					Model   string   `json:"model"`
					Output  string   `json:"output"`
					Rows    int      `json:"rows"`
					Columns []string `json:"columns"`
				}{args[0], to.path, written.Rows, written.Columns})
			case to.path == standard: // which has the forecasts
				a.console.log.Info("forecast", "rows", written.Rows)
				return nil
			}
			return a.console.print(fmt.Sprintf("%s: %s rows; columns %s\n", to.path, wording.Thousands(int64(written.Rows)), strings.Join(written.Columns, ", ")))
		},
	}
	device.register(cmd)
	keys.register(a, cmd)
	flags := cmd.Flags()
	flags.IntVar(&horizon, "horizon", 0, "steps to forecast (default: the run file's)")
	flags.StringSliceVar(&update, "update", nil, "files of later rows: CSV, Parquet or JSON, with the columns of the training data")
	flags.StringSliceVar(&covariates, "covariates", nil, "files of rows that say what covariates will be: keys, time and covariates")
	flags.StringVarP(&to.path, "output", "o", "", "file to write: .csv, .tsv, .jsonl or .parquet, an existing one is replaced; or - for standard output")
	flags.StringVar(&to.format, "output-format", "", "format to write: "+strings.Join(outputFormats, ", ")+" (default: by the extension; of - csv)")
	flags.BoolVar(&trends, "trends", false, "say which series rise and fall, instead of forecasting them")
	flags.StringVar(&shown, "html", "", "also write a page of trends and forecasts to this file")
	flags.BoolVar(&asJSON, "json", false, "print what was written, or the trends, as JSON")
	complete(cmd, "output-format", outputFormats)
	return cmd
}

// writePage writes the page of a model's forecasts.
func writePage(ctx context.Context, m model.Model, path string, r model.ForecastRequest, to string) error {
	pager, ok := m.(model.ForecastPager)
	if !ok {
		return fmt.Errorf("%s: of a model of the family %s there is no page of forecasts%s", path, m.Family(), insteadOf(m))
	}
	p, err := pager.Page(ctx, r)
	if err != nil {
		return err
	}
	return atomicfile.Write(to, 0o644, p.Write)
}

// trendRows are trends as objects, in their order. What is not known is null.
func trendRows(p *model.Predictions) []map[string]any {
	rows := make([]map[string]any, p.Rows)
	for i := range rows {
		rows[i] = map[string]any{}
		for _, c := range p.Columns {
			switch v := c.Values.(type) {
			case []string:
				rows[i][c.Name] = v[i]
			case []int64:
				rows[i][c.Name] = v[i]
			case []float64:
				rows[i][c.Name] = nil
				if !math.IsNaN(v[i]) {
					rows[i][c.Name] = v[i]
				}
			}
		}
	}
	return rows
}

// shownTrends is how many trends are shown from each end.
const shownTrends = 15

// trendText shows the trends that rise most and fall most.
func trendText(p *model.Predictions) string {
	short, rows := 0, p.Rows
	for _, c := range p.Columns {
		if v, ok := c.Values.([]string); ok && c.Name == "trend" {
			for rows > 0 && v[rows-1] == "too short" {
				short, rows = short+1, rows-1
			}
		}
	}
	percent := func(x float64) string { return fmt.Sprintf("%+.1f %%", 100*x) }
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', 4, 64) }
	g := grid{nil}
	for _, c := range p.Columns {
		g[0] = append(g[0], c.Name)
	}
	left := 0
	for i := range rows {
		if i >= shownTrends && i < rows-shownTrends {
			left++
			continue
		}
		if left > 0 && i == rows-shownTrends {
			g = append(g, append([]string{fmt.Sprintf("… %s more, in a file by -o …", wording.Thousands(int64(left)))}, make([]string, len(p.Columns)-1)...))
		}
		var row []string
		for _, c := range p.Columns {
			switch v := c.Values.(type) {
			case []string:
				row = append(row, v[i])
			case []int64:
				row = append(row, strconv.FormatInt(v[i], 10))
			case []float64:
				text := ""
				if !math.IsNaN(v[i]) {
					if text = number(v[i]); c.Name == "share" {
						text = percent(v[i])
					}
				}
				row = append(row, text)
			}
		}
		g = append(g, row)
	}
	if short > 0 {
		return g.text() + fmt.Sprintf("\n%s more are too short to say\n", wording.Thousands(int64(short)))
	}
	return g.text()
}
