package model

import (
	"cmp"
	"context"
	"io"
	"iter"
	"strings"

	"debut/datasets/table"
	"debut/engine/onnx"
	"debut/engine/safetensors"
)

// Port is an input or output of a model in ONNX.
type Port struct {
	Name  string `json:"name"`
	Type  string `json:"type"`  // float32, float64, int64, string or bool
	Width int    `json:"width"` // the tensor is [batch, Width]
	About string `json:"about"` // what a value is
	// Encoded says why the input is not the value of the data, but what the encoder makes of it; "" where it is.
	Encoded string `json:"encoded,omitempty"`
	// Classes are those that an output is about, in their order, as the data have them: numbers, truth values or texts.
	Classes []any `json:"classes,omitempty"`
}

// Signature is what a model in ONNX is asked and answers.
type Signature struct {
	Inputs  []Port `json:"inputs"`
	Outputs []Port `json:"outputs"`
}

// GraphOptions bound what becomes part of a graph.
type GraphOptions struct {
	// Vocabulary is how many values of a column may be known to the graph; of one with more, ids are asked for.
	Vocabulary int
	// K is how many items a list has.
	K int
}

// Graph is a question that a model answers in ONNX.
type Graph struct {
	// Name is "model", or for further questions what is asked, such as "similar".
	Name string
	// Build adds inputs, nodes and outputs. Tables are read when the graph is written, and the model must be open until then.
	Build func(to *onnx.Graph, o GraphOptions) (Signature, error)
	// Trials makes a trial of rows of the data, for a signature that Build has returned. Nil where rows are no question of this graph; then
	// Own is there, which makes one of what the model itself knows, of about so many rows.
	Trials func(ctx context.Context, s Signature, rows *table.Frame) (Trial, error)
	Own    func(ctx context.Context, s Signature, o GraphOptions, rows int) (Trial, error)
}

// Exporter is a model with a form in ONNX.
type Exporter interface {
	// Graphs lists the questions that it answers there, the main one first. The error says why there is none.
	Graphs() ([]Graph, error)
}

// Encodes is a model whose inputs a graph may take encoded.
type Encodes interface {
	// EncoderFiles are what says how, by their names.
	EncoderFiles() map[string]func(io.Writer) error
}

// RowReader is a model that answers for rows of a table, which it reads for a trial.
type RowReader interface {
	// ReadRows reads the first rows of a source, at most so many.
	ReadRows(ctx context.Context, src table.Source, baseDir string, limit int) (*table.Frame, error)
}

// Exemplary is a model that answers for rows of a table, and makes up some: usual ones, the last without any value.
type Exemplary interface {
	ExampleRows(n int) *table.Frame
}

// Tensor is a tensor of a model under a name that a person understands.
type Tensor struct {
	safetensors.Source
	// RowIDs are what its rows belong to, such as users, under the name of RowName; nil where they are no such things.
	RowName string
	RowIDs  iter.Seq[string]
	// RowsOfInputs says that they belong to encoded inputs, and not to what the data name: a column may be called as these are.
	RowsOfInputs bool
	// ColumnIDs are the encoded inputs that its columns belong to; nil where they belong to none.
	ColumnIDs iter.Seq[string]
}

// OfInputs says that the tensor lies along what a network reads, so that it means nothing for other inputs or in another order.
func (t Tensor) OfInputs() bool { return t.ColumnIDs != nil || t.RowsOfInputs }

// Tensors is a model whose numbers can be taken out.
type Tensors interface {
	// Tensors lists all of them. They are read from the model, which must be open until then.
	Tensors() ([]Tensor, error)
}

// InputRows is what the rows of a layer's weights belong to that reads the encoded inputs.
const InputRows = "inputs"

// NumberRows is what the rows of weights belong to that read the encoded numbers alone.
const NumberRows = "numbers"

// RowsFile is the file that says, beside files of tensors, which row is whose. Where names differ in characters that files cannot have, or
// in case, it is another, which the metadata of the file of tensors have under RowsKey, or ColumnsKey, of the tensor.
func RowsFile(rowName string) string { return FileName(rowName) + ".rows.csv" }

// RowsKey is the key of the metadata for the file that says whose a tensor's rows are, where it has an unusual name.
func RowsKey(tensor string) string { return "rows of " + tensor }

// ColumnsKey is RowsKey of columns.
func ColumnsKey(tensor string) string { return "columns of " + tensor }

// FileName makes a name of a file of one of a tensor, which may be that of a column and so anything.
func FileName(name string) string {
	safe := strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, name)
	const most = 200 // bytes, of which file systems take 255
	if len(safe) > most {
		safe = strings.ToValidUTF8(safe[:most], "")
	}
	return cmp.Or(strings.TrimLeft(safe, "."), "tensor")
}
