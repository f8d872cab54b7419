package main

import (
	"context"
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
	"debut/datasets/nearest"
	"debut/datasets/table"
	"debut/datasets/warning"
	"debut/datasets/wording"
	"debut/trainers/model"
	"debut/trainers/run"
)

// outputExtensions are the files that predict writes.
var outputExtensions = []string{".csv", ".tsv", ".jsonl", ".parquet"}

// outputFormats are those of --output-format.
var outputFormats = []string{table.CSV, table.TSV, table.JSON, table.Parquet}

func (a *app) predict() *cobra.Command {
	var device deviceFlags
	var source sourceFlags
	var keys keyFlags
	var to predictionOutput
	var in encoding.Input
	var part string
	var threshold float64
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "predict MODEL DATA... -o OUT.csv",
		Short: "Apply a model to new rows",
		Long: `Apply a model to new rows and write the predictions to a CSV, TSV, JSON lines or Parquet file, one row for each row read and in the same
order, with the id columns of the run file, and those of --keep, carried through. MODEL is a run folder or its model/; the target is
not needed. DATA may be - for standard input, which is read to its end first, and OUT - for standard output. --part answers for rows of the
run's own data instead.

A row for a model of ratings has a user and an item. Of two classes, "probability" is that of the positive one, which is said in the end; of several, there is one column for each.`,
		Example: `  debut predict runs/first new.csv -o predictions.parquet
  debut predict runs/first new.csv -o predictions.csv --keep customer,price
  gunzip -c new.jsonl.gz | debut predict runs/first - -o - | head
  debut predict runs/first --part test -o test.csv --keep purchased`,
		Args: takes(1, -1, "a model and at least one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			data := args[1:]
			if err := to.check(cmd, data, asJSON); err != nil {
				return err
			}
			if err := checkKeep(in.Keep); err != nil {
				return err
			}
			src, err := source.source(cmd.Flags(), data)
			if err != nil {
				return err
			}
			switch {
			case part == "" && len(data) == 0:
				return usagef("%s needs data: name a file, or - for standard input, or a part of the run's own data, --part test", cmd.CommandPath())
			case part != "" && !slices.Contains(parts, part):
				return usagef("--part %s: give one of %s%s", part, strings.Join(parts, ", "), nearest.DidYouMean(part, parts))
			case part != "" && (len(data) > 0 || in.AllowMissing || source.given(cmd.Flags())):
				return usagef("--part is of the run's own data, as its run file says they are read: leave it out, or files, --allow-missing and how files are read")
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
				if part != "" {
					written, err = a.predictPart(cmd.Context(), args[0], m, part, in.Keep, &to)
					return err
				}
				remove, err := spool(cmd.Context(), &src)
				defer remove()
				if err != nil {
					return err
				}
				written, err = model.WriteTo(cmd.Context(), to.open(a.console, &src), predictor.Predict(cmd.Context(), src, "", in))
				return err
			})
			if missing := (*table.MissingColumnError)(nil); errors.As(err, &missing) && slices.Contains(in.Keep, missing.Name) {
				return fmt.Errorf("--keep: %w", missing)
			}
			if errors.Is(err, table.ErrLacking) && !in.AllowMissing {
				return fmt.Errorf("%w; with --allow-missing their values count as missing ones", err)
			}
			if err != nil {
				return canceled(cmd.Context(), err)
			}
			warnings := a.console.reportEncoding(written.Report)
			for _, id := range ids {
				if !slices.Contains(written.Columns, id) {
					a.console.log.Warn("the data lack an id column of the training; the predictions are without it", "column", id)
				}
			}
			if asJSON {
				return a.console.printJSON(struct {
					Model   string   `json:"model"`
					Data    []string `json:"data,omitempty"`
					Part    string   `json:"part,omitempty"` // of the run's own data, in the place of files
					Output  string   `json:"output"`
					Rows    int      `json:"rows"`
					Columns []string `json:"columns"`
					// Positive is the class that the probability is of.
					Positive string `json:"positive,omitempty"`
					// Threshold is the probability from which on it is predicted.
					Threshold float64               `json:"threshold,omitempty"`
					Warnings  warning.List          `json:"warnings,omitempty"`
					Report    encoding.EncodeReport `json:"report"`
				}{args[0], data, part, to.path, written.Rows, written.Columns, written.Positive, written.Threshold, warnings, written.Report})
			}
			if to.path == standard { // which has the predictions
				var of []any
				if written.Positive != "" {
					of = []any{"probability_of", written.Positive, "predicted_from", written.Threshold}
				}
				a.console.log.Info("predicted", append([]any{"rows", written.Rows}, of...)...)
				return nil
			}
			of := ""
			if written.Positive != "" {
				of = fmt.Sprintf("; probability is that of %q, predicted from %.4g on", written.Positive, written.Threshold)
			}
			return a.console.print(fmt.Sprintf("%s: %s rows; columns %s%s\n", to.path, wording.Thousands(int64(written.Rows)), wording.VisibleLine(strings.Join(written.Columns, ", ")), of))
		},
	}
	device.register(cmd)
	source.register(cmd)
	keys.register(a, cmd)
	registerThreshold(cmd, &threshold)
	flags := cmd.Flags()
	flags.StringVarP(&to.path, "output", "o", "", "file to write: .csv, .tsv, .jsonl or .parquet, an existing one is replaced; or - for standard output")
	flags.StringVar(&to.format, "output-format", "", "format to write: "+strings.Join(outputFormats, ", ")+" (default: by the extension; of - jsonl for JSON, else csv)")
	flags.StringSliceVar(&in.Keep, "keep", nil, "columns of the data to carry through to the predictions, separated by commas, in this order; may be repeated")
	flags.StringVar(&part, "part", "", "predict a part of the run's own data: train, validation or test")
	flags.BoolVar(&in.AllowMissing, "allow-missing", false, "take values of columns that the data lack for missing ones instead of stopping with an error")
	flags.BoolVar(&asJSON, "json", false, "print what was written as JSON")
	complete(cmd, "output-format", outputFormats)
	complete(cmd, "part", parts)
	return cmd
}

