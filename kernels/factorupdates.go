package kernels

// FactorUpdates is the family of stochastic gradient steps on the factors and biases of users and items.
//
// A run takes blocks of samples. Within a block, groups of FactorGroup samples are taken one after another, the last of which may be
// smaller: what a sample tells is found for all of a group from what the groups before left, that is e or z below, then each makes its
// step, one after another, from what the steps before it left. Blocks of one run must have no user and no item in common: they are taken
// at the same time, and their order makes no difference. Where they have some in common, results are unspecified.
type FactorUpdates interface {
	RatingUpdates(RatingUpdatesArgs) (Kernel, error)
	PreferenceUpdates(PreferenceUpdatesArgs) (Kernel, error)
}

// FactorGroup is how many samples of a block are taken together.
const FactorGroup = 8

// The places of the Hyper operand [1, FactorHyperLen] of factor updates, rewritten before a run where they change.
const (
	FactorRate       = iota // η: the learning rate of factors
	FactorBiasRate          // ηb: the learning rate of biases; 0 leaves them as they are
	FactorUserL2            // λu: the penalty of users' factors
	FactorItemL2            // λi: the penalty of items' factors; of preferred ones in PreferenceUpdates
	FactorOtherL2           // λj: the penalty of the factors of items not preferred
	FactorUserBiasL2        // λbu: the penalty of users' biases
	FactorItemBiasL2        // λbi: the penalty of items' biases
	FactorMean              // μ: what all ratings have in common
	FactorHyperLen
)

// FactorSamples are the samples of factor updates and how they are blocked.
type FactorSamples struct {
	// Samples, Int32 [N, 2], is a user and an item a row; [N, 3] a user, an item and another. A sample that names a user or an
	// item that there is none of has no effect.
	Samples Matrix
	// Blocks, Int32 [B, 2], is the first sample of a block and the one behind its last. What is not in 0 … N there is left out.
	Blocks Matrix
}

// RatingUpdatesArgs binds steps down the squared error of a factorization with biases (Koren, Bell and Volinsky, "Matrix
// Factorization Techniques for Recommender Systems", 2009). For a sample (u, i) of rating r, with p and q the rows of u and i,
//
//	e = r − (μ + bu + bi + p·q)
//	p, q = p + η(e·q − λu·p), q + η(e·p − λi·q)
//	bu, bi = bu + ηb(e − λbu·bu), bi + ηb(e − λbi·bi)
//
// the two lines of steps each from the values before it. Loss receives Σe² of each block.
type RatingUpdatesArgs struct {
	Users, Items       Matrix // [U, K] and [I, K]
	UserBias, ItemBias Matrix // [1, U] and [1, I]
	FactorSamples
	Ratings Matrix // [N, 1]
	Hyper   Matrix // [1, FactorHyperLen]
	Loss    Matrix // [B, 1]
}

// PreferenceUpdatesArgs binds steps of Bayesian personalized ranking (Rendle, Freudenthaler, Gantner and Schmidt-Thieme, UAI 2009).
// For a sample (u, i, j), user u preferring i to j, with p, q and o the rows of u, i and j,
//
//	x = bi − bj + p·(q − o),  z = 1/(1 + exp(x))
//	p = p + η(z·(q − o) − λu·p),  q = q + η(z·p − λi·q),  o = o + η(−z·p − λj·o)
//	bi = bi + ηb(z − λbi·bi),  bj = bj + ηb(−z − λbi·bj)
//
// the lines of steps each from the values before it. Users' biases have no part in it. A sample with i = j has no effect. Weights, if any, multiply both rates
// in a block. Loss receives Σ log(1 + exp(−x)) of each block, without weights.
type PreferenceUpdatesArgs struct {
	Users, Items Matrix // [U, K] and [I, K]
	ItemBias     Matrix // [1, I]
	FactorSamples
	Weights Matrix // [B, 1], may be absent
	Hyper   Matrix // [1, FactorHyperLen]
	Loss    Matrix // [B, 1]
}

// Name implements Args.
func (a RatingUpdatesArgs) Name() string { return "rating updates" }

// Name implements Args.
func (a PreferenceUpdatesArgs) Name() string { return "preference updates" }

// Work implements Args: as if the blocks there are had their share of all samples; rows of factors are taken to come from memory
// each time.
func (a RatingUpdatesArgs) Work(rows Rows) Cost {
	k := float64(a.Users.Cols)
	n := a.share(rows(a.Blocks, a.Loss))
	return Cost{FLOPs: n * (8*k + 14), Bytes: n * (size(a.Users)*(4*k+5) + 2*size(a.Samples))}
}

// Work implements Args, as that of RatingUpdatesArgs.
func (a PreferenceUpdatesArgs) Work(rows Rows) Cost {
	k := float64(a.Users.Cols)
	n := a.share(rows(a.Blocks, a.Loss, a.Weights))
	return Cost{FLOPs: n * (13*k + 30), Bytes: n * (size(a.Users)*(6*k+4) + 3*size(a.Samples))}
}

// share returns how many samples so many blocks have of all.
func (s FactorSamples) share(blocks int) float64 {
	return float64(s.Samples.Rows) * float64(blocks) / float64(max(s.Blocks.Rows, 1))
}

func (s FactorSamples) check(name string, columns int) error {
	return checkOperands(name, Int32, operand{"Samples", s.Samples, -1, columns, false}, operand{"Blocks", s.Blocks, -1, 2, false})
}

// Check implements Args.
func (a RatingUpdatesArgs) Check() error {
	name := a.Name()
	if err := a.check(name, 2); err != nil {
		return err
	}
	return checkOperands(name, floatDtype(a.Users), operand{"Users", a.Users, -1, -1, false}, operand{"Items", a.Items, -1, a.Users.Cols, false},
		operand{"UserBias", a.UserBias, 1, a.Users.Rows, false}, operand{"ItemBias", a.ItemBias, 1, a.Items.Rows, false},
		operand{"Ratings", a.Ratings, a.Samples.Rows, 1, false}, operand{"Hyper", a.Hyper, 1, FactorHyperLen, false},
		operand{"Loss", a.Loss, a.Blocks.Rows, 1, false})
}

// Check implements Args.
func (a PreferenceUpdatesArgs) Check() error {
	name := a.Name()
	if err := a.check(name, 3); err != nil {
		return err
	}
	return checkOperands(name, floatDtype(a.Users), operand{"Users", a.Users, -1, -1, false}, operand{"Items", a.Items, -1, a.Users.Cols, false},
		operand{"ItemBias", a.ItemBias, 1, a.Items.Rows, false}, operand{"Weights", a.Weights, a.Blocks.Rows, 1, true},
		operand{"Hyper", a.Hyper, 1, FactorHyperLen, false}, operand{"Loss", a.Loss, a.Blocks.Rows, 1, false})
}
