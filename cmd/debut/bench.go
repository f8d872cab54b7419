package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"debut/bench"
	"debut/kernels/devices"
)

// caseForm is what cases of a suite look like, so that a slip is told before anything is measured.
func caseForm(suite string) *regexp.Regexp {
	switch suite {
	case "data":
		return regexp.MustCompile(`^(csv|prepare|stream)\.[1-9]\d{3,8}$`)
	case "gemm":
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
	var compare []string
	var suites []string
	var long strings.Builder
	long.WriteString("Measure fixed workloads on this machine. The suites:\n")
	for _, s := range bench.Suites() {
		suites = append(suites, s.Name)
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
		Args:      takes(1, 1, "one suite: "+strings.Join(suites, ", ")),
		ValidArgs: suites,
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
			names := []string{string(device.device)}
			if cmd.Flags().Changed("compare") {
				if len(compare) < 2 || cmd.Flags().Changed("device") {
					return usagef("--compare takes two devices or more, in the place of --device: --compare cpu,cuda")
				}
				for _, name := range compare {
					if err := devices.Check(name); err != nil {
						return usagef("--compare: %v", err)
					}
				}
				names = compare
			}
			b := &benchmark{app: a, asJSON: asJSON, width: 24, opt: bench.Options{
				Cases: cases, Duration: time.Duration(seconds * float64(time.Second)), Peers: peers, Log: a.console.log,
			}}
			if suite.Name == "kernels" {
				b.width = 56 // kernels are part of the case's name
			}
			var lists [][]bench.Result
			for _, name := range names {
				device.device = deviceName(name)
				list, err := b.measure(cmd.Context(), suite.Name, &device)
				if err != nil {
					return canceled(cmd.Context(), err)
				}
				lists = append(lists, list)
			}
			ratios, err := bench.Ratios(lists, bench.Tolerance(string(device.precision)))
			if err != nil {
				return err
			}
			for _, r := range ratios {
				if err := b.print(r); err != nil {
					return err
				}
			}
			results := append(slices.Concat(lists...), ratios...)
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
	cmd.Flags().StringSliceVar(&compare, "compare", nil, "measure on each of these devices, and compare with the first: cpu,cuda")
	cmd.Flags().StringVar(&out, "out", "", "also write the results to this file, as a dated table in Markdown")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	return cmd
}

// benchmark measures and prints.
type benchmark struct {
	*app
	opt    bench.Options
	asJSON bool
	width  int // of cases
	peer   string
}

// measure runs a suite on one device.
func (b *benchmark) measure(ctx context.Context, suite string, device *deviceFlags) (results []bench.Result, err error) {
	dev, err := device.open()
	if err != nil {
		return nil, err
	}
	defer closing(dev, &err)
	info := dev.Info()
	b.console.log.Info("measuring", "device", info.Kind, "processor", info.Name, "level", info.Level, "threads", info.Threads)
	b.opt.Device, b.opt.Precision = dev, string(device.precision)
	err = bench.Run(ctx, suite, b.opt, func(r bench.Result) error {
		results = append(results, r)
		return b.print(r)
	})
	return results, err
}

// print prints a result.
func (b *benchmark) print(r bench.Result) error {
	if r.Peer != "" && r.Peer != b.peer {
		b.peer = r.Peer
		b.console.log.Info("compared", "case", r.Case, "peer", b.peer)
	}
	if b.asJSON {
		line, err := encodeJSON(r, "")
		if err != nil {
			return err
		}
		return b.console.print(line)
	}
	line := fmt.Sprintf("%-8s %-*s %-24s %14s", r.Suite, b.width, r.Case, r.Metric, bench.Number(r.Value))
	if r.Share > 0 {
		line += fmt.Sprintf("  %.1f %% of peak", 100*r.Share)
	}
	return b.console.print(line + "\n")
}
