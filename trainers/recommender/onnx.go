package recommender

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"debut/datasets/interactions"
	"debut/engine/onnx"
	"debut/engine/safetensors"
	"debut/trainers/model"
)

// GraphRows is some rows of a question in ONNX: users, or items, that are asked about.
type GraphRows struct {
	To *onnx.Graph
	// Number is that of each in the model, [batch] in int64; 0 where Known is false.
	Number onnx.Value
	Known  onnx.Value // [batch, 1] of bool

	m       *Model
	offsets onnx.Value // of Histories
	items   onnx.Value
}

// Outputs of lists.
const (
	outputItems  = "items"
	outputScores = "scores"
	outputKnown  = "known"
)

// ListGraph is the question which items a user is recommended, with what he had in training left out. scores adds the scores of all items
// for some users, [batch, items]; weights and what those get whom the model does not know are the graph's matter.
func (m *Model) ListGraph(name string, scores func(r *GraphRows) onnx.Value) model.Graph {
	return model.Graph{
		Name: name,
		Build: func(to *onnx.Graph, o model.GraphOptions) (model.Signature, error) {
			return m.buildLists(to, o, scores)
		},
		Own: m.tryLists,
	}
}

// HasHistories says that the model knows what its users had in training, without which lists cannot leave it out.
func (m *Model) HasHistories() bool { return m.Histories.Len() > 0 }

// ErrNoHistories is matched by the error of a model that answers no question without them.
var ErrNoHistories = errors.New("the model folder has not what users of training have, by which lists are made")

// buildLists adds the question to a graph.
func (m *Model) buildLists(to *onnx.Graph, o model.GraphOptions, scores func(r *GraphRows) onnx.Value) (s model.Signature, err error) {
	column := cmp.Or(m.columns(m.history()).User, "user")
	in, number := m.ask(to, o, column, m.Shop.Users, usersFile, nil)
	s.Inputs = []model.Port{in}
	r := &GraphRows{To: to, m: m}
	r.number(number)
	length := r.length()
	r.Known = to.Node("And", r.Known, to.Node("Greater", to.Node("Unsqueeze", length, onnx.Vector[int64](to, 1)), onnx.Scalar[int64](to, 0)))
	v := scores(r)
	if w := m.Weights; w != nil {
		inverse := make([]float32, len(w))
		for i := range w {
			inverse[i] = 1 / w[i]
		}
		v = to.Node("Mul", v, to.Node("Where", to.Node("Less", v, onnx.Scalar[float32](to, 0)), onnx.Constant(to, inverse, 1, len(w)), onnx.Constant(to, w, 1, len(w))))
	}
	v = to.Node("Where", r.Known, v, onnx.Constant(to, newPopular(m.counts(), m.Users()).share, 1, m.Items()))
	has, _ := r.History(false)
	none := to.Node("Expand", onnx.Scalar(to, float32(math.Inf(-1))), to.Node("Shape", has))
	// What is no item goes to a column of its own.
	wide := to.NodeWith("Concat", []onnx.Attribute{onnx.Int("axis", 1)}, v, to.Node("Slice", v, onnx.Vector[int64](to, 0), onnx.Vector[int64](to, 1), onnx.Vector[int64](to, 1)))
	wide = to.NodeWith("ScatterElements", []onnx.Attribute{onnx.Int("axis", 1)}, wide, has, none)
	v = to.Node("Slice", wide, onnx.Vector[int64](to, 0), onnx.Vector(to, int64(m.Items())), onnx.Vector[int64](to, 1))
	items, best := m.best(to, v, o.K)
	s.Outputs = m.list(to, o, items, best, r.Known, "recommended, the best first")
	return s, to.Err()
}

