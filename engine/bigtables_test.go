package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"debut/engine/ops"
	"debut/engine/optim"
	"debut/kernels"
	"debut/kernels/cpu"
	"debut/kernels/philox"
)

func bigTablesDevice(t *testing.T) *cpu.Device {
	t.Helper()
	dev, err := cpu.New(cpu.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dev.Close() })
	return dev
}

// First values are those of the stream of the parameter's name, read from its beginning, in whatever pieces they are made.
func TestFirstValuesInPieces(t *testing.T) {
	const rows, cols = 3*initialPiece/5 + 7, 5
	for _, init := range []Initialization{Normal, Uniform, Zeros, Ones} {
		p := NewParameters(bigTablesDevice(t), kernels.Float32, 9)
		if _, err := p.Declare(ParameterSpec{Name: "table", Shape: []int{rows, cols}, Init: init, Scale: 0.5}); err != nil {
			t.Fatal(err)
		}
		got, err := p.Read("table")
		if err != nil {
			t.Fatal(err)
		}
		rnd := philox.New(9, philox.StreamOf("parameter/table"))
		for i, v := range got {
			want := map[Initialization]float64{Ones: 1}[init]
			switch init {
			case Normal:
				want = rnd.NormFloat64() * 0.5
			case Uniform:
				want = (2*rnd.Float64() - 1) * 0.5
			}
			if v != float64(float32(want)) {
				t.Fatalf("%v: value %d is %v, want %v", init, i, v, want)
			}
		}
	}
	for _, init := range []Initialization{Identities, UnitVariance, Values, HeNormal} {
		s := ParameterSpec{Name: "p", Shape: []int{2, 2}, Init: init, Given: []float64{5, 6, 7, 8}}
		whole, piece := make([]float64, 4), make([]float64, 2)
		initial(s, 3, 0, whole)
		if initial(s, 3, 1, piece); !slices.Equal(piece, whole[1:3]) {
			t.Errorf("%v: %v is no piece of %v", init, piece, whole)
		}
	}
}

// lookupTrainer trains a table of so many rows, looked up by two fields, with row-wise Adagrad.
func lookupTrainer(t *testing.T, dev kernels.Device, rows int) (*Trainer, *Parameters) {
	t.Helper()
	const batch, fields, width = 32, 2, 16
	g := NewGraph(kernels.Float32, batch)
	table := ParameterSpec{Name: "table", Shape: []int{rows, width}, Init: Zeros}
	w := g.Parameter(ParameterSpec{Name: "w", Shape: []int{fields * width, 1}, Init: Ones})
	out := g.Apply(ops.NewMatMul(false, false), g.Lookup("ids", table, fields), w)
	loss := g.Apply(ops.NewLoss(kernels.LogisticLoss, 0), out, g.Input("target", 1), g.Input("weight", 1), g.Fixed("scale", 1, 1))
	if err := g.Differentiate(loss); err != nil {
		t.Fatal(err)
	}
	own := optim.Defaults(kernels.RowwiseAdagrad)
	own.L2 = 0.01
	p := NewParameters(dev, kernels.Float32, 1)
	tr, err := NewTrainer(g, TrainerOptions{Options: Options{Device: dev, Parameters: p}, Loss: loss, Optimizer: optim.Defaults(kernels.SGD), Tables: &own})
	if errors.Is(err, kernels.ErrOutOfMemory) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return tr, p
}

