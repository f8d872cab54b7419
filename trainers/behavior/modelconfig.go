package behavior

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"debut/datasets/configfile"
	"debut/layers"
	"debut/trainers/gradient"
	"debut/trainers/metrics"
)

// Kinds of models and solvers.
const (
	KindNetwork    = "network"
	KindLinear     = "linear"
	KindFM         = "fm"
	KindDeepFM     = "deepfm"
	KindDCN        = "dcn"
	KindFinalMLP   = "finalmlp"
	SolverGradient = "gradient"
	SolverExact    = "exact"
)

// arms are what a kind of model is made of, and with it the keys that it has.
type arms struct{ hidden, wide, widths, factors, cross, streams bool }

// kindNames and kinds are the kinds of models: all that are trained by gradients alone are networks, of some arms.
var (
	kindNames = []string{KindNetwork, KindLinear, KindFM, KindDeepFM, KindDCN, KindFinalMLP}
	kinds     = map[string]arms{
		KindNetwork:  {hidden: true, wide: true, widths: true},
		KindLinear:   {},
		KindFM:       {factors: true},
		KindDeepFM:   {factors: true, hidden: true},
		KindDCN:      {cross: true, hidden: true, widths: true},
		KindFinalMLP: {streams: true, hidden: true, widths: true},
	}
)

// ModelConfig is the model section of a run file.
type ModelConfig struct {
	Kind   string `yaml:"kind" jsonschema:"description=network (default): hidden layers; linear: linear regression; or logistic regression where the target is a class; fm: a factorization machine; deepfm: one beside hidden layers that read its factors; dcn: a cross network beside hidden layers (DCN-V2); finalmlp: two streams of hidden layers with gates brought together by a bilinear form.,enum=network,enum=linear,enum=fm,enum=deepfm,enum=dcn,enum=finalmlp"`
	Solver string `yaml:"solver,omitempty" jsonschema:"description=Of a linear model: exact finds the optimum by Newton's method and is the default; gradient trains by batches and is taken where the run file has a train or checkpoint section or names a GPU and where the rows do not fit into memory.,enum=gradient,enum=exact"`
	// L2 is of the exact solver.
	L2 *float64 `yaml:"l2,omitempty" jsonschema:"description=Of solver exact: the penalty l2/2 times the sum of the squared weights of standardized features is added to the sum of the losses. By default 1; 0 for regression on columns of which none follows from the others.,minimum=0"`
	// Hidden layers of a network, first to last.
	Hidden []layers.Block `yaml:"hidden,omitempty" jsonschema:"description=Hidden layers of a network from first to last. Default: 128 and 64 units with a dropout of 0.3 where the target is a class (0.5 of two classes with fewer than 20000 training rows); else of 0.1."`
	// Wide is nil where the hidden layers are given and nothing is said of it: false.
	Wide      *bool `yaml:"wide,omitempty" jsonschema:"description=Add a linear path from the encoded inputs to the outputs of a network (wide and deep). Default: true where the hidden layers are left open."`
	Embedding int   `yaml:"embedding,omitempty" jsonschema:"description=Width of the embeddings of categorical columns; 0: by the number of values.,minimum=0"`
	// Embeddings are what Embedding leaves open, as it was settled: categories that are added to the data make a model no wider.
	Embeddings map[string]int `yaml:"embeddings,omitempty" jsonschema:"description=Width of the embedding of each categorical column where embedding is left open; of those not named by the number of values. The run.yaml of a run names them all."`
	Factors    int            `yaml:"factors,omitempty" jsonschema:"description=Of fm and deepfm: factors of each field (for each class where there are more than two). Default: 8.,minimum=0"`
	// CrossLayers and Rank are of dcn.
	CrossLayers int `yaml:"cross_layers,omitempty" jsonschema:"description=Of dcn: layers of the cross network. Default: 3.,minimum=0"`
	Rank        int `yaml:"rank,omitempty" jsonschema:"description=Of dcn: the cross network's matrices are products of two narrow ones of so many columns; 0 (default): they are whole.,minimum=0"`
	// Second and Heads are of finalmlp.
	Second []layers.Block `yaml:"second,omitempty" jsonschema:"description=Of finalmlp: hidden layers of the second stream. Default: as hidden."`
	Heads  int            `yaml:"heads,omitempty" jsonschema:"description=Of finalmlp: parts of the bilinear form. Default: 4.,minimum=0"`
	// InputDropout is nil where nothing is said.
	InputDropout *float64 `yaml:"input_dropout,omitempty" jsonschema:"description=Share of the encoded inputs dropped in training. Default: 0.1 of more than two classes where the hidden layers are left open; else 0.,minimum=0,exclusiveMaximum=1"`

	settled bool // the solver follows from the rest of the file, and from the data
}