// predictPart answers for a part of the run's own data, which must be what they were.
func (a *app) predictPart(ctx context.Context, folder string, m model.Model, part string, keep []string, to *predictionOutput) (*model.Written, error) {
	own, err := openOwn(folder, part, "name files of rows to predict")
	if err != nil {
		return nil, err
	}
	predictor, ok := own.cfg.(run.PartPredictor)
	if !ok {
		return nil, own.unable(m)
	}
	answers, err := predictor.PredictPart(ctx, m, own.base, part, keep, a.console.log)
	if err != nil {
		return nil, own.unread(err)
	}
	defer answers.Close()
	if err := own.unchanged(answers.Files); err != nil {
		return nil, err
	}
	return model.WriteTo(ctx, to.open(a.console, nil), answers.Predictions)
}

// predictionOutput is where predictions are written.
type predictionOutput struct{ path, format string }

// check returns an error where predictions cannot be written there, before anything is read.
func (o *predictionOutput) check(cmd *cobra.Command, data []string, asJSON bool) error {
	if o.format != "" && !slices.Contains(outputFormats, o.format) {
		return usagef("--output-format %s: give one of %s%s", o.format, strings.Join(outputFormats, ", "), nearest.DidYouMean(o.format, outputFormats))
	}
	switch ext := strings.ToLower(filepath.Ext(o.path)); {
	case o.path == "":
		return usagef("%s needs a file to write, --output predictions.csv, or - for standard output", cmd.CommandPath())
	case o.path == standard && o.format == table.Parquet:
		return usagef("--output -: a Parquet file is not written as it comes; name a file")
	case o.path == standard && asJSON:
		return usagef("--json is about the file that is written, and --output - writes the predictions to where it would be: leave one of them out; for JSON lines write --output-format jsonl")
	case o.path == standard:
		return nil
	case o.format == "" && !slices.Contains(outputExtensions, ext):
		return usagef("--output %s: the format follows from the extension, one of %s, or is given by --output-format", o.path, strings.Join(outputExtensions, ", "))
	}
	return checkOutput("--output", o.path, data)
}

// open returns what begins the table; src is what the predictions are of, nil for a part of a run's own data.
func (o *predictionOutput) open(c *console, src *table.Source) func([]table.OutputColumn) (*table.Writer, error) {
	if o.path != standard {
		return func(columns []table.OutputColumn) (*table.Writer, error) {
			return table.NewWriter(o.path, o.format, columns)
		}
	}
	format := o.format
	if format == "" {
		format = table.CSV
		if src != nil && (src.Format == "json" || src.Format == "auto" && slices.ContainsFunc(src.Path, isJSON)) {
			format = table.JSON
		}
	}
	return func(columns []table.OutputColumn) (*table.Writer, error) {
		return table.NewStream(resultWriter{c}, "to standard output", format, columns)
	}
}

// isJSON reports the name of a file that is read as JSON.
func isJSON(path string) bool {
	path = strings.ToLower(path)
	path = strings.TrimSuffix(strings.TrimSuffix(path, ".gz"), ".zst")
	return slices.Contains([]string{".json", ".jsonl", ".ndjson"}, filepath.Ext(path))
}

// checkKeep refuses columns that are named twice, or as nothing.
func checkKeep(names []string) error {
	for i, name := range names {
		switch {
		case name == "":
			return usagef("--keep: the name of a column is empty")
		case slices.Contains(names[:i], name):
			return usagef("--keep %s: the column is named twice; name it once", name)
		}
	}
	return nil
}

// checkShown refuses the name of an output that could not be shown as it is.
func checkShown(flag, output string) error {
	if r, hidden := wording.Hidden(output); hidden {
		return usagef("%s %q: the name holds the character %U, which is not shown; leave it out", flag, output, r)
	}
	return nil
}

// apart refuses two outputs, each a flag and its file, that are one file: the second would replace the first. Those that are not given do not count.
func apart(outputs ...[2]string) error {
	for i, a := range outputs {
		for _, b := range outputs[:i] {
			if a[1] == "" || b[1] == "" || a[1] == standard {
				continue
			}
			same := filepath.Clean(a[1]) == filepath.Clean(b[1])
			if x, err := os.Stat(a[1]); err == nil && !same {
				y, err := os.Stat(b[1])
				same = err == nil && os.SameFile(x, y)
			}
			if same {
				return usagef("%s and %s both name %s; give them different files", b[0], a[0], a[1])
			}
		}
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
		if pattern == standard {
			continue
		}
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