// ask adds an input of users or items, and returns their numbers, [batch, 1] in int64, -1 of whom or what is not known.
func (m *Model) ask(to *onnx.Graph, o model.GraphOptions, name string, v *interactions.Vocabulary, file string, known func(i int) bool) (model.Port, onnx.Value) {
	p := model.Port{Name: name, Type: "string", Width: 1, About: "an id"}
	if v.Len() > o.Vocabulary {
		p.Type, p.About = "int64", fmt.Sprintf("the place of an id in %s, from 0; -1 is anything else", file)
		p.Encoded = fmt.Sprintf("%d ids are more than the %d that a graph may know", v.Len(), o.Vocabulary)
		in := to.Input(name, onnx.Int64, []int{onnx.Batch, 1}, p.About)
		inside := to.Node("Less", in, onnx.Scalar(to, int64(v.Len())))
		if known != nil {
			mask := make([]bool, v.Len())
			for i := range mask {
				mask[i] = known(i)
			}
			at := to.Node("Where", to.Node("And", inside, to.Node("GreaterOrEqual", in, onnx.Scalar[int64](to, 0))), in, onnx.Scalar[int64](to, 0))
			inside = to.Node("And", inside, to.Node("Gather", onnx.Vector(to, mask...), at))
		}
		return p, to.Node("Where", inside, in, onnx.Scalar[int64](to, -1))
	}
	in := to.Input(name, onnx.String, []int{onnx.Batch, 1}, p.About)
	var keys []string
	var numbers []int64
	for i := range v.Len() {
		if known == nil || known(i) {
			keys, numbers = append(keys, v.ID(i)), append(numbers, int64(i))
		}
	}
	return p, to.NodeWith("ai.onnx.ml.LabelEncoder", []onnx.Attribute{onnx.TextList("keys_strings", keys), onnx.Ints("values_int64s", numbers), onnx.Int("default_int64", -1)}, in)
}

// number takes numbers of which some are negative.
func (r *GraphRows) number(v onnx.Value) {
	zero := onnx.Scalar[int64](r.To, 0)
	r.Known = r.To.Node("GreaterOrEqual", v, zero)
	r.Number = r.To.Node("Squeeze", r.To.Node("Where", r.Known, v, zero), onnx.Vector[int64](r.To, 1))
}

// length is how many items each of the users has, [batch].
func (r *GraphRows) length() onnx.Value {
	h := r.m.Histories
	r.offsets = r.To.Table(safetensors.Vector("histories.offsets", h.Offsets))
	r.items = r.To.Table(safetensors.Vector("histories.items", h.Indices))
	next := r.To.Node("Add", r.Number, onnx.Scalar[int64](r.To, 1))
	return r.To.Node("Sub", r.To.Node("Gather", r.offsets, next), r.To.Node("Gather", r.offsets, r.Number))
}

// History is what the users had in training: numbers of items, [batch, some] in int64, that of all items where there are fewer; and with
// valued their values, 0 there.
func (r *GraphRows) History(valued bool) (items, values onnx.Value) {
	return r.Histories(r.Number, r.Known, valued)
}

// Histories is History of other users, of any shape, to which a dimension is added; those that are not there have nothing.
func (r *GraphRows) Histories(users, there onnx.Value, valued bool) (items, values onnx.Value) {
	to := r.To
	at, inside := Ragged(to, r.offsets, users, there)
	items = to.NodeWith("Cast", []onnx.Attribute{onnx.Int("to", int(onnx.Int64))}, to.Node("Gather", r.items, at))
	items = to.Node("Where", inside, items, onnx.Scalar(to, int64(r.m.Items())))
	if valued {
		all := to.Table(safetensors.Vector("histories.values", r.m.Histories.Values))
		values = to.Node("Where", inside, to.Node("Gather", all, at), onnx.Scalar[float32](to, 0))
	}
	return items, values
}

