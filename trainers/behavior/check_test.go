package behavior

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/table"
	"debut/engine"
	"debut/engine/safetensors"
	"debut/kernels"
	"debut/layers"
	"debut/trainers/gradient"
)

// How many rows are scored at once does not change a bit: a wide network, which scores fewer, answers as it would otherwise.
func TestScoreRows(t *testing.T) {
	dev := forgingDevice(t)
	frame, err := table.Read(context.Background(), table.Source{Path: configfile.Strings{filepath.Join(goldenModelsDir, "data.csv")}}, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"network", "multiclass", "linear"} {
		m, err := Open(filepath.Join(goldenModelsDir, kind, "model"), dev)
		if err != nil {
			t.Fatal(err)
		}
		if len(m.rows) != scoreBatch {
			t.Errorf("a small model scores %d rows at once", len(m.rows))
		}
		d, _, err := m.Encoder.Encode(context.Background(), frame, false)
		if err != nil {
			t.Fatal(err)
		}
		want, err := m.Score(context.Background(), d)
		if err != nil {
			t.Fatal(err)
		}
		for _, batch := range []int{1, 7, 64} {
			g := engine.NewGraph(kernels.Float32, batch)
			few := *m
			few.out, few.rows, few.feed = m.Network.Build(&layers.Builder{Graph: g}), make([]int32, batch), gradient.NewFeeder(m.Network, batch)
			if few.prog, err = engine.Compile(g, engine.Options{Device: dev, Parameters: m.params, Outputs: []*engine.Node{few.out}}); err != nil {
				t.Fatal(err)
			}
			if got, err := few.Score(context.Background(), d); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s, %d rows at once: other outputs (%v)", kind, batch, err)
			}
		}
	}
	wide := layers.Network{Numeric: []layers.Numeric{{Name: "a"}}, Hidden: []layers.Block{{Units: scoreValues / 10}}, Outputs: 1}
	if got := scoreRows(wide); got != 10 {
		t.Errorf("a wide network scores %d rows at once", got)
	}
	wide.Hidden[0].Units = 1 << 30
	if got := scoreRows(wide); got != 1 {
		t.Errorf("the widest network scores %d rows at once", got)
	}
}

// A number of coefficients that is rounded as 32 bits round is that of the parameters; further off it is not.
func TestCoefficientsCloseness(t *testing.T) {
	dev := forgingDevice(t)
	for _, kind := range []string{"linear", "exact"} {
		m, err := Open(filepath.Join(goldenModelsDir, kind, "model"), dev)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			by   float64
			fits bool
		}{{1 + 1e-7, true}, {1 - 1e-6, true}, {1 + 1e-3, false}, {-1, false}} {
			near := *m.Coefficients
			near.Features = slices.Clone(near.Features)
			near.Features[0].Value *= c.by
			if _, err := checkCoefficients(m, &near); (err == nil) != c.fits || err != nil && !strings.HasPrefix(err.Error(), ".features.0.value: ") {
				t.Errorf("%s: times %v: %v", kind, c.by, err)
			}
			near = *m.Coefficients
			near.Intercept *= c.by
			if _, err := checkCoefficients(m, &near); (err == nil) != c.fits || err != nil && !strings.HasPrefix(err.Error(), ".intercept: ") {
				t.Errorf("%s: intercept times %v: %v", kind, c.by, err)
			}
		}
	}
}

// A model that fits together and has more parameters than the machine has memory is refused before its file is read.
func TestHugeModel(t *testing.T) {
	const buckets, dim = 2_000_000_000, 1000
	f := openForger(t, "network")
	set(f.model, "network.fields.0.cardinality", buckets+1)
	set(f.model, "network.fields.0.dim", dim)
	remove(f.encoder, "columns.2.vocabulary")
	set(f.encoder, "columns.2.hash_buckets", buckets)
	var sources []safetensors.Source
	size := int64(0)
	for _, tensor := range f.tensors {
		s := safetensors.Source{Name: tensor.Name, Dtype: safetensors.F32, Shape: tensor.Shape}
		switch tensor.Name {
		case "embedding.3":
			s.Name, s.Shape = "embedding.1000", []int{buckets + 1, dim}
		case "hidden.0.weight":
			s.Shape[0] += dim - 3
		}
		n, err := s.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		sources, size = append(sources, s), size+n
	}
	header, err := safetensors.Header(sources, f.metadata)
	if err != nil {
		t.Fatal(err)
	}
	f.tensors = nil
	f.tensorText = func([]byte) []byte { return header }
	f.folder = func(dir string) error {
		return os.Truncate(filepath.Join(dir, parametersFile), int64(len(header))+size)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "sparse"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, "sparse"), size); err != nil {
		t.Skipf("the file system has no such files: %v", err) // the file system has no such files
	}
	f.write(t, dir)
	before := allocations()
	if _, err = Open(dir, forgingDevice(t)); !errors.Is(err, kernels.ErrOutOfMemory) || !strings.Contains(err.Error(), parametersFile) {
		t.Errorf("%v", err)
	}
	if n := allocations() - before; n > bound {
		t.Errorf("%d bytes were allocated", n)
	}
}
