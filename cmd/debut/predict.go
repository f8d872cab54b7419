package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/wording"
	"debut/trainers/model"
)

// outputExtensions are the files that predict writes.
var outputExtensions = []string{".csv", ".tsv", ".jsonl", ".parquet"}

func (a *app) predict() *cobra.Command {
	var device deviceFlags
	var source sourceFlags
	var keys keyFlags
	var output string
	var threshold float64
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "predict MODEL DATA... -o OUT.csv",
		Short: "Apply a model to new rows",
		Long: `Apply a model to new rows and write the predictions to a CSV, TSV, JSON lines or Parquet file, one row for each row read and in the same
order, with the id columns of the run file carried through. MODEL is a run folder or its model/; the target is not needed.`,
		Example: "  debut predict runs/first new.csv -o predictions.parquet",
		Args:    takes(2, -1, "a model and at least one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if output == "" {
				return usagef("%s needs a file to write, --output predictions.csv", cmd.CommandPath())
			}
			if ext := strings.ToLower(filepath.Ext(output)); !slices.Contains(outputExtensions, ext) {
				return usagef("--output %s: the format follows from the extension, one of %s", output, strings.Join(outputExtensions, ", "))
			}
			if err := checkOutput("--output", output, args[1:]); err != nil {
				return err
			}
			src, err := source.source(cmd.Flags(), args[1:])
			if err != nil {
				return err
			}
			var ids []string
			var written *model.Written
			err = withModel(&device, &keys, args[0], func(m model.Model) (err error) {
				predictor, ok := m.(model.Predictor)
				if !ok {
					return fmt.Errorf("%s: a model of the family %s does not predict rows of a table%s", args[0], m.Family(), insteadOf(m))
				}
				if err := setThreshold(cmd, m, threshold); err != nil {
					return err
				}
				ids = predictor.IDs()
				written, err = model.Write(cmd.Context(), output, predictor.Predict(cmd.Context(), src, ""))
				return err
			})
			if err != nil {
				return canceled(cmd.Context(), err)
			}
			a.console.reportEncoding(written.Report)
			for _, id := range ids {
				if !slices.Contains(written.Columns, id) {
					a.console.log.Warn("the data lack an id column of the training; the predictions are without it", "column", id)
				}
			}
			if asJSON {
				return a.console.printJSON(struct {
					Model   string   `json:"model"`
					Data    []string `json:"data"`
					Output  string   `json:"output"`
					Rows    int      `json:"rows"`
					Columns []string `json:"columns"`
					// Positive is the class that the probability is of.
					Positive string `json:"positive,omitempty"`
					// Threshold is the probability from which on it is predicted.
					Threshold float64               `json:"threshold,omitempty"`
					Report    encoding.EncodeReport `json:"report"`
				}{args[0], args[1:], output, written.Rows, written.Columns, written.Positive, written.Threshold, written.Report})
			}
			of := ""
			if written.Positive != "" {
				of = fmt.Sprintf("; probability is that of %q, predicted from %.4g on", written.Positive, written.Threshold)
			}
			return a.console.print(fmt.Sprintf("%s: %s rows; columns %s%s\n", output, thousands(int64(written.Rows)), wording.VisibleLine(strings.Join(written.Columns, ", ")), of))
		},
	}
	device.register(cmd)
	source.register(cmd)
	keys.register(a, cmd)
	registerThreshold(cmd, &threshold)
	cmd.Flags().StringVarP(&output, "output", "o", "", "file to write: .csv, .tsv, .jsonl or .parquet; an existing one is replaced")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was written as JSON")
	return cmd
}

// checkShown refuses the name of an output that could not be shown as it is.
func checkShown(flag, output string) error {
	if r, hidden := wording.Hidden(output); hidden {
		return usagef("%s %q: the name holds the character %U, which is not shown; leave it out", flag, output, r)
	}
	return nil
}

// checkOutput refuses a file that cannot be written, or that is one of those to be read.
func checkOutput(flag, output string, data []string) error {
	if err := checkShown(flag, output); err != nil {
		return err
	}
	if info, err := os.Stat(filepath.Dir(output)); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s %s: there is no folder %s; make it first", flag, output, filepath.Dir(output))
	} else if err == nil && !info.IsDir() {
		return fmt.Errorf("%s %s: %s is a file, not a folder", flag, output, filepath.Dir(output))
	}
	old, err := os.Stat(output)
	if err != nil {
		return nil // most likely there is none; what else there is, writing will say
	}
	if old.IsDir() {
		return fmt.Errorf("%s %s is a folder; name a file", flag, output)
	}
	for _, pattern := range data {
		path, err := configfile.ExpandPath(pattern, "")
		if err != nil {
			return err
		}
		files := []string{path}
		if _, err := os.Stat(path); err != nil {
			files, err = filepath.Glob(path)
			if err != nil {
				continue // reading will say what is wrong with it
			}
		}
		for _, file := range files {
			if info, err := os.Stat(file); err == nil && os.SameFile(info, old) {
				return usagef("%s %s: the output is also an input, %s; choose another name", flag, output, file)
			}
		}
	}
	return nil
}
