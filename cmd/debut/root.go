package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"debut/datasets/nearest"
)

// app is what the subcommands share.
type app struct {
	stdout, stderr io.Writer
	logFormat      string
	quiet          bool
	console        *console // made once the flags are known
}

func newApp(stdout, stderr io.Writer) *app {
	return &app{stdout: stdout, stderr: stderr}
}

// usageError is a command line that cannot be meant.
type usageError struct{ message string }

// Error says what is wrong with the command line.
func (e *usageError) Error() string { return e.message }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// root builds the command and its subcommands.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "debut",
		Short: "Train and apply the models of a product launch",
		Long: `debut trains models on user behavior and applies them: who buys, and what a number will be.

A run is described in a YAML file: "debut config init" writes one to begin with, "debut train" trains it, "debut evaluate"
and "debut predict" use what it leaves behind. "debut demo" shows all of it on simulated data.`,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			format := a.logFormat
			// A program that reads the result may read the messages too.
			if f := cmd.Flags().Lookup("json"); format == "auto" && f != nil && f.Value.String() == "true" {
				format = "json"
			}
			var err error
			if a.console, err = newConsole(a.stdout, a.stderr, format, a.quiet); err == nil {
				a.console.sweep()
			}
			return err
		},
	}
	root.PersistentFlags().StringVar(&a.logFormat, "log-format", "auto", "messages as text (key=value) or json; auto: json with --json, else lines to be read, colored on a terminal")
	root.PersistentFlags().BoolVarP(&a.quiet, "quiet", "q", false, "only warnings and errors on standard error")
	root.SetFlagErrorFunc(flagError)
	root.SetVersionTemplate(versionLine(versions()))
	root.AddCommand(
		a.train(), a.evaluate(), a.predict(), a.forecast(), a.price(), a.runs(), a.compareRuns(), a.recommend(), a.similar(), a.exportModel(), a.serve(), a.optimize(), a.data(), a.demo(), a.bench(), a.doctor(), a.stock(), a.config(), a.version(), simulatorHelp(),
	)
	group(root)
	// cobra adds these on its own account only when it runs; they must be here to be suggested.
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	return root
}

// group makes a command that only has subcommands: alone it shows its help, and any other word is a mistake.
func group(cmd *cobra.Command) {
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		var names []string
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() {
				names = append(names, c.Name())
			}
		}
		return usagef("there is no command %q%s", cmd.CommandPath()+" "+args[0], nearest.DidYouMean(args[0], names))
	}
}

// flagError turns what the flag package says into a usage error, with the nearest flag where one is unknown.
func flagError(cmd *cobra.Command, err error) error {
	name, unknown := strings.CutPrefix(err.Error(), "unknown flag: --")
	if !unknown {
		return usagef("%v", err)
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return usagef("%v%s", err, nearest.DidYouMean(name, names))
}

// takes checks the number of arguments, at most limit of them where that is not negative; names are for the message.
func takes(least, limit int, names string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return usagef("%s needs %s", cmd.CommandPath(), names)
		case limit == 0 && len(args) > 0:
			return usagef("%s takes no argument, but got %q", cmd.CommandPath(), args[0])
		case limit >= 0 && len(args) > limit:
			return usagef("%s takes %s and no more, but got %q too", cmd.CommandPath(), names, args[limit])
		}
		return nil
	}
}
