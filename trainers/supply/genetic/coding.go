package genetic

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"debut/kernels/philox"
)

// Coding says what a genome is. The codings of this package are all there are.
type Coding[G any] interface {
	random(r *philox.Stream) G
	cross(a, b G, r *philox.Stream) (G, G) // two new genomes
	mutate(g G, r *philox.Stream)          // in place
	clone(g G) G
	equal(a, b G) bool
	valid(g G) error // whether it is a genome of this coding
	check() error    // whether the coding itself makes sense
	describe() string
}

// Crossover is how two vectors of genes become two others.
type Crossover int

const (
	// Uniform has each gene change sides with even chances.
	Uniform Crossover = iota

	// OnePoint has the genes from a random place on change sides.
	OnePoint

	// TwoPoint has the genes between two random places change sides.
	TwoPoint
)

// exchange says of each gene whether it changes sides.
func (c Crossover) exchange(n int, r *philox.Stream, swap func(i int)) {
	from, to := 0, n
	switch c {
	case OnePoint:
		if n > 1 {
			from = 1 + r.IntN(n-1)
		}
	case TwoPoint:
		from, to = r.IntN(n+1), r.IntN(n+1)
		if from > to {
			from, to = to, from
		}
	default:
		for i := range n {
			if r.Uint32()&1 == 0 {
				swap(i)
			}
		}
		return
	}
	for i := from; i < to; i++ {
		swap(i)
	}
}

// exchanged returns copies of both vectors with genes exchanged.
func exchanged[S ~[]E, E any](c Crossover, a, b S, r *philox.Stream) (S, S) {
	a, b = slices.Clone(a), slices.Clone(b)
	c.exchange(len(a), r, func(i int) { a[i], b[i] = b[i], a[i] })
	return a, b
}

// rate returns how often a gene mutates: once in a genome unless given.
func rate(given float64, genes int) float64 {
	if given == 0 {
		return 1 / float64(max(genes, 1))
	}
	return given
}

func checkRate(given float64) error {
	if !(given >= 0 && given <= 1) {
		return fmt.Errorf("genetic: a mutation rate of %g: it is a share of genes, from 0 to 1", given)
	}
	return nil
}

// mostGenes bounds a genome.
const mostGenes = 1 << 24

func checkGenes(n int) error {
	if n < 1 || n > mostGenes {
		return fmt.Errorf("genetic: %d genes: there must be from 1 to %d", n, mostGenes)
	}
	return nil
}

// Binary is the coding of yes or no, Genes times.
type Binary struct {
	Genes     int
	Crossover Crossover
	Rate      float64 // the chance of a gene to flip; one gene of a genome unless given
	Share     float64 // the share of ones in the first genomes; half unless given
}

func (c Binary) random(r *philox.Stream) []bool {
	share := c.Share
	if share == 0 {
		share = .5
	}
	g := make([]bool, c.Genes)
	for i := range g {
		g[i] = r.Float64() < share
	}
	return g
}

func (c Binary) cross(a, b []bool, r *philox.Stream) (x, y []bool) {
	return exchanged(c.Crossover, a, b, r)
}

func (c Binary) mutate(g []bool, r *philox.Stream) {
	chance := rate(c.Rate, c.Genes)
	for i := range g {
		if r.Float64() < chance {
			g[i] = !g[i]
		}
	}
}

func (c Binary) clone(g []bool) []bool  { return slices.Clone(g) }
func (c Binary) equal(a, b []bool) bool { return slices.Equal(a, b) }
func (c Binary) check() error {
	return errors.Join(checkGenes(c.Genes), checkRate(c.Rate), checkRate(c.Share))
}
func (c Binary) describe() string          { return fmt.Sprintf("binary %+v", c) }
func (c Binary) valid(genome []bool) error { return sized(len(genome), c.Genes) }

func sized(genes, want int) error {
	if genes != want {
		return fmt.Errorf("it has %d genes, not %d", genes, want)
	}
	return nil
}

// Integer is the coding of whole numbers within bounds. Neighbors of a number are like it: half of the mutations are
// steps, small ones more often than large ones, the other half draw anew.
type Integer struct {
	Low, High []int // the bounds of each gene, both included
	Crossover Crossover
	Rate      float64 // the chance of a gene to mutate; one gene of a genome unless given
}

func (c Integer) draw(i int, r *philox.Stream) int { return c.Low[i] + r.IntN(c.High[i]-c.Low[i]+1) }

func (c Integer) random(r *philox.Stream) []int {
	g := make([]int, len(c.Low))
	for i := range g {
		g[i] = c.draw(i, r)
	}
	return g
}

func (c Integer) cross(a, b []int, r *philox.Stream) (x, y []int) {
	return exchanged(c.Crossover, a, b, r)
}

