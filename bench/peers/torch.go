package peers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
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
	chosen   request
	sameWork request // whose losses are to be compared, where that is not the chosen one
	fresh    bool    // it is at the initial values
}

// setForm is the request to begin with so many threads in a way.
const setForm = "set %d %d"

// StartTorch starts PyTorch on a network, with at most so many threads, at the best of its settings: the kernels that
// OpenBLAS takes, the threads of its libraries and its own in all mixes of one and all, both of its ways to run Adam. The folder is for files; the
// caller removes it. Each setting is tried for as long as trial says.
func StartTorch(ctx context.Context, folder string, net MLP, threads int, trial time.Duration) (*Torch, error) {
	return startTorch(ctx, folder, net.write, []string{"Adam(foreach=False)", "Adam(foreach=True)"}, threads, trial)
}

// startTorch starts the script that write writes, in the best of the ways that it knows by their numbers.
func startTorch(ctx context.Context, folder string, write func(folder string) (script string, err error), ways []string, threads int, trial time.Duration) (*Torch, error) {
	python, err := findTorch(ctx)
	if err != nil {
		return nil, err
	}
	script, err := write(folder)
	if err != nil {
		return nil, err
	}
	var inner []request
	for _, n := range []int{1, threads}[:min(2, max(threads, 1))] {
		for i, way := range ways {
			inner = append(inner, request{fmt.Sprintf(setForm, n, i), fmt.Sprintf("set_num_threads(%d) %s", n, way)})
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

// CUDAModes are the ways in which PyTorch can run a step on a GPU, those that promise most first.
func CUDAModes() []string {
	return []string{"compiled-graph", "reduce-overhead", "graph", "compiled", "eager"}
}

// StartTorchCUDA is StartTorch on a GPU, at the best of CUDAModes, each tried in a process of its own: what one breaks does not break
// the others. The precision is that of products: fp32, tf32 or bf16.
func StartTorchCUDA(ctx context.Context, folder string, net MLP, precision string, trial time.Duration) (*Torch, error) {
	var best *Torch
	most := 0.0
	var failed []error
	for _, mode := range CUDAModes() {
		t, err := StartTorchCUDAMode(ctx, folder, net)
		if err != nil {
			if best != nil {
				best.Close()
			}
			return nil, err
		}
		speed := 0.0
		if err = t.SetCUDA(mode, precision); err == nil {
			t.fresh = false
			speed, err = t.try(request{}, trial)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", mode, err)) // what this version cannot do
		}
		if speed <= most {
			t.Close()
			continue
		}
		if best != nil {
			best.Close()
		}
		best, most = t, speed
	}
	if best == nil {
		return nil, errors.Join(failed...)
	}
	return best, nil
}

// cudaThreads is how many threads gather rows for a GPU at most.
const cudaThreads = 8

// StartTorchCUDAMode starts PyTorch on a GPU; SetCUDA says how it is to train. The folder is for files; the caller removes it.
func StartTorchCUDAMode(ctx context.Context, folder string, net MLP) (*Torch, error) {
	python, err := findTorch(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := net.write(folder); err != nil {
		return nil, err
	}
	script, err := unpack(folder, "torch_mlp_cuda.py")
	if err != nil {
		return nil, err
	}
	threads := min(runtime.NumCPU(), cudaThreads) // they gather rows
	p, err := start(ctx, libraries{openBLAS: threads, openMP: threads}, python, script, folder)
	if err != nil {
		return nil, err
	}
	return &Torch{Peer: p}, nil
}

// SetCUDA has PyTorch begin again from the initial values, in one of CUDAModes, at a precision.
func (t *Torch) SetCUDA(mode, precision string) error {
	r := request{"set " + mode + " " + precision, mode + " " + precision}
	if _, err := t.ask("%s", r.text); err != nil {
		return err
	}
	t.chosen, t.settings, t.fresh = r, r.meaning, true
	return nil
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
	setting := t.chosen
	if t.sameWork.text != "" {
		setting = t.sameWork
	}
	if !t.fresh || setting != t.chosen {
		if _, err := t.ask("%s", setting.text); err != nil {
			return 0, err
		}
	}
	t.fresh = false
	a, err := t.ask("loss %d", steps)
	if err == nil && setting != t.chosen {
		_, err = t.ask("%s", t.chosen.text)
	}
	return a.Loss, err
}

// findTorch returns a Python that has PyTorch.
func findTorch(ctx context.Context) (string, error) {
	return findPython(ctx, "PyTorch", "python3-torch", "torch")
}

// findPython returns the first python3 of PATH that has the modules: one that comes before Debian's own may lack them.
func findPython(ctx context.Context, what, packages string, modules ...string) (string, error) {
	probe := "import importlib.util, sys; sys.exit(any(importlib.util.find_spec(m) is None for m in sys.argv[1:]))"
	seen := 0
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		path, err := exec.LookPath(filepath.Join(dir, "python3"))
		if err != nil {
			continue
		}
		seen++
		if err := exec.CommandContext(ctx, path, append([]string{"-c", probe}, modules...)...).Run(); err == nil {
			return path, nil
		}
		if err := ctx.Err(); err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("peers: none of %d python3 on PATH has %s; Debian's package is %s: %w", seen, what, packages, ErrAbsent)
}
