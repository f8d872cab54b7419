package behavior

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"debut/datasets/encoding"
	"debut/engine"
	"debut/layers"
)

// ErrCollinear is matched by the error of exact linear regression on columns that determine each other.
var ErrCollinear = errors.New("columns determine each other")

// collinear is the share of a column's length that must be left after removing what earlier columns explain.
const collinear = 1e-6

// solveExact fits a linear regression by least squares: a QR decomposition of the rows weighted by the roots of their
// weights (Golub, Van Loan, "Matrix Computations", §5.3). A categorical column takes part as indicators of its values
// but the first that occurs, whose weight is 0.
func solveExact(n layers.Network, e *encoding.Encoder, d *encoding.Encoded) (linearWeights, error) {
	columns, names := designColumns(n, e, d)
	p := len(columns) + 1
	if d.Rows < p {
		return linearWeights{}, fmt.Errorf("behavior: %d rows are too few for %d coefficients; take fewer features, or solver: gradient", d.Rows, p)
	}
	x := mat.NewDense(d.Rows, p, nil)
	y := mat.NewVecDense(d.Rows, nil)
	for r := range d.Rows {
		root := 1.0
		if d.Weight != nil {
			root = math.Sqrt(d.Weight[r])
		}
		x.Set(r, 0, root)
		for j, c := range columns {
			x.Set(r, j+1, root*c.at(d, r))
		}
		y.SetVec(r, root*e.Target.Standardize(d.Target[r]))
	}
	var qr mat.QR
	qr.Factorize(x)
	var tri mat.Dense
	qr.RTo(&tri)
	for j := range p {
		length := 0.0
		for i := range j + 1 {
			length = math.Hypot(length, tri.At(i, j))
		}
		if math.Abs(tri.At(j, j)) <= collinear*length {
			return linearWeights{}, fmt.Errorf("behavior: exact regression: %s follows from the columns before it; put it under data.ignore, or use solver: gradient: %w", names[j], ErrCollinear)
		}
	}
	var b mat.VecDense
	if err := qr.SolveVecTo(&b, false, y); err != nil {
		return linearWeights{}, fmt.Errorf("behavior: exact regression: %w", err)
	}
	w := linearWeights{numeric: make([]float64, len(n.Numeric)), bias: []float64{b.AtVec(0)}}
	rows := 0
	for _, f := range n.Fields {
		rows += f.Cardinality
	}
	w.fields = make([]float64, rows)
	for j, c := range columns {
		if c.field < 0 {
			w.numeric[c.numeric] = b.AtVec(j + 1)
		} else {
			w.fields[c.row] = b.AtVec(j + 1)
		}
	}
	return w, nil
}

// designColumn is a column of the design matrix: a number, or the indicator of a field's value.
type designColumn struct {
	numeric   int
	field, id int // field < 0: a number
	row       int // of the value among those of all fields
}

// at returns the value in row r.
func (c designColumn) at(d *encoding.Encoded, r int) float64 {
	if c.field < 0 {
		return float64(d.Numeric[r*d.D+c.numeric])
	}
	if int(d.IDs[r*d.F+c.field]) == c.id {
		return 1
	}
	return 0
}

// designColumns lists the columns of the least-squares problem, and their names in messages, the intercept first among these.
func designColumns(n layers.Network, e *encoding.Encoder, d *encoding.Encoded) (cols []designColumn, names []string) {
	names = []string{"the intercept"}
	for i, f := range n.Numeric {
		cols = append(cols, designColumn{numeric: i, field: -1})
		names = append(names, fmt.Sprintf("column %q", f.Name))
	}
	row := 0
	for k, f := range n.Fields {
		seen := make([]bool, f.Cardinality)
		for r := range d.Rows {
			seen[d.IDs[r*d.F+k]] = true
		}
		values := fieldValues(e, f)
		first := true
		for id := range f.Cardinality {
			if seen[id] && !first {
				cols = append(cols, designColumn{field: k, id: id, row: row + id})
				names = append(names, fmt.Sprintf("value %q of column %q", values[id], f.Name))
			}
			first = first && !seen[id]
		}
		row += f.Cardinality
	}
	return cols, names
}

// write puts the weights into the network's parameters.
func (w linearWeights) write(p *engine.Parameters) error {
	if len(w.numeric) > 0 {
		if err := p.Write("output.weight", w.numeric); err != nil {
			return err
		}
	}
	if len(w.fields) > 0 {
		if err := p.Write("output.fields", w.fields); err != nil {
			return err
		}
	}
	return p.Write("output.bias", w.bias)
}