// Ragged returns the places of rows that lie one behind the other from offsets on, as many for each as the longest has, in a dimension
// more than the rows have; inside says which of them are places at all. Of rows that are not there, which has the last dimension already, none is.
func Ragged(to *onnx.Graph, offsets, rows, there onnx.Value) (places, inside onnx.Value) {
	last := onnx.Vector[int64](to, -1)
	first := to.Node("Gather", offsets, rows)
	length := to.Node("Sub", to.Node("Gather", offsets, to.Node("Add", rows, onnx.Scalar[int64](to, 1))), first)
	longest := to.NodeWith("ReduceMax", []onnx.Attribute{onnx.Int("keepdims", 0)}, length)
	longest = to.Node("Max", longest, onnx.Scalar[int64](to, 1))
	steps := to.Node("Range", onnx.Scalar[int64](to, 0), longest, onnx.Scalar[int64](to, 1))
	inside = to.Node("And", to.Node("Less", steps, to.Node("Unsqueeze", length, last)), there)
	places = to.Node("Where", inside, to.Node("Add", to.Node("Unsqueeze", first, last), steps), onnx.Scalar[int64](to, 0))
	return places, inside
}

// Spread adds values up at the numbers of items, [batch, some] both, of which that of all items is left out: [batch, items].
func (r *GraphRows) Spread(items, values onnx.Value) onnx.Value {
	to, n := r.To, int64(r.m.Items())
	rows := to.Node("Shape", r.Number)
	zeros := to.Node("Expand", onnx.Scalar[float32](to, 0), to.NodeWith("Concat", []onnx.Attribute{onnx.Int("axis", 0)}, rows, onnx.Vector(to, n+1)))
	all := to.NodeWith("ScatterElements", []onnx.Attribute{onnx.Int("axis", 1), onnx.Text("reduction", "add")}, zeros, items, values)
	return to.Node("Slice", all, onnx.Vector[int64](to, 0), onnx.Vector(to, n), onnx.Vector[int64](to, 1))
}

// best returns the numbers and scores of the best items, by scores that are [batch, items]. Equal ones are in the order of ties: the
// operator takes the first of them.
func (m *Model) best(to *onnx.Graph, scores onnx.Value, k int) (items, best onnx.Value) {
	order := make([]int64, m.Items())
	for place := range order {
		order[place] = int64(m.Ties.At(int32(place)))
	}
	ordered := onnx.Vector(to, order...)
	v := to.NodeWith("Gather", []onnx.Attribute{onnx.Int("axis", 1)}, scores, ordered)
	top := to.Nodes("TopK", 2, []onnx.Attribute{onnx.Int("axis", 1)}, v, onnx.Vector(to, int64(min(k, m.Items()))))
	return to.Node("Gather", ordered, top[1]), top[0]
}

// list makes outputs of numbers of items and scores, −∞ of which says that there is none.
func (m *Model) list(to *onnx.Graph, o model.GraphOptions, items, scores, known onnx.Value, about string) []model.Port {
	k := min(o.K, m.Items())
	shape := []int{onnx.Batch, k}
	none := to.Node("Equal", scores, onnx.Scalar(to, float32(math.Inf(-1))))
	out := []model.Port{
		{Name: outputItems, Type: "string", Width: k, About: "items " + about + "; an empty text where there are no more"},
		{Name: outputScores, Type: "float32", Width: k, About: "their scores; minus infinity where there are no more"},
		{Name: outputKnown, Type: "bool", Width: 1, About: "that the model knows the id"},
	}
	typ := onnx.String
	if m.Items() > o.Vocabulary {
		typ = onnx.Int64
		out[0].Type, out[0].About = "int64", "places in items.ids of items "+about+"; -1 where there are no more"
		out[0].Encoded = fmt.Sprintf("%d ids are more than the %d that a graph may know", m.Items(), o.Vocabulary)
		items = to.Node("Where", none, onnx.Scalar[int64](to, -1), items)
	} else {
		ids := make([]string, m.Items())
		for i := range ids {
			ids[i] = m.Shop.Items.ID(i)
		}
		items = to.Node("Where", none, to.Texts([]string{""}), to.Node("Gather", to.Texts(ids), items))
	}
	to.Output(items, outputItems, typ, shape, out[0].About)
	to.Output(scores, outputScores, onnx.Float, shape, out[1].About)
	to.Output(known, outputKnown, onnx.Bool, []int{onnx.Batch, 1}, out[2].About)
	return out
}

