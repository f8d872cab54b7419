package layers

import (
	"debut/engine"
	"debut/engine/ops"
)

// A factorization machine (Rendle, "Factorization Machines", ICDM 2010) gives each field a weight and factors: the output is the sum of
// the weights, and of the products of the factors of every two fields. The fields are the categorical ones and the columns that numbers
// come from: a column's weight and factors are those of its features, times their values, so that what makes several numbers of a column –
// bins, the parts of a date, a text, a vector – is one field. A list is one field too, or one for each of its items. With hidden layers beside it, which read the same factors, it is a DeepFM (Guo,
// Tang, Ye, Li, He, "DeepFM: A Factorization-Machine based Neural Network for CTR Prediction", IJCAI 2017).

// factorScale is the standard deviation of first weights and factors. All outputs begin near 0; were factors 0, none would move.
const factorScale = 0.01

// factorWidth is the number of values that a field has: weights, then factors, of each output.
func (n Network) factorWidth() int { return n.Outputs * (1 + n.Factors) }

// columns are the numbers of encoded features of each column that numbers come from.
func (n Network) columns() (widths []int) {
	for i, f := range n.Numeric {
		if i == 0 || f.Column != n.Numeric[i-1].Column {
			widths = append(widths, 0)
		}
		widths[len(widths)-1] += f.width()
	}
	return widths
}

// fieldCount is how many fields there are, those of numbers and the categorical ones.
func (n Network) fieldCount() int {
	count := len(n.columns()) + len(n.Fields)
	for _, l := range n.Lists {
		count += l.Places()
	}
	return count
}

// Places is how many fields of a factorization machine a list makes.
func (l List) Places() int {
	if l.Each {
		return l.Length
	}
	return 1
}

// width is the number of values that a feature is encoded as.
func (f Numeric) width() int { return max(1, len(f.Edges)-1) }

// buildFactors is the factorization machine, and the hidden layers beside it.
func (n Network) buildFactors(b *Builder) *engine.Node {
	var parts []*engine.Node
	var numbers *engine.Node
	width, columns := n.factorWidth(), n.columns()
	if len(n.Numeric) > 0 {
		numbers = n.buildNumeric(b)
		weights := b.Graph.Parameter(engine.ParameterSpec{
			Name: "factors.numeric", Shape: []int{sumOf(columns), width}, Init: engine.Normal, Scale: factorScale, Decay: true,
		})
		parts = append(parts, b.Graph.Apply(ops.NewProjectFields(columns, width), numbers, weights))
	}
	for _, g := range n.IDInputs() {
		table := engine.ParameterSpec{Name: g.Table, Shape: []int{g.Rows, g.Dim}, Init: engine.Normal, Scale: factorScale, Decay: true}
		parts = append(parts, b.Graph.Lookup(g.Input, table, len(g.Fields)))
	}
	for i, l := range n.Lists {
		table, build := engine.ParameterSpec{Init: engine.Normal, Scale: factorScale, Decay: true}, n.buildList
		if l.Each {
			build = n.buildEach
		}
		parts = append(parts, build(b, i, table))
	}
	fields, count := concat(b, parts), n.fieldCount()
	bias := b.Graph.Parameter(engine.ParameterSpec{Name: "output.bias", Shape: []int{n.Outputs}})
	arms := []*engine.Node{b.Graph.Apply(ops.NewFactorMachine(count, n.Outputs, n.Factors), fields, bias)}
	if len(n.Hidden) > 0 {
		x := b.Graph.Apply(ops.NewTakeFields(count, width, n.Outputs, width), fields)
		if numbers != nil {
			x = concat(b, []*engine.Node{numbers, x})
		}
		arms = append(arms, n.buildDeep(b, Dropout{Name: "input", Rate: n.InputDropout}.Build(b, x), true))
	}
	return sum(b, arms)
}

func sumOf(widths []int) (sum int) {
	for _, w := range widths {
		sum += w
	}
	return sum
}
