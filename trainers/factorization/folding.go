package factorization

import (
	"fmt"
	"strconv"

	"debut/kernels"
	"debut/kernels/cpu"
	"debut/trainers/model"
	"debut/trainers/ranking"
)

// Taker is who has an item, and its value as in training: of ratings the rating, else what his events with it weigh, added up.
type Taker struct {
	User  string
	Value float64
}

// FoldInItem returns the factors of an item that the model does not know, from who has it: those that training would have found for it
// with all users as they are. Users whom the model does not know say nothing; without another the error matches model.ErrUnknown.
func (m *Model) FoldInItem(takers []Taker) ([]float32, error) {
	users, values, err := m.numbered(len(takers), "user", m.Shop.Users, func(k int) (string, float64) { return takers[k].User, takers[k].Value })
	if err != nil {
		return nil, err
	}
	return find(m.cfg.Algorithm).foldItem(m, users, values)
}

// Audience lists at most k users, those first to whom an item of such factors is to be shown, by their scores of it. Users are named in the
// place of items.
func (m *Model) Audience(item string, factors []float32, k int) (model.List, error) {
	f := m.factors
	if len(factors) != f.Width {
		return model.List{}, fmt.Errorf("factorization: %d factors of an item; the model has %d", len(factors), f.Width)
	}
	n := m.Users()
	best := ranking.NewSelector(min(max(k, 0), n), ranking.NewTies(n, strconv.Itoa))
	for u := range n {
		best.Add(int32(u), float32(f.Mean+inner(f.User(u), factors)))
	}
	l := model.List{User: item}
	for _, s := range best.Best() {
		l.Items, l.Scores = append(l.Items, m.Shop.Users.ID(int(s.Item))), append(l.Scores, s.Score)
	}
	return l, nil
}

// Sides of a model.
const (
	userSide = 0
	itemSide = 1
)

// foldExactly solves for the row of a user.
func foldExactly(m *Model, columns []int32, values []float32) ([]float32, error) {
	return m.solve(userSide, columns, values)
}

// foldItemExactly solves for the row of an item.
func foldItemExactly(m *Model, users []int32, values []float32) ([]float32, error) {
	return m.solve(itemSide, users, values)
}

func (m *Model) solve(side int, columns []int32, values []float32) (_ []float32, err error) {
	if m.folding[side] == nil {
		if m.folding[side], err = newFolding(m.factors, &m.cfg, m.dev, side); err != nil {
			return nil, err
		}
	}
	return m.folding[side].solve(columns, values)
}

// folding fits a row of a side with the other one as it is.
type folding struct {
	cfg       *ModelConfig
	family    kernels.LeastSquares
	fixed     []float32 // rows of the other side
	width     int
	lo, hi    int // columns that are fitted
	one, bias int // with biases, the row's column that is 1, and that of the other side's biases
	mean      float64
	gram      []float32 // of the other side; nil: only what there is counts
}

func newFolding(f *Factors, cfg *ModelConfig, dev kernels.Device, side int) (*folding, error) {
	family, err := kernels.Family[kernels.LeastSquares](dev)
	if err != nil {
		return nil, err
	}
	o := &folding{cfg: cfg, family: family, fixed: f.Items, width: f.Width, hi: f.Width, mean: f.Mean}
	if side == itemSide {
		o.fixed = f.Users
	}
	if f.Biases {
		last := f.Width - 1
		if o.hi, o.one, o.bias = last, last, last; side == itemSide {
			o.lo, o.hi, o.one, o.bias = 1, f.Width, 0, 0
		}
		return o, nil
	}
	o.gram = make([]float32, f.Width*f.Width)
	rows := kernels.NewMatrix(cpu.Wrap(o.fixed), len(o.fixed)/f.Width, f.Width)
	k, err := gramKernel(dev, rows, kernels.NewMatrix(cpu.Wrap(o.gram), f.Width, f.Width))
	if err != nil {
		return nil, err
	}
	return o, k.Run()
}

// solve returns the row of what has such columns.
func (o *folding) solve(columns []int32, values []float32) ([]float32, error) {
	n, w := len(columns), o.width
	x := make([]float32, w)
	column := func(v []float32) kernels.Matrix { return kernels.NewMatrix(cpu.Wrap(v), len(v), 1) }
	others := len(o.fixed) / w
	args := kernels.SolveRowsArgs{
		X: kernels.NewMatrix(cpu.Wrap(x), 1, w).Columns(o.lo, o.hi), Y: kernels.NewMatrix(cpu.Wrap(o.fixed), others, w).Columns(o.lo, o.hi),
		Offsets: kernels.NewMatrix(cpu.Wrap([]int32{0, int32(n)}), 2, 1), Columns: kernels.NewMatrix(cpu.Wrap(columns), n, 1),
		Weights: column(confidences(values, o.cfg)), Ridge: column([]float32{ridge(o.cfg, int64(n), others)}),
	}
	if o.gram == nil {
		targets := make([]float32, n)
		for k, i := range columns {
			targets[k] = float32(float64(values[k]) - o.mean - float64(o.fixed[int(i)*w+o.bias]))
		}
		args.Targets = column(targets)
		x[o.one] = 1
	} else {
		args.Gram, args.GramWeight = kernels.NewMatrix(cpu.Wrap(o.gram), w, w), *o.cfg.Unobserved
	}
	k, err := o.family.SolveRows(args)
	if err != nil {
		return nil, err
	}
	return x, k.Run()
}