// SimilarGraph is the question which items are like one. find adds the numbers of items and their similarities, [batch, k], −∞ where there
// are no more; list is what the model says itself.
func (m *Model) SimilarGraph(find func(r *GraphRows, k int) (items, scores onnx.Value), list func(item string, k int) (model.List, error)) model.Graph {
	return model.Graph{
		Name: "similar",
		Build: func(to *onnx.Graph, o model.GraphOptions) (s model.Signature, err error) {
			column := cmp.Or(m.columns(m.history()).Item, "item")
			in, number := m.ask(to, o, column, m.Shop.Items, itemsFile, nil)
			s.Inputs = []model.Port{in}
			r := &GraphRows{To: to, m: m}
			r.number(number)
			items, scores := find(r, min(o.K, m.Items()))
			scores = to.Node("Where", r.Known, scores, onnx.Scalar(to, float32(math.Inf(-1))))
			s.Outputs = m.list(to, o, items, scores, r.Known, "that are most like it, the most alike first")
			return s, to.Err()
		},
		Own: func(_ context.Context, s model.Signature, o model.GraphOptions, rows int) (t model.Trial, err error) {
			asked := sampled(m.Shop.Items, rows)
			lists := make([]model.List, len(asked))
			for i, id := range asked {
				if _, ok := m.Shop.Items.Index(id); !ok {
					continue
				}
				if lists[i], err = list(id, min(o.K, m.Items())); err != nil {
					return t, err
				}
			}
			return m.trial(s, m.Shop.Items, asked, lists), nil
		},
	}
}

// Best is best for a family.
func (r *GraphRows) Best(scores onnx.Value, k int) (items, best onnx.Value) {
	return r.m.best(r.To, scores, k)
}

// stranger is an id that a model hardly knows.
const stranger = "(nobody)"

// sampled are ids of a vocabulary, at most so many, evenly from all of it, and one that it does not have.
func sampled(v *interactions.Vocabulary, rows int) []string {
	n := max(1, min(v.Len(), rows-1))
	ids := make([]string, 0, n+1)
	for i := range n {
		ids = append(ids, v.ID(i*v.Len()/n))
	}
	return append(ids, stranger)
}

// tryLists asks for the lists of users.
func (m *Model) tryLists(ctx context.Context, s model.Signature, o model.GraphOptions, rows int) (t model.Trial, err error) {
	users := sampled(m.Shop.Users, rows)
	var lists []model.List
	for l, err := range m.Recommend(ctx, model.Request{Users: users, K: min(o.K, m.Items())}) {
		if err != nil {
			return t, err
		}
		lists = append(lists, l)
	}
	return m.trial(s, m.Shop.Users, users, lists), nil
}

// trial lays lists out as a graph answers with them.
func (m *Model) trial(s model.Signature, of *interactions.Vocabulary, asked []string, lists []model.List) model.Trial {
	k := s.Outputs[0].Width
	t := model.Trial{Rows: len(asked), Inputs: map[string]onnx.Tensor{}, Outputs: map[string]onnx.Tensor{}, Scores: outputScores}
	names, numbers, scores, known := make([]string, len(asked)*k), make([]int64, len(asked)*k), make([]float32, len(asked)*k), make([]bool, len(asked))
	for i := range scores {
		scores[i], numbers[i] = float32(math.Inf(-1)), -1
	}
	for i, l := range lists {
		known[i] = l.Known
		copy(scores[i*k:], l.Scores)
		for j, id := range l.Items {
			names[i*k+j] = id
			if n, ok := m.Shop.Items.Index(id); ok {
				numbers[i*k+j] = int64(n)
			}
		}
	}
	t.Inputs[s.Inputs[0].Name] = idTensor(s.Inputs[0], of, asked)
	t.Outputs[outputScores], t.Outputs[outputKnown] = onnx.NewTensor(scores, k), onnx.NewTensor(known, 1)
	if t.Outputs[outputItems] = onnx.NewTensor(names, k); s.Outputs[0].Encoded != "" {
		t.Outputs[outputItems] = onnx.NewTensor(numbers, k)
	}
	return t
}