func (c Integer) mutate(g []int, r *philox.Stream) {
	chance := rate(c.Rate, len(g))
	for i := range g {
		if r.Float64() >= chance {
			continue
		}
		if r.Uint32()&1 == 0 {
			g[i] = c.draw(i, r)
			continue
		}
		step := 1 + int(float64(c.High[i]-c.Low[i])*math.Pow(r.Float64(), 4)/4)
		if r.Uint32()&1 == 0 {
			step = -step
		}
		g[i] = min(max(g[i]+step, c.Low[i]), c.High[i])
	}
}

func (c Integer) clone(g []int) []int   { return slices.Clone(g) }
func (c Integer) equal(a, b []int) bool { return slices.Equal(a, b) }
func (c Integer) describe() string      { return fmt.Sprintf("integer %+v", c) }

func (c Integer) check() error {
	if len(c.Low) != len(c.High) {
		return fmt.Errorf("genetic: %d lower bounds and %d upper ones", len(c.Low), len(c.High))
	}
	for i, low := range c.Low {
		// The width has to be a number that can be drawn.
		if low > c.High[i] || uint64(c.High[i])-uint64(low) >= math.MaxInt32 {
			return fmt.Errorf("genetic: gene %d lies between %d and %d: bounds must not cross, and be less than 2³¹ apart", i, low, c.High[i])
		}
	}
	return errors.Join(checkGenes(len(c.Low)), checkRate(c.Rate))
}

func (c Integer) valid(g []int) error {
	if err := sized(len(g), len(c.Low)); err != nil {
		return err
	}
	for i, x := range g {
		if x < c.Low[i] || x > c.High[i] {
			return fmt.Errorf("gene %d is %d, beyond its bounds", i, x)
		}
	}
	return nil
}

// Real is the coding of numbers within bounds, crossed by simulated binary crossover and mutated by the polynomial of Deb and Agrawal,
// "Simulated Binary Crossover for Continuous Search Space", Complex Systems 9 (1995).
type Real struct {
	Low, High []float64 // the bounds of each gene
	Rate      float64   // the chance of a gene to mutate; one gene of a genome unless given
	Nearness  float64   // the distribution index of crossover and mutation, higher ones stay nearer to the parents; 15 unless given
}

func (c Real) nearness() float64 {
	if c.Nearness == 0 {
		return 15
	}
	return c.Nearness
}

func (c Real) random(r *philox.Stream) []float64 {
	g := make([]float64, len(c.Low))
	for i := range g {
		g[i] = c.within(i, c.Low[i]+r.Float64()*(c.High[i]-c.Low[i]))
	}
	return g
}

func (c Real) within(i int, x float64) float64 { return math.Min(math.Max(x, c.Low[i]), c.High[i]) }

func (c Real) cross(a, b []float64, r *philox.Stream) (x, y []float64) {
	x, y = slices.Clone(a), slices.Clone(b)
	power := 1 / (c.nearness() + 1)
	for i := range x {
		if r.Uint32()&1 == 0 {
			continue
		}
		u := r.Float64()
		spread := math.Pow(2*u, power)
		if u > .5 {
			spread = math.Pow(1/(2*(1-u)), power)
		}
		middle, half := (a[i]+b[i])/2, spread*(a[i]-b[i])/2
		x[i], y[i] = c.within(i, middle+half), c.within(i, middle-half)
	}
	return x, y
}

func (c Real) mutate(g []float64, r *philox.Stream) {
	chance, power := rate(c.Rate, len(g)), 1/(c.nearness()+1)
	for i := range g {
		if r.Float64() >= chance {
			continue
		}
		u := r.Float64()
		step := math.Pow(2*u, power) - 1
		if u > .5 {
			step = 1 - math.Pow(2*(1-u), power)
		}
		g[i] = c.within(i, g[i]+step*(c.High[i]-c.Low[i]))
	}
}

func (c Real) clone(g []float64) []float64 { return slices.Clone(g) }
func (c Real) equal(a, b []float64) bool   { return slices.Equal(a, b) }
func (c Real) describe() string            { return fmt.Sprintf("real %+v", c) }

func (c Real) check() error {
	if len(c.Low) != len(c.High) {
		return fmt.Errorf("genetic: %d lower bounds and %d upper ones", len(c.Low), len(c.High))
	}
	for i, low := range c.Low {
		if width := c.High[i] - low; !(width >= 0) || math.IsInf(width, 0) {
			return fmt.Errorf("genetic: gene %d lies between %g and %g: bounds must be numbers and must not cross", i, low, c.High[i])
		}
	}
	if !(c.Nearness >= 0) || math.IsInf(c.Nearness, 0) {
		return fmt.Errorf("genetic: a nearness of %g: it must be zero or above", c.Nearness)
	}
	return errors.Join(checkGenes(len(c.Low)), checkRate(c.Rate))
}

