package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"debut/datasets/configfile"
	"debut/datasets/manifest"
	"debut/datasets/prepare"
	"debut/datasets/wording"
)

func (a *app) data() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "data",
		Short: "Turn exports of a shop into training data",
	}
	cmd.AddCommand(a.dataHead(), a.dataInspect(), a.dataPrepare(), a.dataSimulate())
	group(cmd)
	return cmd
}

func (a *app) dataPrepare() *cobra.Command {
	var opt prepare.Options
	var set []string
	var showSQL, asJSON, schema bool
	cmd := &cobra.Command{
		Use:   "prepare DATA.yaml",
		Short: "Clean, join, aggregate, split and write training data",
		Long: `Do what a data file says: read tables, clean and join them, add features of what happened before each row, split the rows, and
write Parquet files with a dataset.json that describes them and how they came about. The work is done out of core, within the
memory that the file allows. The same data give the same bytes.`,
		Example: "  debut data prepare data.yaml --set memory=2GiB\n  debut data prepare data.yaml --dry-run --print-sql",
		Args: func(cmd *cobra.Command, args []string) error {
			if schema {
				return takes(0, 0, "")(cmd, args)
			}
			return takes(1, 1, "one data file")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if schema {
				text, err := configfile.Schema(&prepare.Config{}, "debut data file")
				if err != nil {
					return err
				}
				return a.console.print(string(text))
			}
			file, err := configfile.Open(args[0], set)
			if err != nil {
				return err
			}
			cfg := new(prepare.Config)
			if err := file.Decode(cfg); err != nil {
				return err
			}
			opt.BaseDir, opt.Log = filepath.Dir(args[0]), a.console.log
			if showSQL {
				opt.SQL = func(title, sql string) {
					// Standard output is the command's result; a failure to write shows at its end.
					_ = a.console.print("-- " + title + "\n" + sql + ";\n\n")
				}
			}
			made, err := prepare.Run(cmd.Context(), cfg, opt)
			if err != nil {
				return canceled(cmd.Context(), file.Locate(err))
			}
			if asJSON {
				return a.console.printJSON(made)
			}
			return a.console.print(preparedText(cfg.Output, made, opt.DryRun))
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&set, "set", nil, "override a key of the file, as in --set split.test=0.3")
	flags.BoolVar(&opt.Overwrite, "overwrite", false, "replace an earlier output")
	flags.BoolVar(&opt.DryRun, "dry-run", false, "do every step and write nothing")
	flags.BoolVar(&showSQL, "print-sql", false, "print the SQL of each step")
	flags.BoolVar(&schema, "schema", false, "print the JSON schema of data files, for editors")
	flags.BoolVar(&asJSON, "json", false, "print the description of the data as JSON")
	return cmd
}

// preparedText shows what was read, done and written.
func preparedText(output string, d *manifest.Dataset, dry bool) string {
	var b strings.Builder
	steps := grid{{"step", "rows", "dropped", "why"}}
	for _, s := range d.Steps {
		dropped, why := "", s.Reason
		if s.Dropped > 0 {
			dropped = wording.Thousands(s.Dropped)
		}
		steps = append(steps, []string{s.Kind, wording.Thousands(s.RowsOut), dropped, why})
	}
	b.WriteString(steps.text())
	if d.Rejected > 0 {
		fmt.Fprintf(&b, "\n%s rows could not be read; they are in %s\n", wording.Thousands(d.Rejected), d.Rejects)
	}
	if a := d.Privacy; a != nil && a.Anonymity != nil {
		k := a.Anonymity
		fmt.Fprintf(&b, "\nk-anonymity of %s: smallest class %d, asked for %d; %s rows in smaller ones, %s left out\n",
			wording.VisibleLine(strings.Join(k.Columns, ", ")), k.Smallest, k.K, wording.Thousands(k.Violations), wording.Thousands(k.Suppressed))
	}
	for _, w := range d.Warnings {
		fmt.Fprintf(&b, "\nwarning: %s\n", wording.VisibleLine(w))
	}
	if dry {
		b.WriteString("\nnothing was written (--dry-run)\n")
		return b.String()
	}
	b.WriteString("\n")
	parts := grid{{"part", "rows", "bytes", "file"}}
	for _, p := range d.Parts {
		parts = append(parts, []string{p.Name, wording.Thousands(p.Rows), wording.Thousands(p.Bytes), filepath.Join(output, p.File)})
	}
	b.WriteString(parts.text())
	return b.String()
}
