// Package genetic searches by evolution where a program of trainers/supply/lp cannot go: costs known by simulation, sequences, choices
// whose effect is not linear.
//
// A [Search] holds islands of genomes. In each generation parents are chosen by tournament, their children crossed, mutated,
// repaired, evaluated and perhaps improved by a local search; the best genomes stay (elitism); every few generations the best of an
// island moves to the next; and an island whose best has long been the same starts anew, its best being kept. What a genome is, and how
// genomes are crossed and mutated, says a [Coding]: [Binary], [Integer], [Real], [Permutation], or two of them [Joined].
//
// Constraints are handled by the feasibility rules of Deb, "An Efficient Constraint Handling Method for Genetic Algorithms" (2000): a genome that keeps
// them is better than one that breaks them, of two that break them the one that breaks them less, of two that keep them the cheaper one. No penalty
// has to be chosen.
//
// A search is a pure function of its problem, options and seed. Random numbers are drawn by counter for each pair of children, so that
// neither the number of threads nor an interruption changes a bit. Where the fitness is a simulation, the problem should run it on the same random
// numbers for every genome: then a difference of two costs is one of the genomes, not of luck.
package genetic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"debut/kernels/philox"
	"debut/kernels/pool"
)

// Score is what a genome is worth.
type Score struct {
	Cost      float64 // what is to be small; no number is worse than any
	Violation float64 // by how much constraints are broken, zero where all are kept
}

// Better says whether s is better than t by the feasibility rules.
func (s Score) Better(t Score) bool {
	switch {
	case s.broken() != t.broken():
		return t.broken()
	case s.broken():
		return rank(s.Violation) < rank(t.Violation)
	}
	return rank(s.Cost) < rank(t.Cost)
}

// broken says whether constraints are broken; a violation that is no number is.
func (s Score) broken() bool { return !(s.Violation <= 0) }

// rank makes what is no number the worst of all.
func rank(x float64) float64 {
	if math.IsNaN(x) {
		return math.Inf(1)
	}
	return x
}

// Problem is what is searched. Its functions are called by several goroutines at a time, and must be pure: what they return depends on
// the genome, and on the random numbers that they are handed, alone.
type Problem[G any] struct {
	Coding Coding[G]

	// Evaluate returns the score of a genome, which it must leave as it is.
	Evaluate func(genome G) Score

	// Repair, where given, makes a genome into one that keeps the constraints, or is nearer to it, in place, before it is evaluated.
	Repair func(genome G, random *philox.Stream)

	// Improve, where given, is a local search: it makes a genome better in place, and returns its new score and how many
	// evaluations that took. It runs on the share of children that Options.Improve names.
	Improve func(genome G, score Score, random *philox.Stream) (improved Score, evaluations int)
}

// Options are the settings of a search. The zero value has good ones; a limit has to be given, of generations or of evaluations, or a context that ends.
type Options struct {
	Seed       uint64
	Islands    int     // populations side by side; 1 unless given
	Population int     // genomes on an island; 100 unless given
	Tournament int     // genomes that compete to be a parent; 3 unless given
	Crossover  float64 // the share of pairs of children that are crossed; .9 unless given
	Elite      int     // the best genomes that stay as they are; 1 unless given, none where negative
	Migration  int     // generations from one migration to the next; 10 unless given
	Patience   int     // generations without a better genome after which an island starts anew; 50 unless given, never where negative
	Improve    float64 // the share of children that Problem.Improve is called for; .1 unless given

	Generations int // the most there will be; no limit where zero
	Evaluations int // after these no generation begins; no limit where zero

	// Target, where given, is a cost that is good enough: the search ends with the generation that reaches it.
	Target *float64

	// Report, where given, is called after each generation.
	Report func(Progress)
}

// Progress is where a search stands.
type Progress struct {
	Generation  int
	Evaluations int
	Best        Score   // the best so far
	Mean        float64 // the mean cost of the present genomes that keep all constraints, NaN where none does
	Spread      float64 // the standard deviation of those costs
	Restarts    int     // how many times an island has started anew
}

