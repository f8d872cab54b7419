package duck

/*
void debutSourceBind(void *info);
void debutSourceInit(void *info);
void debutSourceNext(void *info, void *chunk);
*/
import "C"

import (
	"fmt"
	"runtime"
	"runtime/cgo"
	"unsafe"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// source is a table function whose rows Go makes.
type source struct {
	columns []ColumnDef
	next    func(*Rows) error
	texts   textArena
	handle  *cgo.Handle // of the source; DuckDB points at it
	pinned  runtime.Pinner
}

// AddSource lets statements read rows that Go makes: SELECT * FROM name(). Their
// columns are not lists. A statement calls next for one chunk of rows after
// another, until one stays empty; an error of it is that of the statement, as a
// text. The context of the statement does not reach next: one that waits has to
// see to it.
func (d *DB) AddSource(name string, columns []ColumnDef, next func(*Rows) error) error {
	for _, c := range columns {
		if !c.Type.valid() || columnTypes[c.Type].list {
			return fmt.Errorf("duckdb: source %s: column %q cannot be of type %v", name, c.Name, c.Type)
		}
	}
	if d.busy != nil {
		<-d.busy
		d.busy = nil
	}
	s := &source{columns: columns, next: next, handle: new(cgo.Handle)}
	*s.handle = cgo.NewHandle(s)
	s.pinned.Pin(s.handle)
	d.sources = append(d.sources, s)

	f := mapping.CreateTableFunction()
	defer mapping.DestroyTableFunction(&f)
	mapping.TableFunctionSetName(f, name)
	mapping.TableFunctionSetExtraInfo(f, unsafe.Pointer(s.handle), nil)
	mapping.TableFunctionSetBind(f, C.debutSourceBind)
	mapping.TableFunctionSetInit(f, C.debutSourceInit)
	mapping.TableFunctionSetFunction(f, C.debutSourceNext)
	if mapping.RegisterTableFunction(d.conn, f) == mapping.StateError {
		return fmt.Errorf("duckdb: source %s: there is one of that name, or it is none", name)
	}
	return nil
}

// free lets go what DuckDB has known of. The database must be closed.
func (s *source) free() {
	s.texts.release()
	s.pinned.Unpin()
	s.handle.Delete()
}

// sourceOf returns the source that DuckDB was given a pointer to.
func sourceOf(handle unsafe.Pointer) *source {
	s, _ := (*cgo.Handle)(handle).Value().(*source) // nothing else is behind these handles
	return s
}

//export debutSourceBind
func debutSourceBind(p unsafe.Pointer) {
	info := mapping.BindInfo{Ptr: p}
	for _, c := range sourceOf(mapping.BindGetExtraInfo(info)).columns {
		t := c.Type.logical()
		mapping.BindAddResultColumn(info, c.Name, t)
		mapping.DestroyLogicalType(&t)
	}
}

//export debutSourceInit
func debutSourceInit(unsafe.Pointer) {}

//export debutSourceNext
func debutSourceNext(p, chunk unsafe.Pointer) {
	info := mapping.FunctionInfo{Ptr: p}
	s := sourceOf(mapping.FunctionGetExtraInfo(info))
	// DuckDB has copied what it keeps of the chunk before.
	s.texts.release()
	r := &Rows{source: s, data: mapping.DataChunk{Ptr: chunk}, Most: int(mapping.VectorSize())}
	err := s.next(r)
	if err == nil && (r.Len < 0 || r.Len > r.Most) {
		err = fmt.Errorf("%d rows in a chunk of %d", r.Len, r.Most)
	}
	if err != nil {
		mapping.FunctionSetError(info, err.Error())
		return
	}
	mapping.DataChunkSetSize(r.data, mapping.IdxT(r.Len))
}

// Rows are a chunk that a source fills, column by column.
type Rows struct {
	Most int // rows that it takes
	Len  int // rows that it has, which next sets

	source *source
	data   mapping.DataChunk
}

// Fill returns the memory of column i, for Most values of type T, which must be the
// C layout of the column's type. All of them are present.
func Fill[T any](r *Rows, i int) []T {
	return unsafe.Slice((*T)(mapping.VectorGetData(mapping.DataChunkGetVector(r.data, mapping.IdxT(i)))), r.Most)
}

// Texts sets the first values of column i to copies of texts, at most Most of them,
// which must be UTF-8. Empty ones are NULL.
func (r *Rows) Texts(i int, texts []string) error {
	vector := mapping.DataChunkGetVector(r.data, mapping.IdxT(i))
	out := unsafe.Slice((*String)(mapping.VectorGetData(vector)), r.Most)
	var present []uint64
	for k, text := range texts {
		if text == "" {
			if present == nil {
				mapping.VectorEnsureValidityWritable(vector)
				present = unsafe.Slice((*uint64)(mapping.VectorGetValidity(vector)), (r.Most+63)/64)
			}
			present[k/64] &^= 1 << (k % 64)
			continue
		}
		v, _, err := r.source.texts.put(unsafe.Slice(unsafe.StringData(text), len(text)))
		if err != nil {
			return fmt.Errorf("column %q: %w", r.source.columns[i].Name, err)
		}
		out[k] = v
	}
	return nil
}
