package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"debut/engine"
	"debut/trainers/behavior"
	"debut/trainers/runfolder"
)

func (a *app) train() *cobra.Command {
	var device deviceFlags
	var set []string
	var output, name, resume, memory string
	var overwrite, profile, explain, asJSON bool
	cmd := &cobra.Command{
		Use:   "train RUN.yaml | RUN_FOLDER",
		Short: "Train a model as a run file describes it",
		Long: `Train a model as a run file describes it, evaluate it, and leave all of it in a run folder.

The state of the training is saved in the run folder from time to time and at its end ("checkpoint:" in the run file).
With --resume a run goes on from there, with the same result as if it had never been interrupted, whatever ended it; where
there is nothing to go on from yet it begins. Number of epochs, device, threads and checkpoints may be others then.

Ctrl-C ends the training at the next step with a checkpoint and the model so far; a second Ctrl-C ends the program at once.`,
		Example: `  debut train run.yaml
  debut train run.yaml --name wide --set train.epochs=20
  debut train run.yaml --resume
  debut train runs/wide --resume --set train.epochs=40
  debut train runs/wide --resume=best`,
		Args: takes(1, 1, "one run file, or with --resume a run folder"),
		RunE: func(cmd *cobra.Command, args []string) error {
			from := behavior.ResumeFrom(resume)
			switch {
			case from != behavior.ResumeNot && from != behavior.ResumeLast && from != behavior.ResumeBest:
				return usagef("--resume=%s: a run goes on from the last checkpoint (--resume) or from the best (--resume=best)", resume)
			case from != behavior.ResumeNot && overwrite:
				return usagef("--resume goes on with a run, --overwrite replaces it: give one of them")
			}
			overrides := append([]string(nil), set...)
			overrides = append(overrides, device.overrides(cmd.Flags())...)
			if cmd.Flags().Changed("output") {
				overrides = append(overrides, "output="+strconv.Quote(output))
			}
			if cmd.Flags().Changed("memory") {
				overrides = append(overrides, "data.memory="+strconv.Quote(memory))
			}
			if cmd.Flags().Changed("name") {
				overrides = append(overrides, "name="+strconv.Quote(name))
			}
			if name != "" {
				if err := runfolder.CheckName(name); err != nil {
					return usagef("--name: %s", strings.TrimPrefix(err.Error(), "runfolder: "))
				}
			}
			run, err := runOf(args[0], from)
			if err != nil {
				return err
			}
			if len(run.overrides) > 0 && (cmd.Flags().Changed("name") || cmd.Flags().Changed("output")) {
				return usagef("%s is the folder of the run to go on with: leave --name and --output out", args[0])
			}
			cfg, err := loadRun(run.file, append(run.overrides, overrides...))
			if err != nil {
				return err
			}
			if m := int64(cfg.Data.Memory); m > 0 {
				// The database that reads the data keeps an eighth, outside of Go's memory.
				debug.SetMemoryLimit(m / 4 * 3)
			}
			if from != behavior.ResumeNot && cfg.Name == "" {
				return usagef("--resume: %s has no \"name:\", so the run folder has the time in its name: give the folder instead (debut train runs/… --resume)", args[0])
			}
			if err := checkRoot(cfg.Output); err != nil {
				return err
			}
			opt := a.trainOptions(run.config)
			opt.Overwrite, opt.Resume = overwrite, from
			if profile {
				opt.Profile = new(engine.Profile)
			}
			if explain {
				opt.ExplainGraph = a.stderr
				if asJSON {
					opt.ExplainGraph = textEvents{a.stderr, "graph"}
				}
			}
			out, err := a.runTraining(cmd.Context(), cfg, opt, asJSON)
			if err != nil && (out == nil || !plainlyInterrupted(err)) {
				return err
			}
			// An interrupted training has a result too.
			interrupted := err
			if opt.Profile != nil {
				if err := writeProfile(a.stderr, opt.Profile, asJSON); err != nil {
					return fmt.Errorf("write the profile: %w", err)
				}
			}
			if asJSON {
				err = a.console.printJSON(struct {
					Folder       string                 `json:"folder"`
					Model        string                 `json:"model"`
					Result       *runfolder.RunResult   `json:"result"`
					Coefficients *behavior.Coefficients `json:"coefficients,omitempty"`
				}{out.Folder, filepath.Join(out.Folder, runfolder.ModelDir), out.Result, out.Coefficients})
			} else {
				err = a.console.print(trainingSummary(out))
			}
			if err != nil {
				return err
			}
			return interrupted
		},
	}
	flags := cmd.Flags()
	device.register(cmd)
	flags.StringArrayVar(&set, "set", nil, "override `key.path=value` of the run file; may be repeated")
	flags.StringVar(&output, "output", "", "folder of run folders (default: the run file's, else runs)")
	flags.StringVar(&name, "name", "", "name of the run folder")
	flags.StringVar(&memory, "memory", "", "what prepared data may take of memory while they are streamed, such as 2GiB")
	flags.BoolVar(&overwrite, "overwrite", false, "replace an earlier run of that name")
	flags.StringVar(&resume, "resume", "", "go on with the run of this name, from its last checkpoint or =best")
	flags.Lookup("resume").NoOptDefVal = string(behavior.ResumeLast)
	flags.BoolVar(&profile, "profile", false, "show where the time of a step goes; slows it a little")
	flags.BoolVar(&explain, "explain-graph", false, "show the compiled program")
	flags.BoolVar(&asJSON, "json", false, "print the result as JSON, and progress as JSON lines on standard error")
	return cmd
}

