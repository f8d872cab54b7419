package peers

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
)

// Squares is the work of alternating least squares of implicit feedback.
type Squares struct {
	Users          int     `json:"users"`
	Items          int     `json:"items"`
	Factors        int     `json:"factors"`
	Regularization float64 `json:"regularization"`
	Pairs          Pairs   `json:"-"`
}

// ImplicitALS is implicit's AlternatingLeastSquares, by conjugate gradients; a run is a pass over users and items.
type ImplicitALS struct {
	*Peer
	folder string
	work   Squares
}

// StartImplicitALS starts implicit on a matrix, with so many threads of its own. The folder is for files; the caller removes it.
func StartImplicitALS(ctx context.Context, folder string, w Squares, threads int) (*ImplicitALS, error) {
	p, err := startImplicit(ctx, folder, "implicit_als.py", "als.json", w, w.Pairs, threads)
	if err != nil {
		return nil, err
	}
	if err := p.set(request{fmt.Sprintf("set %d", threads), fmt.Sprintf("AlternatingLeastSquares(factors=%d, use_cg=True, num_threads=%d)", w.Factors, threads)}); err != nil {
		p.Close()
		return nil, err
	}
	return &ImplicitALS{p, folder, w}, nil
}

// Factors trains anew for so many passes and returns the rows of users and items.
func (p *ImplicitALS) Factors(passes int) (users, items []float32, err error) {
	if _, err := p.ask("factors %d", passes); err != nil {
		return nil, nil, err
	}
	if users, err = readFloats(filepath.Join(p.folder, "users.f32"), p.work.Users*p.work.Factors); err != nil {
		return nil, nil, err
	}
	items, err = readFloats(filepath.Join(p.folder, "items.f32"), p.work.Items*p.work.Factors)
	return users, items, err
}

// readFloats reads a file of so many numbers.
func readFloats(path string, n int) ([]float32, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("peers: %w", err)
	}
	if len(b) != 4*n {
		return nil, fmt.Errorf("peers: %s has %d bytes, want those of %d numbers", path, len(b), n)
	}
	v := make([]float32, n)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v, nil
}
