package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"debut/bench"
)

func (a *app) bench() *cobra.Command {
	var device deviceFlags
	var cases []string
	var seconds float64
	var asJSON bool
	var names []string
	var long strings.Builder
	long.WriteString("Measure fixed workloads on this machine. The suites:\n")
	for _, s := range bench.Suites() {
		names = append(names, s.Name)
		fmt.Fprintf(&long, "\n  %-6s %s\n         cases: %s\n         others: %s\n", s.Name, s.Summary, strings.Join(s.Cases, ", "), s.Form)
	}
	cmd := &cobra.Command{
		Use:       "bench SUITE",
		Short:     "Measure fixed workloads on this machine",
		Long:      long.String(),
		Example:   "  debut bench mlp --case 256-512-256-1 --threads 2 --json",
		Args:      takes(1, 1, "one suite: "+strings.Join(names, " or ")),
		ValidArgs: names,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if _, err := bench.Find(args[0]); err != nil {
				return usagef("%v", err)
			}
			if !(seconds >= 0 && seconds <= 3600) {
				return usagef("--seconds %v: give a number from 0 to 3600", seconds)
			}
			dev, err := device.open()
			if err != nil {
				return err
			}
			defer closing(dev, &err)
			info := dev.Info()
			a.console.log.Info("measuring", "device", info.Kind, "processor", info.Name, "level", info.Level, "threads", info.Threads)
			opt := bench.Options{Device: dev, Cases: cases, Duration: time.Duration(seconds * float64(time.Second))}
			err = bench.Run(cmd.Context(), args[0], opt, func(r bench.Result) error {
				if asJSON {
					line, err := encodeJSON(r, "")
					if err != nil {
						return err
					}
					return a.console.print(line)
				}
				return a.console.print(fmt.Sprintf("%-8s %-24s %-24s %14.6g\n", r.Suite, r.Case, r.Metric, r.Value))
			})
			if err != nil {
				return canceled(cmd.Context(), err)
			}
			return nil
		},
	}
	device.register(cmd)
	cmd.Flags().StringArrayVar(&cases, "case", nil, "measure this case only; may be repeated")
	cmd.Flags().Float64Var(&seconds, "seconds", 2, "how long each case is measured")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	return cmd
}