// Limits of the options: a population beyond them is a mistake, not a plan.
const (
	mostIslands    = 1 << 10
	mostPopulation = 1 << 20
)

// setDefaults fills in what is not given and checks what is.
func (o *Options) setDefaults() error {
	for _, setting := range []struct {
		name          string
		value         *int
		usual         int
		least, most   int
		negativeIsOff bool
	}{
		{"islands", &o.Islands, 1, 1, mostIslands, false},
		{"population", &o.Population, 100, 2, mostPopulation, false},
		{"tournament", &o.Tournament, 3, 1, mostPopulation, false},
		{"elite", &o.Elite, 1, 0, mostPopulation, true},
		{"migration", &o.Migration, 10, 1, math.MaxInt, false},
		{"patience", &o.Patience, 50, 1, math.MaxInt, true},
		{"generations", &o.Generations, 0, 0, math.MaxInt, false},
		{"evaluations", &o.Evaluations, 0, 0, math.MaxInt, false},
	} {
		if *setting.value == 0 {
			*setting.value = setting.usual
		}
		if setting.negativeIsOff && *setting.value < 0 {
			continue
		}
		if *setting.value < setting.least || *setting.value > setting.most {
			return fmt.Errorf("genetic: %s is %d: it must be from %d to %d", setting.name, *setting.value, setting.least, setting.most)
		}
	}
	for _, share := range []struct {
		name  string
		value *float64
		usual float64
	}{{"crossover", &o.Crossover, .9}, {"improve", &o.Improve, .1}} {
		if *share.value == 0 {
			*share.value = share.usual
		}
		if !(*share.value >= 0 && *share.value <= 1) {
			return fmt.Errorf("genetic: %s is %g: it is a share, from 0 to 1", share.name, *share.value)
		}
	}
	if o.Elite >= o.Population {
		return fmt.Errorf("genetic: an elite of %d leaves no place for children in a population of %d", o.Elite, o.Population)
	}
	return nil
}

// island is a population and what is known of it. Its genomes are never changed in place: several places may share one.
type island[G any] struct {
	Genomes []G
	Scores  []Score
	Since   int   // generations since its best got better
	Best    Score // the best since it started anew
}

// Search is a search under way. It is for one goroutine at a time.
type Search[G any] struct {
	problem Problem[G]
	options Options

	islands     []island[G]
	best        G
	score       Score
	generation  int
	evaluations int
	restarts    int
}

// New returns a search that has not begun. It is an error where options contradict each other.
func New[G any](problem Problem[G], options Options) (*Search[G], error) {
	if problem.Coding == nil || problem.Evaluate == nil {
		return nil, errors.New("genetic: a problem needs a coding and a function that evaluates genomes")
	}
	if err := options.setDefaults(); err != nil {
		return nil, err
	}
	if err := problem.Coding.check(); err != nil {
		return nil, err
	}
	return &Search[G]{problem: problem, options: options, score: Score{Cost: math.NaN(), Violation: math.NaN()}}, nil
}

// Run searches until a limit or the target is reached or the context ends, which is no error: the best so far is the result, and
// another call goes on from there. It is an error where nothing would ever end it.
func (s *Search[G]) Run(ctx context.Context, p *pool.Pool) error {
	if s.options.Generations == 0 && s.options.Evaluations == 0 && s.options.Target == nil && ctx.Done() == nil {
		return errors.New("genetic: nothing ends this search: give it a limit of generations or of evaluations")
	}
	for !s.Done() && ctx.Err() == nil {
		s.Step(p)
		if s.options.Report != nil {
			s.options.Report(s.Progress())
		}
	}
	return nil
}

