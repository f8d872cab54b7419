package peers

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"

	"debut/kernels"
)

// ImplicitVariable names the Python that has implicit, a library of recommenders: no package of Debian has it.
const ImplicitVariable = "DEBUT_IMPLICIT"

// Items is the work of comparing items by the cosine of their columns, and of listing items for all users.
type Items struct {
	Users     int       `json:"users"`
	Items     int       `json:"items"`
	Neighbors int       `json:"neighbors"` // kept of each item
	K         int       `json:"k"`         // items listed for each user
	Offsets   []int64   `json:"-"`         // [Users+1]
	Indices   []int32   `json:"-"`
	Values    []float32 `json:"-"`
}

// Kinds of work of implicit.
const (
	ImplicitSimilar = "similar" // finding the neighbors
	ImplicitTop     = "top20"   // lists for all users, the neighbors found before
)

// Implicit is implicit's CosineRecommender; a run is one pass of the work.
type Implicit struct{ *Peer }

// StartImplicit starts implicit on a matrix, with so many threads of its own. The folder is for files; the caller removes it.
func StartImplicit(ctx context.Context, folder string, w Items, work string, threads int) (*Implicit, error) {
	p, err := startImplicit(ctx, folder, "implicit_items.py", "items.json", w, Pairs{w.Offsets, w.Indices, w.Values}, threads)
	if err != nil {
		return nil, err
	}
	if err := p.set(request{fmt.Sprintf("set %s %d", work, threads), fmt.Sprintf("CosineRecommender(K=%d, num_threads=%d)", w.Neighbors+1, threads)}); err != nil {
		p.Close()
		return nil, err
	}
	return &Implicit{p}, nil
}

// Pairs are a sparse matrix of users × items by its rows.
type Pairs struct {
	Offsets []int64
	Indices []int32
	Values  []float32
}

// startImplicit starts a program on implicit's Python, with a description of the work in a file and the matrix in others.
func startImplicit(ctx context.Context, folder, program, file string, work any, m Pairs, threads int) (*Peer, error) {
	python := os.Getenv(ImplicitVariable)
	if python == "" {
		return nil, fmt.Errorf("peers: %s names no Python that has implicit: %w", ImplicitVariable, ErrAbsent)
	}
	path, err := exec.LookPath(python)
	if err != nil {
		return nil, fmt.Errorf("peers: %s: %w: %w", ImplicitVariable, err, ErrAbsent)
	}
	script, err := unpack(folder, program)
	if err != nil {
		return nil, err
	}
	for _, imported := range []string{"implicit_work.py", "serving.py"} {
		if _, err := unpack(folder, imported); err != nil {
			return nil, err
		}
	}
	spec, err := json.Marshal(work)
	if err != nil {
		return nil, fmt.Errorf("peers: %w", err)
	}
	offsets := make([]int32, len(m.Offsets))
	for i, o := range m.Offsets {
		if o > math.MaxInt32 {
			return nil, fmt.Errorf("peers: %d pairs are more than implicit's matrices hold: %w", o, ErrAbsent)
		}
		offsets[i] = int32(o)
	}
	for name, data := range map[string][]byte{
		file: spec, "offsets.i32": kernels.Bytes(offsets), "indices.i32": kernels.Bytes(m.Indices), "values.f32": kernels.Bytes(m.Values),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o600); err != nil {
			return nil, fmt.Errorf("peers: %w", err)
		}
	}
	// Its threads are its own, and those of BLAS get in their way.
	return start(ctx, libraries{openBLAS: 1, openMP: threads}, path, script, folder)
}