// runArgument is what the argument of train stands for.
type runArgument struct {
	file      string   // the run file to read
	config    string   // the file whose folder relative paths start from
	overrides []string // that come before those of the command line
}

// runOf resolves the argument of train: a run file, or the folder of a run to go on with.
func runOf(path string, from behavior.ResumeFrom) (runArgument, error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return runArgument{file: path, config: path}, nil // the run file's reader has an error for what is missing
	}
	if from == behavior.ResumeNot {
		return runArgument{}, usagef("%s is a folder: name a run file, or go on with the run in it with --resume", path)
	}
	folder, err := runfolder.Open(path)
	if err != nil {
		return runArgument{}, err
	}
	result, err := folder.Result()
	if err != nil {
		return runArgument{}, err
	}
	config := result.Config
	if !filepath.IsAbs(config) {
		config = filepath.Join(result.Directory, config)
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return runArgument{}, fmt.Errorf("%s: %w", path, err)
	}
	parent := filepath.Dir(filepath.Clean(path))
	if base := filepath.Base(filepath.Clean(path)); base == "." || base == ".." {
		parent = filepath.Dir(absolute)
	}
	return runArgument{
		file:   folder.Join(runfolder.ConfigFile),
		config: config,
		// The folder may have been moved or renamed since.
		overrides: []string{"output=" + strconv.Quote(parent), "name=" + strconv.Quote(filepath.Base(absolute))},
	}, nil
}

// loadRun reads a run file with overrides.
func loadRun(path string, overrides []string) (*behavior.Config, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no run file %s", path)
	}
	return behavior.Load(path, overrides)
}

// checkRoot returns an error where run folders cannot be made in a folder: better before the data are loaded than after.
func checkRoot(dir string) error {
	// What is missing is made, below the nearest folder that there is.
	at := filepath.Clean(dir)
	info, err := os.Stat(at)
	for errors.Is(err, fs.ErrNotExist) && filepath.Dir(at) != at {
		at = filepath.Dir(at)
		info, err = os.Stat(at)
	}
	const remedy = `; choose another folder with --output or "output:"`
	switch {
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("output %s: a file is where a folder should be%s", dir, remedy)
	case err != nil:
		return fmt.Errorf("output %s: %w%s", dir, err, remedy)
	case !info.IsDir():
		return fmt.Errorf("output %s: %s is a file, not a folder%s", dir, at, remedy)
	}
	// One name for all, so that the next training clears away what a killed one has left.
	probe := filepath.Join(at, ".debut-probe")
	file, err := os.OpenFile(probe, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("output %s: nothing can be written to %s%s: %w", dir, at, remedy, err)
	}
	err = os.Remove(probe)
	if errors.Is(err, fs.ErrNotExist) { // another process that looked at the same moment was faster
		err = nil
	}
	if err := errors.Join(file.Close(), err); err != nil {
		return fmt.Errorf("output %s: %w", dir, err)
	}
	return nil
}