// Done says whether a limit or the target has been reached.
func (s *Search[G]) Done() bool {
	o := &s.options
	return (o.Generations > 0 && s.generation >= o.Generations) ||
		(o.Evaluations > 0 && s.evaluations >= o.Evaluations) ||
		(o.Target != nil && s.generation > 0 && !s.score.broken() && s.score.Cost <= *o.Target)
}

// Best returns the best genome so far, and its score. Before the first generation there is none, and the score is no number.
func (s *Search[G]) Best() (G, Score) { return s.best, s.score }

// Progress returns where the search stands.
func (s *Search[G]) Progress() Progress {
	var n, mean, squares float64
	for _, island := range s.islands {
		for _, score := range island.Scores {
			if score.broken() || math.IsNaN(score.Cost) || math.IsInf(score.Cost, 0) {
				continue
			}
			n++
			d := score.Cost - mean
			mean += d / n
			squares += d * (score.Cost - mean)
		}
	}
	if n == 0 {
		mean = math.NaN()
	}
	return Progress{
		Generation: s.generation, Evaluations: s.evaluations, Best: s.score,
		Mean: mean, Spread: math.Sqrt(squares / math.Max(n, 1)), Restarts: s.restarts,
	}
}

// Step goes on by one generation: the first one makes the first genomes.
func (s *Search[G]) Step(p *pool.Pool) {
	if s.islands == nil {
		s.islands = make([]island[G], s.options.Islands)
	}
	// All islands are cut into pairs of children, so that few islands keep many threads busy.
	pairs := (s.options.Population - max(s.options.Elite, 0) + 1) / 2
	firsts := (s.options.Population + 1) / 2
	next := make([]island[G], len(s.islands))
	costs := make([]int, len(s.islands)*firsts) // evaluations of each pair
	for i := range next {
		next[i] = s.survivors(i)
	}
	pool.Each(p, len(costs), func(k int) {
		i, pair := k/firsts, k%firsts
		fresh := s.islands[i].Genomes == nil
		if !fresh && pair >= pairs {
			return
		}
		costs[k] = s.breed(i, pair, &next[i], fresh)
	})
	for _, n := range costs {
		s.evaluations += n
	}
	for i := range next {
		s.settle(i, &next[i])
	}
	s.generation++
	if len(s.islands) > 1 && s.generation%s.options.Migration == 0 {
		s.migrate()
	}
}

// survivors returns the next population of an island with its elite in place; a new island has none.
func (s *Search[G]) survivors(i int) island[G] {
	now, n := &s.islands[i], s.options.Population
	next := island[G]{Genomes: make([]G, n), Scores: make([]Score, n), Since: now.Since, Best: now.Best}
	if now.Genomes == nil {
		return next
	}
	for place, at := range now.best(max(s.options.Elite, 0)) {
		next.Genomes[place], next.Scores[place] = now.Genomes[at], now.Scores[at]
	}
	return next
}

// best returns the places of the n best genomes, the best first, the first of equals before others.
func (l *island[G]) best(n int) []int {
	places := make([]int, len(l.Scores))
	for i := range places {
		places[i] = i
	}
	slices.SortStableFunc(places, func(a, b int) int {
		switch {
		case l.Scores[a].Better(l.Scores[b]):
			return -1
		case l.Scores[b].Better(l.Scores[a]):
			return 1
		}
		return 0
	})
	return places[:n]
}

