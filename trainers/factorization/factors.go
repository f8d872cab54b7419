package factorization

import (
	"fmt"
	"math"

	"debut/engine/safetensors"
	"debut/kernels"
	"debut/kernels/cpu"
	"debut/trainers/ranking"
)

// Factors are a model: a user's score of an item is Mean and the product of their rows.
//
// Biases are columns like others: with them a user's row is [bias, factors …, 1] and an item's [1, factors …, bias], whose product is the
// sum of the two biases and of the factors' product.
type Factors struct {
	Users, Items []float32 // rows of Width
	Width        int
	Biases       bool
	Mean         float64
	// Lifts says that the last column is 1 of items, and of users what makes scores of an item compare from user to user; see tower.go.
	Lifts bool
	// Histories are rows of items too: what they say of somebody who has them. Nil where the algorithm does not tell that apart.
	Histories []float32
}

// columns are those of the factors alone, without biases.
func (f *Factors) columns() (lo, hi int) {
	switch {
	case f.Biases:
		return 1, f.Width - 1
	case f.Lifts:
		return 0, f.Width - 1
	}
	return 0, f.Width
}

// User and Item return rows, which must not be changed.
func (f *Factors) User(u int) []float32 { return f.Users[u*f.Width : (u+1)*f.Width] }

// Item returns the row of an item.
func (f *Factors) Item(i int) []float32 { return f.Items[i*f.Width : (i+1)*f.Width] }

// Rate predicts the value of a user and an item, or with −1 in the place of one of them by what is known of the other alone.
func (f *Factors) Rate(user, item int32) float64 {
	switch {
	case user >= 0 && item >= 0:
		return f.Mean + inner(f.User(int(user)), f.Item(int(item)))
	case !f.Biases:
		return f.Mean
	case user >= 0:
		return f.Mean + float64(f.User(int(user))[0])
	case item >= 0:
		return f.Mean + float64(f.Item(int(item))[f.Width-1])
	}
	return f.Mean
}

// rounded is a number as a model folder has it.
func rounded(v float64) float64 { return float64(float32(v)) }

// Names of tensors.
const (
	usersTensor = "users"
	itemsTensor = "items"
	meanTensor  = "mean"

	historiesTensor = "histories"
)

func (f *Factors) sources() []safetensors.Source {
	list := []safetensors.Source{
		safetensors.Matrix(usersTensor, f.Users, f.Width), safetensors.Matrix(itemsTensor, f.Items, f.Width), safetensors.Vector(meanTensor, []float32{float32(f.Mean)}),
	}
	if f.Histories != nil {
		list = append(list, safetensors.Matrix(historiesTensor, f.Histories, f.Width))
	}
	return list
}

// readFactors reads what sources wrote, for so many users and items.
func readFactors(file *safetensors.File, users, items int, c *ModelConfig) (*Factors, error) {
	width := c.width()
	f := &Factors{Width: width, Biases: c.biased(), Lifts: c.Algorithm == algorithmTower}
	type matrix struct {
		name string
		to   *[]float32
		rows int
	}
	list := []matrix{{usersTensor, &f.Users, users}, {itemsTensor, &f.Items, items}}
	if c.Algorithm == simplexAlgorithm.name || c.Algorithm == algorithmTower {
		list = append(list, matrix{historiesTensor, &f.Histories, items})
	}
	for _, x := range list {
		v, columns, err := safetensors.ReadMatrix[float32](file, x.name)
		if err != nil {
			return nil, err
		}
		if columns != width || len(v) != x.rows*width {
			return nil, fmt.Errorf("the tensor %q has %d numbers in %d columns; %d rows of %d are those of the model", x.name, len(v), columns, x.rows, width)
		}
		*x.to = v
	}
	mean, err := safetensors.ReadVector[float32](file, meanTensor)
	if err != nil {
		return nil, err
	}
	if len(mean) != 1 {
		return nil, fmt.Errorf("the tensor %q has %d numbers, not one", meanTensor, len(mean))
	}
	f.Mean = float64(mean[0])
	return f, nil
}

// scorer scores users of training: products of their rows with those of all items. It computes on a device, one block at a time.
type scorer struct {
	f     *Factors
	items int
	dev   kernels.Device
	rows  []float32
}

func newScorer(f *Factors, dev kernels.Device) *scorer {
	return &scorer{f: f, items: len(f.Items) / f.Width, dev: dev}
}

// Scorer scores users by their rows. It is for one goroutine at a time.
func (f *Factors) Scorer(dev kernels.Device) ranking.Scorer {
	if onProcessor(dev) {
		return newScorer(f, dev)
	}
	return newDeviceScorer(f, dev)
}

