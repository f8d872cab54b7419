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

	"github.com/spf13/cobra"

	"debut/datasets/wording"
	"debut/engine"
	"debut/trainers/families"
	"debut/trainers/loop"
	"debut/trainers/metrics"
	"debut/trainers/model"
	"debut/trainers/run"
	"debut/trainers/runfolder"
)

func (a *app) train() *cobra.Command {
	var device deviceFlags
	var set []string
	var output, name, resume, memory, initFrom string
	var overwrite, profile, explain, asJSON bool
	var gated gateFlags
	cmd := &cobra.Command{
		Use:   "train RUN.yaml | RUN_FOLDER",
		Short: "Train a model as a run file describes it",
		Long: `Train a model as a run file describes it, evaluate it, and leave all of it in a run folder.

The state of the training is saved in the run folder from time to time and at its end ("checkpoint:" in the run file).
With --resume a run goes on from there, with the same result as if it had never been interrupted, whatever ended it; where
there is nothing to go on from yet it begins. Number of epochs, device, threads and checkpoints may be others then.

Ctrl-C, SIGTERM or a terminal that closes (SIGHUP) ends the training at the next step with a checkpoint and the model so far; a
second one ends the program at once.`,
		Example: `  debut train run.yaml
  debut train run.yaml --name wide --set train.epochs=20
  debut train run.yaml --resume
  debut train runs/wide --resume --set train.epochs=40
  debut train runs/wide --resume=best
  debut train april.yaml --init-from runs/march`,
		Args: takes(1, 1, "one run file, or with --resume a run folder"),
		RunE: func(cmd *cobra.Command, args []string) error {
			from := run.ResumeFrom(resume)
			switch {
			case from != run.ResumeNot && from != run.ResumeLast && from != run.ResumeBest:
				return usagef("--resume=%s: a run goes on from the last checkpoint (--resume) or from the best (--resume=best)", resume)
			case from != run.ResumeNot && overwrite:
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
			if cmd.Flags().Changed("init-from") {
				if initFrom == "" {
					return usagef("--init-from: it is empty; name a run folder or a file of tensors, or leave it out")
				}
				place, err := filepath.Abs(initFrom)
				if err != nil {
					return fmt.Errorf("--init-from: %w", err)
				}
				overrides = append(overrides, "init_from="+strconv.Quote(place))
			}
			if cmd.Flags().Changed("name") {
				overrides = append(overrides, "name="+strconv.Quote(name))
			}
			if name != "" {
				if err := runfolder.CheckName(name); err != nil {
					return usagef("--name: %s", strings.TrimPrefix(err.Error(), "runfolder: "))
				}
			}
			named, err := run.ArgumentOf(args[0], from)
			if errors.Is(err, run.ErrFolder) {
				return usagef("%s is a folder: name a run file, or go on with the run in it with --resume", args[0])
			}
			if err != nil {
				return err
			}
			if named.IsFolder() && (cmd.Flags().Changed("name") || cmd.Flags().Changed("output")) {
				return usagef("%s is the folder of the run to go on with: leave --name and --output out", args[0])
			}
			cfg, err := loadRun(named.File, append(named.Overrides, overrides...))
			if err != nil {
				return err
			}
			if c, ok := cfg.(interface{ MemoryBudget() int64 }); ok && c.MemoryBudget() > 0 {
				// The database that reads the data keeps an eighth, outside of Go's memory.
				debug.SetMemoryLimit(min(c.MemoryBudget()/4*3, debug.SetMemoryLimit(-1)))
			}
			if from != run.ResumeNot && cfg.Base().Name == "" {
				return usagef("--resume: %s has no \"name:\", so the run folder has the time in its name: give the folder instead (debut train runs/… --resume)", args[0])
			}
			if err := run.CheckOutput(cfg.Base().Output); err != nil {
				return err
			}
			gates, err := gated.gates(parts)
			if err != nil {
				return err
			}
			opt, err := a.trainOptions(named, cfg)
			if err != nil {
				return err
			}
			opt.Measured = func(task metrics.Task, parts []string) error { return checkGates(gates, task, parts) }
			opt.Overwrite, opt.Resume = overwrite, from
			if profile {
				opt.Profile = new(engine.Profile)
			}
			if explain {
				opt.ExplainGraph = wording.VisibleWriter(a.stderr)
				if asJSON {
					opt.ExplainGraph = textEvents{a.stderr, "graph"}
				}
			}
			out, err := a.runTraining(cmd.Context(), cfg, opt, asJSON)
			if err != nil && (out == nil || !plainlyInterrupted(err) || out.Result.Status == runfolder.Failed) {
				return err // without a model there is nothing to print
			}
			// An interrupted training has a result too.
			interrupted := err
			if opt.Profile != nil {
				if err := writeProfile(wording.VisibleWriter(a.stderr), opt.Profile, asJSON); err != nil {
					return fmt.Errorf("write the profile: %w", err)
				}
			}
			if asJSON {
				err = a.console.printJSON(struct {
					Folder string `json:"folder"`
					Model  string `json:"model"`
					*runfolder.RunResult
					Coefficients *model.Coefficients `json:"coefficients,omitempty"`
				}{out.Folder, filepath.Join(out.Folder, runfolder.ModelDir), out.Result, out.Coefficients})
			} else {
				err = a.console.print(trainingSummary(out))
			}
			if err != nil {
				return err
			}
			if interrupted != nil {
				return interrupted
			}
			return judge(gates, out.Result.Metrics)
		},
	}
	flags := cmd.Flags()
	device.register(cmd)
	flags.StringArrayVar(&set, "set", nil, "override `key.path=value` of the run file; may be repeated")
	flags.StringVar(&output, "output", "", "folder of run folders (default: the run file's, else runs)")
	flags.StringVar(&name, "name", "", "name of the run folder")
	flags.StringVar(&memory, "memory", "", "what prepared data may take of memory while they are streamed, such as 2GiB")
	flags.StringVar(&initFrom, "init-from", "", "begin with the parameters of another `model`: a run folder, or tensors that export wrote, weights.safetensors")
	flags.BoolVar(&overwrite, "overwrite", false, "replace an earlier run of that name")
	flags.StringVar(&resume, "resume", "", "go on with the run of this name, from its last checkpoint or =best")
	flags.Lookup("resume").NoOptDefVal = string(run.ResumeLast)
	gated.register(cmd)
	flags.BoolVar(&profile, "profile", false, "show where the time of a step goes; slows it a little")
	flags.BoolVar(&explain, "explain-graph", false, "show the compiled program")
	flags.BoolVar(&asJSON, "json", false, "print the result as JSON, and progress as JSON lines on standard error")
	return cmd
}

// loadRun reads a run file with overrides.
func loadRun(path string, overrides []string) (run.Config, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no run file %s", path)
	}
	return families.Load(path, overrides)
}