// breed fills the places of a pair of children, and returns how many evaluations that took.
func (s *Search[G]) breed(i, pair int, next *island[G], fresh bool) (evaluations int) {
	firsts := (s.options.Population + 1) / 2
	stream := (uint64(s.generation)*uint64(len(s.islands))+uint64(i))*uint64(firsts) + uint64(pair)
	random := philox.New(s.options.Seed, stream)
	coding := s.problem.Coding
	if fresh {
		for at := 2 * pair; at < min(2*pair+2, len(next.Genomes)); at++ {
			next.Genomes[at] = coding.random(random)
			evaluations += s.assess(next, at, random)
		}
		return evaluations
	}
	now := &s.islands[i]
	mother, father := now.winner(s.options.Tournament, random), now.winner(s.options.Tournament, random)
	var children [2]G
	if random.Float64() < s.options.Crossover {
		children[0], children[1] = coding.cross(now.Genomes[mother], now.Genomes[father], random)
	} else {
		children[0], children[1] = coding.clone(now.Genomes[mother]), coding.clone(now.Genomes[father])
	}
	for c, child := range children {
		coding.mutate(child, random)
		at := max(s.options.Elite, 0) + 2*pair + c
		if at >= len(next.Genomes) {
			break // the second child of the last pair has no place
		}
		next.Genomes[at] = child
		same := -1
		for _, parent := range [2]int{mother, father} {
			if coding.equal(child, now.Genomes[parent]) {
				same = parent
			}
		}
		if same >= 0 {
			next.Genomes[at], next.Scores[at] = now.Genomes[same], now.Scores[same] // its score is known
			continue
		}
		evaluations += s.assess(next, at, random)
	}
	return evaluations
}

// winner returns the place of the best of some genomes drawn with replacement, the first drawn of equals.
func (l *island[G]) winner(size int, random *philox.Stream) int {
	best := random.IntN(len(l.Genomes))
	for range size - 1 {
		if other := random.IntN(len(l.Genomes)); l.Scores[other].Better(l.Scores[best]) {
			best = other
		}
	}
	return best
}

// assess repairs, evaluates and improves the genome of a place.
func (s *Search[G]) assess(l *island[G], at int, random *philox.Stream) (evaluations int) {
	genome := l.Genomes[at]
	if s.problem.Repair != nil {
		s.problem.Repair(genome, random)
	}
	l.Scores[at] = s.problem.Evaluate(genome)
	evaluations = 1
	if s.problem.Improve != nil && random.Float64() < s.options.Improve {
		score, n := s.problem.Improve(genome, l.Scores[at], random)
		l.Scores[at] = score
		evaluations += n
	}
	return evaluations
}

// settle makes a population the present one of its island, keeps the best, and has an island that has come to rest start anew.
func (s *Search[G]) settle(i int, next *island[G]) {
	first := s.islands[i].Genomes == nil
	at := next.best(1)[0]
	if first || next.Scores[at].Better(next.Best) {
		next.Best, next.Since = next.Scores[at], 0
	} else {
		next.Since++
	}
	if (s.generation == 0 && i == 0) || next.Scores[at].Better(s.score) {
		s.best, s.score = s.problem.Coding.clone(next.Genomes[at]), next.Scores[at]
	}
	s.islands[i] = *next
	if s.options.Patience > 0 && next.Since >= s.options.Patience {
		s.islands[i] = island[G]{}
		s.restarts++
	}
}

// migrate sends the best genome of each island to the next one, in the place of its worst.
func (s *Search[G]) migrate() {
	guests, scores := make([]G, len(s.islands)), make([]Score, len(s.islands))
	for i := range s.islands {
		if l := &s.islands[i]; l.Genomes != nil {
			at := l.best(1)[0]
			guests[i], scores[i] = l.Genomes[at], l.Scores[at]
		}
	}
	for i := range s.islands {
		to := &s.islands[(i+1)%len(s.islands)]
		if s.islands[i].Genomes == nil || to.Genomes == nil {
			continue
		}
		places := to.best(len(to.Genomes))
		worst := places[len(places)-1]
		to.Genomes[worst], to.Scores[worst] = guests[i], scores[i]
	}
}

// state is a search on disk.
type state[G any] struct {
	Version     int         `json:"version"`
	Options     string      `json:"options"`
	Generation  int         `json:"generation"`
	Evaluations int         `json:"evaluations"`
	Restarts    int         `json:"restarts"`
	Best        G           `json:"best"`
	Score       Score       `json:"score"`
	Islands     []island[G] `json:"islands"`
}

