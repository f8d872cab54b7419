package factorization

import (
	"errors"
	"fmt"
	"math"

	"debut/datasets/interactions"
	"debut/kernels"
	"debut/kernels/philox"
	"debut/kernels/pool"
)

// SGD are the settings that trainings by stochastic gradient descent have in common.
type SGD struct {
	Factors int
	Seed    uint64
	// Rate is the learning rate of the first epoch; that of epoch t is Rate·Decay^t. BiasRate is that of biases, which 0 leaves out.
	Rate, BiasRate, Decay float64
	// Deviation is that of initial factors, which are uniform about 0.
	Deviation float64
}

// Position is how far a training is: all of its state that is not in tensors.
type Position struct {
	Epoch int `json:"epoch"` // begun and not ended
	Round int `json:"round"` // of the epoch, next
	// Loss is the sum of the losses of the epoch's samples up to here, each from before its step.
	Loss float64 `json:"loss"`
}

// Tensor is a part of the state: a row-major matrix, or a vector of one row.
type Tensor struct {
	Name       string
	Rows, Cols int
	Data       []float32 // valid until the next step
}

// Steps is a training of factors and biases, a step of which is a round: every block of users against one of items.
// It is deterministic for any number of threads. It is for one goroutine at a time.
type Steps struct {
	dev      kernels.Device
	kernel   kernels.Kernel
	settings SGD
	schedule *schedule
	position Position
	ready    bool // the order is that of the position's epoch
	factors  int
	width    int // floats of a row of factors, of which those behind factors stay 0

	users, items       kernels.Matrix
	userBias, itemBias kernels.Matrix
	buffers            []kernels.Buffer
	samples            *mirror[int32]
	values             *mirror[float32]
	blocks             *mirror[int32]
	weights            *mirror[float32] // nil: there are none
	hyper              *mirror[float32]
	loss               *mirror[float32]
	fill               func(h []float32) // sets Hyper but for the rates
}

// rowAlign is the multiple of floats that rows of factors take: a cache line, so that no two rows have one in common, and whole vectors.
const rowAlign = 16

func finitePositive(x float64) bool    { return x > 0 && !math.IsInf(x, 1) }
func finiteNotNegative(x float64) bool { return x >= 0 && !math.IsInf(x, 1) }

// paddedWidth is the floats of a row.
func (o *SGD) paddedWidth() int { return (o.Factors + rowAlign - 1) / rowAlign * rowAlign }

// check returns an error where settings make no sense.
func (o *SGD) check() error {
	switch {
	case o.Factors < 1:
		return fmt.Errorf("factorization: factors %d; give a number of at least 1", o.Factors)
	case !finitePositive(o.Rate):
		return fmt.Errorf("factorization: rate %v; give a number above 0, such as 0.05", o.Rate)
	case !finiteNotNegative(o.BiasRate):
		return fmt.Errorf("factorization: bias rate %v; give a number above 0, or 0 for no biases", o.BiasRate)
	case !(o.Decay > 0 && o.Decay <= 1):
		return fmt.Errorf("factorization: decay %v; give a number above 0 and at most 1, or 1 for a constant rate", o.Decay)
	case !finitePositive(o.Deviation):
		return fmt.Errorf("factorization: deviation %v of initial factors; give a number above 0, such as 0.1: factors that begin at 0 stay there", o.Deviation)
	}
	return nil
}

// checkMatrix returns an error where entries cannot be samples.
func checkMatrix(m *interactions.Matrix) error {
	if m.Len() == 0 {
		return errors.New("factorization: there are no interactions; is anything left of the training data after filters?")
	}
	if m.Len() > math.MaxInt32 {
		return fmt.Errorf("factorization: %d interactions, at most %d can be trained on: leave out older ones", m.Len(), math.MaxInt32)
	}
	return nil
}

