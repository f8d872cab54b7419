package peers

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// MLP is a network with batch norm (ε 1e-5) and ReLU after each hidden layer, and how it is trained: logistic loss
// averaged over rows and outputs, Adam. Matrices are row-major.
type MLP struct {
	Widths []int     `json:"widths"` // from inputs to outputs
	Rows   int       `json:"rows"`
	Batch  int       `json:"batch"`
	Order  []int32   `json:"order"` // rows in the order they are trained on, over and over; a multiple of Batch
	Adam   Adam      `json:"adam"`
	X      []float32 `json:"-"` // [Rows, inputs]
	Y      []float32 `json:"-"` // [Rows, outputs]
	// Parameters are the initial values of hidden.<i>.weight [in, out], hidden.<i>.norm.gamma and .beta, output.weight
	// and output.bias.
	Parameters map[string][]float32 `json:"-"`
}

// Adam is an optimizer's settings.
type Adam struct {
	Rate    float64 `json:"rate"`
	Beta1   float64 `json:"beta1"`
	Beta2   float64 `json:"beta2"`
	Epsilon float64 `json:"epsilon"`
}

// Torch is PyTorch training a network; a run is a step.
type Torch struct {
	*Peer
	chosen request
}

// StartTorch starts PyTorch on a network, with at most so many threads, at the best of its settings: the kernels that
// OpenBLAS takes, the threads of its libraries and its own in all mixes of one and all, both of its ways to run Adam. The folder is for files; the
// caller removes it. Each setting is tried for as long as trial says.
func StartTorch(ctx context.Context, folder string, net MLP, threads int, trial time.Duration) (*Torch, error) {
	python, err := findPython(ctx)
	if err != nil {
		return nil, err
	}
	script, err := net.write(folder)
	if err != nil {
		return nil, err
	}
	var inner []request
	for _, n := range []int{1, threads}[:min(2, max(threads, 1))] {
		for foreach := range 2 {
			inner = append(inner, request{fmt.Sprintf("set %d %d", n, foreach), fmt.Sprintf("set_num_threads(%d) Adam(foreach=%v)", n, foreach == 1)})
		}
	}
	t := &Torch{}
	t.Peer, t.chosen, err = best(ctx, threads, trial, inner, func(l libraries) (*Peer, error) {
		return start(ctx, l, python, script, folder)
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// StartTorchCUDA is StartTorch on a GPU, at the best of its ways to run a step: eager, compiled, and captured as a CUDA graph. The
// precision is that of products: fp32, tf32 or bf16.
func StartTorchCUDA(ctx context.Context, folder string, net MLP, precision string, trial time.Duration) (*Torch, error) {
	python, err := findPython(ctx)
	if err != nil {
		return nil, err
	}
	const probe = "import sys, torch; sys.exit(not torch.cuda.is_available())"
	if err := exec.CommandContext(ctx, python, "-c", probe).Run(); err != nil {
		return nil, fmt.Errorf("peers: PyTorch of %s finds no GPU: %w", python, ErrAbsent)
	}
	if _, err := net.write(folder); err != nil {
		return nil, err
	}
	script, err := unpack(folder, "torch_mlp_cuda.py")
	if err != nil {
		return nil, err
	}
	p, err := start(ctx, libraries{}, python, script, folder)
	if err != nil {
		return nil, err
	}
	t := &Torch{Peer: p}
	most := 0.0
	var failed error
	for _, mode := range []string{"eager", "compiled", "graph"} {
		r := request{"set " + mode + " " + precision, mode + " " + precision}
		speed, err := p.try(r, trial)
		if err != nil {
			failed = fmt.Errorf("%s: %w", mode, err)
			continue // what this version cannot do
		}
		if speed > most {
			most, t.chosen = speed, r
		}
	}
	if most == 0 {
		p.Close()
		return nil, failed
	}
	if err := p.set(t.chosen); err != nil {
		p.Close()
		return nil, err
	}
	return t, nil
}

// write writes the script and what it reads, and returns the script's path.
func (net *MLP) write(folder string) (script string, err error) {
	if script, err = unpack(folder, "torch_mlp.py"); err != nil {
		return "", err
	}
	spec, err := json.Marshal(net)
	if err != nil {
		return "", fmt.Errorf("peers: %w", err)
	}
	if err := os.WriteFile(filepath.Join(folder, "mlp.json"), spec, 0o600); err != nil {
		return "", fmt.Errorf("peers: %w", err)
	}
	files := map[string][]float32{"x": net.X, "y": net.Y}
	for name, v := range net.Parameters {
		files[name] = v
	}
	for name, v := range files {
		if _, err := writeFloats(folder, name, v); err != nil {
			return "", err
		}
	}
	return script, nil
}

// Loss starts again from the initial values, trains so many steps and returns the loss of the batch that follows.
func (t *Torch) Loss(steps int) (float64, error) {
	if _, err := t.ask("%s", t.chosen.text); err != nil {
		return 0, err
	}
	a, err := t.ask("loss %d", steps)
	return a.Loss, err
}

// findPython returns the first python3 of PATH that has PyTorch: one that comes before Debian's own may lack it.
func findPython(ctx context.Context) (string, error) {
	const probe = "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"
	seen := 0
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		path, err := exec.LookPath(filepath.Join(dir, "python3"))
		if err != nil {
			continue
		}
		seen++
		if err := exec.CommandContext(ctx, path, "-c", probe).Run(); err == nil {
			return path, nil
		}
		if err := ctx.Err(); err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("peers: none of %d python3 on PATH has PyTorch; Debian's package is python3-torch: %w", seen, ErrAbsent)
}
