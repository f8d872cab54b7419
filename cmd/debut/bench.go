package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"debut/bench"
	"debut/kernels"
	"debut/kernels/devices"
)

// caseForm is what cases of a suite look like, so that a slip is told before anything is measured.
func caseForm(suite string) *regexp.Regexp {
	switch suite {
	case "ctr":
		return regexp.MustCompile(`^(fm|deepfm|dcnv2-39|(fm|deepfm|dcnv2)\.[1-9]\d*x[1-9]\d*x[1-9]\d*x[1-9]\d*)$`)
	case "data":
		return regexp.MustCompile(`^(csv|prepare|stream|predict|predict-linear)\.[1-9]\d{3,8}$`)
	case "neighbors":
		return regexp.MustCompile(`^(similar|top20)\.[1-9]\d*x[1-9]\d*x[1-9]\d*$`)
	case "factorization":
		return regexp.MustCompile(`^(als|bpr|mf|topk)\.[1-9]\d*x[1-9]\d*x[1-9]\d*x[1-9]\d*$`)
	case "forecast":
		return regexp.MustCompile(`^(ets|theta|arima|median|default)\.[1-9]\d{0,5}x[1-9]\d{1,3}$`)
	case "linear":
		return regexp.MustCompile(`^(shoppers|adult|generated\.[1-9]\d*x\d+x[1-9]\d*)$`)
	case "lists":
		return regexp.MustCompile(`^[a-z0-9-]+(\.defaults)?$`)
	case "defaults":
		return regexp.MustCompile(`^(choose|test)\.[a-z-]+$`)
	case "gemm":
		return regexp.MustCompile(`^\d+x\d+x\d+\.[nt][nt]$`)
	}
	return regexp.MustCompile(`^\d+(-\d+)+$`)
}

const benchLong = `
With --peers the suite's peer does the same work with the same numbers, in turns with us, at the best of its settings with
up to --threads. Results must agree; ratios are of our speed to the peer's, turn by turn.
The share of peak is of what this machine reaches at the same moment, level and number of threads: operations of
multiply-adds in registers, bytes of a large copy.

With --compare every device measures the same cases, and ratios are to the first.

With --output the cases are measured in rounds, each with a set-up of its own, and all of them are written to a results file,
together with the speed of the machine at fixed work in the midst of each.
With --baseline the same is compared with such a file of this machine, or with an earlier debut, where the file is a program: the two
then take turns, which is the surest comparison. What looks slower than --fail-below allows is measured again, up to
three times. Exit code 1 and an error with the cases say that one is slower beyond noise and beyond what the machine's own change of speed
explains, or that a case of the baseline is missing. A case that looks slower on a machine too restless to tell is a
warning. Without --case the baseline's cases are measured. In the table: before and now are medians as measured; the ratio is of
speeds as if the machine had stayed as fast, in an interval of 96 %; machine is how many times as fast as before it was.`

// benchFlags are the flags of bench.
type benchFlags struct {
	device                deviceFlags
	cases                 []string
	seconds               float64
	asJSON, peers         bool
	out, output, baseline string
	compare               []string
	rounds                int
	failBelow             float64
	otherMachine          bool
}

