package prepare

import (
	"reflect"
	"strings"

	"debut/datasets/configfile"
)

func (s *Source) validate(path, name string) error {
	lower := strings.ToLower(name)
	if lower == "data" || lower == "input" || strings.HasPrefix(lower, "step") || strings.HasPrefix(lower, "__") || strings.HasPrefix(lower, "reject_") || strings.TrimSpace(name) == "" {
		return configfile.Errorf(path, "a source cannot be called %q; choose another name", name)
	}
	if s.Postgres != nil {
		if !reflect.ValueOf(s.Source).IsZero() {
			return configfile.Errorf(path, "a source is either files or postgres; the query of a server goes under postgres.query")
		}
		if (s.Postgres.Table == "") == (s.Postgres.Query == "") {
			return configfile.Errorf(path+".postgres", "name either a table or a query")
		}
		return nil
	}
	if len(s.Path) == 0 && strings.TrimSpace(s.Query) == "" {
		return configfile.Errorf(path, "nothing is read; give path, postgres or query")
	}
	if len(s.Tables) > 0 {
		return configfile.Errorf(path+".tables", "the query sees all other sources; make sources of the tables")
	}
	if s.ExternalAccess {
		return configfile.Errorf(path+".external_access", "is about all SQL of the data file; write external_access: true at the top of it")
	}
	if s.Timeout != 0 {
		return configfile.Errorf(path+".timeout", "is about all SQL of the data file; write timeout: %s at the top of it", s.Timeout)
	}
	if len(s.Vectors) > 0 {
		return configfile.Errorf(path+".vectors", "vectors are sources of their own, {path: image.npy}, that a step join adds to the rows")
	}
	if err := oneOf(path+".format", s.Format, append([]string{"auto"}, formats...)...); err != nil {
		return err
	}
	if err := s.validateFiles(path); err != nil {
		return err
	}
	if s.IDs != "" && !s.vectors() {
		return configfile.Errorf(path+".ids", "is for .npy files")
	}
	if s.vectors() && (len(s.Path) != 1 || len(s.Names) != 0 && len(s.Names) != 2) {
		return configfile.Errorf(path, "a .npy source is one file, with names for two columns: those of ids and of vectors")
	}
	if s.Features != 0 && s.Format != "libsvm" && s.Format != "libfm" {
		return configfile.Errorf(path+".features", "is for libsvm and libfm files")
	}
	if s.Features < 0 || s.Features > 10_000 {
		return configfile.Errorf(path+".features", "%d is not in 1 … 10000", s.Features)
	}
	if s.Layout != "" {
		return oneOf(path+".layout", s.Layout, "auto", "columns", "lists")
	}
	return nil
}

// validateFiles checks how files are said to be written.
func (s *Source) validateFiles(path string) error {
	if !contains(textFormats, s.Format) && !s.vectors() {
		if err := s.Validate(path); err != nil {
			return err
		}
		return nil
	}
	format := s.Format
	if s.vectors() {
		format = "npy"
	}
	for _, f := range []struct {
		key string
		is  bool
	}{{"null", len(s.Null) > 0}, {"types", len(s.Types) > 0}, {"decimal", s.Decimal != ""}, {"thousands", s.Thousands != ""}, {"comment", s.Comment != ""}, {"encoding", s.Encoding != ""}} {
		if f.is {
			return configfile.Errorf(path+"."+f.key, "does not go with %s files, which have one notation", format)
		}
	}
	if s.Query != "" {
		return configfile.Errorf(path+".query", "does not go with %s files; make another source with the query", format)
	}
	return nil
}
