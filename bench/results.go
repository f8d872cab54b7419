package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"debut/bench/peak"
	"debut/datasets/atomicfile"
	"debut/kernels"
	"debut/kernels/cpu"
)

// ResultsFormat is the newest format of results files.
const ResultsFormat = 1

// Results are what rounds of a suite's cases have shown, with all that is needed to compare them with later ones.
type Results struct {
	Format   int       `json:"debut_bench_format"`
	Version  string    `json:"version"` // of the program
	Measured time.Time `json:"measured"`
	Suite    string    `json:"suite"`
	Asked    []string  `json:"asked"` // the cases that were to be measured; a suite may split them further
	Machine  Machine   `json:"machine"`
	// Yardstick is the version of the work by which the speed of the machine is told.
	Yardstick int     `json:"yardstick"`
	Seconds   float64 `json:"seconds"` // of measuring each case, in all rounds
	Cases     []Case  `json:"cases"`
}

// Machine is what two measurements must share to be comparable.
type Machine struct {
	System     string `json:"system"`
	Processor  string `json:"processor"`
	Processors int    `json:"processors"` // that the program may use
	Device     string `json:"device"`
	Level      string `json:"level"`
	Threads    int    `json:"threads"`
	Precision  string `json:"precision"`
}

// Case is one case, with a number of each round in every list.
type Case struct {
	Name string `json:"case"`
	// Speeds are how often a second the machine did fixed work of several kinds in the midst of each round; none on devices that
	// are no processor.
	Speeds  map[string][]float64 `json:"machine_speeds,omitempty"`
	Metrics []Series             `json:"metrics"`
}

// Series is one metric of a case.
type Series struct {
	Metric    string    `json:"metric"`
	Direction Direction `json:"direction,omitempty"` // none for what is not compared
	Exact     bool      `json:"exact,omitempty"`     // whether it is independent of the machine's speed
	Samples   []float64 `json:"samples"`
	shares    []float64
}

// thisMachine describes this one.
func thisMachine(dev kernels.Device, precision string) (Machine, error) {
	info := dev.Info()
	m := Machine{
		System: runtime.GOOS + "/" + runtime.GOARCH, Processor: info.Name, Processors: runtime.GOMAXPROCS(0),
		Device: info.Kind + " " + info.Name, Level: info.Level, Threads: info.Threads, Precision: precision,
	}
	if m.Precision == "" {
		m.Precision = "fp32"
	}
	if info.Kind != "cpu" {
		host, err := cpu.New(cpu.Options{Threads: 1})
		if err != nil {
			return m, err
		}
		m.Processor = host.Info().Name
		return m, host.Close()
	}
	return m, nil
}

// differences says what another machine has different.
func (m Machine) differences(now Machine) []string {
	var out []string
	for _, d := range []struct {
		what      string
		then, now any
	}{
		{"system", m.System, now.System}, {"processor", m.Processor, now.Processor}, {"processors", m.Processors, now.Processors},
		{"device", m.Device, now.Device}, {"level", m.Level, now.Level}, {"threads", m.Threads, now.Threads},
		{"precision", m.Precision, now.Precision},
	} {
		if d.then != d.now {
			out = append(out, fmt.Sprintf("%s %v, now %v", d.what, d.then, d.now))
		}
	}
	return out
}

// add returns the case of a name, a new one where there is none yet.
func (r *Results) add(name string) *Case {
	if c := r.find(name); c != nil {
		return c
	}
	r.Cases = append(r.Cases, Case{Name: name})
	return &r.Cases[len(r.Cases)-1]
}

// find returns the case of a name, or nil.
func (r *Results) find(name string) *Case {
	for i := range r.Cases {
		if r.Cases[i].Name == name {
			return &r.Cases[i]
		}
	}
	return nil
}

// find returns the series of a metric, or nil.
func (c *Case) find(metric string) *Series {
	for i := range c.Metrics {
		if c.Metrics[i].Metric == metric {
			return &c.Metrics[i]
		}
	}
	return nil
}

// merge adds the rounds of x, which may be of other cases too, and returns the sum. A nil r is empty.
func (r *Results) merge(x *Results) *Results {
	if r == nil {
		r = &Results{}
		*r = *x
		r.Asked = slices.Clone(x.Asked)
		r.Cases = nil
	}
	for _, name := range x.Asked {
		if !slices.Contains(r.Asked, name) {
			r.Asked = append(r.Asked, name)
		}
	}
	for _, from := range x.Cases {
		to := r.add(from.Name)
		for kind, speeds := range from.Speeds {
			if to.Speeds == nil {
				to.Speeds = map[string][]float64{}
			}
			to.Speeds[kind] = append(to.Speeds[kind], speeds...)
		}
		for _, s := range from.Metrics {
			if have := to.find(s.Metric); have != nil {
				have.Samples, have.shares = append(have.Samples, s.Samples...), append(have.shares, s.shares...)
			} else {
				s.Samples, s.shares = slices.Clone(s.Samples), slices.Clone(s.shares)
				to.Metrics = append(to.Metrics, s)
			}
		}
	}
	return r
}

