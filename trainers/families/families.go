// Package families leads from a run file or a model folder to its family: it imports every family that trains a model, and is what
// commands, benchmarks and all that opens models import in their place.
package families

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"strings"

	"filippo.io/age"

	"debut/datasets/configfile"
	"debut/datasets/nearest"
	"debut/kernels"
	"debut/trainers/behavior"
	"debut/trainers/demand"
	"debut/trainers/factorization"
	"debut/trainers/metrics"
	"debut/trainers/model"
	"debut/trainers/modelfolder"
	"debut/trainers/neighbors"
	"debut/trainers/pricing"
	"debut/trainers/recommender"
	"debut/trainers/run"
)

// Family is what there is to know of a family from outside.
type Family struct {
	Name  string
	About string // in a line
	// New returns a configuration with the family's first values, to lay a run file over.
	New func() run.Config
	// Read reads a model. The device stays the caller's to close; it is used by the model as long as that is. A model that is an io.Closer is to be closed before.
	Read func(r *modelfolder.Reader, dev kernels.Device) (model.Model, error)
	// Templates are commented run files to start from: KIND.yaml in templates/.
	Templates fs.FS
	// Next are commands to go on with after a training, %s the run's folder.
	Next []string
	// NextOf are those in their place after a training of a task.
	NextOf map[metrics.Task][]string
}

// Commands are those to go on with after a training of a task.
func (f *Family) Commands(task metrics.Task) []string {
	if next := f.NextOf[task]; next != nil {
		return next
	}
	return f.Next
}

// All lists the families; the first is that of run files that name none.
func All() []Family {
	return []Family{
		{
			Name: behavior.Family, About: "what users will do: linear models and deep networks over tables",
			New:       func() run.Config { return behavior.New() },
			Read:      func(r *modelfolder.Reader, dev kernels.Device) (model.Model, error) { return behavior.Read(r, dev) },
			Templates: behavior.Templates,
			Next:      []string{"debut evaluate %s DATA.csv", "debut predict %s DATA.csv -o predictions.csv"},
		},
		{
			Name: neighbors.Family, About: "what to recommend to whom, by neighbors of items and users",
			New: func() run.Config { return neighbors.New() },
			Read: func(r *modelfolder.Reader, dev kernels.Device) (model.Model, error) {
				return neighbors.Read(r, threads(dev))
			},
			Templates: neighbors.Templates,
			Next:      []string{"debut recommend %s USER", "debut recommend %s --all -o lists.csv"},
		},
		{
			Name: factorization.Family, About: "what to recommend to whom, and which ratings they would give, by factors of users and items",
			New: func() run.Config { return factorization.New() },
			Read: func(r *modelfolder.Reader, dev kernels.Device) (model.Model, error) {
				return factorization.Read(r, dev, threads(dev))
			},
			Templates: factorization.Templates,
			Next:      []string{"debut recommend %s USER", "debut recommend %s --all -o lists.csv"},
			NextOf:    map[metrics.Task][]string{recommender.TaskRating: {"debut predict %s PAIRS.csv -o ratings.csv", "debut recommend %s USER"}},
		},
		{
			Name: demand.Family, About: "how much will be sold, when, of what: forecasts of series with quantiles",
			New: func() run.Config { return demand.New() },
			Read: func(r *modelfolder.Reader, dev kernels.Device) (model.Model, error) {
				return demand.Read(r, threads(dev))
			},
			Templates: demand.Templates,
			Next:      []string{"debut forecast %s -o forecast.csv"},
		},
		{
			Name: pricing.Family, About: "how demand answers to prices: elasticities with intervals, and the price to set",
			New:       func() run.Config { return pricing.New() },
			Read:      func(r *modelfolder.Reader, _ kernels.Device) (model.Model, error) { return pricing.Read(r) },
			Templates: pricing.Templates,
			Next:      []string{"debut price %s -o prices.csv", "debut predict %s ROWS.csv -o units.csv"},
		},
	}
}

// threads is how many goroutines a model that computes on the CPU answers on: where the device is another, one for each core.
func threads(dev kernels.Device) int {
	if info := dev.Info(); info.Kind == "cpu" {
		return info.Threads
	}
	return runtime.GOMAXPROCS(0)
}

// Names lists the names of the families.
func Names() (names []string) {
	for _, f := range All() {
		names = append(names, f.Name)
	}
	return names
}

// ByName returns a family, of "" the first.
func ByName(name string) (Family, error) {
	for _, f := range All() {
		if name == "" || f.Name == name {
			return f, nil
		}
	}
	return Family{}, fmt.Errorf("there is no family %q; there are %s%s", name, strings.Join(Names(), ", "), nearest.DidYouMean(name, Names()))
}

// Load reads a run file, with overrides as --set has them, into the configuration of the family that it names. Errors name
// file, line and column.
func Load(path string, overrides []string) (run.Config, error) {
	f, err := configfile.Open(path, overrides)
	if err != nil {
		return nil, err
	}
	return decode(f)
}

// Parse is Load for a run file in memory; path only names it in errors.
func Parse(path string, text []byte, overrides []string) (run.Config, error) {
	f, err := configfile.New(path, text, overrides)
	if err != nil {
		return nil, err
	}
	return decode(f)
}

func decode(f *configfile.File) (run.Config, error) {
	family, err := ByName(f.Text("family"))
	if err != nil {
		return nil, f.Locate(configfile.Errorf("family", "%v", err))
	}
	c := family.New()
	return c, run.Decode(f, c)
}

// Open opens a model in a run folder or a model folder. An encrypted one needs a key; errors of opening it match sealed.ErrNoKey
// and sealed.ErrWrongKey.
func Open(path string, dev kernels.Device, keys ...age.Identity) (model.Model, error) {
	r, err := modelfolder.Open(path, keys...)
	if err != nil {
		return nil, err
	}
	family, err := ByName(r.Family())
	if err != nil {
		return nil, r.Errorf("%w: %w", modelfolder.ErrFormat, err)
	}
	return family.Read(r, dev)
}

// Template is a commented run file to start from.
type Template struct {
	Kind   string // its name
	Family string
	Text   []byte
}

// Templates lists those of all families; the first is the one to start from.
func Templates() ([]Template, error) {
	var list []Template
	for _, family := range All() {
		paths, err := fs.Glob(family.Templates, "templates/*.yaml")
		if err != nil {
			return nil, fmt.Errorf("families: %s: %w", family.Name, err)
		}
		for _, path := range paths {
			text, err := fs.ReadFile(family.Templates, path)
			if err != nil {
				return nil, fmt.Errorf("families: %s: %w", family.Name, err)
			}
			kind := strings.TrimSuffix(strings.TrimPrefix(path, "templates/"), ".yaml")
			if slices.ContainsFunc(list, func(t Template) bool { return t.Kind == kind }) {
				return nil, errors.New("families: two templates are called " + kind)
			}
			list = append(list, Template{kind, family.Name, text})
		}
	}
	return list, nil
}

// Schema returns the JSON schema of a family's run files, for editors.
func Schema(family string) ([]byte, error) {
	f, err := ByName(family)
	if err != nil {
		return nil, err
	}
	return configfile.Schema(f.New(), "debut run file")
}
