package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"debut/datasets/atomicfile"
	"debut/datasets/nearest"
	"debut/trainers/families"
	"debut/trainers/runfile"
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
	cmd := &cobra.Command{
		Use:       "init [KIND]",
		Short:     "Write a commented run file to begin with",
		Long:      "Write a commented run file to begin with, by default the first of " + strings.Join(kinds, ", ") + ".",
		Example:   "  debut config init regression -o run.yaml",
		Args:      takes(0, 1, "one kind"),
		ValidArgs: kinds,
		RunE: func(_ *cobra.Command, args []string) error {
			if broken != nil {
				return broken
			}
			chosen := 0
			if len(args) > 0 {
				if chosen = slices.Index(kinds, args[0]); chosen < 0 {
					return usagef("there is no kind %q, there are %s%s", args[0], strings.Join(kinds, ", "), nearest.DidYouMean(args[0], kinds))
				}
			}
			text := templates[chosen].Text
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
			a.console.log.Info("wrote a run file", "path", output, "next", "edit it, then: debut config check "+output)
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to this file instead of standard output")
	cmd.Flags().BoolVar(&force, "force", false, "replace an existing file")
	return cmd
}

func (a *app) configSchema() *cobra.Command {
	return &cobra.Command{
		Use:       "schema [FAMILY]",
		Short:     "Print the JSON schema of run files, for editors",
		Long:      "Print the JSON schema of the run files of a family, for editors: " + strings.Join(families.Names(), ", ") + ". By default the first.",
		Args:      takes(0, 1, "one family"),
		ValidArgs: families.Names(),
		RunE: func(_ *cobra.Command, args []string) error {
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
			text, err := runfile.Marshal(cfg)
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
