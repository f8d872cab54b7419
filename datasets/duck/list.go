package duck

import (
	"unsafe"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// ListEntry is the layout of duckdb_list_entry: where in the elements of its
// vector a list begins, and how many it has.
type ListEntry struct{ Offset, Length uint64 }

// Lists returns column i, whose type is a list, as one entry a row and the
// elements of all lists one after another; T must be the C layout of the
// elements' physical type. Valid says which rows have a list, and elements
// which elements have a value.
func Lists[T any](c *Chunk, i int) (entries []ListEntry, valid Validity, values []T, elements Validity) {
	entries, valid = Vector[ListEntry](c, i)
	v := mapping.DataChunkGetVector(c.data, mapping.IdxT(i))
	n := int(mapping.ListVectorGetSize(v))
	if n == 0 {
		return entries, valid, nil, nil
	}
	child := mapping.ListVectorGetChild(v)
	values = unsafe.Slice((*T)(mapping.VectorGetData(child)), n)
	if mask := (*uint64)(mapping.VectorGetValidity(child)); mask != nil {
		elements = unsafe.Slice(mask, (n+63)/64)
	}
	return entries, valid, values, elements
}

// elementType returns the type of the elements of a list or an array, TypeInvalid
// of any other type.
func elementType(logical mapping.LogicalType) mapping.Type {
	if logical.Ptr == nil {
		return mapping.TypeInvalid
	}
	var child mapping.LogicalType
	switch mapping.GetTypeId(logical) {
	case mapping.TypeList:
		child = mapping.ListTypeChildType(logical)
	case mapping.TypeArray:
		child = mapping.ArrayTypeChildType(logical)
	default:
		return mapping.TypeInvalid
	}
	defer mapping.DestroyLogicalType(&child)
	return mapping.GetTypeId(child)
}
