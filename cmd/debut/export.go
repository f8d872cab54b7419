package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"filippo.io/age"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"debut/datasets/configfile"
	"debut/datasets/nearest"
	"debut/datasets/sealed"
	"debut/datasets/table"
	"debut/datasets/wording"
	"debut/engine/onnxruntime"
	"debut/trainers/export"
	"debut/trainers/model"
	"debut/trainers/modelfolder"
	"debut/trainers/run"
	"debut/trainers/runfolder"
)

// exportFlags are those of export.
type exportFlags struct {
	export.Options
	device deviceFlags
	keys   keyFlags
	to     recipientFlags

	verify  bool
	library string
	data    []string
	rows    int
	asJSON  bool
}

func (a *app) exportModel() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export MODEL -o FOLDER",
		Short: "Write a model in the forms that serving systems read",
		Long: `Write a model into a folder, in a form that others read. MODEL is a run folder or its model/.

  onnx         model.onnx takes the columns of the data as they are and answers with probability and prediction, or a user with items;
               signature.json says what goes in and comes out. A recommender has similar.onnx, too.
  triton       a model repository of Triton Inference Server
  bundle       ONNX with the schema of a request, an example and its answer, a model card and checksums
  safetensors  all parameters under names for people, in one file; npy: each in a file of its own
  parquet      factors and embeddings with the ids of their rows

What ONNX cannot say goes in encoded: signature.json says why, and what encodes it lies beside. --verify runs the graphs by ONNX Runtime, whose library
is that of --onnxruntime, of the variable ` + onnxruntime.Variable + `, of npm's onnxruntime-node in a node_modules here or above, or the system's.`,
		Example: `  debut export runs/first -o out --verify
  debut export runs/first --format triton -o repository
  debut export runs/als --format parquet -o vectors`,
		Args: takes(1, 1, "a model"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.runExport(cmd, args[0], &f) },
	}
	f.device.register(cmd)
	f.keys.register(a, cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.Format, "format", export.ONNX, "what to write: "+strings.Join(export.Formats(), ", "))
	flags.StringVarP(&f.Folder, "output", "o", "", "folder to write")
	flags.BoolVar(&f.Overwrite, "overwrite", false, "replace an earlier export")
	flags.StringVar(&f.Tables, "tables", "", "where embeddings and factors lie: inside the graph, or beside it in a safetensors file (default: inside up to 1 GiB)")
	flags.IntVar(&f.Graph.Vocabulary, "vocabulary", export.DefaultVocabulary, "most values of a column that a graph knows; of more it asks for ids")
	flags.IntVarP(&f.Graph.K, "k", "k", export.DefaultK, "items in a list")
	flags.StringVar(&f.Name, "name", "", "name of the model, for triton and bundle (default: that of the run folder)")
	flags.StringVar(&f.About.License, "license", "", "`file` with the terms on which the model may be used, for bundle")
	flags.BoolVar(&f.verify, "verify", false, "run what was written by ONNX Runtime, and compare it with the model")
	flags.StringVar(&f.library, "onnxruntime", "", "library of ONNX Runtime, or a folder with it, for --verify")
	flags.StringSliceVar(&f.data, "verify-data", nil, "`file` with rows for --verify (default: the run's own test rows, or those of validation)")
	flags.IntVar(&f.rows, "verify-rows", export.DefaultRows, "most rows for --verify")
	f.to.register(flags)
	flags.BoolVar(&f.asJSON, "json", false, "print what was written as JSON")
	complete(cmd, "format", export.Formats())
	complete(cmd, "tables", []string{export.Inside, export.Beside})
	return cmd
}