func (c Real) valid(g []float64) error {
	if err := sized(len(g), len(c.Low)); err != nil {
		return err
	}
	for i, x := range g {
		if !(x >= c.Low[i] && x <= c.High[i]) {
			return fmt.Errorf("gene %d is %g, beyond its bounds", i, x)
		}
	}
	return nil
}

// Permutation is the coding of orders of 0…Genes−1, crossed by order crossover (Davis, "Applying Adaptive Algorithms to Epistatic Domains", 1985) and
// mutated by one of: two places exchanged, one moved, a stretch turned round.
type Permutation struct {
	Genes int
	Rate  float64 // the chance of a genome to mutate; .5 unless given
}

func (c Permutation) random(r *philox.Stream) []int {
	g := make([]int, c.Genes)
	for i, x := range r.Perm(c.Genes) {
		g[i] = int(x)
	}
	return g
}

func (c Permutation) cross(a, b []int, r *philox.Stream) (x, y []int) {
	from, to := r.IntN(c.Genes+1), r.IntN(c.Genes+1)
	if from > to {
		from, to = to, from
	}
	return ordered(a, b, from, to), ordered(b, a, from, to)
}

// ordered returns the genome that has a's stretch in its place and the rest in b's order, beginning behind the stretch.
func ordered(a, b []int, from, to int) []int {
	n := len(a)
	g, taken := make([]int, n), make([]bool, n)
	for i := from; i < to; i++ {
		g[i], taken[a[i]] = a[i], true
	}
	at := to
	for k := range n {
		x := b[(to+k)%n]
		if taken[x] {
			continue
		}
		g[at%n] = x
		at++
	}
	return g
}

func (c Permutation) mutate(g []int, r *philox.Stream) {
	chance := c.Rate
	if chance == 0 {
		chance = .5
	}
	if r.Float64() >= chance || len(g) < 2 {
		return
	}
	i, j := r.IntN(len(g)), r.IntN(len(g))
	switch r.IntN(3) {
	case 0:
		g[i], g[j] = g[j], g[i]
	case 1:
		x := g[i]
		copy(g[i:], g[i+1:])
		copy(g[j+1:], g[j:len(g)-1])
		g[j] = x
	default:
		slices.Reverse(g[min(i, j) : max(i, j)+1])
	}
}

func (c Permutation) clone(g []int) []int   { return slices.Clone(g) }
func (c Permutation) equal(a, b []int) bool { return slices.Equal(a, b) }
func (c Permutation) check() error          { return errors.Join(checkGenes(c.Genes), checkRate(c.Rate)) }
func (c Permutation) describe() string      { return fmt.Sprintf("permutation %+v", c) }

func (c Permutation) valid(g []int) error {
	if err := sized(len(g), c.Genes); err != nil {
		return err
	}
	seen := make([]bool, len(g))
	for _, x := range g {
		if x < 0 || x >= len(g) || seen[x] {
			return errors.New("it is not an order: a place is missing or there twice")
		}
		seen[x] = true
	}
	return nil
}

// Pair is a genome of two parts.
type Pair[A, B any] struct {
	First  A `json:"first"`
	Second B `json:"second"`
}

// Joined is the coding of genomes of two parts, each by a coding of its own: an order and sizes, say.
type Joined[A, B any] struct {
	First  Coding[A]
	Second Coding[B]
}

func (c Joined[A, B]) random(r *philox.Stream) Pair[A, B] {
	return Pair[A, B]{c.First.random(r), c.Second.random(r)}
}

func (c Joined[A, B]) cross(a, b Pair[A, B], r *philox.Stream) (x, y Pair[A, B]) {
	x.First, y.First = c.First.cross(a.First, b.First, r)
	x.Second, y.Second = c.Second.cross(a.Second, b.Second, r)
	return x, y
}

func (c Joined[A, B]) mutate(g Pair[A, B], r *philox.Stream) {
	c.First.mutate(g.First, r)
	c.Second.mutate(g.Second, r)
}

func (c Joined[A, B]) clone(g Pair[A, B]) Pair[A, B] {
	return Pair[A, B]{c.First.clone(g.First), c.Second.clone(g.Second)}
}

func (c Joined[A, B]) equal(a, b Pair[A, B]) bool {
	return c.First.equal(a.First, b.First) && c.Second.equal(a.Second, b.Second)
}

func (c Joined[A, B]) valid(g Pair[A, B]) error {
	return errors.Join(c.First.valid(g.First), c.Second.valid(g.Second))
}

func (c Joined[A, B]) check() error {
	if c.First == nil || c.Second == nil {
		return errors.New("genetic: a joined coding needs both its parts")
	}
	return errors.Join(c.First.check(), c.Second.check())
}

func (c Joined[A, B]) describe() string { return c.First.describe() + " and " + c.Second.describe() }
