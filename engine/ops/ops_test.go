package ops

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"debut/kernels"
)

// Every op that has a gradient is among the examples, through which its gradient is checked, or has checks of its own.
func TestExamples(t *testing.T) {
	// These take numbers of a kind, statistics, targets, weights, which carry no gradient.
	seen := map[string]bool{"BatchNorm": true, "Loss": true, "SumFields": true}
	for _, op := range Examples() {
		seen[reflect.TypeOf(op).Elem().Name()] = true
	}
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Name.Name != "SymDiff" {
				continue
			}
			star, _ := fn.Recv.List[0].Type.(*ast.StarExpr)
			if name := star.X.(*ast.Ident).Name; name != "spec" {
				found++
				if !seen[name] {
					t.Errorf("%s has a gradient and no example", name)
				}
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d ops were found", found)
	}
}

// Shapes and batches follow from signatures.
func TestSignatures(t *testing.T) {
	infer := func(op Op, shapes ...tensor.Shape) (tensor.Shape, error) {
		ds := make([]gorgonia.DimSizer, len(shapes))
		for i, s := range shapes {
			ds[i] = s
		}
		return op.InferShape(ds...)
	}
	for _, c := range []struct {
		op    Op
		in    []tensor.Shape
		want  tensor.Shape // nil: they do not fit
		batch []bool
		out   bool
	}{
		{NewDense(), []tensor.Shape{{7, 2}, {2, 3}, {3}}, tensor.Shape{7, 3}, []bool{true, false, false}, true},
		{NewSumFields(3), []tensor.Shape{{7, 6}, {7, 3}}, tensor.Shape{7, 2}, []bool{true, true}, true},
		{NewSumFields(3), []tensor.Shape{{7, 7}, {7, 3}}, nil, nil, false},
		{NewSumFields(3), []tensor.Shape{{7, 6}, {7, 2}}, nil, nil, false},
		{NewFieldSum(3, true), []tensor.Shape{{7, 6}, {2}}, tensor.Shape{7, 2}, []bool{true, false}, true},
		{NewFieldSum(3, true), []tensor.Shape{{7, 6}, {3}}, nil, nil, false},
		{NewFieldSum(3, false), []tensor.Shape{{7, 6}}, tensor.Shape{7, 2}, []bool{true}, true},
		{NewFieldSum(4, false), []tensor.Shape{{7, 6}}, nil, nil, false},
		{NewDense(), []tensor.Shape{{7, 2}, {2, 3}, {2}}, nil, nil, false},
		{NewDense(), []tensor.Shape{{7, 2}, {3, 3}, {3}}, nil, nil, false},
		{NewDense(), []tensor.Shape{{7, 2}, {2, 3}, {3, 1}}, nil, nil, false},
		{NewDense(), []tensor.Shape{{7, 2}, {2, 3}}, nil, nil, false},
		{NewMatMul(true, false), []tensor.Shape{{7, 2}, {7, 3}}, tensor.Shape{2, 3}, []bool{true, true}, false},
		{NewMatMul(false, true), []tensor.Shape{{7, 2}, {3, 2}}, tensor.Shape{7, 3}, []bool{true, false}, true},
		{NewMatMul(true, true), []tensor.Shape{{2, 7}, {3, 2}}, tensor.Shape{7, 3}, []bool{true, false}, false},
		{NewMultiply(), []tensor.Shape{{7, 2}, {7, 2}}, tensor.Shape{7, 2}, []bool{false, true}, true},
		{NewColumnSum(), []tensor.Shape{{7, 2}}, tensor.Shape{2}, []bool{true}, false},
		{NewRow(1), []tensor.Shape{{2, 2}}, tensor.Shape{2}, []bool{true}, false},
		{NewRow(2), []tensor.Shape{{2, 2}}, nil, nil, false},
		{NewBatchNormStats(), []tensor.Shape{{7, 2}}, tensor.Shape{2, 2}, []bool{true}, false},
		{NewBatchNorm(1, true), []tensor.Shape{{7, 3}, {2, 3}, {3}, {3}}, tensor.Shape{7, 3}, []bool{true, false, false, false}, true},
		{NewBatchNorm(1, true), []tensor.Shape{{7, 3}, {3, 3}, {3}, {3}}, nil, nil, false},
		{NewLoss(kernels.SoftmaxLoss, 0), []tensor.Shape{{7, 3}, {7, 1}, {7, 1}, {1, 1}}, tensor.ScalarShape(), []bool{true, true, true, false}, false},
		{NewLoss(kernels.SquaredLoss, 0), []tensor.Shape{{7, 3}, {7, 1}, {7, 1}, {1, 1}}, nil, nil, false},
		{NewConcat(2), []tensor.Shape{{7, 3}, {7, 1}}, tensor.Shape{7, 4}, []bool{true, true}, true},
		{NewConcat(2), []tensor.Shape{{7, 3}, {6, 1}}, nil, nil, false},
		{NewPiecewiseLinear([]int{3, 1}), []tensor.Shape{{7, 2}, {6}}, tensor.Shape{7, 4}, []bool{true, false}, true},
		{NewPReLU(), []tensor.Shape{{7, 2}, {2}}, tensor.Shape{7, 2}, []bool{true, false}, true},
	} {
		got, err := infer(c.op, c.in...)
		if c.want == nil {
			if !errors.Is(err, kernels.ErrShape) {
				t.Errorf("%s of %v: %v, error %v", c.op, c.in, got, err)
			}
			continue
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s of %v: %v, want %v; error %v", c.op, c.in, got, c.want, err)
		}
		if out := c.op.BatchOut(c.batch); out != c.out {
			t.Errorf("%s of a batch %v: %v", c.op, c.batch, out)
		}
	}
}
