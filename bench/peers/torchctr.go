package peers

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// CTR is a model of ids and how it is trained: logistic loss averaged over rows, Adam, batch norm (ε 1e-5) and ReLU after each hidden
// layer. Matrices are row-major.
type CTR struct {
	Model  string    `json:"model"`  // fm, deepfm or dcnv2
	IDs    int       `json:"ids"`    // of all fields
	Fields int       `json:"fields"` // of a row
	Width  int       `json:"width"`  // factors, or the embeddings' width
	Hidden []int     `json:"hidden"`
	Cross  int       `json:"cross"` // layers of the cross network
	Rows   int       `json:"rows"`
	Batch  int       `json:"batch"`
	Order  []int32   `json:"order"` // rows in the order they are trained on, over and over; a multiple of Batch
	Adam   Adam      `json:"adam"`
	X      []int32   `json:"-"` // [Rows, Fields]
	Y      []float32 `json:"-"` // [Rows]
	// Parameters are the initial values: factors [IDs, 1+Width] and output.bias of fm and deepfm; embedding.<Width> [IDs, Width] of dcnv2,
	// with cross.<i>.weight and .bias, cross.output.weight; and those of the hidden layers as MLP has them.
	Parameters map[string][]float32 `json:"-"`
}

// embeddings are the ways in which PyTorch can train the rows of a table: with a gradient of all of it, in one of two Adams, or with one
// of the rows looked up and SparseAdam.
var embeddings = []string{"Adam(foreach=False)", "Adam(foreach=True)", "SparseAdam"}

// StartTorchCTR is StartTorch for a model of ids, and tries the ways to train embeddings too. Its losses are those of SparseAdam, whichever is the fastest:
// the others move all rows at each step, by the momentum of earlier ones, and come to other losses.
func StartTorchCTR(ctx context.Context, folder string, m CTR, threads int, trial time.Duration) (*Torch, error) {
	t, err := startTorch(ctx, folder, m.write, embeddings, threads, trial)
	if err != nil {
		return nil, err
	}
	var n, way int
	if _, err := fmt.Sscanf(t.chosen.text, setForm, &n, &way); err != nil {
		t.Close()
		return nil, fmt.Errorf("peers: %q: %w", t.chosen.text, err)
	}
	if way != len(embeddings)-1 {
		t.sameWork = request{text: fmt.Sprintf(setForm, n, len(embeddings)-1)}
	}
	return t, nil
}

// write writes the scripts and what they read, and returns the path of the one to run.
func (m *CTR) write(folder string) (script string, err error) {
	if _, err = unpack(folder, "torch_mlp.py"); err != nil {
		return "", err
	}
	if script, err = unpack(folder, "torch_ctr.py"); err != nil {
		return "", err
	}
	spec, err := json.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("peers: %w", err)
	}
	if err := os.WriteFile(filepath.Join(folder, "mlp.json"), spec, 0o600); err != nil {
		return "", fmt.Errorf("peers: %w", err)
	}
	if err := writeRaw(filepath.Join(folder, "x.i32"), m.X); err != nil {
		return "", err
	}
	if _, err := writeFloats(folder, "y", m.Y); err != nil {
		return "", err
	}
	for name, v := range m.Parameters {
		if _, err := writeFloats(folder, name, v); err != nil {
			return "", err
		}
	}
	return script, nil
}
