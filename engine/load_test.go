package engine_test

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"debut/engine"
	"debut/engine/safetensors"
	"debut/kernels"
	"debut/kernels/cpu"
)

// stored declares parameters of every kind that a file is held against.
func stored() []engine.ParameterSpec {
	return []engine.ParameterSpec{
		{Name: "weight", Shape: []int{3, 2}, Init: engine.Normal, Scale: 1},
		{Name: "running", Shape: []int{2, 3}, Init: engine.UnitVariance, Frozen: true},
		{Name: "edges", Shape: []int{3}, Init: engine.Values, Given: []float64{0.1, 0.2, 0.7}, Frozen: true},
		{Name: "sum", Shape: []int{4, 2}, Init: engine.Identities, Frozen: true},
	}
}

func opened(t *testing.T, file []byte) *engine.Parameters {
	t.Helper()
	dev, err := cpu.New(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	})
	if file == nil {
		return engine.NewParameters(dev, kernels.Float32, 3)
	}
	f, err := safetensors.Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return engine.OpenParameters(dev, kernels.Float32, f)
}

func declared(p *engine.Parameters, specs []engine.ParameterSpec) error {
	for _, s := range specs {
		if _, err := p.Declare(s); err != nil {
			return err
		}
	}
	return p.Complete()
}

