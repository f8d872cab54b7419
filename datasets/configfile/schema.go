package configfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"reflect"
	"strings"
	"time"

	"github.com/invopop/jsonschema"
)

// Schema returns the JSON schema (draft 2020-12) of a configuration struct, for
// completion and checks in an editor. Names are those of the yaml tags; keys not
// named are refused and none is required, since every one may have a default.
// A section that is [Abbreviated] may be a single value too.
// Descriptions, enumerations and limits come from jsonschema tags
// (`jsonschema:"description=rows of a step,minimum=1"`, a comma in a
// description written \\,). A type with a form of its own describes it by a
// method JSONSchema() *jsonschema.Schema.
func Schema(cfg any, title string) (schema []byte, err error) {
	t := reflect.TypeOf(cfg)
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("configfile: Schema needs a struct or a pointer to one, got %T", cfg)
	}
	defer func() {
		// The library panics on kinds that JSON has no form for, such as channels.
		if r := recover(); r != nil {
			schema, err = nil, fmt.Errorf("configfile: no schema for %s: %v", t, r)
		}
	}()
	short := map[string]string{} // keys that a single value may stand for, by definition
	r := &jsonschema.Reflector{
		FieldNameTag:               "yaml",
		RequiredFromJSONSchemaTags: true,
		Anonymous:                  true, // no invented address as $id
		ExpandedStruct:             true,
		KeyNamer: func(name string) string {
			// The library passes the Go name of a field without a tag.
			if name != "" && strings.ToUpper(name[:1]) == name[:1] {
				return strings.ToLower(name)
			}
			return name
		},
		Namer: func(t reflect.Type) string {
			// Config of two packages are two definitions.
			if t.PkgPath() == "" {
				return ""
			}
			name := path.Base(t.PkgPath()) + "." + t.Name()
			if a, ok := reflect.New(t).Interface().(Abbreviated); ok {
				short[name] = a.Abbreviation()
			}
			return name
		},
		Mapper: func(t reflect.Type) *jsonschema.Schema {
			if t == reflect.TypeFor[time.Duration]() {
				return &jsonschema.Schema{Type: "string", Examples: []any{"90s", "5m", "1h30m"}}
			}
			return nil
		},
	}
	s := r.ReflectFromType(t)
	s.Title = title
	for name, key := range short {
		if full, ok := s.Definitions[name]; ok {
			s.Definitions[name] = &jsonschema.Schema{AnyOf: []*jsonschema.Schema{single(full, key), full}}
		}
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("configfile: schema of %s: %w", t, err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		return nil, fmt.Errorf("configfile: schema of %s: %w", t, err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// single describes a value that stands for a section with one key.
func single(section *jsonschema.Schema, key string) *jsonschema.Schema {
	out := &jsonschema.Schema{Type: "string"} // as lists of texts take one
	if of, ok := section.Properties.Get(key); ok {
		if of.Type != "" {
			out.Type = of.Type
		}
		out.Description, out.Minimum, out.ExclusiveMinimum, out.Maximum = of.Description, of.Minimum, of.ExclusiveMinimum, of.Maximum
	}
	return out
}
