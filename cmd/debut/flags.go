package main

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"filippo.io/age"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"debut/datasets/configfile"
	"debut/datasets/sealed"
	"debut/datasets/table"
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

// String is how the value is given.
func (d *deviceName) String() string { return string(*d) }

// Type is what help calls the value.
func (d *deviceName) Type() string { return "name" }

// Set takes a value that is given.
func (d *deviceName) Set(s string) error {
	if err := devices.Check(s); err != nil {
		return err
	}
	*d = deviceName(s)
	return nil
}

// precisionName is a flag that holds the name of a precision, or nothing for the default.
type precisionName string

// String is how the value is given.
func (p *precisionName) String() string { return string(*p) }

// Type is what help calls the value.
func (p *precisionName) Type() string { return "name" }

// Set takes a value that is given.
func (p *precisionName) Set(s string) error {
	if !slices.Contains(devices.Precisions(), s) {
		return fmt.Errorf("there is no precision %q; there are %s", s, strings.Join(devices.Precisions(), ", "))
	}
	*p = precisionName(s)
	return nil
}

// threadCount is a flag that holds a number of threads.
type threadCount int

// String is how the value is given.
func (t *threadCount) String() string { return strconv.Itoa(int(*t)) }

// Type is what help calls the value.
func (t *threadCount) Type() string { return "n" }

// Set takes a value that is given.
func (t *threadCount) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil {
		return fmt.Errorf("give a whole number from 0 to %d", configfile.MaxThreads)
	}
	if err := configfile.CheckThreads(n); err != nil {
		return err
	}
	*t = threadCount(n)
	return nil
}

// sourceFlags say how files are read that the command line names.
type sourceFlags struct {
	src                  table.Source
	delimiter            string
	header               bool
	null, types, vectors []string
}

func (f *sourceFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.src.Format, "format", "auto", "format of DATA: auto (by extension), csv, parquet or json")
	flags.StringVar(&f.delimiter, "delimiter", "", "CSV: the character between fields, or tab (default: found out)")
	flags.BoolVar(&f.header, "header", true, "CSV: whether the first line names the columns (default: found out)")
	flags.StringSliceVar(&f.src.Names, "names", nil, "CSV: column names of files without a header, separated by commas")
	flags.StringSliceVar(&f.null, "null", nil, "texts that mean a missing value besides the empty one")
	flags.StringArrayVar(&f.types, "types", nil, "type of a column that is not to be found out, such as price=numeric, day=DD/MM/YYYY or code=categorical; may be repeated")
	flags.StringVar(&f.src.Decimal, "decimal", "", "texts: the decimal mark of numbers (default a point)")
	flags.StringVar(&f.src.Thousands, "thousands", "", "texts: what stands between groups of three digits (default nothing)")
	flags.StringVar(&f.src.Comment, "comment", "", "CSV: what a line begins with that is left out, such as #")
	flags.StringVar(&f.src.Encoding, "encoding", "", "CSV: how characters are written: "+strings.Join(table.Encodings, ", ")+" (default utf-8)")
	flags.StringVar(&f.src.Query, "query", "", "SQL over the view data; its result is the rows")
	flags.BoolVar(&f.src.ExternalAccess, "external-access", false, "let the SQL of --query read any file that it names, besides DATA")
	flags.DurationVar(&f.src.Timeout, "timeout", 0, "the most time that a statement of --query may take, such as 10m (default no limit)")
	flags.StringArrayVar(&f.vectors, "vectors", nil, "column of vectors from a .npy file, such as image=image.npy,on=item_id,ids=ids.txt; may be repeated")
	flags.Lookup("header").DefValue = "" // help would say that it is true
	complete(cmd, "format", append([]string{"auto"}, table.Formats...))
	complete(cmd, "encoding", table.Encodings)
}

// given says that a flag says how files are read.
func (f *sourceFlags) given(flags *pflag.FlagSet) bool {
	return slices.ContainsFunc([]string{"format", "delimiter", "header", "names", "null", "types", "decimal", "thousands", "comment", "encoding", "query", "external-access", "timeout", "vectors"}, flags.Changed)
}

