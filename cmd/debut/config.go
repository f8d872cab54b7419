package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"debut/datasets/atomicfile"
	"debut/datasets/configfile"
	"debut/datasets/head"
	"debut/datasets/nearest"
	"debut/datasets/notation"
	"debut/datasets/prepare"
	"debut/datasets/table"
	"debut/trainers/families"
	"debut/trainers/supply/stock"
)

func (a *app) config() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Write, describe and check run files",
	}
	cmd.AddCommand(a.configInit(), a.configSchema(), a.configCheck())
	group(cmd)
	return cmd
}

func (a *app) configInit() *cobra.Command {
	var output string
	var force bool
	templates, broken := families.Templates()
	var kinds []string
	for _, t := range templates {
		kinds = append(kinds, t.Kind)
	}
	kinds = append(kinds, stockKind, dataKind)
	cmd := &cobra.Command{
		Use:   "init [KIND [FILE]]",
		Short: "Write a commented run file or data file to begin with",
		Long: "Write a commented run file to begin with, by default the first of " + strings.Join(kinds[:len(templates)], ", ") + `,
or, of the kind stock, a plan file for debut stock plan, or, of the kind data, a data file for debut data prepare, filled in with the columns
that a FILE has.`,
		Example:   "  debut config init regression -o run.yaml\n  debut config init data orders.csv -o data.yaml",
		Args:      takes(0, 2, "one kind, and for data one file"),
		ValidArgs: kinds,
		RunE: func(cmd *cobra.Command, args []string) error {
			if broken != nil {
				return broken
			}
			chosen := 0
			if len(args) > 0 {
				if chosen = slices.Index(kinds, args[0]); chosen < 0 {
					return usagef("there is no kind %q, there are %s%s", args[0], strings.Join(kinds, ", "), nearest.DidYouMean(args[0], kinds))
				}
			}
			if len(args) == 2 && args[0] != dataKind {
				return usagef("%s %s takes no file, but got %q; data does", cmd.CommandPath(), args[0], args[1])
			}
			what, next := "a run file", "debut config check "+quoted(output)
			var text []byte
			switch {
			case chosen == len(templates):
				what, next, text = "a plan file", "debut stock plan "+quoted(output), stock.Template
			case chosen > len(templates):
				what, next = "a data file", "debut data prepare "+quoted(output)+" --dry-run"
				var err error
				if text, err = dataTemplate(cmd.Context(), args[1:], output); err != nil {
					return canceled(cmd.Context(), err)
				}
			default:
				text = templates[chosen].Text
			}
			if output == "" || output == "-" {
				return a.console.print(string(text))
			}
			if _, err := os.Lstat(output); !force && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%s exists; choose another name, or replace it with --force", output)
			}
			err := atomicfile.Write(output, 0o644, func(w io.Writer) error {
				_, err := w.Write(text)
				return err
			})
			if err != nil {
				return err
			}
			a.console.log.Info("wrote "+what, "path", output, "next", "edit it, then: "+next)
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to this file instead of standard output")
	cmd.Flags().BoolVar(&force, "force", false, "replace an existing file")
	return cmd
}

// dataKind is the kind of data files.
const dataKind = "data"

// dataTemplate is a data file to begin with, for a file of which no name, or one, is given. Its path is relative to where
// the data file goes.
func dataTemplate(ctx context.Context, file []string, output string) ([]byte, error) {
	o := prepare.Outline{Path: "data.csv", CSV: true}
	if len(file) == 0 {
		return prepare.Template(o)
	}
	t, settings, err := headWithSettings(ctx, table.Source{Path: file})
	if err != nil {
		return nil, err
	}
	o.Settings = settings
	if t.Part != "" {
		return nil, fmt.Errorf("%s is prepared data already; name a file that it is to be made of", file[0])
	}
	o.Path, o.CSV, o.Sampled = file[0], t.Format == "csv", t.Sampled
	if output != "" && output != "-" && !filepath.IsAbs(o.Path) {
		if o.Path, err = filepath.Rel(filepath.Dir(output), o.Path); err != nil {
			return nil, fmt.Errorf("the way from %s to %s cannot be told (%w); name it with its whole path", output, file[0], err)
		}
	}
	for i := range t.Columns {
		c := &t.Columns[i]
		for _, mark := range c.Marks() {
			if !slices.Contains(o.Null, mark) {
				o.Null = append(o.Null, mark)
			}
		}
		rows, distinct := c.Distinct()
		of := prepare.OutlineColumn{Name: c.Name, Type: c.Type, SQL: c.SQL, Unique: rows == distinct, Unreadable: c.Problem != ""}
		if c.Type != table.TypeDate || c.OtherLayout != "" {
			of.Dates, of.Other = c.Layout, c.OtherLayout
		}
		if of.Dates != "" {
			of.Type = table.TypeDate
		}
		o.Columns = append(o.Columns, of)
	}
	return prepare.Template(o)
}

// headWithSettings reads the first rows of a file, with the settings that columns need which a run refuses without: the one
// notation of numbers that fits, and marks of missing values that are known.
func headWithSettings(ctx context.Context, src table.Source) (*head.Table, table.Source, error) {
	for {
		t, err := head.Read(ctx, src, "", head.Options{})
		if err != nil {
			return nil, src, err
		}
		with, found := src, false
		for _, c := range t.Columns {
			if len(c.Remedies) > 0 && certain(c.Remedies[0]) {
				with, found = c.Remedies[0].Apply(src), true
				break
			}
		}
		if !found || reflect.DeepEqual(with, src) {
			return t, src, nil
		}
		src = with
	}
}

// certain reports a remedy that nobody has to be asked about.
func certain(r table.Remedy) bool {
	for _, s := range r.Settings {
		switch s.Set {
		case table.SetNull:
			if slices.ContainsFunc(s.Values, func(v string) bool { return !notation.Missing(v) }) {
				return false
			}
		case table.SetDecimal, table.SetThousands, table.SetType:
			if r.When != "" {
				return false
			}
		default:
			return false
		}
	}
	return len(r.Settings) > 0
}

func (a *app) configSchema() *cobra.Command {
	return &cobra.Command{
		Use:       "schema [FAMILY]",
		Short:     "Print the JSON schema of run files, for editors",
		Long:      "Print the JSON schema of the run files of a family, for editors: " + strings.Join(families.Names(), ", ") + ", by default of the first; or that of the plan files of debut stock plan: stock.",
		Args:      takes(0, 1, "one family"),
		ValidArgs: append(families.Names(), stockKind),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 && args[0] == stockKind {
				schema, err := stock.Schema()
				if err != nil {
					return err
				}
				return a.console.print(string(schema))
			}
			schema, err := families.Schema(strings.Join(args, ""))
			if err != nil {
				return err
			}
			return a.console.print(string(schema))
		},
	}
}

func (a *app) configCheck() *cobra.Command {
	var set []string
	var resolved bool
	cmd := &cobra.Command{
		Use:     "check RUN.yaml",
		Short:   "Check a run file without reading its data",
		Example: "  debut config check run.yaml --resolved",
		Args:    takes(1, 1, "one run file"),
		RunE: func(_ *cobra.Command, args []string) error {
			cfg, err := loadRun(args[0], set)
			if err != nil {
				return err
			}
			if !resolved {
				return a.console.print(args[0] + ": valid\n")
			}
			text, err := configfile.Marshal(cfg)
			if err != nil {
				return err
			}
			return a.console.print(string(text))
		},
	}
	cmd.Flags().StringArrayVar(&set, "set", nil, "override `key.path=value`; may be repeated")
	cmd.Flags().BoolVar(&resolved, "resolved", false, "print the configuration with every default filled in")
	return cmd
}
