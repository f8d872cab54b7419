package factorization

import (
	"fmt"
	"slices"

	"debut/datasets/interactions"
	"debut/engine/safetensors"
	"debut/kernels"
	"debut/kernels/devices"
	"debut/kernels/pool"
	"debut/trainers/model"
	"debut/trainers/modelfolder"
	"debut/trainers/ranking"
	"debut/trainers/recommender"
)

// factorsFile holds the factors in a model folder.
const factorsFile = "factors.safetensors"

// formatVersion is that of the layout of model folders.
const formatVersion = 1

// Model is a trained model.
type Model struct {
	recommender.Model
	cfg     ModelConfig
	factors *Factors
	dev     kernels.Device
	score   *scorer
	lift    *lift       // of two towers, made when somebody is first folded in
	folding [2]*folding // of users and of items, each made when it is first asked for
}

// RatingModel is a trained model of ratings: it predicts them too.
type RatingModel struct {
	*Model
	recommender.Predictor
}

// Read reads a model from its folder, to answer on so many threads: a *Model, or of ratings a *RatingModel. It should be closed. Lists of
// users of training are made on the device.
func Read(r *modelfolder.Reader, dev kernels.Device, threads int) (model.Model, error) {
	m, err := read(r, threads)
	if err != nil {
		return nil, err
	}
	if !onProcessor(dev) {
		m.Scorer = listing{m.score, newDeviceScorer(m.factors, dev)}
	}
	if !m.cfg.rates() {
		return m, nil
	}
	m.Rate = m.factors.Rate
	return &RatingModel{m, recommender.PredictorOf(&m.Model)}, nil
}

func read(r *modelfolder.Reader, threads int) (*Model, error) {
	m := &Model{}
	base, err := recommender.Read(r, formatVersion, &m.cfg, func() error { return m.cfg.whole() })
	if err != nil {
		return nil, err
	}
	m.Model = base
	err = r.Tensors(factorsFile, func(f *safetensors.File) (err error) {
		m.factors, err = readFactors(f, m.Shop.Users.Len(), m.Shop.Items.Len(), &m.cfg)
		return err
	})
	if err != nil {
		return nil, err
	}
	if m.dev, err = devices.Open("cpu", devices.Options{Threads: threads}); err != nil {
		return nil, err
	}
	m.score = newScorer(m.factors, m.dev)
	m.Scorer, m.Fold, m.Pool = m.score, m.foldedScorer, pool.New(threads)
	return m, nil
}

// whole is validate for settings that nothing is to be chosen of any more.
func (c *ModelConfig) whole() error {
	if err := c.validate(); err != nil {
		return err
	}
	if c.Algorithm == alsAlgorithm.name && !c.rates() && (c.Unobserved == nil || c.Regularization == nil) {
		return fmt.Errorf("model: unobserved and regularization are missing")
	}
	if slices.Contains(find(c.Algorithm).keys, "factors") && c.Factors == 0 {
		return fmt.Errorf("model: factors is missing")
	}
	if c.Regularization == nil || c.Algorithm == alsAlgorithm.name && c.Exponent == nil || c.Algorithm == bprAlgorithm.name && c.LearningRate == nil {
		return fmt.Errorf("model: regularization, exponent or learning_rate is missing")
	}
	if c.Algorithm == algorithmTower && c.Temperature == nil {
		return fmt.Errorf("model: temperature is missing")
	}
	if c.Algorithm == simplexAlgorithm.name && c.Gate == nil {
		return fmt.Errorf("model: gate is missing")
	}
	return nil
}

// Close ends the model's goroutines.
func (m *Model) Close() error {
	m.Pool.Close()
	return m.dev.Close()
}

// Family is the family's name.
func (m *Model) Family() string { return Family }

// Similar lists the items whose factors point in the direction of one's, by the cosine between them.
func (m *Model) Similar(item string, k int) (model.List, error) {
	if m.cfg.Factors == 0 {
		return model.List{}, fmt.Errorf("the model is of biases, which do not tell which items are alike; train one of factors, model: {algorithm: %s}", algorithmSGD)
	}
	i, err := m.Item(item)
	if err != nil {
		return model.List{}, err
	}
	items, scores := m.factors.similar(i, k, m.Ties)
	return m.List(item, items, scores), nil
}

