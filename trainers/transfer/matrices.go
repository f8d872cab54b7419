package transfer

import (
	"errors"
	"fmt"
	"slices"

	"debut/engine/safetensors"
	"debut/trainers/model"
)

// Matrix is a tensor of a file that is read whole, of one or two dimensions.
type Matrix struct {
	Name string
	// Rows is what its rows belong to; "": to nothing.
	Rows string
	// Optional says that it need not be there.
	Optional bool
}

// Values are those of a matrix, row-major, with the ids of its rows. They are nil where it is not there.
type Values struct {
	Values  []float32
	Columns int
	IDs     []string
}

// ReadMatrices reads matrices of a file of tensors, anybody's, that debut export has written with the ids of their rows beside it.
func ReadMatrices(path string, list []Matrix) (_ []Values, err error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	file, err := safetensors.Open(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	out := make([]Values, len(list))
	for i, m := range list {
		if out[i], err = readMatrix(file, path, m); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", path, m.Name, err)
		}
	}
	return out, nil
}

func readMatrix(file *safetensors.File, path string, m Matrix) (v Values, err error) {
	tensors := file.Tensors()
	at := slices.IndexFunc(tensors, func(x safetensors.Info) bool { return x.Name == m.Name })
	if at < 0 {
		if m.Optional {
			return v, nil
		}
		return v, errors.New("there is no such tensor; name a file as debut export --format safetensors writes it")
	}
	x := tensors[at]
	switch len(x.Shape) {
	case 1:
		v.Columns = 1
		v.Values, err = safetensors.ReadVector[float32](file, m.Name)
	default:
		v.Values, v.Columns, err = safetensors.ReadMatrix[float32](file, m.Name)
	}
	if err != nil || m.Rows == "" {
		return v, err
	}
	if v.IDs, err = readIDs(beside(file, path, model.RowsKey(m.Name), m.Rows), x.Shape[0]); err == nil && v.IDs == nil {
		err = fmt.Errorf("it is not said whose its rows are: put the file of %s beside it, which debut export writes", m.Rows)
	}
	return v, err
}
