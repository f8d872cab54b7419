package export

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"debut/datasets/sealed"
	"debut/engine/safetensors"
	"debut/kernels/rawbytes"
	"debut/trainers/model"
)

// ErrNoTensors is matched by errors of models whose numbers are not taken out.
var ErrNoTensors = errors.New("the model has no tensors to take out")

// listed are the tensors of the model.
func (w *writer) listed() ([]model.Tensor, error) {
	x, ok := w.m.(model.Tensors)
	if !ok {
		return nil, fmt.Errorf("export: a model of the family %s: %w", w.m.Family(), ErrNoTensors)
	}
	list, err := x.Tensors()
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	for _, t := range list {
		w.result.Tensors = append(w.result.Tensors, t.Name)
	}
	return list, nil
}

// tensors writes all tensors in one file of safetensors, and what their rows belong to.
func (w *writer) tensors(ctx context.Context) error {
	list, err := w.listed()
	if err != nil {
		return err
	}
	sources := make([]safetensors.Source, len(list))
	for i, t := range list {
		sources[i] = t.Source
	}
	files := nameRows(list)
	meta := files.unusual(list)
	meta["format"] = "debut " + w.m.Family()
	if err := w.file("model.safetensors", func(out io.Writer) error { return safetensors.Stream(canceling{ctx, out}, sources, meta) }); err != nil {
		return err
	}
	return w.rows(list, files)
}

// npy writes each tensor in a file of its own, as NumPy has them, and what their rows belong to.
func (w *writer) npy(ctx context.Context) error {
	list, err := w.listed()
	if err != nil {
		return err
	}
	for _, t := range list {
		if err := w.file(w.place(t.Name, ".npy"), func(out io.Writer) error { return writeNPY(canceling{ctx, out}, t.Source) }); err != nil {
			return err
		}
	}
	return w.rows(list, nameRows(list))
}

// canceling is a writer that ends with a context.
type canceling struct {
	ctx context.Context
	io.Writer
}

func (c canceling) Write(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.Writer.Write(b)
}

// rowsOf is what rows of tensors belong to.
type rowsOf struct {
	name   string
	inputs bool
}

// rowsFiles are the names of the files that say which row is whose.
type rowsFiles map[rowsOf]string

// nameRows gives each thing that rows belong to a file of a name that no other has, where case does not matter either.
func nameRows(list []model.Tensor) rowsFiles {
	files, taken := rowsFiles{}, map[string]bool{}
	for _, t := range list {
		of := rowsOf{t.RowName, t.RowsOfInputs}
		if t.RowIDs == nil || files[of] != "" {
			continue
		}
		name := model.RowsFile(t.RowName)
		for n := 2; taken[strings.ToLower(name)]; n++ {
			name = model.RowsFile(fmt.Sprintf("%s-%d", model.FileName(t.RowName), n))
		}
		files[of], taken[strings.ToLower(name)] = name, true
	}
	return files
}

// unusual are the metadata of the files that have another name than their rows.
func (f rowsFiles) unusual(list []model.Tensor) map[string]string {
	meta := map[string]string{}
	add := func(key string, of rowsOf) {
		if name := f[of]; name != "" && name != model.RowsFile(of.name) {
			meta[key] = name
		}
	}
	for _, t := range list {
		if t.RowIDs != nil {
			add(model.RowsKey(t.Name), rowsOf{t.RowName, t.RowsOfInputs})
		}
		if t.ColumnIDs != nil {
			add(model.ColumnsKey(t.Name), rowsOf{model.InputRows, true})
		}
	}
	return meta
}