// newSteps allocates the state of a training, which the caller gives a kernel. Without negatives, samples have the matrix's values.
func newSteps(dev kernels.Device, p *pool.Pool, m *interactions.Matrix, o SGD, blocks int, n *negatives) (_ *Steps, err error) {
	t := &Steps{dev: dev, settings: o, factors: o.Factors, width: o.paddedWidth()}
	defer func() {
		if err != nil {
			t.Close()
		}
	}()
	matrix := func(purpose string, rows, cols int) (kernels.Matrix, error) {
		b, err := dev.Alloc(kernels.Float32, rows*cols, purpose)
		if err != nil {
			return kernels.Matrix{}, fmt.Errorf("factorization: %w", err)
		}
		t.buffers = append(t.buffers, b)
		return kernels.NewMatrix(b, rows, cols), nil
	}
	for _, x := range []struct {
		m          *kernels.Matrix
		rows, cols int
	}{{&t.users, m.Rows, t.width}, {&t.items, m.Columns, t.width}, {&t.userBias, 1, m.Rows}, {&t.itemBias, 1, m.Columns}} {
		if *x.m, err = matrix("parameters", x.rows, x.cols); err != nil {
			return nil, err
		}
	}
	ids, entries := 2, int(m.Len())
	if n != nil {
		ids = 3
	}
	if t.samples, err = newMirror[int32](dev, entries*ids, "samples"); err != nil {
		return nil, err
	}
	var values []float32
	if n == nil {
		if t.values, err = newMirror[float32](dev, entries, "samples"); err != nil {
			return nil, err
		}
		values = t.values.data
	}
	if n != nil && n.weight != nil {
		if t.weights, err = newMirror[float32](dev, blocks, "samples"); err != nil {
			return nil, err
		}
	}
	if t.blocks, err = newMirror[int32](dev, 2*blocks, "samples"); err != nil {
		return nil, err
	}
	if t.hyper, err = newMirror[float32](dev, kernels.FactorHyperLen, "samples"); err != nil {
		return nil, err
	}
	if t.loss, err = newMirror[float32](dev, blocks, "samples"); err != nil {
		return nil, err
	}
	t.schedule = newSchedule(m, p, o.Seed, blocks, t.samples.data, values, n)
	return t, t.initialize(m)
}

// initialize draws the initial factors. Those of who has no interaction are 0.
func (t *Steps) initialize(m *interactions.Matrix) error {
	draw := func(x kernels.Matrix, stream string, known func(row int) bool) error {
		key := philox.Key(t.settings.Seed, philox.StreamOf(stream))
		data := make([]float32, x.Rows*x.Cols)
		scale := t.settings.Deviation * math.Sqrt(12)
		for r := range x.Rows {
			if !known(r) {
				continue
			}
			row := data[r*x.Cols:]
			for c := 0; c < t.factors; c += 4 {
				for i, w := range philox.Block(key, [4]uint32{uint32(r), uint32(c / 4)}) {
					if c+i < t.factors {
						row[c+i] = float32(scale * (float64(w)/(1<<32) - 0.5))
					}
				}
			}
		}
		return kernels.Upload(t.dev, x.Buf, 0, data)
	}
	if err := draw(t.users, "factorization/user factors", func(u int) bool { return m.Offsets[u] < m.Offsets[u+1] }); err != nil {
		return err
	}
	counts := m.ColumnCounts()
	return draw(t.items, "factorization/item factors", func(i int) bool { return counts[i] > 0 })
}

// RoundsPerEpoch returns how many steps an epoch takes.
func (t *Steps) RoundsPerEpoch() int { return t.schedule.blocks }

// Position returns how far the training is.
func (t *Steps) Position() Position { return t.position }

// Rate returns the learning rate of the next step.
func (t *Steps) Rate() float64 {
	return t.settings.Rate * math.Pow(t.settings.Decay, float64(t.position.Epoch))
}

// Step trains a round. It returns the sum of the losses of the round's samples, each from before its step.
func (t *Steps) Step() (float64, error) {
	if !t.ready {
		if err := t.begin(); err != nil {
			return 0, err
		}
	}
	meetings := t.schedule.meetings(t.position.Round)
	for k, m := range meetings {
		t.blocks.data[2*k], t.blocks.data[2*k+1] = m.from, m.to
		if t.weights != nil {
			t.weights.data[k] = t.schedule.negatives.blocks[m.items]
		}
	}
	if err := t.blocks.put(); err != nil {
		return 0, err
	}
	if t.weights != nil {
		if err := t.weights.put(); err != nil {
			return 0, err
		}
	}
	if err := t.kernel.Run(); err != nil {
		return 0, err
	}
	if err := t.loss.get(0, len(t.loss.data)); err != nil {
		return 0, err
	}
	loss := 0.0
	for _, l := range t.loss.data {
		loss += float64(l)
	}
	t.position.Loss += loss
	if t.position.Round++; t.position.Round == t.schedule.blocks {
		t.position = Position{Epoch: t.position.Epoch + 1}
		t.ready = false
	}
	return loss, nil
}

