package layers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"debut/engine"
	"debut/engine/ops"
	"debut/kernels"
)

// Activation applies a function to every element.
type Activation struct{ Function kernels.Activation }

// Build implements Layer.
func (l Activation) Build(b *Builder, x *engine.Node) *engine.Node {
	if l.Function == kernels.Identity {
		return x
	}
	return b.Graph.Apply(ops.NewActivation(l.Function), x)
}

// LearnedActivation applies a function that has a learned number for each column: a parameter Name.<what it is called> [C]. It
// does not decay, as a number that falls to 0 would change the function.
type LearnedActivation struct {
	Name     string
	Function ops.Learned
}

// Build implements Layer.
func (l LearnedActivation) Build(b *Builder, x *engine.Node) *engine.Node {
	c := width(x)
	first := slices.Repeat([]float64{l.Function.Initial}, c)
	p := b.Graph.Parameter(engine.ParameterSpec{Name: l.Name + "." + l.Function.Parameter, Shape: []int{c}, Init: engine.Values, Given: first})
	return b.Graph.Apply(l.Function.New(), x, p)
}

// defaultActivation is what an empty name stands for.
const defaultActivation = kernels.ReLU

// ActivationNames lists the activations as run files spell them: those of package kernels, then those with learned numbers.
func ActivationNames() []string {
	var names []string
	for _, a := range kernels.Activations() {
		names = append(names, a.String())
	}
	for _, l := range ops.LearnedFunctions() {
		names = append(names, l.Name)
	}
	return names
}

// activationOf returns the layer of an activation's name, and whether it is a rectifier. The parameters of the layer begin with layer.
func activationOf(name, layer string) (l Layer, rectifier bool, err error) {
	if name == "" {
		name = defaultActivation.String()
	}
	for _, a := range kernels.Activations() {
		if a.String() == name {
			return Activation{a}, a.Rectifier(), nil
		}
	}
	for _, f := range ops.LearnedFunctions() {
		if f.Name == name {
			return LearnedActivation{layer + "." + name, f}, f.Rectifier, nil
		}
	}
	names := ActivationNames()
	last := len(names) - 1
	return nil, false, fmt.Errorf("activation: there is no %q; there are %s and %s", name, strings.Join(names[:last], ", "), names[last])
}

// JSONSchemaExtend lists the activations in the schema of run files.
func (Block) JSONSchemaExtend(s *jsonschema.Schema) {
	p, ok := s.Properties.Get("activation")
	if !ok {
		return
	}
	names := ActivationNames()
	p.Enum = nil
	for i, name := range names {
		p.Enum = append(p.Enum, name)
		if name == defaultActivation.String() {
			names[i] += " (default)"
		}
	}
	p.Description = strings.Join(names, "; ")
}