// List returns the medians of the rounds.
func (r *Results) List() []Result {
	var out []Result
	for _, c := range r.Cases {
		for _, s := range c.Metrics {
			x := Result{
				Suite: r.Suite, Case: c.Name, Metric: s.Metric, Value: middle(s.Samples),
				Device: r.Machine.Device, Level: r.Machine.Level, Threads: r.Machine.Threads,
			}
			if len(s.shares) > 0 {
				x.Share = middle(s.shares)
			}
			out = append(out, x)
		}
	}
	return out
}

// Write writes results to a file, completely or not at all.
func (r *Results) Write(path string) error {
	return atomicfile.Write(path, 0o644, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", " ")
		return e.Encode(r)
	})
}

// ReadResults reads a results file. What is no such file, is damaged or was written by a newer program is an error that says so.
func ReadResults(path string) (*Results, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("bench: read results: %w", err)
	}
	r, err := parseResults(text)
	if err != nil {
		return nil, fmt.Errorf("bench: %s: %w", path, err)
	}
	return r, nil
}

func parseResults(text []byte) (*Results, error) {
	const remedy = `write one by "debut bench SUITE --output FILE"`
	// Another format may differ in anything, so that its number comes first.
	var head struct {
		Format *int `json:"debut_bench_format"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, fmt.Errorf("not a results file: %w; %s", err, remedy)
	}
	switch {
	case head.Format == nil:
		return nil, fmt.Errorf("not a results file: there is no debut_bench_format; %s", remedy)
	case *head.Format > ResultsFormat:
		return nil, fmt.Errorf("format %d of results files is newer than this program, which reads up to %d: compare with a newer debut", *head.Format, ResultsFormat)
	case *head.Format < 1:
		return nil, fmt.Errorf("there is no format %d of results files; %s", *head.Format, remedy)
	}
	r := &Results{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(r); err != nil {
		return nil, fmt.Errorf("damaged results file: %w; %s", err, remedy)
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("damaged results file: %w; %s", err, remedy)
	}
	return r, nil
}

// check returns an error where results cannot have been measured.
func (r *Results) check() error {
	if len(r.Cases) == 0 || len(r.Asked) == 0 {
		return errors.New("it has no cases")
	}
	if _, err := Find(r.Suite); err != nil {
		return err
	}
	for _, asked := range r.Asked {
		// Suite kernels has a case for each kernel of one that is asked for.
		if !slices.ContainsFunc(r.Cases, func(c Case) bool { return c.Name == asked || strings.HasPrefix(c.Name, asked+" ") }) {
			return fmt.Errorf("case %q was asked for and is not there", asked)
		}
	}
	seen := map[string]bool{}
	for _, c := range r.Cases {
		if c.Name == "" || seen[c.Name] {
			return fmt.Errorf("case %q is there twice or has no name", c.Name)
		}
		seen[c.Name] = true
		if len(c.Metrics) == 0 {
			return fmt.Errorf("case %q has no metrics", c.Name)
		}
		metrics := map[string]bool{}
		for _, s := range c.Metrics {
			switch {
			case metrics[s.Metric]:
				return fmt.Errorf("case %q: metric %q is there twice", c.Name, s.Metric)
			case !slices.Contains([]Direction{"", Higher, Lower, Same}, s.Direction):
				return fmt.Errorf("case %q, %s: there is no direction %q", c.Name, s.Metric, s.Direction)
			case len(s.Samples) == 0:
				return fmt.Errorf("case %q, %s: no samples", c.Name, s.Metric)
			case (s.Direction == Higher || s.Direction == Lower) && !positive(s.Samples):
				return fmt.Errorf("case %q, %s: a sample is not a positive number", c.Name, s.Metric)
			}
			metrics[s.Metric] = true
			for kind, speeds := range c.Speeds {
				if len(speeds) != len(s.Samples) || !positive(speeds) {
					return fmt.Errorf("case %q, %s: not one speed of the machine, a positive number, for each sample: %s", c.Name, s.Metric, kind)
				}
			}
		}
	}
	return nil
}

// positive says that all values are.
func positive(values []float64) bool {
	// No speed and no time is beyond these, and their sums and ratios stay numbers.
	const least, most = 1e-18, 1e18
	return !slices.ContainsFunc(values, func(x float64) bool { return !(x >= least && x <= most) })
}

// comparableWith returns an error where results cannot be compared with these at all, or, unless another machine is accepted,
// were not measured on the same.
func (r *Results) comparableWith(now *Results, otherMachine bool) (warning string, err error) {
	if r.Suite != now.Suite {
		return "", fmt.Errorf("the baseline is of suite %s, not of %s", r.Suite, now.Suite)
	}
	if r.Yardstick != peak.YardstickVersion {
		return "", fmt.Errorf("the baseline tells the speed of its machine by yardstick %d, this program by %d: measure a new baseline", r.Yardstick, peak.YardstickVersion)
	}
	d := r.Machine.differences(now.Machine)
	if len(d) == 0 {
		return "", nil
	}
	message := "the baseline is of another machine: " + strings.Join(d, "; ")
	if otherMachine {
		return message + "; ratios tell of the machines too", nil
	}
	return "", fmt.Errorf("%s; measure a baseline on this one, or compare all the same with --other-machine", message)
}
