package run

import (
	"errors"
	"slices"
	"strings"

	"debut/datasets/configfile"
	"debut/datasets/sealed"
	"debut/datasets/wording"
	"debut/kernels/devices"
	"debut/trainers/runfolder"
)

// Header is what every run file begins with. A family's configuration embeds it, inline.
type Header struct {
	Family  string `yaml:"family,omitempty" jsonschema:"description=The family of models; behavior by default."`
	Name    string `yaml:"name,omitempty" jsonschema:"description=Name of the run and of its folder (default: the run file's name and the time)."`
	Seed    uint64 `yaml:"seed" jsonschema:"description=Seed of everything random: splits; first weights; dropout; the order of rows."`
	Device  string `yaml:"device,omitempty" jsonschema:"description=auto (default); cpu; cuda or cuda:N."`
	Threads int    `yaml:"threads,omitempty" jsonschema:"description=Worker threads of the CPU; 0: one for each core. The result does not depend on it.,minimum=0,maximum=4096"`
	// Precision is of matrix products on a GPU.
	Precision string `yaml:"precision,omitempty" jsonschema:"description=Of matrix products on a GPU: fp32 (default); tf32 and bf16 round the factors and are faster.,enum=fp32,enum=tf32,enum=bf16"`
	Output    string `yaml:"output,omitempty" jsonschema:"description=Folder that run folders are made in (default: runs)."`
	// RelativeTo lets the run.yaml of a run folder be read where it lies, with the paths that the run file was written with.
	RelativeTo string `yaml:"relative_to,omitempty" jsonschema:"description=Folder that relative paths in the file start from; relative to the file itself (default: the file's own folder). The run.yaml of a run folder names that of the original."`

	// InitFrom is a model that the training goes on from.
	InitFrom string `yaml:"init_from,omitempty" jsonschema:"description=Run folder or model folder; or a file of tensors as debut export --format safetensors writes it; whose parameters the training begins with. Names and ids are mapped; vocabularies grow. Neighbors are found anew of what its users have and the data together."`

	file *configfile.File // that the configuration was read from, if any
}

// Base returns the header itself; embedded, it makes a configuration one of [Config].
func (h *Header) Base() *Header { return h }

// Locate puts file, line and column before errors about fields, where the configuration comes from a file.
func (h *Header) Locate(err error) error {
	if h.file == nil {
		return err
	}
	return h.file.Locate(err)
}

// DataError locates an error about a field of the data section. One about the data itself names its own place.
func (h *Header) DataError(err error) error {
	var field interface{ FieldPath() string }
	if !errors.As(err, &field) {
		return err
	}
	return h.Locate(configfile.Prefix("data", err))
}

func (h *Header) setDefaults(family string) {
	set := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	set(&h.Family, family)
	set(&h.Device, "auto")
	set(&h.Output, "runs")
}