// source is the flags with the paths of the arguments.
func (f *sourceFlags) source(flags *pflag.FlagSet, paths []string) (table.Source, error) {
	src := f.src
	src.Path, src.Delimiter, src.Null = paths, table.Delimiter(f.delimiter), f.null
	for _, text := range f.types {
		name, typ, err := columnType(text)
		if err != nil {
			return src, err
		}
		if _, twice := src.Types[name]; twice {
			return src, usagef("--types %s: column %q is given twice", text, name)
		}
		if src.Types == nil {
			src.Types = map[string]string{}
		}
		src.Types[name] = typ
	}
	if flags.Changed("header") {
		src.Header = &f.header
	}
	for _, text := range f.vectors {
		name, file, err := vectorFile(text)
		if err != nil {
			return src, err
		}
		if _, twice := src.Vectors[name]; twice {
			return src, usagef("--vectors %s: column %q is given twice", text, name)
		}
		if src.Vectors == nil {
			src.Vectors = map[string]table.VectorFile{}
		}
		src.Vectors[name] = file
	}
	return src, nil
}

// columnType parses COLUMN=TYPE. Names may have signs of equality in them, types have none.
func columnType(text string) (name, typ string, err error) {
	i := strings.LastIndexByte(text, '=')
	if i < 1 || i == len(text)-1 {
		return "", "", usagef("--types %s: write COLUMN=TYPE", text)
	}
	return text[:i], text[i+1:], nil
}

// vectorFile parses COLUMN=FILE.npy,on=COLUMN[,ids=FILE].
func vectorFile(text string) (name string, file table.VectorFile, err error) {
	bad := func(problem string) (string, table.VectorFile, error) {
		return "", file, usagef("--vectors %s: %s; write COLUMN=FILE.npy,on=COLUMN and, where a file has the ids of its rows, ,ids=FILE", text, problem)
	}
	for i, part := range strings.Split(text, ",") {
		key, value, ok := strings.Cut(part, "=")
		switch {
		case !ok || key == "" || value == "":
			return bad(fmt.Sprintf("%q is no assignment", part))
		case i == 0:
			name, file.Path = key, value
		case key == "on" && file.On == "":
			file.On = value
		case key == "ids" && file.IDs == "":
			file.IDs = value
		default:
			return bad(fmt.Sprintf("%q is not expected here", part))
		}
	}
	if file.On == "" {
		return bad("it does not say which column chooses the vector")
	}
	return name, file, nil
}

// keyFlags say what opens an encrypted model.
type keyFlags struct {
	app                  *app // whose log is warned of files that others can read; nil for no warnings
	identity, passphrase secretFlag
}

func (f *keyFlags) register(a *app, cmd *cobra.Command) {
	f.app = a
	cmd.Flags().Var(&f.identity, "identity", "key of an encrypted model: a file of age-keygen, or env:NAME for an environment variable")
	cmd.Flags().Var(&f.passphrase, "passphrase", "passphrase of an encrypted model: a file, or env:NAME")
}

// read returns the keys, none where no flag is given.
func (f *keyFlags) read() ([]age.Identity, error) {
	d := sealed.Decryption{Identity: f.identity.secret, Passphrase: f.passphrase.secret}
	var log *slog.Logger
	if f.app != nil {
		log = f.app.console.log
	}
	keys, err := d.Read("", "", log)
	var config *configfile.FieldError
	if errors.As(err, &config) {
		flag, _, _ := strings.Cut(strings.TrimPrefix(config.Path, "."), ".")
		if flag == "" {
			flag = "identity"
		}
		return nil, fmt.Errorf("--%s: %s", flag, config.Msg)
	}
	return keys, err
}

// secretFlag is a flag that says where a secret is.
type secretFlag struct{ secret *configfile.Secret }

// Type is what help calls the value.
func (s *secretFlag) Type() string { return "file" }

// String is how the value is given.
func (s *secretFlag) String() string {
	switch {
	case s.secret == nil:
		return ""
	case s.secret.Env != "":
		return "env:" + s.secret.Env
	}
	return s.secret.File
}

// Set takes a value that is given.
func (s *secretFlag) Set(text string) error {
	name, env := strings.CutPrefix(text, "env:")
	switch {
	case name == "":
		return errors.New("name a file, or an environment variable as env:NAME")
	case env:
		s.secret = &configfile.Secret{Env: name}
	default:
		s.secret = &configfile.Secret{File: name}
	}
	return nil
}

// complete lets a shell complete the values of a flag.
func complete(cmd *cobra.Command, flag string, values []string) {
	// The only errors are of a flag that does not exist or is registered twice.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}