func (a *app) bench() *cobra.Command {
	f := &benchFlags{}
	var suites []string
	var long strings.Builder
	long.WriteString("Measure fixed workloads on this machine. The suites:\n")
	for _, s := range bench.Suites() {
		suites = append(suites, s.Name)
		fmt.Fprintf(&long, "\n  %-9s%s\n           cases: %s\n           others: %s\n", s.Name, s.Summary, strings.Join(s.Cases, ", "), s.Form)
		if s.Peer != "" {
			fmt.Fprintf(&long, "           peer: %s\n", s.Peer)
		}
		var metrics []string
		for _, m := range s.Metrics {
			metrics = append(metrics, m.Name)
		}
		fmt.Fprintf(&long, "           compared by: %s\n", strings.Join(metrics, ", "))
	}
	long.WriteString(benchLong)
	cmd := &cobra.Command{
		Use:   "bench SUITE",
		Short: "Measure fixed workloads on this machine",
		Long:  long.String(),
		Example: `  debut bench mlp --case 256-512-256-1 --threads 2 --json
  debut bench gemm --peers --threads 1 --out gemm.md
  debut bench quality --compare cpu,cuda
  debut bench mlp --device cpu --output before.json
  debut bench mlp --device cpu --baseline before.json --fail-below 0.9
  debut bench mlp --device cpu --baseline ./debut-before --fail-below 0.9`,
		Args:      takes(1, 1, "one suite: "+strings.Join(suites, ", ")),
		ValidArgs: suites,
		RunE: func(cmd *cobra.Command, args []string) error {
			suite, err := bench.Find(args[0])
			if err != nil {
				return usagef("%v", err)
			}
			if err := f.check(cmd, suite); err != nil {
				return err
			}
			b := &benchmark{app: a, benchFlags: f, suite: suite, width: 24, opt: bench.Options{
				Cases: f.cases, Duration: time.Duration(f.seconds * float64(time.Second)), Peers: f.peers,
				DeviceName: string(f.device.device), Precision: string(f.device.precision), Log: a.console.log,
			}}
			if suite.Name == "kernels" {
				b.width = 56 // kernels are part of the case's name
			}
			return canceled(cmd.Context(), b.run(cmd.Context()))
		},
	}
	f.device.register(cmd)
	flags := cmd.Flags()
	flags.StringArrayVar(&f.cases, "case", nil, "measure this case only; may be repeated")
	flags.Float64Var(&f.seconds, "seconds", 2, "how long each case is measured")
	flags.BoolVar(&f.peers, "peers", false, "take turns with the suite's peer, where it is installed")
	flags.StringSliceVar(&f.compare, "compare", nil, "measure on each of these devices, and compare with the first: cpu,cuda")
	flags.StringVar(&f.out, "out", "", "also write the results to this file, as a dated table in Markdown")
	flags.StringVarP(&f.output, "output", "o", "", "measure in rounds, and write them to this file, for a later --baseline")
	flags.StringVar(&f.baseline, "baseline", "", "compare with this results file, or with this program, an earlier debut")
	flags.Float64Var(&f.failBelow, "fail-below", 0.9, "with --baseline: fail where a case has less than this part of its speed before")
	flags.BoolVar(&f.otherMachine, "other-machine", false, "with --baseline: compare with a results file of another machine, with a warning")
	flags.IntVar(&f.rounds, "rounds", bench.Rounds, "with --output: how many rounds; a baseline has the default or more")
	flags.BoolVar(&f.asJSON, "json", false, "print one JSON object a line")
	return cmd
}

// sameFile says whether two paths name one file.
func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// check returns a usage error for flags that cannot be meant.
func (f *benchFlags) check(cmd *cobra.Command, suite bench.Suite) error {
	changed := cmd.Flags().Changed
	switch {
	case f.peers && suite.Peer == "":
		return usagef("--peers: %v", bench.ErrNoPeer)
	case !(f.seconds >= 0 && f.seconds <= 3600):
		return usagef("--seconds %v: give a number from 0 to 3600", f.seconds)
	case changed("baseline") && f.baseline == "", changed("output") && f.output == "":
		return usagef("--baseline and --output take the name of a file")
	case f.output != "" && sameFile(f.output, f.baseline):
		return usagef("--output %s: it is the baseline, which stays what it is; name another file", f.output)
	case !(f.failBelow > 0 && f.failBelow <= 1):
		return usagef("--fail-below %v: give a part of the speed before, above 0 and at most 1, such as 0.9", f.failBelow)
	case (changed("fail-below") || f.otherMachine) && f.baseline == "":
		return usagef("--fail-below and --other-machine say how to compare with a --baseline, and there is none")
	case f.rounds < 1 || f.rounds > 1000:
		return usagef("--rounds %d: give a whole number from 1 to 1000", f.rounds)
	case changed("rounds") && (f.output == "" || f.baseline != ""):
		return usagef("--rounds is how often a results file is measured: give it with --output and without --baseline")
	case (f.output != "" || f.baseline != "") && (f.peers || changed("compare")):
		return usagef("--output and --baseline are of this program on one device: leave --peers and --compare away")
	}
	if f.output != "" {
		if err := checkOutput("--output", f.output, nil); err != nil {
			return err
		}
	}
	for _, c := range f.cases {
		if !caseForm(suite.Name).MatchString(c) {
			return usagef("--case %s: a case of %s is %s", c, suite.Name, suite.Form)
		}
	}
	if changed("compare") {
		if len(f.compare) < 2 || changed("device") {
			return usagef("--compare takes two devices or more, in the place of --device: --compare cpu,cuda")
		}
		for _, name := range f.compare {
			if err := devices.Check(name); err != nil {
				return usagef("--compare: %v", err)
			}
		}
	}
	return nil
}

