package factorization

import (
	"math"

	"debut/engine/onnx"
	"debut/engine/safetensors"
	"debut/kernels/rawbytes"
	"debut/trainers/model"
	"debut/trainers/recommender"
)

// Graphs are the questions which items users are recommended, which are like others, and of ratings first of all which a user would give.
func (m *Model) Graphs() ([]model.Graph, error) {
	var list []model.Graph
	name := "model"
	if m.cfg.rates() {
		name, list = "recommend", append(list, m.RatingGraph(m.onnxRating))
	}
	if m.HasHistories() {
		list = append(list, m.ListGraph(name, m.onnxScores))
	}
	if list = append(list, m.similarGraphs()...); len(list) == 0 {
		return nil, recommender.ErrNoHistories
	}
	return list, nil
}

// tables are the factors as tables of a graph.
func (m *Model) usersTable(to *onnx.Graph) onnx.Value {
	return to.Table(safetensors.Matrix("users.factors", m.factors.Users, m.factors.Width))
}

func (m *Model) itemsTable(to *onnx.Graph) onnx.Value {
	return to.Table(safetensors.Matrix("items.factors", m.factors.Items, m.factors.Width))
}

// onnxScores is the product of users' rows with those of all items.
func (m *Model) onnxScores(r *recommender.GraphRows) onnx.Value {
	to := r.To
	rows := to.Node("Gather", m.usersTable(to), r.Number)
	return to.NodeWith("Gemm", []onnx.Attribute{onnx.Int("transB", 1)}, rows, m.itemsTable(to), onnx.Vector(to, float32(m.factors.Mean)))
}

// onnxRating is Factors.Rate.
func (m *Model) onnxRating(to *onnx.Graph, user, item *recommender.GraphRows) onnx.Value {
	f := m.factors
	double := func(v onnx.Value) onnx.Value {
		return to.NodeWith("Cast", []onnx.Attribute{onnx.Int("to", int(onnx.Double))}, v)
	}
	x, y := double(to.Node("Gather", m.usersTable(to), user.Number)), double(to.Node("Gather", m.itemsTable(to), item.Number))
	product := to.Node("ReduceSum", to.Node("Mul", x, y), onnx.Vector[int64](to, 1))
	zero := onnx.Constant(to, []float64{0}, 1, 1)
	ofUser, ofItem := zero, zero
	if f.Biases {
		column := func(v onnx.Value, i int) onnx.Value {
			return to.NodeWith("Gather", []onnx.Attribute{onnx.Int("axis", 1)}, v, onnx.Vector(to, int64(i)))
		}
		ofUser, ofItem = column(x, 0), column(y, f.Width-1)
	}
	alone := to.Node("Where", user.Known, ofUser, to.Node("Where", item.Known, ofItem, zero))
	return to.Node("Add", to.Node("Where", to.Node("And", user.Known, item.Known), product, alone), onnx.Scalar(to, f.Mean))
}

// similarGraphs is the question which items are alike, which biases do not tell.
func (m *Model) similarGraphs() []model.Graph {
	if m.cfg.Factors == 0 {
		return nil
	}
	return []model.Graph{m.SimilarGraph(m.onnxSimilar, m.Similar)}
}

// onnxSimilar is the cosine between the factors of items, of which one of nothing is like none.
func (m *Model) onnxSimilar(r *recommender.GraphRows, k int) (items, scores onnx.Value) {
	to, n := r.To, m.Items()
	table := to.Table(m.factors.directions())
	rows := to.Node("Gather", table, r.Number)
	cosines := to.NodeWith("Gemm", []onnx.Attribute{onnx.Int("transB", 1)}, rows, table)
	numbers, empty := make([]int64, n), make([]bool, n)
	lo, hi := m.factors.columns()
	for i := range numbers {
		row := m.factors.Item(i)[lo:hi]
		numbers[i], empty[i] = int64(i), inner(row, row) == 0
	}
	own := to.Node("Equal", to.Node("Unsqueeze", r.Number, onnx.Vector[int64](to, 1)), onnx.Constant(to, numbers, 1, n))
	nothing := onnx.Constant(to, empty, 1, n)
	ofNothing := to.Node("Gather", onnx.Vector(to, empty...), to.Node("Unsqueeze", r.Number, onnx.Vector[int64](to, 1)))
	none := to.Node("Or", to.Node("Or", own, nothing), ofNothing)
	return r.Best(to.Node("Where", none, onnx.Scalar(to, float32(math.Inf(-1))), cosines), k)
}

// directions are the factors of the items, without biases, as rows of length 1; one of nothing stays one.
func (f *Factors) directions() safetensors.Source {
	lo, hi := f.columns()
	width := hi - lo
	row := make([]float32, width)
	last := -1
	return safetensors.Source{Name: "items.directions", Dtype: safetensors.F32, Shape: []int{len(f.Items) / f.Width, width}, Read: func(dst []byte, off int64) error {
		for at := int64(0); at < int64(len(dst)); {
			i := int((off + at) / int64(4*width))
			if i != last {
				of := f.Item(i)[lo:hi]
				length := math.Sqrt(inner(of, of))
				for k, v := range of {
					if row[k] = v; length > 0 {
						row[k] = float32(float64(v) / length)
					}
				}
				last = i
			}
			at += int64(copy(dst[at:], rawbytes.Of(row)[(off+at)%int64(4*width):]))
		}
		return nil
	}}
}
