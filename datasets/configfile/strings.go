package configfile

import "github.com/invopop/jsonschema"

// Strings is a list that may be written as a single string in a run file.
type Strings []string

// UnmarshalYAML accepts one string or a list of strings.
func (s *Strings) UnmarshalYAML(unmarshal func(any) error) error {
	var one string
	if unmarshal(&one) == nil {
		*s = Strings{one}
		return nil
	}
	var many []string
	if err := unmarshal(&many); err != nil {
		return err
	}
	*s = many
	return nil
}

// JSONSchema describes the two ways to write the list.
func (Strings) JSONSchema() *jsonschema.Schema {
	text := &jsonschema.Schema{Type: "string"}
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{text, {Type: "array", Items: text}}}
}
