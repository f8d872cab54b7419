package inspect

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// flow writes a value of a configuration on a line of YAML, by the tags of its fields. What is zero is left out.
func flow(value any) string {
	var b strings.Builder
	writeFlow(&b, reflect.ValueOf(value))
	return b.String()
}

func writeFlow(b *strings.Builder, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		writeFlow(b, v.Elem())
	case reflect.Struct:
		writeFields(b, v)
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(x, y reflect.Value) int { return strings.Compare(x.String(), y.String()) })
		b.WriteByte('{')
		for i, k := range keys {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(yamlText(k.String()) + ": ")
			writeFlow(b, v.MapIndex(k))
		}
		b.WriteByte('}')
	case reflect.Slice:
		b.WriteByte('[')
		for i := range v.Len() {
			if i > 0 {
				b.WriteString(", ")
			}
			writeFlow(b, v.Index(i))
		}
		b.WriteByte(']')
	case reflect.String:
		b.WriteString(yamlText(v.String()))
	case reflect.Float64:
		b.WriteString(strconv.FormatFloat(v.Float(), 'g', -1, 64))
	default:
		fmt.Fprint(b, v.Interface())
	}
}

func writeFields(b *strings.Builder, v reflect.Value) {
	b.WriteByte('{')
	first := true
	for i := range v.NumField() {
		f := v.Field(i)
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		if name == "" || name == "-" || isEmpty(f) {
			continue
		}
		if !first {
			b.WriteString(", ")
		}
		first = false
		b.WriteString(name + ": ")
		writeFlow(b, f)
	}
	b.WriteByte('}')
}

// isEmpty reports a field that says nothing. A pointer to an empty value says something.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Map, reflect.Slice:
		return v.Len() == 0
	case reflect.Struct:
		for i := range v.NumField() {
			if !isEmpty(v.Field(i)) {
				return false
			}
		}
		return true
	}
	return v.IsZero()
}
