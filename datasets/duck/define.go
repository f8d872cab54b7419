package duck

import (
	"fmt"
	"regexp"
	"unicode/utf8"
	"unsafe"

	bindings "github.com/duckdb/duckdb-go-bindings"
	"github.com/duckdb/duckdb-go/v2/mapping"
)

// Reserved begins the names of all functions that Go defines, and of no other
// function, table or column.
const Reserved = "debut_"

var definable = regexp.MustCompile("^" + Reserved + "[a-z0-9_]+$")

// Micros is a TIMESTAMP: microseconds since 1970, without time zone. DuckDB takes
// the largest number, and the negative of it, as infinity.
type Micros int64

// Value is what a defined function returns: a DOUBLE, BIGINT, BOOLEAN, TIMESTAMP or
// VARCHAR.
type Value interface {
	float64 | int64 | bool | Micros | string
}

// valueType returns DuckDB's type of values of type T.
func valueType[T Value]() ColumnType {
	switch any(*new(T)).(type) {
	case float64:
		return Double
	case int64:
		return BigInt
	case bool:
		return Boolean
	case Micros:
		return Timestamp
	}
	return Varchar
}

// Define lets the statements of a database call a Go function of one text:
// SELECT debut_number(price). Where convert returns false the value is NULL, and so
// is that of NULL, without a call.
//
// The text is DuckDB's memory, valid during the call only. A part of it may be
// returned; whatever else keeps it, an error too, has to clone it. DuckDB calls
// convert from several of its threads at once. It also takes the function for one
// whose result follows from the text alone: it may call it for a constant when the
// statement is prepared, and for texts that a filter beside it drops. The same text
// must give the same result, at any time.
//
// A panic of convert fails the statement with a *PanicError.
func Define[T Value](d *DB, name string, convert func(text string) (value T, ok bool)) error {
	if convert == nil {
		return fmt.Errorf("duckdb: function %s: there is nothing to call", name)
	}
	return DefineChecked(d, name, func(text string) (T, bool, error) {
		value, ok := convert(text)
		return value, ok, nil
	})
}

// DefineChecked is Define of a function that can fail the statement: its error is
// behind the *Error of the statement, for errors.Is and errors.As.
func DefineChecked[T Value](d *DB, name string, convert func(text string) (value T, ok bool, err error)) error {
	switch {
	case convert == nil:
		return fmt.Errorf("duckdb: function %s: there is nothing to call", name)
	case !definable.MatchString(name):
		return fmt.Errorf("duckdb: function %q: a name is %s and small letters, digits and underscores", name, Reserved)
	case d.defined[name]:
		return fmt.Errorf("duckdb: function %s: it is defined already", name)
	}
	return d.define(name, valueType[T](), func(in *Chunk, out mapping.Vector) error {
		return convertChunk(in, out, convert)
	})
}

// Defined is how many functions Go has defined.
func (d *DB) Defined() int { return len(d.defined) }

// Defines reports whether Go has defined a function.
func (d *DB) Defines(name string) bool { return d.defined[name] }

// convertChunk sets the first values of a vector to those of texts.
func convertChunk[T Value](in *Chunk, out mapping.Vector, convert func(string) (T, bool, error)) (err error) {
	texts, present := Vector[String](in, 0)
	set := setter[T](out, in.Rows)
	var valid []uint64
	at := 0
	defer caught(texts, &at, &err)
	for i := range texts {
		if present.Valid(i) {
			at = i
			value, ok, failed := convert(texts[i].Text())
			if failed == nil && ok {
				failed = set(i, value)
			}
			if failed != nil {
				return failed
			}
			if ok {
				continue
			}
		}
		if valid == nil {
			mapping.VectorEnsureValidityWritable(out)
			valid = unsafe.Slice((*uint64)(mapping.VectorGetValidity(out)), (in.Rows+63)/64)
		}
		valid[i/64] &^= 1 << (i % 64)
	}
	return nil
}

// setter returns what sets a value of a vector.
func setter[T Value](vector mapping.Vector, rows int) func(i int, value T) error {
	data := mapping.VectorGetData(vector)
	if set, ok := any(textSetter(vector, data, rows)).(func(int, T) error); ok {
		return set
	}
	values := unsafe.Slice((*T)(data), rows)
	return func(i int, value T) error {
		values[i] = value
		return nil
	}
}

// textSetter returns what sets a VARCHAR to a copy of a text, which must be UTF-8.
func textSetter(vector mapping.Vector, data unsafe.Pointer, rows int) func(i int, text string) error {
	return func(i int, text string) error {
		switch {
		case !utf8.ValidString(text):
			return fmt.Errorf("the result %.60q is not valid UTF-8", text)
		case uint64(len(text)) > longest:
			return fmt.Errorf("the result is a text of %d bytes, above 4 GiB", len(text))
		}
		bytes := unsafe.Slice(unsafe.StringData(text), len(text))
		if v, all := inPlace(bytes); all {
			unsafe.Slice((*String)(data), rows)[i] = v
		} else {
			bindings.UnsafeVectorAssignStringElementLen(vector, mapping.IdxT(i), bytes)
		}
		return nil
	}
}
