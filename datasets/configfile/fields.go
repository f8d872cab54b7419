package configfile

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
)

// field is a struct field under the name it has in a run file.
type field struct {
	name      string
	index     []int // for reflect's FieldByIndex
	omitEmpty bool
	omitZero  bool
}

// fieldSet is the fields of a struct type in order of declaration, those of inline
// structs in their place.
type fieldSet struct {
	list   []field
	byName map[string]int
	err    error // a type no run file can describe: a mistake in the program
}

// names returns the names of the fields in order.
func (s *fieldSet) names() []string {
	names := make([]string, len(s.list))
	for i, f := range s.list {
		names[i] = f.name
	}
	return names
}

var (
	fieldMutex sync.Mutex
	fieldCache = map[reflect.Type]*fieldSet{}
)

// fieldsOf returns the fields of the struct type t.
func fieldsOf(t reflect.Type) *fieldSet {
	fieldMutex.Lock()
	defer fieldMutex.Unlock()
	s := fieldCache[t]
	if s == nil {
		s = &fieldSet{byName: map[string]int{}}
		s.collect(t, nil, 0)
		fieldCache[t] = s
	}
	return s
}

func (s *fieldSet) collect(t reflect.Type, prefix []int, depth int) {
	if depth > maxDepth {
		s.err = fmt.Errorf("configfile: type %s includes itself inline", t)
		return
	}
	for i := range t.NumField() {
		sf := t.Field(i)
		name, options, _ := strings.Cut(sf.Tag.Get("yaml"), ",")
		if name == "-" || !sf.IsExported() && !sf.Anonymous {
			continue
		}
		f := field{name: name, index: append(append([]int(nil), prefix...), i)}
		inline := sf.Anonymous && name == ""
		for _, o := range strings.Split(options, ",") {
			switch o {
			case "omitempty":
				f.omitEmpty = true
			case "omitzero":
				f.omitZero = true
			case "inline":
				inline = true
			}
		}
		if inline {
			inner := sf.Type
			if inner.Kind() == reflect.Pointer && sf.IsExported() {
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Struct {
				s.collect(inner, f.index, depth+1)
				continue
			}
		}
		if !sf.IsExported() {
			continue
		}
		if f.name == "" {
			f.name = strings.ToLower(sf.Name)
		}
		if _, twice := s.byName[f.name]; twice {
			s.err = fmt.Errorf("configfile: type %s has two fields with the key %q", t, f.name)
			return
		}
		s.byName[f.name] = len(s.list)
		s.list = append(s.list, f)
	}
}

// settable returns the field of v for writing, making inline pointers on the way.
func (f field) settable(v reflect.Value) reflect.Value {
	for i, x := range f.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v
}

// readable returns the field of v, false where an inline pointer on the way is nil.
func (f field) readable(v reflect.Value) (reflect.Value, bool) {
	for i, x := range f.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return reflect.Value{}, false
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v, true
}