// stateVersion is raised when a search goes on differently from the same state.
const stateVersion = 1

// fingerprint names the options that decide on the course of a search; limits and reports do not.
func (s *Search[G]) fingerprint() string {
	o, coding := s.options, s.problem.Coding.describe()
	if len(coding) > 100 { // long lists of bounds are named by their hash
		coding = fmt.Sprintf("%s… (%016x)", coding[:60], philox.StreamOf(coding))
	}
	return fmt.Sprintf("%s, seed %d, %d islands of %d, tournament %d, crossover %g, elite %d, migration %d, patience %d, improve %g",
		coding, o.Seed, o.Islands, o.Population, o.Tournament, o.Crossover, o.Elite, o.Migration, o.Patience, o.Improve)
}

// State returns all that decides on the generations to come, as JSON.
func (s *Search[G]) State() ([]byte, error) {
	data, err := json.Marshal(state[G]{
		Version: stateVersion, Options: s.fingerprint(), Generation: s.generation, Evaluations: s.evaluations, Restarts: s.restarts,
		Best: s.best, Score: s.score, Islands: s.islands,
	})
	if err != nil {
		return nil, fmt.Errorf("genetic: writing the state of a search: %w", err)
	}
	return data, nil
}

// Resume goes on from a state of the same problem and options. It checks the state and trusts nothing: genomes that the coding
// does not know are an error, and so is a state of other options.
func (s *Search[G]) Resume(data []byte) error {
	var from state[G]
	if err := json.Unmarshal(data, &from); err != nil {
		return fmt.Errorf("genetic: reading the state of a search: %w", err)
	}
	if from.Version != stateVersion {
		return fmt.Errorf("genetic: the state of a search has version %d, this program knows version %d: begin anew", from.Version, stateVersion)
	}
	if own := s.fingerprint(); from.Options != own {
		return fmt.Errorf("genetic: the state is of a search by %s, this is one by %s: begin anew", from.Options, own)
	}
	if from.Generation < 0 || from.Evaluations < 0 || from.Restarts < 0 {
		return errors.New("genetic: the state of a search counts below zero: it is damaged")
	}
	if from.Generation > 0 {
		if len(from.Islands) != s.options.Islands {
			return fmt.Errorf("genetic: the state of a search has %d islands, not %d: it is damaged", len(from.Islands), s.options.Islands)
		}
		if err := s.problem.Coding.valid(from.Best); err != nil {
			return fmt.Errorf("genetic: the best genome of a state: %w", err)
		}
	}
	for i, l := range from.Islands {
		if len(l.Genomes) == 0 && len(l.Scores) == 0 {
			from.Islands[i] = island[G]{} // about to start anew
			continue
		}
		if len(l.Genomes) != s.options.Population || len(l.Scores) != s.options.Population {
			return fmt.Errorf("genetic: island %d of a state has %d genomes and %d scores, not %d: it is damaged",
				i, len(l.Genomes), len(l.Scores), s.options.Population)
		}
		for _, genome := range l.Genomes {
			if err := s.problem.Coding.valid(genome); err != nil {
				return fmt.Errorf("genetic: a genome of island %d of a state: %w", i, err)
			}
		}
	}
	s.generation, s.evaluations, s.restarts = from.Generation, from.Evaluations, from.Restarts
	s.best, s.score, s.islands = from.Best, from.Score, from.Islands
	return nil
}

// MarshalJSON writes both numbers as text, since JSON has no infinity.
func (s Score) MarshalJSON() ([]byte, error) {
	return json.Marshal([2]string{fmt.Sprint(s.Cost), fmt.Sprint(s.Violation)})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *Score) UnmarshalJSON(data []byte) error {
	var text [2]string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	for i, to := range []*float64{&s.Cost, &s.Violation} {
		if _, err := fmt.Sscan(text[i], to); err != nil {
			return fmt.Errorf("a score of %q: %w", text[i], err)
		}
	}
	return nil
}
