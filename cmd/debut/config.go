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
	"debut/trainers/behavior"
	"debut/trainers/runfile"
)

// exampleKinds are the run files that config init can write.
var exampleKinds = []string{"classification", "regression", "linear"}

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
	cmd := &cobra.Command{
		Use:       "init [KIND]",
		Short:     "Write a commented run file to begin with",
		Long:      "Write a commented run file to begin with: classification (the default), regression or linear.",
		Example:   "  debut config init regression -o run.yaml",
		Args:      takes(0, 1, "one kind"),
		ValidArgs: exampleKinds,
		RunE: func(_ *cobra.Command, args []string) error {
			kind := exampleKinds[0]
			if len(args) > 0 {
				kind = args[0]
			}
			if !slices.Contains(exampleKinds, kind) {
				return usagef("there is no kind %q, there are %s%s", kind, strings.Join(exampleKinds, ", "), nearest.DidYouMean(kind, exampleKinds))
			}
			text, err := behavior.Example(kind)
			if err != nil {
				return err
			}
			if output == "" || output == "-" {
				return a.console.print(string(text))
			}
			if _, err := os.Lstat(output); !force && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%s exists; choose another name, or replace it with --force", output)
			}
			err = atomicfile.Write(output, 0o644, func(w io.Writer) error {
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
		Use:   "schema",
		Short: "Print the JSON schema of run files, for editors",
		Args:  takes(0, 0, ""),
		RunE: func(*cobra.Command, []string) error {
			schema, err := behavior.Schema()
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