// idTensor is ids as an input takes them.
func idTensor(p model.Port, v *interactions.Vocabulary, ids []string) onnx.Tensor {
	if p.Encoded == "" {
		return onnx.NewTensor(ids, 1)
	}
	numbers := make([]int64, len(ids))
	for i, id := range ids {
		numbers[i] = -1
		if n, ok := v.Index(id); ok {
			numbers[i] = int64(n)
		}
	}
	return onnx.NewTensor(numbers, 1)
}

// RatingGraph is the question which rating a user would give to an item. rate adds it, [batch, 1] in float64, where users and items are
// both known, or of one of them alone.
func (m *Model) RatingGraph(rate func(to *onnx.Graph, user, item *GraphRows) onnx.Value) model.Graph {
	return model.Graph{
		Name: "model",
		Build: func(to *onnx.Graph, o model.GraphOptions) (s model.Signature, err error) {
			names := PredictorOf(m).IDs()
			users, items := &GraphRows{To: to, m: m}, &GraphRows{To: to, m: m}
			t := m.newTranslator()
			user, number := m.ask(to, o, names[0], m.Shop.Users, usersFile, func(u int) bool { has, _ := m.Histories.Row(u); return len(has) > 0 })
			users.number(number)
			item, number := m.ask(to, o, names[1], m.Shop.Items, itemsFile, func(i int) bool { return t.trained[i] })
			items.number(number)
			s.Inputs = []model.Port{user, item}
			s.Outputs = []model.Port{{Name: "prediction", Type: "float64", Width: 1, About: "the rating"}}
			to.Output(rate(to, users, items), "prediction", onnx.Double, []int{onnx.Batch, 1}, "the rating")
			return s, to.Err()
		},
		Own: m.tryRatings,
	}
}

// tryRatings asks for the ratings of pairs, of which some are unknown.
func (m *Model) tryRatings(_ context.Context, s model.Signature, _ model.GraphOptions, rows int) (model.Trial, error) {
	users, items := sampled(m.Shop.Users, rows), sampled(m.Shop.Items, rows)
	t := model.Trial{Rows: rows, Inputs: map[string]onnx.Tensor{}, Outputs: map[string]onnx.Tensor{}}
	translate := m.newTranslator()
	var of [2][]string
	ratings := make([]float64, rows)
	for r := range rows {
		// Strangers are the last of both; steps that have no divisor in common bring many pairs.
		u, i := users[(len(users)-1+r)%len(users)], items[(len(items)-1+r+r/len(users))%len(items)]
		of[0], of[1] = append(of[0], u), append(of[1], i)
		ratings[r] = m.Rate(translate.pair(u, i))
	}
	t.Inputs[s.Inputs[0].Name] = idTensor(s.Inputs[0], m.Shop.Users, of[0])
	t.Inputs[s.Inputs[1].Name] = idTensor(s.Inputs[1], m.Shop.Items, of[1])
	t.Outputs["prediction"] = onnx.NewTensor(ratings, 1)
	return t, nil
}

// EncoderFiles are the ids of users and items, in the order of their numbers.
func (m *Model) EncoderFiles() map[string]func(io.Writer) error {
	write := func(v *interactions.Vocabulary) func(io.Writer) error {
		return func(w io.Writer) error {
			_, err := v.WriteTo(w)
			return err
		}
	}
	return map[string]func(io.Writer) error{usersFile: write(m.Shop.Users), itemsFile: write(m.Shop.Items)}
}