// textEvents makes each text that is written to it, which is to be whole, a JSON line.
type textEvents struct {
	to    io.Writer
	event string
}

// Write implements io.Writer.
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
func (a *app) trainOptions(named run.Argument, cfg run.Config) (run.Options, error) {
	base, err := named.BaseDir(cfg)
	return run.Options{BaseDir: base, Log: a.console.log, Version: version, ConfigPath: named.Config, Command: os.Args}, err
}

// runTraining trains with progress shown. Where an interrupted training has kept a model, it says where.
func (a *app) runTraining(ctx context.Context, cfg run.Config, opt run.Options, asJSON bool) (*run.Outcome, error) {
	p := a.console.newProgress(asJSON)
	opt.Progress = p.update
	out, err := run.Train(ctx, cfg, opt)
	p.close()
	if err != nil && out != nil && plainlyInterrupted(err) {
		a.console.log.Warn("training interrupted; the model so far is kept", "folder", out.Folder)
	}
	if err != nil && !errors.Is(err, run.ErrInterrupted) {
		err = canceled(ctx, err)
	}
	return out, err
}

// trainingSummary is what train prints in the end.
func trainingSummary(out *run.Outcome) string {
	r := out.Result
	var b strings.Builder
	b.WriteString(metricsTable(r.Metrics))
	b.WriteByte('\n')
	for _, part := range []string{run.PartTest, run.PartValidation, run.PartTrain} {
		if m := r.Metrics[part]; m != nil {
			if text := confusionTable(m); text != "" {
				fmt.Fprintf(&b, "%s rows%s\n%s\n", part, from(m), text)
			}
			break
		}
	}
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
	if t := r.Trained; t != nil && t.Seconds > 0 {
		line("speed", "%s over %d epochs", rate(float64(t.Rows)/float64(t.Seconds)), t.Epochs)
	}
	line("device", "%s", deviceLine(r))
	line("run", "%s", out.Folder)
	line("model", "%s", filepath.Join(out.Folder, runfolder.ModelDir))
	var next []string
	if r.Status == runfolder.Interrupted {
		next = append(next, "debut train %s --resume")
	}
	if f, err := families.ByName(r.Family); err == nil {
		next = append(next, f.Commands(r.Task)...)
	}
	if len(next) > 0 {
		b.WriteString("\nnext:\n")
		for _, command := range next {
			fmt.Fprintf(&b, "  "+command+"\n", quoted(out.Folder))
		}
	}
	return b.String()
}

func stopped(r *runfolder.RunResult) string {
	switch r.Stopped {
	case "":
		return ""
	case loop.StoppedEpochs:
		return "; all epochs are done"
	case loop.StoppedEarly:
		return "; stopped early, for none since was better"
	}
	return "; " + strings.ReplaceAll(r.Stopped, "_", " ")
}

// deviceLine names the device on a line. Why it was taken is told at length by run.json and debut doctor, here its first words are.
func deviceLine(r *runfolder.RunResult) string {
	text := r.Device + ", " + r.SIMD
	switch {
	case r.Threads == 1:
		text += ", 1 thread"
	case r.Threads > 1:
		text += fmt.Sprintf(", %d threads", r.Threads)
	}
	why, _, _ := strings.Cut(r.DeviceReason, ";")
	if parts := strings.SplitN(why, ": ", 3); len(parts) > 2 {
		why = parts[0] + ": " + parts[1]
	}
	if why = strings.TrimSpace(why); why != "" {
		text += " (" + why + ")"
	}
	return text
}