// Event is what somebody has, and its value as in training: of ratings the rating, else what its events weigh, added up.
type Event struct {
	Item  string
	Value float64
}

// FoldIn returns the factors of somebody whom the model does not know, from what he has: those that training would have found for him
// with all items as they are. Items that the model does not know say nothing; without another the error matches model.ErrUnknown.
func (m *Model) FoldIn(history []Event) ([]float32, error) {
	columns, values, err := m.history(history)
	if err != nil {
		return nil, err
	}
	return find(m.cfg.Algorithm).fold(m, columns, values)
}

// RecommendTo lists at most k items for somebody whom the model does not know, from what he has; that is left out.
func (m *Model) RecommendTo(name string, history []Event, k int) (model.List, error) {
	x, err := m.FoldIn(history)
	if err != nil {
		return model.List{}, err
	}
	scores := make([]float32, m.Items())
	if err := m.score.product(x, 0, m.Items(), scores); err != nil {
		return model.List{}, err
	}
	m.Weigh(scores)
	columns, _, err := m.history(history)
	if err != nil {
		return model.List{}, err
	}
	best := ranking.NewSelector(min(max(k, 0), m.Items()), m.Ties)
	for i, v := range scores {
		if _, has := slices.BinarySearch(columns, int32(i)); !has {
			best.Add(int32(i), v)
		}
	}
	var items []int32
	scores = scores[:0]
	for _, s := range best.Best() {
		items, scores = append(items, s.Item), append(scores, s.Score)
	}
	return m.List(name, items, scores), nil
}

// history numbers events, ascending. What is there twice is added up, of ratings the last counts.
func (m *Model) history(events []Event) (columns []int32, values []float32, err error) {
	return m.numbered(len(events), "item", m.Shop.Items, func(k int) (string, float64) { return events[k].Item, events[k].Value })
}

// numbered numbers n things of a vocabulary with their values.
func (m *Model) numbered(n int, what string, v *interactions.Vocabulary, at func(k int) (string, float64)) (columns []int32, values []float32, err error) {
	sum := map[int32]float64{}
	for k := range n {
		id, value := at(k)
		if !(value >= 0 && value <= maxValue) {
			return nil, nil, fmt.Errorf("factorization: %s %q has the value %v; give a finite number that is not negative", what, id, value)
		}
		i, ok := v.Index(id)
		if !ok {
			continue
		}
		if m.cfg.rates() {
			sum[i] = 0
		}
		sum[i] += value
	}
	if len(sum) == 0 {
		return nil, nil, fmt.Errorf("factorization: none of the %d %ss of the history: %w", n, what, model.ErrUnknown)
	}
	for i := range sum {
		columns = append(columns, i)
	}
	slices.Sort(columns)
	for _, i := range columns {
		values = append(values, float32(sum[i]))
	}
	return columns, values, nil
}

// maxValue bounds the values of a history, which are squared.
const maxValue = 1e15

// foldedScorer scores users whom the model does not know by the rows of factors that are found for them.
type foldedScorer struct {
	m         *Model
	histories *interactions.Matrix
	rows      []float32
}

// foldedScorer makes the scorer of the rows of a matrix of users × the model's items.
func (m *Model) foldedScorer(histories *interactions.Matrix) (ranking.Scorer, error) {
	return &foldedScorer{m: m, histories: histories}, nil
}

// Items is the number of items.
func (s *foldedScorer) Items() int { return s.m.Items() }

// Score scores all items for each of the users.
func (s *foldedScorer) Score(users []int32, out []float32) error {
	s.rows = s.rows[:0]
	for _, u := range users {
		columns, values := s.histories.Row(int(u))
		x, err := find(s.m.cfg.Algorithm).fold(s.m, columns, values)
		if err != nil {
			return err
		}
		s.rows = append(s.rows, x...)
	}
	return s.m.score.product(s.rows, 0, s.m.Items(), out)
}