// begin makes the order of the position's epoch.
func (t *Steps) begin() error {
	t.schedule.begin(t.position.Epoch)
	h := t.hyper.data
	t.fill(h)
	decay := math.Pow(t.settings.Decay, float64(t.position.Epoch))
	h[kernels.FactorRate], h[kernels.FactorBiasRate] = float32(t.settings.Rate*decay), float32(t.settings.BiasRate*decay)
	t.ready = true
	if err := t.samples.put(); err != nil {
		return err
	}
	if t.values != nil {
		if err := t.values.put(); err != nil {
			return err
		}
	}
	return t.hyper.put()
}

// Epoch trains up to the end of an epoch and returns the mean loss of its samples, each from before its step.
func (t *Steps) Epoch() (float64, error) {
	for loss := t.position.Loss; ; {
		l, err := t.Step()
		if err != nil {
			return 0, err
		}
		if loss += l; t.position.Round == 0 {
			return loss / float64(t.schedule.m.Len()), nil
		}
	}
}

// parts are the tensors and where they are.
func (t *Steps) parts() []struct {
	name string
	m    kernels.Matrix
	cols int
} {
	return []struct {
		name string
		m    kernels.Matrix
		cols int
	}{{"user_factors", t.users, t.factors}, {"item_factors", t.items, t.factors}, {"user_bias", t.userBias, t.userBias.Cols}, {"item_bias", t.itemBias, t.itemBias.Cols}}
}

// Tensors returns the state but for the position.
func (t *Steps) Tensors() ([]Tensor, error) {
	var out []Tensor
	for _, p := range t.parts() {
		all := make([]float32, p.m.Rows*p.m.Cols)
		if err := kernels.Download(t.dev, all, p.m.Buf, 0); err != nil {
			return nil, fmt.Errorf("factorization: %s: %w", p.name, err)
		}
		for r := range p.m.Rows { // rows close up
			copy(all[r*p.cols:(r+1)*p.cols], all[r*p.m.Cols:])
		}
		out = append(out, Tensor{p.name, p.m.Rows, p.cols, all[:p.m.Rows*p.cols]})
	}
	return out, nil
}

// Load sets the state, or changes nothing where it is not one of this training.
func (t *Steps) Load(tensors []Tensor, at Position) error {
	if at.Epoch < 0 || at.Round < 0 || at.Round >= t.schedule.blocks {
		return fmt.Errorf("factorization: a position of epoch %d and round %d, epochs have %d rounds", at.Epoch, at.Round, t.schedule.blocks)
	}
	parts := t.parts()
	if len(tensors) != len(parts) {
		return fmt.Errorf("factorization: %d tensors, a state has %d", len(tensors), len(parts))
	}
	for i, p := range parts {
		if x := tensors[i]; x.Name != p.name || x.Rows != p.m.Rows || x.Cols != p.cols || len(x.Data) != x.Rows*x.Cols {
			return fmt.Errorf("factorization: tensor %q, %d×%d of %d values, should be %q, %d×%d", x.Name, x.Rows, x.Cols, len(x.Data), p.name, p.m.Rows, p.cols)
		}
	}
	for i, p := range parts {
		all := make([]float32, p.m.Rows*p.m.Cols)
		for r := range p.m.Rows {
			copy(all[r*p.m.Cols:], tensors[i].Data[r*p.cols:(r+1)*p.cols])
		}
		if err := kernels.Upload(t.dev, p.m.Buf, 0, all); err != nil {
			return fmt.Errorf("factorization: %s: %w", p.name, err)
		}
	}
	t.position, t.ready = at, false
	return nil
}

// Close gives the memory of the device back. It may be called more than once.
func (t *Steps) Close() {
	for _, b := range t.buffers {
		t.dev.Release(b)
	}
	for _, m := range []*mirror[int32]{t.samples, t.blocks} {
		m.release()
	}
	for _, m := range []*mirror[float32]{t.values, t.weights, t.hyper, t.loss} {
		m.release()
	}
	t.buffers = nil
}