func (h *Header) validate(family string) error {
	var errs []error
	bad := func(path, format string, args ...any) { errs = append(errs, configfile.Errorf(path, format, args...)) }
	if h.Family != family {
		bad("family", "%q is not the family %q that the rest of the file is for", h.Family, family)
	}
	if strings.ContainsAny(h.Name, `/\`) {
		bad("name", "%q cannot name a folder; leave out slashes, and put the place into output:", h.Name)
	} else if h.Name != "" {
		if err := runfolder.CheckName(h.Name); err != nil {
			bad("name", "%s", strings.TrimPrefix(err.Error(), "runfolder: "))
		}
	}
	if r, hidden := wording.Hidden(h.Output); hidden {
		bad("output", "%q holds the character %U, which is not shown; use letters, digits, \"-\" and \"_\"", h.Output, r)
	}
	if err := devices.Check(h.Device); err != nil {
		bad("device", "%v", err)
	}
	if h.Precision != "" && !slices.Contains(devices.Precisions(), h.Precision) {
		bad("precision", "there is no precision %q; there are %s", h.Precision, strings.Join(devices.Precisions(), ", "))
	}
	if err := configfile.CheckThreads(h.Threads); err != nil {
		bad("threads", "%v", err)
	}
	return errors.Join(errs...)
}

// Keeping is what every run file ends with: how the state of the training and the model are kept. It changes nothing in
// what is trained. A family's configuration embeds it, inline.
type Keeping struct {
	Checkpoint Checkpoints `yaml:"checkpoint,omitempty" jsonschema:"description=When the state of the training is saved; --resume goes on from there."`
	// Encrypt encrypts the model.
	Encrypt *sealed.Encryption `yaml:"encrypt,omitempty" jsonschema:"description=Encrypt the model with age; evaluate and predict then need --identity or --passphrase."`
}

// Kept returns the section itself; embedded, it makes a configuration one of [Config].
func (k *Keeping) Kept() *Keeping { return k }

// Checkpoints says when checkpoints are written. One is written at the end in any case, and when a training is
// interrupted.
type Checkpoints struct {
	EveryMinutes *float64 `yaml:"every_minutes,omitempty" jsonschema:"description=Minutes between checkpoints; 0: not by time. By default 5; fewer in the beginning and more later where writing one would take over 1 % of the time; and the best epoch so far as long as that takes less.,minimum=0"`
	EverySteps   int      `yaml:"every_steps,omitempty" jsonschema:"description=Optimizer steps between checkpoints; 0: not by steps.,minimum=0"`
	EveryEpochs  int      `yaml:"every_epochs,omitempty" jsonschema:"description=Epochs between checkpoints; 0: not by epochs.,minimum=0"`
	Keep         int      `yaml:"keep,omitempty" jsonschema:"description=How many of the newest are kept (default: 2); the best is kept besides.,minimum=0"`
	// Identity encrypts the checkpoints.
	Identity *configfile.Secret `yaml:"identity,omitempty" jsonschema:"description=Where a secret key of age is (AGE-SECRET-KEY-1…; age-keygen makes one): checkpoints are encrypted and can be read with it alone."`
}

// unset says that the section leaves open when checkpoints are written.
func (c *Checkpoints) unset() bool {
	return c.EveryMinutes == nil && c.EverySteps == 0 && c.EveryEpochs == 0
}

// keepNewest is how many checkpoints are kept where nothing is said.
const keepNewest = 2

func (k *Keeping) setDefaults(checkpoints bool) {
	if checkpoints && k.Checkpoint.Keep == 0 {
		k.Checkpoint.Keep = keepNewest
	}
}

func (k *Keeping) validate(checkpoints bool) error {
	var errs []error
	bad := func(path, format string, args ...any) { errs = append(errs, configfile.Errorf(path, format, args...)) }
	c := k.Checkpoint
	if !checkpoints {
		// That many to keep is what earlier versions wrote into every resolved run file.
		if c.EveryMinutes != nil || c.EverySteps != 0 || c.EveryEpochs != 0 || c.Identity != nil || c.Keep != 0 && c.Keep != keepNewest {
			bad("checkpoint", "the model is found in one go, and there is no state to save on the way: leave the section out; an interrupted run begins again with --resume")
		}
		return errors.Join(errs...)
	}
	if k.Encrypt != nil && c.Identity == nil {
		bad("encrypt", "the checkpoints, which hold the model too, would be in the clear; name a key for them: checkpoint: {identity: {file: key.txt}}")
	}
	if m := c.EveryMinutes; m != nil && !(*m >= 0 && *m <= 1e6) {
		bad("checkpoint.every_minutes", "%v minutes; give a positive number, or 0 for no checkpoints by time", *m)
	}
	if c.EverySteps < 0 || c.EveryEpochs < 0 || c.Keep < 0 {
		bad("checkpoint", "every %d steps or %d epochs, keep %d: none of them can be negative", c.EverySteps, c.EveryEpochs, c.Keep)
	}
	return errors.Join(errs...)
}

// SetDefaults fills what is empty in header and keeping of a configuration of a family. checkpoints says whether the training
// writes any.
func SetDefaults(c Config, family string, checkpoints bool) {
	c.Base().setDefaults(family)
	c.Kept().setDefaults(checkpoints)
}

// Validate reports everything in header and keeping that cannot be used, the section of checkpoints where the training writes none.
func Validate(c Config, family string, checkpoints bool) error {
	return errors.Join(c.Base().validate(family), c.Kept().validate(checkpoints))
}

// OnCPU returns an error where a run file of a family that computes on the CPU alone asks for another device.
func OnCPU(h *Header) error {
	if h.Device != "" && h.Device != "auto" && h.Device != "cpu" {
		return configfile.Errorf("device", "models of the family %s are computed on the CPU; leave device out", h.Family)
	}
	if h.Precision != "" {
		return configfile.Errorf("precision", "it is of GPUs, and models of the family %s are computed on the CPU; leave it out", h.Family)
	}
	return nil
}

// Decode fills a configuration, which holds its family's first values, from a run file, sets the defaults of what is left
// and validates it. Errors name file, line and column.
func Decode(f *configfile.File, c Config) error {
	if err := f.Decode(c); err != nil {
		return err
	}
	c.SetDefaults()
	if err := c.Validate(); err != nil {
		return f.Locate(err)
	}
	c.Base().file = f
	return nil
}

// Load is Decode for the run file at path, with overrides as --set has them.
func Load(path string, overrides []string, c Config) error {
	f, err := configfile.Open(path, overrides)
	if err != nil {
		return err
	}
	return Decode(f, c)
}
