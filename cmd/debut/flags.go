package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"debut/datasets"
	"debut/kernels"
	"debut/kernels/devices"
)

// deviceFlags choose a device.
type deviceFlags struct {
	device    deviceName
	threads   threadCount
	precision precisionName
}

func (f *deviceFlags) register(cmd *cobra.Command) {
	f.device = devices.Auto
	cmd.Flags().Var(&f.device, "device", "where to compute: auto, cpu, cuda or cuda:N")
	cmd.Flags().Var(&f.threads, "threads", "CPU threads, 0 for one for each processor; results do not depend on it")
	cmd.Flags().Var(&f.precision, "precision", "of matrix products on a GPU: "+strings.Join(devices.Precisions(), ", ")+" (default fp32)")
	complete(cmd, "device", devices.Names())
	complete(cmd, "precision", devices.Precisions())
}

// open starts the device.
func (f *deviceFlags) open() (kernels.Device, error) {
	return devices.Open(string(f.device), devices.Options{Threads: int(f.threads), Precision: string(f.precision)})
}

// overrides are the flags that were given, as entries of a run file.
func (f *deviceFlags) overrides(flags *pflag.FlagSet) []string {
	var out []string
	if flags.Changed("device") {
		out = append(out, "device="+strconv.Quote(string(f.device)))
	}
	if flags.Changed("threads") {
		out = append(out, "threads="+f.threads.String())
	}
	if flags.Changed("precision") {
		out = append(out, "precision="+strconv.Quote(string(f.precision)))
	}
	return out
}

// deviceName is a flag that holds the well-formed name of a device.
type deviceName string

func (d *deviceName) String() string { return string(*d) }
func (d *deviceName) Type() string   { return "name" }

func (d *deviceName) Set(s string) error {
	if err := devices.Check(s); err != nil {
		return err
	}
	*d = deviceName(s)
	return nil
}

// precisionName is a flag that holds the name of a precision, or nothing for the default.
type precisionName string

func (p *precisionName) String() string { return string(*p) }
func (p *precisionName) Type() string   { return "name" }

func (p *precisionName) Set(s string) error {
	if !slices.Contains(devices.Precisions(), s) {
		return fmt.Errorf("there is no precision %q; there are %s", s, strings.Join(devices.Precisions(), ", "))
	}
	*p = precisionName(s)
	return nil
}

// threadCount is a flag that holds a number of threads.
type threadCount int

const maxThreads = 4096

func (t *threadCount) String() string { return strconv.Itoa(int(*t)) }
func (t *threadCount) Type() string   { return "n" }

func (t *threadCount) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > maxThreads {
		return fmt.Errorf("give a whole number from 0 to %d", maxThreads)
	}
	*t = threadCount(n)
	return nil
}

// sourceFlags say how files are read that the command line names.
type sourceFlags struct {
	format, delimiter, query string
	header                   bool
	names, null              []string
}

func (f *sourceFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.format, "format", "auto", "format of DATA: auto (by extension), csv, parquet or json")
	flags.StringVar(&f.delimiter, "delimiter", "", "CSV: the character between fields, or tab (default: found out)")
	flags.BoolVar(&f.header, "header", true, "CSV: whether the first line names the columns (default: found out)")
	flags.StringSliceVar(&f.names, "names", nil, "CSV: column names of files without a header, separated by commas")
	flags.StringSliceVar(&f.null, "null", nil, "texts that mean a missing value besides the empty one")
	flags.StringVar(&f.query, "query", "", "SQL over the view data; its result is the rows")
	flags.Lookup("header").DefValue = "" // help would say that it is true
	complete(cmd, "format", []string{"auto", "csv", "parquet", "json"})
}

// source is the flags with the paths of the arguments.
func (f *sourceFlags) source(flags *pflag.FlagSet, paths []string) datasets.Source {
	src := datasets.Source{
		Path: paths, Format: f.format, Delimiter: f.delimiter, Names: f.names, Null: f.null, Query: f.query,
	}
	if flags.Changed("header") {
		src.Header = &f.header
	}
	return src
}

// complete lets a shell complete the values of a flag.
func complete(cmd *cobra.Command, flag string, values []string) {
	// The only errors are of a flag that does not exist or is registered twice.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}
