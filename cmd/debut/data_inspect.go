package main

import (
	"runtime/debug"

	"github.com/spf13/cobra"

	"debut/datasets/atomicfile"
	"debut/datasets/bytesize"
	"debut/datasets/inspect"
)

func (a *app) dataInspect() *cobra.Command {
	var source sourceFlags
	var opt inspect.Options
	var page, memory string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "inspect FILE...",
		Short: "Look at tables before they are trained on",
		Long: `Look at tables before they are trained on: types as a run would read them, ranges, missing and repeated values, outliers, what
looks suspicious, the balance of the label, columns that predict it alone (and may be known only afterwards), and columns
that look personal. Files of the same columns are one table.`,
		Example: "  debut data inspect sessions.csv --label purchased --html report.html",
		Args:    takes(1, -1, "at least one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if memory != "" {
				size, err := bytesize.Parse(memory)
				if err != nil {
					return usagef("--memory: %v", err)
				}
				heap := int64(0)
				if opt, heap, err = opt.Within(int64(size)); err != nil {
					return usagef("--memory: %v", err)
				}
				debug.SetMemoryLimit(min(heap, debug.SetMemoryLimit(-1)))
			}
			if page != "" {
				if err := checkOutput("--html", page, args); err != nil {
					return err
				}
			}
			src, err := source.source(cmd.Flags(), args)
			if err != nil {
				return err
			}
			report, err := inspect.Inspect(cmd.Context(), src, "", opt)
			if err != nil {
				return canceled(cmd.Context(), err)
			}
			if page != "" {
				err := atomicfile.Write(page, 0o644, inspected(report).Write)
				if err != nil {
					return err
				}
				a.console.log.Info("wrote the report", "path", page)
			}
			if asJSON {
				return a.console.printJSON(report)
			}
			return a.console.print(report.Text())
		},
	}
	source.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&opt.Label, "label", "", "the column to predict (default: guessed)")
	flags.Int64Var(&opt.Sample, "sample", 0, "about how many rows are looked at where there are more (default 5000000; -1: all)")
	flags.StringVar(&memory, "memory", "", "most memory to use, at least 320MiB; tables that would need more are sampled")
	flags.StringVar(&page, "html", "", "also write the report to this file, as a page")
	flags.BoolVar(&asJSON, "json", false, "print the report as JSON")
	return cmd
}
