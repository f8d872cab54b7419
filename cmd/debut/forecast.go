package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"debut/datasets/table"
	"debut/trainers/model"
)

func (a *app) forecast() *cobra.Command {
	var device deviceFlags
	var keys keyFlags
	var to predictionOutput
	var update, covariates []string
	var horizon int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "forecast MODEL -o OUT.csv",
		Short: "Forecast the series of a model",
		Long: `Forecast the series that a model was trained on, and write a row for each series and step: its keys, the time, mean and quantiles, by which
method, and what is to be known of it. MODEL is a run folder or its model/. The file is CSV, TSV, JSON lines or Parquet, or - for standard output.

--update names files of later rows, read as the training data were: series, new ones too, are forecast from there on. What covariates will be is said by rows without
a target, in the training data, in --update, or in files of --covariates.`,
		Example: `  debut forecast runs/demand -o forecast.parquet
  debut forecast runs/demand --horizon 4 --update june.csv --covariates prices.csv -o forecast.csv`,
		Args: takes(1, 1, "a model"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := to.check(cmd, append(append([]string(nil), update...), covariates...), asJSON); err != nil {
				return err
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
			err := withModel(&device, &keys, args[0], func(m model.Model) (err error) {
				f, ok := m.(model.Forecaster)
				if !ok {
					return fmt.Errorf("%s: a model of the family %s does not forecast series%s", args[0], m.Family(), insteadOf(m))
				}
				written, err = model.WriteTo(cmd.Context(), to.open(a.console, nil), f.Forecast(cmd.Context(), r))
				return err
			})
			if err != nil {
				return canceled(cmd.Context(), err)
			}
			switch {
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
			return a.console.print(fmt.Sprintf("%s: %s rows; columns %s\n", to.path, thousands(int64(written.Rows)), strings.Join(written.Columns, ", ")))
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
	flags.BoolVar(&asJSON, "json", false, "print what was written as JSON")
	complete(cmd, "output-format", outputFormats)
	return cmd
}
