// Command gpucheck measures a GPU host: the suites of package bench on the GPU at every precision, on the CPU beside it, and beside
// PyTorch where that is installed. It is bench without what reads data, so that it is small enough to carry to a host; see run.sh.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"debut/bench"
	"debut/kernels/devices"
)

func main() {
	out := flag.String("out", "results", "folder that the results are written to")
	seconds := flag.Float64("seconds", 2, "how long each case is measured")
	small := flag.Bool("small", false, "small cases, to try the program where the GPU is emulated")
	version := flag.String("version", "unknown", "version of the program, for the record")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *out, *version, time.Duration(*seconds*float64(time.Second)), *small); err != nil {
		fmt.Fprintln(os.Stderr, "gpucheck:", err)
		os.Exit(1)
	}
}

// part is one measurement.
type part struct {
	suite, device, precision string
	cases                    []string
	peers                    bool
}

// record is the file of results.
type record struct {
	Date    time.Time      `json:"date"`
	Version string         `json:"version"`
	Device  string         `json:"device"`
	Results []bench.Result `json:"results"`
	Failed  []string       `json:"failed,omitempty"`
}

func parts(small bool) []part {
	mlp, gemm, quality := []string(nil), []string(nil), []string(nil)
	if small {
		mlp, gemm, quality = []string{"32-16-1"}, []string{"64x48x32.nt"}, []string{"32-16-1"}
	} else {
		gemm = []string{"1024x1024x1024.nn", "1024x1024x1024.nt", "1024x1024x1024.tn", "8192x512x256.nn", "8192x8192x8192.nn"}
	}
	var list []part
	for _, p := range devices.Precisions() {
		list = append(list, part{"mlp", "cuda", p, mlp, true}, part{"quality", "cuda", p, quality, false}, part{"gemm", "cuda", p, gemm, false})
	}
	return append(list, part{"kernels", "cuda", "fp32", mlp, false}, part{"mlp", "cpu", "", mlp, false}, part{"quality", "cpu", "", quality, false})
}

// run measures part after part; one that fails does not stop the others, and is told at the end.
func run(ctx context.Context, folder, version string, d time.Duration, small bool) error {
	rec := record{Date: time.Now().UTC().Truncate(time.Second), Version: version}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	byDevice := map[string][][]bench.Result{} // of the precision fp32, by suite: cuda, then cpu
	for _, p := range parts(small) {
		log.Info("measuring", "suite", p.suite, "device", p.device, "precision", p.precision)
		results, err := p.measure(ctx, d, log)
		if p.precision != "" && p.precision != "fp32" {
			for i := range results {
				results[i].Case += ", " + p.precision
			}
		}
		rec.Results = append(rec.Results, results...)
		if err != nil {
			rec.Failed = append(rec.Failed, fmt.Sprintf("%s on %s, %s: %v", p.suite, p.device, p.precision, err))
			log.Error("failed", "suite", p.suite, "device", p.device, "precision", p.precision, "error", err)
		}
		if p.device == "cuda" && rec.Device == "" && len(results) > 0 {
			rec.Device = strings.TrimPrefix(results[0].Device, "cuda ")
		}
		if p.precision == "" || p.precision == "fp32" {
			byDevice[p.suite] = append(byDevice[p.suite], results)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	for _, suite := range []string{"mlp", "quality"} {
		lists := byDevice[suite]
		if len(lists) != 2 {
			continue
		}
		ratios, err := bench.Ratios([][]bench.Result{lists[1], lists[0]}, bench.Tolerance(""))
		if err != nil {
			rec.Failed = append(rec.Failed, err.Error())
		}
		rec.Results = append(rec.Results, ratios...)
	}
	if err := rec.write(folder); err != nil {
		return err
	}
	if len(rec.Failed) > 0 {
		return errors.New(strings.Join(rec.Failed, "\n"))
	}
	return nil
}

func (p part) measure(ctx context.Context, d time.Duration, log *slog.Logger) (results []bench.Result, err error) {
	dev, err := devices.Open(p.device, devices.Options{Precision: p.precision})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, dev.Close()) }()
	opt := bench.Options{Device: dev, Precision: p.precision, Cases: p.cases, Duration: d, Peers: p.peers, Log: log}
	err = bench.Run(ctx, p.suite, opt, func(r bench.Result) error {
		results = append(results, r)
		return nil
	})
	return results, err
}

var unfit = regexp.MustCompile(`[^a-z0-9]+`)

// write writes <gpu>-<date>.json and .md.
func (rec *record) write(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	name := strings.Trim(unfit.ReplaceAllString(strings.ToLower(rec.Device), "-"), "-")
	if name == "" {
		name = "none"
	}
	name = filepath.Join(folder, name+"-"+rec.Date.Format(time.DateOnly))
	text, err := json.MarshalIndent(rec, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(name+".json", append(text, '\n'), 0o644); err != nil {
		return err
	}
	f, err := os.Create(name + ".md")
	if err != nil {
		return err
	}
	err = rec.tables(f)
	if e := f.Close(); err == nil {
		err = e
	}
	fmt.Println(name + ".md")
	return err
}

// tables writes the results of each suite as a table.
func (rec *record) tables(w io.Writer) error {
	for _, s := range bench.Suites() {
		var list []bench.Result
		for _, r := range rec.Results {
			if r.Suite == s.Name {
				list = append(list, r)
			}
		}
		if len(list) == 0 {
			continue
		}
		if err := bench.WriteTable(w, rec.Date, rec.Version, list); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
	}
	for _, f := range rec.Failed {
		if _, err := fmt.Fprintf(w, "- failed: %s\n", f); err != nil {
			return err
		}
	}
	return nil
}
