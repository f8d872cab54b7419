package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"debut/bench"
)

// caseForm is what cases of a suite look like, so that a slip is told before anything is measured.
func caseForm(suite string) *regexp.Regexp {
	if suite == "gemm" {
		return regexp.MustCompile(`^\d+x\d+x\d+\.[nt][nt]$`)
	}
	return regexp.MustCompile(`^\d+(-\d+)+$`)
}

func (a *app) bench() *cobra.Command {
	var device deviceFlags
	var cases []string
	var seconds float64
	var asJSON, peers bool
	var out string
	var names []string
	var long strings.Builder
	long.WriteString("Measure fixed workloads on this machine. The suites:\n")
	for _, s := range bench.Suites() {
		names = append(names, s.Name)
		fmt.Fprintf(&long, "\n  %-8s %s\n           cases: %s\n           others: %s\n", s.Name, s.Summary, strings.Join(s.Cases, ", "), s.Form)
		if s.Peer != "" {
			fmt.Fprintf(&long, "           peer: %s\n", s.Peer)
		}
	}
	long.WriteString(`
With --peers the suite's peer does the same work with the same numbers, in turns with us, at the best of its settings with
up to --threads. Results must agree; ratios are of our speed to the peer's, turn by turn.
The share of peak is of what this machine reaches at the same moment, level and number of threads: operations of
multiply-adds in registers, bytes of a large copy.`)
	cmd := &cobra.Command{
		Use:       "bench SUITE",
		Short:     "Measure fixed workloads on this machine",
		Long:      long.String(),
		Example:   "  debut bench mlp --case 256-512-256-1 --threads 2 --json\n  debut bench gemm --peers --threads 1 --out gemm.md",
		Args:      takes(1, 1, "one suite: "+strings.Join(names, ", ")),
		ValidArgs: names,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			suite, err := bench.Find(args[0])
			if err != nil {
				return usagef("%v", err)
			}
			if peers && suite.Peer == "" {
				return usagef("--peers: %v", bench.ErrNoPeer)
			}
			if !(seconds >= 0 && seconds <= 3600) {
				return usagef("--seconds %v: give a number from 0 to 3600", seconds)
			}
			for _, c := range cases {
				if !caseForm(suite.Name).MatchString(c) {
					return usagef("--case %s: a case of %s is %s", c, suite.Name, suite.Form)
				}
			}
			dev, err := device.open()
			if err != nil {
				return err
			}
			defer closing(dev, &err)
			info := dev.Info()
			a.console.log.Info("measuring", "device", info.Kind, "processor", info.Name, "level", info.Level, "threads", info.Threads)
			opt := bench.Options{
				Device: dev, Cases: cases, Duration: time.Duration(seconds * float64(time.Second)), Peers: peers, Log: a.console.log,
			}
			var results []bench.Result
			peer := ""
			width := 24
			if suite.Name == "kernels" {
				width = 56 // kernels are part of the case's name
			}
			err = bench.Run(cmd.Context(), args[0], opt, func(r bench.Result) error {
				results = append(results, r)
				if r.Peer != "" && r.Peer != peer {
					peer = r.Peer
					a.console.log.Info("compared", "case", r.Case, "peer", peer)
				}
				if asJSON {
					line, err := encodeJSON(r, "")
					if err != nil {
						return err
					}
					return a.console.print(line)
				}
				line := fmt.Sprintf("%-8s %-*s %-24s %14s", r.Suite, width, r.Case, r.Metric, bench.Number(r.Value))
				if r.Share > 0 {
					line += fmt.Sprintf("  %.1f %% of peak", 100*r.Share)
				}
				return a.console.print(line + "\n")
			})
			if err != nil {
				return canceled(cmd.Context(), err)
			}
			if out == "" {
				return nil
			}
			var table strings.Builder
			if err := bench.WriteTable(&table, time.Now(), version, results); err != nil {
				return err
			}
			if err := os.WriteFile(out, []byte(table.String()), 0o644); err != nil {
				return fmt.Errorf("write the table: %w", err)
			}
			return nil
		},
	}
	device.register(cmd)
	cmd.Flags().StringArrayVar(&cases, "case", nil, "measure this case only; may be repeated")
	cmd.Flags().Float64Var(&seconds, "seconds", 2, "how long each case is measured")
	cmd.Flags().BoolVar(&peers, "peers", false, "take turns with the suite's peer, where it is installed")
	cmd.Flags().StringVar(&out, "out", "", "also write the results to this file, as a dated table in Markdown")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	return cmd
}