// benchmark measures and prints.
type benchmark struct {
	*app
	*benchFlags
	suite   bench.Suite
	opt     bench.Options
	width   int // of cases
	peer    string
	results []bench.Result
}

// run does what the flags say.
func (b *benchmark) run(ctx context.Context) (err error) {
	var report *bench.Report
	switch {
	case len(b.compare) > 0:
		err = bench.Compare(ctx, b.suite.Name, b.compare, b.open, b.opt, b.take)
	case b.baseline != "":
		report, err = b.gate(ctx)
	default:
		err = b.measure(ctx)
	}
	if err != nil {
		return err
	}
	if b.out != "" {
		var table strings.Builder
		if err := bench.WriteTable(&table, time.Now(), version, b.results); err != nil {
			return err
		}
		if err := os.WriteFile(b.out, []byte(table.String()), 0o644); err != nil {
			return fmt.Errorf("write the table: %w", err)
		}
	}
	if report != nil {
		return report.Err()
	}
	return nil
}

// open starts the device of a name.
func (b *benchmark) open(name string) (kernels.Device, error) {
	b.device.device = deviceName(name)
	dev, err := b.device.open()
	if err != nil {
		return nil, err
	}
	info := dev.Info()
	b.console.log.Info("measuring", "device", info.Kind, "processor", info.Name, "level", info.Level, "threads", info.Threads)
	return dev, nil
}

// measure runs the suite on one device.
func (b *benchmark) measure(ctx context.Context) (err error) {
	dev, err := b.open(string(b.device.device))
	if err != nil {
		return err
	}
	defer closing(dev, &err)
	b.opt.Device = dev
	if b.output == "" {
		return bench.Run(ctx, b.suite.Name, b.opt, b.take)
	}
	r, err := bench.Measure(ctx, b.suite.Name, version, b.rounds, b.opt)
	if err != nil {
		return err
	}
	return errors.Join(b.takeAll(r), r.Write(b.output))
}

// gate compares with a baseline.
func (b *benchmark) gate(ctx context.Context) (_ *bench.Report, err error) {
	base, err := bench.OpenBaseline(b.baseline, string(b.device.device))
	if err != nil {
		return nil, err
	}
	dev, err := b.open(string(b.device.device))
	if err != nil {
		return nil, err
	}
	defer closing(dev, &err)
	b.opt.Device = dev
	report, measured, err := bench.Gate(ctx, b.suite.Name, version, b.opt, base, bench.GateOptions{
		FailBelow: b.failBelow, OtherMachine: b.otherMachine, Log: b.console.log,
	})
	if err != nil {
		return nil, err
	}
	if err := b.takeAll(measured); err != nil {
		return nil, err
	}
	if b.output != "" {
		if err := measured.Write(b.output); err != nil {
			return nil, err
		}
	}
	return report, b.printReport(report)
}

// takeAll takes the medians of rounds.
func (b *benchmark) takeAll(r *bench.Results) error {
	for _, x := range r.List() {
		if err := b.take(x); err != nil {
			return err
		}
	}
	return nil
}

// take keeps a result and prints it.
func (b *benchmark) take(r bench.Result) error {
	b.results = append(b.results, r)
	if r.Peer != "" && r.Peer != b.peer {
		b.peer = r.Peer
		b.console.log.Info("compared", "case", r.Case, "peer", b.peer)
	}
	if b.asJSON {
		return b.printLine(r)
	}
	line := fmt.Sprintf("%-8s %-*s %-24s %14s", r.Suite, b.width, r.Case, r.Metric, bench.Number(r.Value))
	if r.Share > 0 {
		line += fmt.Sprintf("  %.1f %% of peak", 100*r.Share)
	}
	return b.console.print(line + "\n")
}

// printLine prints a value as one line of JSON.
func (b *benchmark) printLine(v any) error {
	line, err := encodeJSON(v, "")
	if err != nil {
		return err
	}
	return b.console.print(line)
}

// printReport prints what a comparison has found.
func (b *benchmark) printReport(r *bench.Report) error {
	if !b.asJSON {
		return b.console.print("\n" + r.Table(b.width))
	}
	for _, v := range r.Verdicts {
		if err := b.printLine(v); err != nil {
			return err
		}
	}
	return nil
}
