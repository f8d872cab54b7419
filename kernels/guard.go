package kernels

// Guarding is the family of asynchronous devices that stop by themselves where a training must not go on. Queued work runs behind
// the host; a guard among it looks at a number when its turn comes. While all are finite nothing happens. The first that
// is not halts the device: what is queued behind it, kernels and uploads alike, is left out, so that everything that outlives a step is as it
// was when the number was made, until Guarded tells of it. (A library's matrix products do not look: they may
// compute once more into activations and gradients.)
type Guarding interface {
	Guard(GuardArgs) (Kernel, error)
	// Guarded waits for queued work and returns what guards have seen since it was last called. A halted device goes on
	// from there.
	Guarded() (GuardState, error)
}

// GuardArgs binds a look at X [1, 1].
type GuardArgs struct{ X Matrix }

// Name implements Args.
func (a GuardArgs) Name() string { return "guard" }

// Work implements Args.
func (a GuardArgs) Work(Rows) Cost { return Cost{FLOPs: 1, Bytes: 32} }

// Check implements Args.
func (a GuardArgs) Check() error {
	return checkOperands("guard", Float32, operand{"X", a.X, 1, 1, false})
}

// GuardHistory is how many numbers a device remembers; Guarded must be called before guards look at more.
const GuardHistory = 64

// GuardState is what guards have seen.
type GuardState struct {
	Passed []float32 // the numbers that were finite, in order, all before the device halted; valid until the next call
	Halted bool
	Value  float64 // the number that halted it
}
