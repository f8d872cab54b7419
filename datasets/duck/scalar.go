package duck

/*
void debutScalarCall(void *info, void *input, void *output);
void debutScalarFree(void *handle);
*/
import "C"

import (
	"fmt"
	"runtime"
	"runtime/cgo"
	"unsafe"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// scalar is a function that Go computes.
type scalar struct {
	name     string
	convert  func(in *Chunk, out mapping.Vector) error
	failures *failures
	pinned   runtime.Pinner // of the handle of this, which DuckDB points at
}

func (d *DB) define(name string, result ColumnType, convert func(in *Chunk, out mapping.Vector) error) error {
	if d.busy != nil {
		<-d.busy
		d.busy = nil
	}
	s := &scalar{name: name, convert: convert, failures: &d.failures}
	handle := new(cgo.Handle)
	*handle = cgo.NewHandle(s)
	s.pinned.Pin(handle)

	f := mapping.CreateScalarFunction()
	// DuckDB frees the handle with the last that knows of it: here where it refuses
	// the function, else at the end of the database.
	defer mapping.DestroyScalarFunction(&f)
	mapping.ScalarFunctionSetExtraInfo(f, unsafe.Pointer(handle), C.debutScalarFree)
	mapping.ScalarFunctionSetName(f, name)
	text, value := Varchar.logical(), result.logical()
	mapping.ScalarFunctionAddParameter(f, text)
	mapping.ScalarFunctionSetReturnType(f, value)
	mapping.DestroyLogicalType(&text)
	mapping.DestroyLogicalType(&value)
	mapping.ScalarFunctionSetFunction(f, C.debutScalarCall)
	if mapping.RegisterScalarFunction(d.conn, f) == mapping.StateError {
		return fmt.Errorf("duckdb: function %s: the database does not take it", name)
	}
	if d.defined == nil {
		d.defined = map[string]bool{}
	}
	d.defined[name] = true
	return nil
}

//export debutScalarCall
func debutScalarCall(p, input, output unsafe.Pointer) {
	info := mapping.FunctionInfo{Ptr: p}
	s := scalarOf(mapping.ScalarFunctionGetExtraInfo(info))
	in := mapping.DataChunk{Ptr: input}
	err := s.convert(&Chunk{data: in, Rows: int(mapping.DataChunkGetSize(in))}, mapping.Vector{Ptr: output})
	if err != nil {
		mapping.ScalarFunctionSetError(info, s.failures.add(fmt.Errorf("%s: %w", s.name, err)))
	}
}

//export debutScalarFree
func debutScalarFree(handle unsafe.Pointer) {
	s := scalarOf(handle)
	(*cgo.Handle)(handle).Delete()
	s.pinned.Unpin()
}

// scalarOf returns the function that DuckDB was given a pointer to.
func scalarOf(handle unsafe.Pointer) *scalar {
	s, _ := (*cgo.Handle)(handle).Value().(*scalar) // nothing else is behind these handles
	return s
}