// Items is the number of items.
func (s *scorer) Items() int { return s.items }

// Score scores all items for each of the users.
func (s *scorer) Score(users []int32, out []float32) error { return s.among(users, 0, s.items, out) }

// among scores the items lo … hi−1 for each of the users.
func (s *scorer) among(users []int32, lo, hi int, out []float32) error {
	f, w := s.f, s.f.Width
	if lo < 0 || hi > s.items || len(out) != len(users)*(hi-lo) {
		return fmt.Errorf("factorization: %d users are scored into %d numbers for the items %d to %d; there are %d items", len(users), len(out), lo, hi-1, s.items)
	}
	s.rows = s.rows[:0]
	for _, u := range users {
		if u < 0 || (int(u)+1)*w > len(f.Users) {
			return fmt.Errorf("factorization: user %d is none of the %d", u, len(f.Users)/w)
		}
		s.rows = append(s.rows, f.User(int(u))...)
	}
	return s.product(s.rows, lo, hi, out)
}

// ranges is a scorer with a device of its own, of one thread.
type ranges struct {
	*scorer
	dev *cpu.Device
}

// Range returns a scorer for one goroutine.
func (s *scorer) Range() (ranking.RangeScorer, error) {
	dev, err := cpu.New(cpu.Options{Threads: 1, Level: s.dev.Info().Level})
	if err != nil {
		return nil, err
	}
	return ranges{newScorer(s.f, dev), dev}, nil
}

// Score scores the items lo … hi−1 for each of the users.
func (r ranges) Score(users []int32, lo, hi int, out []float32) error {
	return r.among(users, lo, hi, out)
}

// Close ends the device.
func (r ranges) Close() error { return r.dev.Close() }

// product sets out to the products of some rows with those of the items lo … hi−1.
func (s *scorer) product(rows []float32, lo, hi int, out []float32) error {
	f, w := s.f, s.f.Width
	n, items := len(rows)/w, hi-lo
	if n == 1 { // a single row would be summed in another order than one among others
		two := make([]float32, 2*items)
		if err := s.product(append(append([]float32{}, rows...), rows...), lo, hi, two); err != nil {
			return err
		}
		copy(out, two)
		return nil
	}
	algebra, err := kernels.Family[kernels.DenseAlgebra](s.dev)
	if err != nil || n == 0 || items == 0 {
		return err
	}
	args := kernels.GemmArgs{
		TransB: true, A: kernels.NewMatrix(cpu.Wrap(rows), n, w), B: kernels.NewMatrix(cpu.Wrap(f.Items[lo*w:hi*w]), items, w), C: kernels.NewMatrix(cpu.Wrap(out), n, items),
	}
	if f.Mean != 0 {
		mean := make([]float32, items)
		for i := range mean {
			mean[i] = float32(f.Mean)
		}
		args.Bias = kernels.NewMatrix(cpu.Wrap(mean), 1, items)
	}
	k, err := algebra.Gemm(args)
	if err != nil {
		return err
	}
	return k.Run()
}

// similar lists the items whose factors lie in the direction of one's, by the cosine between them, without the item itself.
func (f *Factors) similar(item int32, k int, ties *ranking.Ties) ([]int32, []float32) {
	lo, hi := f.columns()
	n := len(f.Items) / f.Width
	of := f.Item(int(item))[lo:hi]
	length := math.Sqrt(inner(of, of))
	best := ranking.NewSelector(min(k, n), ties)
	for i := range n {
		row := f.Item(i)[lo:hi]
		size := math.Sqrt(inner(row, row))
		if int32(i) == item || size == 0 || length == 0 {
			continue
		}
		best.Add(int32(i), float32(inner(of, row)/length/size))
	}
	var items []int32
	var scores []float32
	for _, x := range best.Best() {
		items, scores = append(items, x.Item), append(scores, x.Score)
	}
	return items, scores
}

// inner is the product of two vectors, in float64.
func inner(x, y []float32) (sum float64) {
	for i, v := range x {
		sum += float64(v) * float64(y[i])
	}
	return sum
}

// gramKernel binds the product XᵀX, into a square matrix.
func gramKernel(dev kernels.Device, x, gram kernels.Matrix) (kernels.Kernel, error) {
	algebra, err := kernels.Family[kernels.DenseAlgebra](dev)
	if err != nil {
		return nil, err
	}
	return algebra.Gemm(kernels.GemmArgs{TransA: true, A: x, B: x, C: gram})
}