// check refuses what cannot be meant.
func (f *exportFlags) check(cmd *cobra.Command) error {
	graphs := slices.Contains([]string{export.ONNX, export.Triton, export.Bundle}, f.Format)
	switch {
	case f.Folder == "":
		return usagef("%s needs a folder to write, --output FOLDER", cmd.CommandPath())
	case !slices.Contains(export.Formats(), f.Format):
		return usagef("--format %s: give one of %s%s", f.Format, strings.Join(export.Formats(), ", "), nearest.DidYouMean(f.Format, export.Formats()))
	case f.Tables != "" && f.Tables != export.Inside && f.Tables != export.Beside:
		return usagef("--tables %s: give %s or %s", f.Tables, export.Inside, export.Beside)
	case f.Graph.K < 1 || f.Graph.K > export.MaxK:
		return usagef("--k %d: give a number from 1 to %d", f.Graph.K, export.MaxK)
	case f.Graph.Vocabulary < 0 || f.Graph.Vocabulary > export.MaxVocabulary:
		return usagef("--vocabulary %d: give a number from 0 to %d", f.Graph.Vocabulary, export.MaxVocabulary)
	case f.rows < 1 || f.rows > export.MaxRows:
		return usagef("--verify-rows %d: give a number from 1 to %d", f.rows, export.MaxRows)
	}
	for _, name := range []string{"tables", "vocabulary", "k", "verify"} {
		if !graphs && cmd.Flags().Changed(name) {
			return usagef("--%s is about graphs, and --format %s writes none", name, f.Format)
		}
	}
	for _, name := range []string{"onnxruntime", "verify-data", "verify-rows"} {
		if !f.verify && cmd.Flags().Changed(name) {
			return usagef("--%s is about --verify: ask for that too", name)
		}
	}
	if f.Format != export.Triton && f.Format != export.Bundle && cmd.Flags().Changed("name") {
		return usagef("--name is about --format %s and --format %s: files of other formats have no name of a model", export.Triton, export.Bundle)
	}
	if f.Format != export.Bundle && f.About.License != "" {
		return usagef("--license is about --format %s", export.Bundle)
	}
	return checkShown("--output", f.Folder)
}

func (a *app) runExport(cmd *cobra.Command, folder string, f *exportFlags) (err error) {
	if err := f.check(cmd); err != nil {
		return err
	}
	ctx := cmd.Context()
	if f.To, err = f.to.read(a.console.log); err != nil {
		return err
	}
	sealedModel, err := modelfolder.Encrypted(folder)
	switch {
	case err != nil:
		return err
	case sealedModel && len(f.To) == 0 && !f.to.plain:
		return fmt.Errorf("%s: the model is encrypted, and the export would not be: name who can read it, --encrypt-to age1…, or --plain for everybody", folder)
	}
	f.Version = version
	f.describe(folder)
	var out *export.Result
	err = withModel(&f.device, &f.keys, folder, func(m model.Model) (err error) {
		if _, lists := m.(model.Recommender); !lists && cmd.Flags().Changed("k") {
			return usagef("--k is how many items are in a list, and a model of the family %s makes no lists; leave it out", m.Family())
		}
		if f.verify {
			r, err := onnxruntime.Open(f.library)
			if err != nil {
				return fmt.Errorf("--verify: %w; install it, as by npm install --ignore-scripts onnxruntime-node, and name it: --onnxruntime node_modules/onnxruntime-node", err)
			}
			defer closing(r, &err)
			a.console.log.Info("onnxruntime", "version", r.Version(), "library", r.Path())
			f.Verify = &export.Verification{Runtime: r, Limit: f.rows, Threads: int(f.device.threads), Rows: a.rowsFor(folder, m, f)}
		}
		out, err = export.Write(ctx, m, f.Options)
		if h, ok := m.(interface{ HasHistories() bool }); ok && err == nil && len(out.Graphs) > 0 && !h.HasHistories() {
			a.console.log.Warn("there are no lists for users among the graphs: the model folder has not what users of training have (keep_seen: false); train with it for these, or ask debut recommend --history")
		}
		return err
	})
	if err != nil {
		return canceled(ctx, err)
	}
	for _, v := range out.Verified {
		if v.Largest > export.Close || v.Texts > 0 {
			a.console.log.Warn("the graph does not answer quite as the model does; a steep isotonic calibration magnifies the last digits", "graph", v.Graph, "largest_difference", v.Largest, "texts_that_differ", v.Texts)
		}
	}
	if f.asJSON {
		return a.console.printJSON(out)
	}
	return a.console.print(exported(out))
}

// describe fills what is said of a model and its training.
func (f *exportFlags) describe(folder string) {
	if f.Name == "" {
		if path, err := filepath.Abs(folder); err == nil {
			if f.Name = filepath.Base(path); f.Name == runfolder.ModelDir {
				f.Name = filepath.Base(filepath.Dir(path))
			}
		}
	}
	opened, err := runfolder.Open(folder)
	if err != nil {
		return // the folder of a model alone
	}
	if r, err := opened.Result(); err == nil {
		f.About.Run = r
	}
}