func TestOpenParameters(t *testing.T) {
	p := opened(t, nil)
	if err := declared(p, stored()); err != nil {
		t.Fatal(err)
	}
	if got, err := p.Read("sum"); err != nil || !slices.Equal(got, []float64{1, 0, 0, 1, 1, 0, 0, 1}) {
		t.Errorf("identities %v, %v", got, err)
	}
	var saved bytes.Buffer
	if err := p.Save(&saved, nil); err != nil {
		t.Fatal(err)
	}
	q := opened(t, saved.Bytes())
	if err := declared(q, stored()); err != nil {
		t.Fatal(err)
	}
	for _, s := range stored() {
		a, err := p.Read(s.Name)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := q.Read(s.Name); err != nil || !slices.Equal(a, b) {
			t.Errorf("%s: %v, want %v (%v)", s.Name, b, a, err)
		}
	}
	if _, err := q.Declare(engine.ParameterSpec{Name: "later", Shape: []int{2}}); err != nil {
		t.Errorf("declared after the file: %v", err)
	}

	tensors, _, err := safetensors.Read(saved.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(ts []safetensors.Tensor, specs []engine.ParameterSpec) []safetensors.Tensor{
		`lacks parameter "edges"`: func(ts []safetensors.Tensor, _ []engine.ParameterSpec) []safetensors.Tensor {
			return slices.Delete(ts, 2, 3)
		},
		`a parameter "more" that the model has not`: func(ts []safetensors.Tensor, _ []engine.ParameterSpec) []safetensors.Tensor {
			return append(ts, safetensors.Tensor{Name: "more", Shape: []int{1}, Data: []float32{1}})
		},
		`"weight" has shape [3 2] in the file, [3 1000000000] in the model`: func(ts []safetensors.Tensor, specs []engine.ParameterSpec) []safetensors.Tensor {
			specs[0].Shape = []int{3, 1_000_000_000}
			return ts
		},
		`"weight": value 5 is NaN`: func(ts []safetensors.Tensor, _ []engine.ParameterSpec) []safetensors.Tensor {
			ts[0].Data[5] = float32(math.NaN())
			return ts
		},
		`"running": value 4 is a variance of -1e-20`: func(ts []safetensors.Tensor, _ []engine.ParameterSpec) []safetensors.Tensor {
			ts[1].Data[0], ts[1].Data[4] = -3, -1e-20
			return ts
		},
		`"edges": value 1 is 0.25, but the model has 0.2 there`: func(ts []safetensors.Tensor, _ []engine.ParameterSpec) []safetensors.Tensor {
			ts[2].Data[1] = 0.25
			return ts
		},
		`"sum": value 3 is 2, but the model has 1 there`: func(ts []safetensors.Tensor, _ []engine.ParameterSpec) []safetensors.Tensor {
			ts[3].Data[3] = 2
			return ts
		},
	} {
		ts := slices.Clone(tensors)
		for i := range ts {
			ts[i].Data = slices.Clone(ts[i].Data)
		}
		specs := stored()
		var b bytes.Buffer
		if err := safetensors.Write(&b, spoil(ts, specs), nil); err != nil {
			t.Fatal(err)
		}
		if err := declared(opened(t, b.Bytes()), specs); !errors.Is(err, engine.ErrFile) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// A table that takes many pieces to be read is read whole, and looked at to its end.
func TestOpenParametersPieces(t *testing.T) {
	const rows = 700_001
	spec := engine.ParameterSpec{Name: "table", Shape: []int{rows, 1}}
	data := make([]float32, rows)
	for i := range data {
		data[i] = float32(i)
	}
	file := func() []byte {
		var b bytes.Buffer
		if err := safetensors.Write(&b, []safetensors.Tensor{{Name: spec.Name, Shape: spec.Shape, Data: data}}, nil); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	p := opened(t, file())
	if err := declared(p, []engine.ParameterSpec{spec}); err != nil {
		t.Fatal(err)
	}
	got, err := p.Read("table")
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range got {
		if v != float64(i) {
			t.Fatalf("value %d is %v", i, v)
		}
	}
	data[rows-1] = float32(math.Inf(-1))
	if err := declared(opened(t, file()), []engine.ParameterSpec{spec}); !errors.Is(err, engine.ErrFile) || !strings.Contains(err.Error(), "value 700000 is -Inf") {
		t.Error(err)
	}
}

func TestCheckParameters(t *testing.T) {
	g := engine.NewGraph(kernels.Float32, 4)
	x := g.Input("x", 3)
	w := g.Parameter(engine.ParameterSpec{Name: "w", Shape: []int{3, 2}})
	rows := g.Lookup("ids", engine.ParameterSpec{Name: "table", Shape: []int{5, 2}}, 1)
	if x == nil || w == nil || rows == nil || g.Err() != nil {
		t.Fatal(g.Err())
	}
	check := func(tensors ...safetensors.Tensor) error {
		var b bytes.Buffer
		if err := safetensors.Write(&b, tensors, nil); err != nil {
			t.Fatal(err)
		}
		f, err := safetensors.Open(bytes.NewReader(b.Bytes()), int64(b.Len()))
		if err != nil {
			t.Fatal(err)
		}
		return engine.CheckParameters(g, f)
	}
	weight := safetensors.Tensor{Name: "w", Shape: []int{3, 2}, Data: make([]float32, 6)}
	table := safetensors.Tensor{Name: "table", Shape: []int{5, 2}, Data: make([]float32, 10)}
	narrow := safetensors.Tensor{Name: "table", Shape: []int{10, 1}, Data: make([]float32, 10)}
	if err := check(weight, table); err != nil {
		t.Error(err)
	}
	for want, tensors := range map[string][]safetensors.Tensor{
		`lacks parameter "table"`: {weight}, `lacks parameter "w"`: {table}, `[10 1] in the file, [5 2]`: {weight, narrow},
		`"more" that the model has not`: {weight, table, {Name: "more", Shape: []int{0}}},
	} {
		if err := check(tensors...); !errors.Is(err, engine.ErrFile) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// A constant that earlier versions saved and the model has no use for may be in the file, if it is what it was; or not.
func TestRetiredConstants(t *testing.T) {
	kept, sum := stored()[:1], stored()[3]
	file := func(change func(*safetensors.Tensor)) []byte {
		p := opened(t, nil)
		if err := declared(p, append(slices.Clone(kept), sum)); err != nil {
			t.Fatal(err)
		}
		var b, changed bytes.Buffer
		if err := p.Save(&b, nil); err != nil {
			t.Fatal(err)
		}
		tensors, _, err := safetensors.Read(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if change == nil {
			tensors = tensors[:1]
		} else {
			change(&tensors[1])
		}
		if err := safetensors.Write(&changed, tensors, nil); err != nil {
			t.Fatal(err)
		}
		return changed.Bytes()
	}
	for name, c := range map[string]struct {
		file []byte
		bad  bool
	}{
		"absent":        {file(nil), false},
		"as it was":     {file(func(*safetensors.Tensor) {}), false},
		"another value": {file(func(x *safetensors.Tensor) { x.Data[3] = 0.5 }), true},
		"another shape": {file(func(x *safetensors.Tensor) { x.Shape = []int{2, 4} }), true},
		"another name":  {file(func(x *safetensors.Tensor) { x.Name = "more" }), true},
	} {
		p := opened(t, c.file)
		if _, err := p.Declare(kept[0]); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		err := p.Retire(sum)
		if err == nil {
			err = p.Complete()
		}
		if c.bad != (err != nil) || c.bad && !errors.Is(err, engine.ErrFile) {
			t.Errorf("%s: error %v", name, err)
		}
		if p.Get(sum.Name) != nil {
			t.Errorf("%s: the model has the constant", name)
		}
	}
}
