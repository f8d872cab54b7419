package engine

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"debut/engine/safetensors"
	"debut/kernels"
)

// NonFiniteError tells of a batch whose loss is NaN or infinite.
type NonFiniteError struct {
	Step int64 // optimizer steps done before it
	Loss float64
}

// Error says after which step.
func (e *NonFiniteError) Error() string {
	return fmt.Sprintf("engine: step %d: the loss is %v", e.Step+1, e.Loss)
}

// Diverged tells step and loss to whom knows no engine.
func (e *NonFiniteError) Diverged() (step int64, loss float64) { return e.Step, e.Loss }

// mostScanned is the size of a tensor in bytes up to which it is looked through as a whole. Of a larger one, a table, a step touches few rows;
// what is not finite in it shows in the loss when a row is looked up, and when the tensor is written, piece by piece.
var mostScanned int64 = 64 << 20

// NonFinite returns the name of the first tensor of the trainer's state that holds a value that is no finite number, and
// the value; or "". Tensors of more than 64 MiB are not looked through; [Trainer.Sources] and [Parameters.Save] look at what they read of these.
func (t *Trainer) NonFinite() (name string, value float64, err error) {
	return t.nonFinite(mostScanned)
}

// nonFinite is NonFinite of tensors of up to so many bytes.
func (t *Trainer) nonFinite(most int64) (name string, value float64, err error) {
	for _, m := range t.tensors() {
		if m.bytes() > most {
			continue
		}
		v, bad, err := findNonFinite(t.dev, m.matrix)
		if err != nil {
			return "", 0, fmt.Errorf("engine: tensor %q: %w", m.name, err)
		}
		if bad {
			return m.name, v, nil
		}
	}
	return "", 0, nil
}

// Diagnose says where the first number that is not finite comes from, after Step has returned a *NonFiniteError: a
// parameter that an earlier step has left in that state, an input, or the operation and layer that made it of finite
// ones. It computes the batch that was fed once more, operation by operation.
func (t *Trainer) Diagnose() (string, error) {
	name, v, err := t.nonFinite(math.MaxInt64)
	if err != nil {
		return "", err
	}
	if name != "" {
		kind, rest, _ := strings.Cut(name, "/")
		if kind == "optimizer" {
			kind = "the optimizer's state of"
		}
		return fmt.Sprintf("%s %q of layer %q holds %v since the update of step %d", kind, rest, layerName(strings.TrimSuffix(strings.TrimSuffix(rest, ".m"), ".v")), v, t.count.Steps), nil
	}
	for _, name := range slices.Sorted(maps.Keys(t.inputs)) {
		v, bad, err := findNonFinite(t.dev, t.inputs[name])
		if err != nil {
			return "", fmt.Errorf("engine: input %q: %w", name, err)
		}
		if bad {
			return fmt.Sprintf("the input %q holds %v", name, v), nil
		}
	}
	for _, s := range t.steps {
		for _, k := range t.kernels[s.lo:s.hi] {
			if err := k.Run(); err != nil {
				return "", err
			}
		}
		if err := t.dev.Synchronize(); err != nil {
			return "", err
		}
		for _, m := range s.outs {
			v, bad, err := findNonFinite(t.dev, m)
			if err != nil {
				return "", fmt.Errorf("engine: %s: %w", s.name, err)
			}
			if bad {
				return fmt.Sprintf("layer %q: %s (%s) computes %v from finite numbers", s.layer, s.name, s.detail, v), nil
			}
		}
	}
	return "no tensor that holds it was found when the batch was computed once more", nil
}

// findNonFinite returns the first value of the valid rows of a matrix of floats that is not finite.
func findNonFinite(dev kernels.Device, m kernels.Matrix) (float64, bool, error) {
	if dt := m.Buf.Dtype(); dt != kernels.Float32 && dt != kernels.Float64 {
		return 0, false, nil
	}
	rows := m.Rows
	if m.Count != nil {
		n, err := m.Count.Get()
		if err != nil {
			return 0, false, err
		}
		rows = min(rows, n)
	}
	if m.Dense() {
		return scan(dev, m.Buf, m.Offset, rows*m.Cols)
	}
	for r := range rows {
		if v, bad, err := scan(dev, m.Buf, m.Offset+r*m.Stride, m.Cols); bad || err != nil {
			return v, bad, err
		}
	}
	return 0, false, nil
}

// scan looks at n elements of a buffer from off, piece by piece.
func scan(dev kernels.Device, buf kernels.Buffer, off, n int) (float64, bool, error) {
	const piece = 1 << 16
	bad := func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }
	if buf.Dtype() == kernels.Float64 {
		v := make([]float64, min(n, piece))
		for lo := 0; lo < n; lo += piece {
			v = v[:min(n-lo, piece)]
			if err := kernels.Download(dev, v, buf, off+lo); err != nil {
				return 0, false, err
			}
			if i := slices.IndexFunc(v, bad); i >= 0 {
				return v[i], true, nil
			}
		}
		return 0, false, nil
	}
	v := make([]float32, min(n, piece))
	for lo := 0; lo < n; lo += piece {
		v = v[:min(n-lo, piece)]
		if err := kernels.Download(dev, v, buf, off+lo); err != nil {
			return 0, false, err
		}
		for _, x := range v {
			if x-x != 0 { // NaN and infinities alone
				return float64(x), true, nil
			}
		}
	}
	return 0, false, nil
}

// checkPiece returns an error for a value that is not finite among the bytes of a tensor that NonFinite does not look through.
func checkPiece(m kernels.Matrix, piece []byte, dt safetensors.Dtype) error {
	if int64(m.Rows)*int64(m.Cols)*int64(m.Buf.Dtype().Size()) <= mostScanned {
		return nil
	}
	if dt == safetensors.F64 {
		for ; len(piece) >= 8; piece = piece[8:] {
			if v := math.Float64frombits(binary.LittleEndian.Uint64(piece)); v-v != 0 {
				return fmt.Errorf("it holds %v", v)
			}
		}
		return nil
	}
	const exponent = 0x7f800000
	for ; len(piece) >= 4; piece = piece[4:] {
		if bits := binary.LittleEndian.Uint32(piece); bits&exponent == exponent {
			return fmt.Errorf("it holds %v", math.Float32frombits(bits))
		}
	}
	return nil
}