// rowsFor reads the rows that a model is verified on; nil of a model that is not asked about rows.
func (a *app) rowsFor(folder string, m model.Model, f *exportFlags) func(ctx context.Context) (*table.Frame, error) {
	reader, ok := m.(model.RowReader)
	if !ok {
		return nil
	}
	return func(ctx context.Context) (*table.Frame, error) {
		if len(f.data) > 0 {
			rows, err := reader.ReadRows(ctx, table.Source{Path: f.data, Format: "auto"}, "", f.rows)
			if err != nil {
				return nil, fmt.Errorf("--verify-data: %w", err)
			}
			return rows, nil
		}
		rows, err := a.ownRows(ctx, folder, m, run.PartTest, f.rows)
		if errors.Is(err, run.ErrNoPart) {
			return a.ownRows(ctx, folder, m, run.PartValidation, f.rows)
		}
		return rows, err
	}
}

// ownRows reads rows of a part of a run's own data, which must be what they were.
func (a *app) ownRows(ctx context.Context, folder string, m model.Model, part string, limit int) (*table.Frame, error) {
	own, err := openOwn(folder, part, "name rows to verify on, --verify-data FILE")
	if err != nil {
		return nil, err
	}
	reader, ok := own.cfg.(run.PartReader)
	if !ok {
		return nil, own.unable(m)
	}
	rows, files, err := reader.ReadPart(ctx, m, own.base, part, limit, a.console.log)
	if errors.Is(err, run.ErrNoPart) && part == run.PartTest {
		return nil, err
	}
	if err != nil {
		return nil, own.unread(err)
	}
	return rows, own.unchanged(files)
}

// exported is what export prints.
func exported(r *export.Result) string {
	var b strings.Builder
	t := grid{}
	for _, f := range r.Files {
		t = append(t, []string{filepath.Join(r.Folder, filepath.FromSlash(f.Name)), wording.Thousands(f.Bytes) + " bytes"})
	}
	b.WriteString(t.text())
	for _, g := range r.Graphs {
		for _, p := range g.Inputs {
			if p.Encoded != "" {
				fmt.Fprintf(&b, "%s takes %s encoded: %s\n", g.File, p.Name, p.Encoded)
			}
		}
	}
	for _, v := range r.Verified {
		fmt.Fprintf(&b, "verified %s: %s rows by ONNX Runtime, largest difference %.2g", v.Graph, wording.Thousands(int64(v.Rows)), v.Largest)
		if v.Texts > 0 {
			fmt.Fprintf(&b, ", %d texts differ", v.Texts)
		}
		if v.Exchanged > 0 {
			fmt.Fprintf(&b, ", %d of equal scores in another order", v.Exchanged)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// recipientFlags say who can read what is written.
type recipientFlags struct {
	keys       []string
	file       string
	passphrase secretFlag
	plain      bool
}

func (f *recipientFlags) register(flags *pflag.FlagSet) {
	flags.StringSliceVar(&f.keys, "encrypt-to", nil, "public keys of age (age1…) of those who can read what is written")
	flags.StringVar(&f.file, "encrypt-to-file", "", "file of such keys, one a line")
	flags.Var(&f.passphrase, "encrypt-passphrase", "passphrase instead of keys: a file, or env:NAME")
	flags.BoolVar(&f.plain, "plain", false, "write an encrypted model so that everybody can read it")
}

// read returns the keys, none where no flag is given.
func (f *recipientFlags) read(log *slog.Logger) ([]age.Recipient, error) {
	if len(f.keys) == 0 && f.file == "" && f.passphrase.secret == nil {
		return nil, nil
	}
	if f.plain {
		return nil, usagef("--plain is for everybody to read, and --encrypt-to for some: give one of them")
	}
	e := sealed.Encryption{Recipients: f.keys, RecipientsFile: f.file, Passphrase: f.passphrase.secret}
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	to, err := e.Read(dir, "", log)
	var config *configfile.FieldError
	if errors.As(err, &config) {
		key, _, _ := strings.Cut(strings.TrimPrefix(config.Path, "."), ".")
		flag := map[string]string{"recipients_file": "encrypt-to-file", "passphrase": "encrypt-passphrase"}[key]
		if flag == "" {
			flag = "encrypt-to"
		}
		return nil, fmt.Errorf("--%s: %s", flag, config.Msg)
	}
	return to, err
}