// stepAt trains on a batch whose ids are those of the least rows, raised by so much.
func stepAt(t *testing.T, tr *Trainer, raised int) *Profile {
	t.Helper()
	const batch, fields = 32, 2
	ids, targets, ones := make([]int32, batch*fields), make([]float32, batch), make([]float32, batch)
	for i := range ids {
		ids[i] = int32(raised + i*i%50)
	}
	for i := range targets {
		targets[i], ones[i] = float32(i%2), 1
	}
	var profile Profile
	for _, err := range []error{
		tr.SetRows(batch), tr.FeedIDs("ids", ids), Feed(tr.Program, "target", targets), Feed(tr.Program, "weight", ones),
		Feed(tr.Program, "scale", []float32{1.0 / batch}), tr.Step(true, &profile),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return &profile
}

// Rows and bytes that a step touches are counted, and do not depend on the size of the table: of one of more elements than 32 bits can count
// they are those of a small one, and so is what is learned.
func TestStepsDoNotDependOnTheTable(t *testing.T) {
	const small, large = 50, 1<<31/16 + 1<<20
	type figures struct {
		rows    int
		bytes   map[string]float64
		scratch int64
		learned []float32
	}
	of := func(rows int) (f figures) {
		dev := bigTablesDevice(t)
		tr, p := lookupTrainer(t, dev, rows)
		f.bytes = map[string]float64{}
		for range 3 {
			for _, e := range stepAt(t, tr, rows-small).Entries() {
				f.bytes[e.Name] += e.Bytes
			}
		}
		touched, err := tr.Touched()
		if err != nil || len(touched) != 1 {
			t.Fatalf("%v, error %v", touched, err)
		}
		f.rows = touched["table"]
		f.scratch = dev.Memory()["scratch"] + dev.Memory()["gradients"]
		f.learned = make([]float32, small*16)
		if err := kernels.Download(dev, f.learned, p.Get("table").Matrix.Buf, (rows-small)*16); err != nil {
			t.Fatal(err)
		}
		return f
	}
	want, got := of(small), of(large)
	if want.rows != got.rows || want.rows < 10 || want.rows > small {
		t.Errorf("%d rows of the small table are touched, %d of the large one", want.rows, got.rows)
	}
	for name, n := range want.bytes {
		if got.bytes[name] != n {
			t.Errorf("%s: %v bytes of the small table, %v of the large one", name, n, got.bytes[name])
		}
	}
	if n := want.bytes["sparse rowwise_adagrad update"]; n < float64(3*want.rows*3*64) || n > float64(3*want.rows*4*64) {
		t.Errorf("updates of %d rows touch %v bytes", want.rows, n)
	}
	if got.scratch > 4*want.scratch+1<<20 {
		t.Errorf("scratch memory is %d bytes for the small table, %d for the large one", want.scratch, got.scratch)
	}
	if !slices.Equal(got.learned, want.learned) || slices.Max(got.learned) == 0 {
		t.Error("the rows of the large table are not those of the small one")
	}
}

// What is not finite in a tensor that is not looked through is told when it is written.
func TestNonFiniteOfLargeTables(t *testing.T) {
	old := mostScanned
	defer func() { mostScanned = old }()
	tr, p := lookupTrainer(t, bigTablesDevice(t), 300)
	look := func() (name string, written, saved error) {
		name, _, err := tr.NonFinite()
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range tr.Sources() {
			n, err := s.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			written = errors.Join(written, s.Read(make([]byte, n), 0))
		}
		return name, written, p.Save(io.Discard, nil)
	}
	for _, v := range []float64{math.NaN(), math.Inf(-1)} {
		values := make([]float64, 300*16)
		values[300*16-1] = v
		if err := p.Write("table", values); err != nil {
			t.Fatal(err)
		}
		mostScanned = old
		if name, written, saved := look(); name != "parameter/table" || written != nil || saved != nil {
			t.Errorf("%v in a small table: %q, %v, %v", v, name, written, saved)
		}
		mostScanned = 300*16*4 - 1
		name, written, saved := look()
		if name != "" || written == nil || saved == nil || !strings.Contains(saved.Error(), fmt.Sprintf("it holds %v", v)) {
			t.Errorf("%v in a large table: %q, %v, %v", v, name, written, saved)
		}
	}
}

// A checkpoint is read and written piece by piece: with it a trainer goes on with the same bits.
func TestLargeTablesResume(t *testing.T) {
	const rows = 1<<20/64 + 333 // of 64 bytes: more than a piece
	tr, p := lookupTrainer(t, bigTablesDevice(t), rows)
	stepAt(t, tr, rows-60)
	snapshot, err := tr.SnapshotState(nil)
	if err != nil {
		t.Fatal(err)
	}
	stepAt(t, tr, rows-70)
	again, q := lookupTrainer(t, bigTablesDevice(t), rows)
	if err := errors.Join(again.Load(snapshot), again.SetCounters(snapshot.Counters)); err != nil {
		t.Fatal(err)
	}
	stepAt(t, again, rows-70)
	var want, got bytes.Buffer
	if err := errors.Join(p.Save(&want, nil), q.Save(&got, nil)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want.Bytes(), got.Bytes()) {
		t.Error("a resumed trainer has other bits")
	}
}
