package recommender

import (
	"encoding/json"

	"debut/datasets/configfile"
	"debut/trainers/runfolder"
)

// Section is a section of a run file as it stands in model.json: with the keys that it has in run files, and read as strictly.
type Section[T any] struct{ Value T }

// MarshalJSON implements json.Marshaler.
func (s Section[T]) MarshalJSON() ([]byte, error) {
	text, err := configfile.Marshal(struct {
		Section T `yaml:"section"`
	}{s.Value})
	if err != nil {
		return nil, err
	}
	f, err := configfile.New(runfolder.ModelFile, text, nil)
	if err != nil {
		return nil, err
	}
	var tree struct {
		Section map[string]any `yaml:"section"`
	}
	if err := f.Decode(&tree); err != nil {
		return nil, err
	}
	return json.Marshal(tree.Section)
}

// UnmarshalJSON implements json.Unmarshaler. JSON is YAML too.
func (s *Section[T]) UnmarshalJSON(text []byte) error {
	f, err := configfile.New(runfolder.ModelFile, text, nil)
	if err != nil {
		return err
	}
	return f.Decode(&s.Value)
}