// Figures of the defaults of arms.
const (
	factors     = 8
	crossLayers = 3
	heads       = 4
	// Units of the hidden layers where these are left open.
	firstUnits, lastUnits = 128, 64
	// A factorization machine has no layers whose dropout keeps it from learning ids by heart. A penalty on what a step looks up does, which
	// grows with how often that is; it wants smaller and more steps. Beside hidden layers it helps too: of views of a simulated shop with ids and
	// histories the AUC on validation rows is 0.7225 with it and 0.7157 without, of the census rows 0.9297 and 0.9282.
	machineL2     = 0.002
	machineRate   = 0.25
	machinePasses = 2
)

// arms are those of the kind; of one that there is not, none.
func (m ModelConfig) arms() arms { return kinds[m.Kind] }

// linear says whether the model is linear, rather than a network.
func (m ModelConfig) linear() bool { return m.Kind == KindLinear }

// setArms fills what the arms have.
func (m *ModelConfig) setArms() {
	a := m.arms()
	if a.factors && m.Factors == 0 {
		m.Factors = factors
	}
	if a.cross && m.CrossLayers == 0 {
		m.CrossLayers = crossLayers
	}
	if a.streams && m.Heads == 0 {
		m.Heads = heads
	}
}

// settle fills what depends on the task and the number of training rows.
func (m *ModelConfig) settle(task metrics.Task, rows int) {
	a := m.arms()
	if a.hidden && m.Hidden == nil {
		dropout := 0.3
		switch {
		case task == metrics.TaskRegression:
			dropout = 0.1
		case task == metrics.TaskBinary && rows < fewRows:
			dropout = 0.5
		}
		m.Hidden = []layers.Block{{Units: firstUnits, Dropout: dropout}, {Units: lastUnits, Dropout: dropout}}
		if a.wide && m.Wide == nil {
			m.Wide = new(true)
		}
		if m.InputDropout == nil && task == metrics.TaskMultiClass {
			m.InputDropout = new(classesInputDropout)
		}
	}
	for i := range m.Hidden {
		m.Hidden[i].SetDefaults()
	}
	if a.streams && m.Second == nil {
		m.Second = slices.Clone(m.Hidden)
	}
	for i := range m.Second {
		m.Second[i].SetDefaults()
	}
	if a.wide && m.Wide == nil {
		m.Wide = new(false)
	}
}

// pace is how fast the kind is trained by default.
func (m ModelConfig) pace() gradient.Pace {
	if m.Kind == KindFM {
		return gradient.Pace{Rate: machineRate, Passes: machinePasses}
	}
	return gradient.Pace{}
}

// inputDropout is the share that is asked for, or settled.
func (m ModelConfig) inputDropout() float64 {
	if m.InputDropout == nil {
		return 0
	}
	return *m.InputDropout
}

func (m ModelConfig) validate() (errs []error) {
	bad := func(path, format string, args ...any) {
		errs = append(errs, configfile.Errorf("model."+path, format, args...))
	}
	if _, ok := kinds[m.Kind]; !ok {
		bad("kind", "there is no model %q; there are %s", m.Kind, strings.Join(kindNames, ", "))
		return errs
	}
	if m.linear() {
		m.validateLinear(bad)
	} else {
		m.validateNetwork(bad)
	}
	if m.L2 != nil && !(*m.L2 >= 0 && !math.IsInf(*m.L2, 0)) {
		bad("l2", "a penalty of %v; give a positive number, or 0 for none", *m.L2)
	}
	for key, blocks := range map[string][]layers.Block{"hidden": m.Hidden, "second": m.Second} {
		for i, h := range blocks {
			if err := h.Check(); err != nil {
				bad(fmt.Sprintf("%s.%d", key, i), "%v", err)
			}
		}
	}
	if m.Embedding < 0 {
		bad("embedding", "a width of %d; give a positive number, or 0 for one by the number of values", m.Embedding)
	}
	for _, name := range slices.Sorted(maps.Keys(m.Embeddings)) {
		if width := m.Embeddings[name]; width < 1 {
			bad("embeddings."+name, "a width of %d; give a positive number", width)
		}
	}
	if p := m.inputDropout(); !(p >= 0 && p < 1) {
		bad("input_dropout", "%v is not in [0, 1)", p)
	}
	return errs
}