// textEvents makes each text that is written to it, which is to be whole, a JSON line.
type textEvents struct {
	to    io.Writer
	event string
}

func (e textEvents) Write(text []byte) (int, error) {
	line, err := encodeJSON(struct {
		Event string `json:"event"`
		Text  string `json:"text"`
	}{e.event, string(text)}, "")
	if err != nil {
		return 0, err
	}
	if _, err := io.WriteString(e.to, line); err != nil {
		return 0, err
	}
	return len(text), nil
}

// writeProfile writes a profile as a table or as a JSON line.
func writeProfile(w io.Writer, p *engine.Profile, asJSON bool) error {
	if !asJSON {
		return p.Write(w)
	}
	line, err := encodeJSON(struct {
		Event   string                `json:"event"`
		Kernels []engine.ProfileEntry `json:"kernels"`
	}{"profile", p.Entries()}, "")
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, line)
	return err
}

// trainOptions are the options that every training from the command line has.
func (a *app) trainOptions(config string) behavior.Options {
	return behavior.Options{BaseDir: filepath.Dir(config), Log: a.console.log, Version: version, ConfigPath: config}
}

// runTraining trains with progress shown. Where an interrupted training has kept a model, it says where.
func (a *app) runTraining(ctx context.Context, cfg *behavior.Config, opt behavior.Options, asJSON bool) (*behavior.Outcome, error) {
	p := a.console.newProgress(asJSON)
	opt.Progress = func(now behavior.Progress) {
		a.training.Store(true)
		p.update(now)
	}
	defer a.training.Store(false)
	out, err := behavior.Train(ctx, cfg, opt)
	p.close()
	if err != nil && out != nil && plainlyInterrupted(err) {
		a.console.log.Warn("training interrupted; the model so far is kept", "folder", out.Folder)
	}
	if err != nil && !errors.Is(err, behavior.ErrInterrupted) {
		err = canceled(ctx, err)
	}
	return out, err
}

// trainingSummary is what train prints in the end.
func trainingSummary(out *behavior.Outcome) string {
	r := out.Result
	var b strings.Builder
	b.WriteString(metricsTable(r.Metrics))
	b.WriteByte('\n')
	if out.Coefficients != nil {
		b.WriteString(coefficientsTable(*out.Coefficients))
		b.WriteByte('\n')
	}
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-8s%s\n", name, fmt.Sprintf(format, args...))
	}
	if r.Best != nil {
		line("best", "epoch %d, validation %s %s%s", r.Best.Epoch, r.Best.Metric, number(float64(r.Best.Value)), stopped(r))
	}
	if rows, seconds := trained(r.Epochs); seconds > 0 {
		line("speed", "%s over %d epochs", rate(float64(rows)/seconds), len(r.Epochs))
	}
	threads := ""
	if r.Threads > 0 {
		threads = fmt.Sprintf(", %d threads", r.Threads)
	}
	line("device", "%s, %s%s (%s)", r.Device, r.SIMD, threads, r.DeviceReason)
	line("run", "%s", out.Folder)
	line("model", "%s", filepath.Join(out.Folder, runfolder.ModelDir))
	b.WriteString("\nnext:\n")
	fmt.Fprintf(&b, "  debut evaluate %s DATA.csv\n", quoted(out.Folder))
	fmt.Fprintf(&b, "  debut predict %s DATA.csv -o predictions.csv\n", quoted(out.Folder))
	return b.String()
}

func stopped(r *runfolder.RunResult) string {
	if r.Stopped == "" {
		return ""
	}
	return "; stopped by " + strings.ReplaceAll(r.Stopped, "_", " ")
}

// trained adds up rows and seconds of epochs.
func trained(epochs []runfolder.EpochStats) (rows int64, seconds float64) {
	for _, e := range epochs {
		rows += e.Rows
		seconds += float64(e.Seconds)
	}
	return rows, seconds
}