// rows writes, for each thing that rows of tensors belong to, which row is whose.
func (w *writer) rows(list []model.Tensor, files rowsFiles) error {
	done := map[rowsOf]bool{}
	for _, t := range list {
		of := rowsOf{t.RowName, t.RowsOfInputs}
		if t.RowIDs == nil || done[of] {
			continue
		}
		done[of] = true
		err := w.file(files[of], func(out io.Writer) error {
			c := csv.NewWriter(out)
			if err := c.Write([]string{"row", "id"}); err != nil {
				return err
			}
			row := 0
			for id := range t.RowIDs {
				if err := c.Write([]string{strconv.Itoa(row), id}); err != nil {
					return err
				}
				row++
			}
			c.Flush()
			return c.Error()
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// place is a file for something of a name, which no other has.
func (w *writer) place(name, extension string) string {
	base := model.FileName(name)
	for n := 2; ; n++ {
		taken := slices.ContainsFunc(w.result.Files, func(f File) bool {
			return strings.EqualFold(strings.TrimSuffix(f.Name, sealed.Extension), base+extension)
		})
		if !taken {
			return base + extension
		}
		base = fmt.Sprintf("%s-%d", model.FileName(name), n)
	}
}

// writeNPY writes a tensor in NumPy's format, version 1.0.
func writeNPY(out io.Writer, s safetensors.Source) error {
	descr := map[safetensors.Dtype]string{safetensors.F32: "<f4", safetensors.F64: "<f8", safetensors.I32: "<i4", safetensors.I64: "<i8"}[s.Dtype]
	if descr == "" {
		return fmt.Errorf("tensors of %s are not written as .npy", s.Dtype)
	}
	var shape strings.Builder
	for _, n := range s.Shape {
		fmt.Fprintf(&shape, "%d, ", n)
	}
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, strings.TrimSuffix(shape.String(), " "))
	const prefix = 10
	pad := 64 - (prefix+len(header)+1)%64
	header += strings.Repeat(" ", pad%64) + "\n"
	if _, err := fmt.Fprintf(out, "\x93NUMPY\x01\x00%c%c%s", len(header)&0xff, len(header)>>8, header); err != nil {
		return err
	}
	return s.Copy(out)
}

// parquetRows is how many rows a row group has.
const parquetRows = 1 << 16

// parquet writes each matrix whose rows have ids as a table of these ids and vectors.
func (w *writer) parquet(ctx context.Context) error {
	list, err := w.listed()
	if err != nil {
		return err
	}
	w.result.Tensors = nil
	for _, t := range list {
		if t.RowIDs == nil || t.OfInputs() || t.Dtype != safetensors.F32 {
			continue
		}
		if err := w.file(w.place(t.Name, ".parquet"), func(out io.Writer) error { return writeParquet(canceling{ctx, out}, t) }); err != nil {
			return err
		}
		w.result.Tensors = append(w.result.Tensors, t.Name)
	}
	if len(w.result.Tensors) == 0 {
		return fmt.Errorf("export: a model of the family %s has no factors or embeddings with ids: %w", w.m.Family(), ErrNoTensors)
	}
	return nil
}

// writeParquet writes ids beside vectors, or numbers where a row is one.
func writeParquet(out io.Writer, t model.Tensor) (err error) {
	width, second := 1, arrow.Field{Name: "value", Type: arrow.PrimitiveTypes.Float32}
	if len(t.Shape) == 2 && t.Shape[1] != 1 {
		width = t.Shape[1]
		second = arrow.Field{Name: "vector", Type: arrow.ListOfNonNullable(arrow.PrimitiveTypes.Float32)}
	}
	schema := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.BinaryTypes.String}, second}, nil)
	properties := parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd), parquet.WithMaxRowGroupLength(parquetRows), parquet.WithCreatedBy("debut"))
	to, err := pqarrow.NewFileWriter(schema, out, properties, pqarrow.DefaultWriterProps())
	if err != nil {
		return fmt.Errorf("parquet: %w", err)
	}
	build := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer build.Release()
	ids, ok := build.Field(0).(*array.StringBuilder)
	if !ok {
		return errors.New("parquet: the column of ids is of another type")
	}
	next, stop := iter.Pull(t.RowIDs)
	defer stop()
	block := make([]float32, parquetRows*width)
	for row := 0; row < t.Shape[0]; {
		n := min(parquetRows, t.Shape[0]-row)
		values := block[:n*width]
		if err := t.Read(rawbytes.Of(values), 4*int64(row)*int64(width)); err != nil {
			return err
		}
		for i := range n {
			id, ok := next()
			if !ok {
				return fmt.Errorf("parquet: row %d of %d has no id", row+i, t.Shape[0])
			}
			ids.Append(id)
			switch b := build.Field(1).(type) {
			case *array.Float32Builder:
				b.Append(values[i])
			case *array.ListBuilder:
				b.Append(true)
				if of, ok := b.ValueBuilder().(*array.Float32Builder); ok {
					of.AppendValues(values[i*width:(i+1)*width], nil)
				}
			}
		}
		row += n
		record := build.NewRecordBatch()
		err := to.Write(record)
		record.Release()
		if err != nil {
			return fmt.Errorf("parquet: %w", err)
		}
	}
	if err := to.Close(); err != nil {
		return fmt.Errorf("parquet: %w", err)
	}
	return nil
}