// validateLinear reports what a linear model has not.
func (m ModelConfig) validateLinear(bad func(path, format string, args ...any)) {
	if len(m.Hidden) > 0 {
		bad("hidden", "a linear model has no hidden layers; use kind: network")
	}
	if m.Solver != SolverGradient && m.Solver != SolverExact {
		bad("solver", "there is no solver %q; there are %s and %s", m.Solver, SolverGradient, SolverExact)
	}
	if m.L2 != nil && m.Solver == SolverGradient {
		bad("l2", "it is of solver: %s; by gradient use train.optimizer.l2", SolverExact)
	}
	if m.Embedding != 0 || len(m.Embeddings) > 0 || m.inputDropout() != 0 {
		bad("kind", "a linear model has neither embeddings nor dropout")
	}
	m.validateArms(bad)
}

// validateNetwork reports what a network has not, or not of its kind.
func (m ModelConfig) validateNetwork(bad func(path, format string, args ...any)) {
	if m.Solver != "" {
		bad("solver", "a network is trained by gradient; leave solver out")
	}
	if m.L2 != nil {
		bad("l2", "it is of linear models; a network has train.optimizer.l2 and weight_decay")
	}
	a := m.arms()
	switch {
	case !a.hidden && len(m.Hidden) > 0:
		bad("hidden", "a model of kind %s has no hidden layers; use kind: %s", m.Kind, KindDeepFM)
	case a.hidden && m.Hidden != nil && len(m.Hidden) == 0:
		bad("hidden", "a network has at least one hidden layer; for none use kind: linear")
	}
	if !a.hidden && m.inputDropout() != 0 {
		bad("input_dropout", "it is of what hidden layers read, and a model of kind %s has none", m.Kind)
	}
	if !a.wide && m.Wide != nil && *m.Wide {
		bad("wide", "a linear path is of kind: %s; a model of kind %s has %s", KindNetwork, m.Kind, map[bool]string{true: "a weight of each field as it is", false: "another arm in its place"}[a.factors])
	}
	if !a.widths && (m.Embedding != 0 || len(m.Embeddings) > 0) {
		key := "embedding"
		if m.Embedding == 0 {
			key = "embeddings"
		}
		bad(key, "in a model of kind %s all fields have one width; use factors", m.Kind)
	}
	m.validateArms(bad)
}

// validateArms reports what is said of arms that the kind does not have.
func (m ModelConfig) validateArms(bad func(path, format string, args ...any)) {
	for _, key := range []struct {
		path        string
		value, most int
		has         func(arms) bool
	}{
		{"factors", m.Factors, layers.MaxFactors, func(a arms) bool { return a.factors }},
		{"cross_layers", m.CrossLayers, layers.MaxLayers, func(a arms) bool { return a.cross }},
		{"rank", m.Rank, layers.MaxWidth, func(a arms) bool { return a.cross }},
		{"heads", m.Heads, layers.MaxWidth, func(a arms) bool { return a.streams }},
		{"second", len(m.Second), layers.MaxLayers, func(a arms) bool { return a.streams }},
	} {
		switch {
		case key.value < 0:
			bad(key.path, "%d; give a positive number, or leave it out for the default", key.value)
		case key.value > 0 && !key.has(m.arms()):
			of := slices.DeleteFunc(slices.Clone(kindNames), func(k string) bool { return !key.has(kinds[k]) })
			bad(key.path, "it is of models of kind %s, and this one is of kind %s", strings.Join(of, " and "), m.Kind)
		case key.value > key.most:
			bad(key.path, "%d; at most %d are possible", key.value, key.most)
		}
	}
	if m.arms().streams {
		m.validateStreams(bad)
	}
}

// validateStreams reports streams that cannot be brought together.
func (m ModelConfig) validateStreams(bad func(path, format string, args ...any)) {
	if m.Second != nil && len(m.Second) == 0 {
		bad("second", "a stream has at least one hidden layer; leave it out for layers as in hidden")
	}
	last := func(blocks []layers.Block, otherwise int) int {
		if len(blocks) == 0 {
			return otherwise
		}
		return blocks[len(blocks)-1].Units
	}
	first := last(m.Hidden, lastUnits)
	second := last(m.Second, first)
	if m.Heads > 0 && (first%m.Heads != 0 || second%m.Heads != 0) {
		bad("heads", "%d do not divide the %d and %d units that the streams end with; give a number that divides both", m.Heads, first, second)
	}
}
