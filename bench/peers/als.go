package peers

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"debut/kernels"
)

// Squares is the work of alternating least squares of implicit feedback.
type Squares struct {
	Users          int     `json:"users"`
	Items          int     `json:"items"`
	Factors        int     `json:"factors"`
	Regularization float64 `json:"regularization"`
	K              int     `json:"k"` // items listed for each user
	Pairs          Pairs   `json:"-"`
}

// ImplicitALS is implicit's AlternatingLeastSquares, by conjugate gradients; a run is a pass over users and items, or the lists of all users.
type ImplicitALS struct {
	*Peer
	folder string
	work   Squares
}

// StartImplicitALS starts implicit on a matrix, with so many threads of its own. The folder is for files; the caller removes it.
func StartImplicitALS(ctx context.Context, folder string, w Squares, threads int) (*ImplicitALS, error) {
	return startALS(ctx, folder, w, "als", threads)
}

// StartImplicitTopK starts implicit on lists of all users by such factors.
func StartImplicitTopK(ctx context.Context, folder string, w Squares, users, items []float32, threads int) (*ImplicitALS, error) {
	for name, v := range map[string][]float32{usersFile: users, itemsFile: items} {
		if err := os.WriteFile(filepath.Join(folder, name), kernels.Bytes(v), 0o600); err != nil {
			return nil, fmt.Errorf("peers: %w", err)
		}
	}
	return startALS(ctx, folder, w, "topk", threads)
}

func startALS(ctx context.Context, folder string, w Squares, work string, threads int) (*ImplicitALS, error) {
	p, err := startImplicit(ctx, folder, "implicit_als.py", "als.json", w, w.Pairs, threads)
	if err != nil {
		return nil, err
	}
	if err := p.set(request{fmt.Sprintf("set %s %d", work, threads), fmt.Sprintf("AlternatingLeastSquares(factors=%d, use_cg=True, num_threads=%d)", w.Factors, threads)}); err != nil {
		p.Close()
		return nil, err
	}
	return &ImplicitALS{p, folder, w}, nil
}

// Files of a folder.
const (
	usersFile = "users.f32"
	itemsFile = "items.f32"
	listsFile = "lists.i32"
)

// Factors trains anew for so many passes and returns the rows of users and items.
func (p *ImplicitALS) Factors(passes int) (users, items []float32, err error) {
	if _, err := p.ask("factors %d", passes); err != nil {
		return nil, nil, err
	}
	if users, err = readRaw[float32](filepath.Join(p.folder, usersFile), p.work.Users*p.work.Factors); err != nil {
		return nil, nil, err
	}
	items, err = readRaw[float32](filepath.Join(p.folder, itemsFile), p.work.Items*p.work.Factors)
	return users, items, err
}

// Lists returns the items that it lists for each user, k of them, the best first.
func (p *ImplicitALS) Lists() ([]int32, error) {
	if _, err := p.ask("lists"); err != nil {
		return nil, err
	}
	return readRaw[int32](filepath.Join(p.folder, listsFile), p.work.Users*p.work.K)
}
