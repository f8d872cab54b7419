package table

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"debut/datasets/configfile"
	"debut/datasets/nearest"
	"debut/datasets/notation"
	"debut/datasets/wording"
)

// Formats are the formats of files that a source can have, besides auto.
var Formats = []string{"csv", "parquet", "json"}

// SparseFormats are those of rows "label index:value …", which have the columns label and two lists, indexes and values.
var SparseFormats = []string{"libsvm", "libfm"}

// Columns of sparse rows: the ids of the features that a row has, and their values.
const (
	SparseIndexes = "indexes"
	SparseValues  = "values"
)

// Encodings are the values of Source.Encoding.
var Encodings = []string{"utf-8", "utf-16", "latin-1", "windows-1252"}

// Source names the files, or the query over files, that rows come from.
type Source struct {
	Path      configfile.Strings `yaml:"path,omitempty" jsonschema:"description=Files: one or a list; globs; .gz and .zst; relative to the run file; ${VAR} and ${VAR:-default} are expanded."`
	Format    string             `yaml:"format,omitempty" jsonschema:"enum=auto,enum=csv,enum=parquet,enum=json,enum=libsvm,enum=libfm,description=File format; auto goes by the extension. libsvm and libfm: label and lists of indexes and values."`
	Delimiter Delimiter          `yaml:"delimiter,omitempty" jsonschema:"description=CSV: the character between fields (or tab); found out when not given."`
	Header    *bool              `yaml:"header,omitempty" jsonschema:"description=CSV: whether the first line names the columns; found out when not given."`
	Names     []string           `yaml:"names,omitempty" jsonschema:"description=CSV: column names of files without a header or instead of it."`
	Null      configfile.Strings `yaml:"null,omitempty" jsonschema:"description=Texts that mean a missing value besides the empty one; nan and inf among them stand for such numbers of any format."`
	Types     map[string]string  `yaml:"types,omitempty" jsonschema:"description=Types of columns by name that are not to be found out: numeric or categorical or boolean or date or an SQL type such as BIGINT or DECIMAL(10;2)."`
	Decimal   string             `yaml:"decimal,omitempty" jsonschema:"description=Texts: the decimal mark of numbers. Default: a point."`
	Thousands string             `yaml:"thousands,omitempty" jsonschema:"description=Texts: what stands between groups of three digits: a point or comma or apostrophe or blank. Default: nothing."`
	Comment   string             `yaml:"comment,omitempty" jsonschema:"description=CSV: what a line begins with that is left out such as #. Default: nothing but # in lines above the header."`
	Encoding  string             `yaml:"encoding,omitempty" jsonschema:"enum=utf-8,enum=utf-16,enum=latin-1,enum=windows-1252,description=CSV: how characters are written. Default: utf-8."`
	Tables    map[string]Source  `yaml:"tables,omitempty" jsonschema:"description=Further tables for the query by name."`
	Query     string             `yaml:"query,omitempty" jsonschema:"description=SQL (DuckDB) over the view data and the tables; its result is the rows."`

	ExternalAccess bool `yaml:"external_access,omitempty" jsonschema:"description=Let the query read any file that it names besides those of the source and the tables. Default false."`
	// Timeout is for each statement, those that look at the files for the query among them.
	Timeout time.Duration `yaml:"timeout,omitempty" jsonschema:"description=The most time that a statement of the query may take such as 10m. Default: no limit."`

	Vectors map[string]VectorFile `yaml:"vectors,omitempty" jsonschema:"description=Columns of vectors from .npy files by name of the column."`
}

// Abbreviation lets a path stand for a source: source: sessions.csv.
func (*Source) Abbreviation() string { return "path" }

// VectorFile names a matrix of ready-made vectors, such as embeddings of images
// or titles, one row an item, and says which of them a row of the data has.
type VectorFile struct {
	Path string `yaml:"path" jsonschema:"description=The matrix: a .npy file of numbers with a row for each vector."`
	On   string `yaml:"on" jsonschema:"description=The column of the data that says which vector a row has: by its id in ids or else by the number of the matrix's row counted from 0."`
	IDs  string `yaml:"ids,omitempty" jsonschema:"description=A text file with one id a line for the rows of the matrix in order."`
}

// Delimiter is what stands between the fields of a line: one character, or "tab"; "" where it is to be found out.
type Delimiter string

// UnmarshalYAML refuses an empty delimiter: delimiter: | without quotes is the
// start of an empty block of text in YAML.
func (d *Delimiter) UnmarshalYAML(unmarshal func(any) error) error {
	var text string
	if err := unmarshal(&text); err != nil {
		return err
	}
	if text == "" {
		return errors.New(`is empty; write the character in quotes, such as delimiter: "|", or remove the key to have it found out`)
	}
	*d = Delimiter(text)
	return nil
}

// Sparse reports a source of sparse rows without a query, by its format or the names of its files.
func (s *Source) Sparse() bool {
	if s.Query != "" || len(s.Path) == 0 {
		return false
	}
	format, err := fileFormat(s, s.Path, false)
	return err == nil && slices.Contains(SparseFormats, format)
}

// Clone returns a source that shares no table with s.
func (s Source) Clone() Source {
	s.Tables = maps.Clone(s.Tables)
	for name, t := range s.Tables {
		s.Tables[name] = t.Clone()
	}
	return s
}

// SetDefaults fills every empty field that has a default, also of the tables.
func (s *Source) SetDefaults() {
	s.Format = cmp.Or(s.Format, "auto")
	for name, t := range s.Tables {
		t.SetDefaults()
		s.Tables[name] = t
	}
}

// Inherit takes unset fields from base. A format of "auto" counts as unset, so
// that a second call changes nothing.
func (s *Source) Inherit(base *Source) {
	if s.Path == nil {
		s.Path = base.Path
	}
	s.Format = cmp.Or(s.Format, base.Format)
	s.Delimiter = cmp.Or(s.Delimiter, base.Delimiter)
	if s.Header == nil {
		s.Header = base.Header
	}
	if s.Names == nil {
		s.Names = base.Names
	}
	if s.Null == nil {
		s.Null = base.Null
	}
	if s.Types == nil {
		s.Types = base.Types
	}
	s.Decimal = cmp.Or(s.Decimal, base.Decimal)
	s.Thousands = cmp.Or(s.Thousands, base.Thousands)
	s.Comment = cmp.Or(s.Comment, base.Comment)
	s.Encoding = cmp.Or(s.Encoding, base.Encoding)
	if s.Tables == nil {
		s.Tables = base.Tables
	}
	s.Query = cmp.Or(s.Query, base.Query)
	s.ExternalAccess = s.ExternalAccess || base.ExternalAccess
	s.Timeout = cmp.Or(s.Timeout, base.Timeout)
	if s.Vectors == nil {
		s.Vectors = base.Vectors
	}
}

// Validate reports the first value that cannot be used, nil where there is none; path is the place of the source in
// the configuration.
func (s *Source) Validate(path string) *configfile.FieldError {
	if len(s.Path) == 0 && s.Query == "" {
		return configfile.Errorf(path+".path", "no file given; name a file, a list of files or a glob")
	}
	for i, p := range s.Path {
		if strings.TrimSpace(p) == "" {
			return configfile.Errorf(path+".path."+strconv.Itoa(i), "the name of a file is empty")
		}
	}
	if err := configfile.OneOf(path+".format", s.Format, slices.Concat([]string{"auto"}, Formats, SparseFormats)...); err != nil {
		return err
	}
	if _, err := parseDelimiter(s.Delimiter); err != nil {
		return configfile.Errorf(path+".delimiter", "%v", err)
	}
	if err := s.validateNotation(path); err != nil {
		return err
	}
	if err := s.validateVectors(path); err != nil {
		return err
	}
	seen := map[string]bool{}
	for i, n := range s.Names {
		if n == "" || seen[n] {
			return configfile.Errorf(path+".names."+strconv.Itoa(i), "column name %s is empty or given twice", wording.Quote(n))
		}
		seen[n] = true
	}
	if len(s.Tables) > 0 && s.Query == "" {
		return configfile.Errorf(path+".tables", "tables are read only by a query; add %s.query or remove them", path)
	}
	if s.ExternalAccess && s.Query == "" {
		return configfile.Errorf(path+".external_access", "is about the files that a query names; add %s.query or remove it", path)
	}
	if s.Timeout != 0 && s.Query == "" {
		return configfile.Errorf(path+".timeout", "is about a query; add %s.query or remove it", path)
	}
	if s.Timeout < 0 {
		return configfile.Errorf(path+".timeout", "must be more than 0; leave it out for no limit")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Tables)) {
		t := s.Tables[name]
		at := path + ".tables." + name
		if strings.EqualFold(name, "data") {
			return configfile.Errorf(at, "the name \"data\" is taken by the source itself; choose another")
		}
		if t.Query != "" || len(t.Tables) > 0 {
			return configfile.Errorf(at, "a table cannot have a query or tables of its own; write them into %s.query", path)
		}
		if len(t.Vectors) > 0 {
			return configfile.Errorf(at+".vectors", "a table cannot have vectors; they join the query's result: write them into %s.vectors", path)
		}
		if err := t.Validate(at); err != nil {
			return err
		}
	}
	return nil
}

// thousandsMarks are the words for what stands between groups of digits.
var thousandsMarks = map[string]byte{"": 0, ",": ',', ".": '.', "'": '\'', "\u2019": '\'', " ": ' ', "\u00a0": ' ', "\u202f": ' ', "blank": ' ', "comma": ',', "point": '.', "apostrophe": '\''}

// style is the notation of numbers that the source declares.
func (s *Source) style() notation.Style {
	return notation.Style{Comma: s.Decimal == "," || s.Decimal == "comma", Thousands: thousandsMarks[s.Thousands]}
}

// validateNotation checks how texts are said to be written.
func (s *Source) validateNotation(path string) *configfile.FieldError {
	switch s.Decimal {
	case "", ".", ",", "comma", "point":
	default:
		return configfile.Errorf(path+".decimal", "%q is no decimal mark; there are \".\" and \",\"", s.Decimal)
	}
	if _, ok := thousandsMarks[s.Thousands]; !ok {
		return configfile.Errorf(path+".thousands", "%q does not part thousands; there are \",\", \".\", \"'\" and \" \"", s.Thousands)
	}
	if !s.style().Valid() {
		return configfile.Errorf(path+".thousands", "%q stands before the fraction already; give decimal and thousands different marks", s.Thousands)
	}
	if len(s.Comment) > 1 || s.Comment != "" && s.Comment[0] >= utf8.RuneSelf {
		return configfile.Errorf(path+".comment", "%q cannot begin a comment; give one character, such as \"#\"", s.Comment)
	}
	if err := configfile.OneOf(path+".encoding", s.Encoding, Encodings...); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(s.Types)) {
		switch t := s.Types[name]; {
		case strings.TrimSpace(t) != "" && !isType(t):
			return configfile.Errorf(path+".types."+name, "%q is no type; name one of %s, a layout of dates such as DD/MM/YYYY hh:mm, or a type of SQL such as BIGINT, DECIMAL(10,2) or TIMESTAMP%s",
				t, strings.Join(declarable, ", "), nearest.DidYouMean(t, declarable))
		case strings.TrimSpace(t) == "":
			return configfile.Errorf(path+".types."+name, "is empty; name a type: %s, or one of SQL such as BIGINT", strings.Join([]string{TypeNumeric, TypeCategorical, TypeBoolean, TypeDate}, ", "))
		}
	}
	return nil
}

// parseDelimiter returns the field separator, 0 for "find it out".
func parseDelimiter(d Delimiter) (rune, error) {
	s := string(d)
	switch s {
	case "":
		return 0, nil
	case "tab", `\t`:
		return '\t', nil
	}
	r, size := utf8.DecodeRuneInString(s)
	if size != len(s) || r == utf8.RuneError || r == '"' || r == '\n' || r == '\r' || r >= utf8.RuneSelf {
		return 0, fmt.Errorf("%q cannot separate fields; use one character such as \",\" or \";\", or \"tab\"", s)
	}
	return r, nil
}

// Types of columns, as they are declared.
const (
	TypeAuto        = "auto"
	TypeNumeric     = "numeric"
	TypeCategorical = "categorical"
	TypeBoolean     = "boolean"
	TypeDate        = "date"
	TypeVector      = "vector"
	TypeText        = "text"
	TypeList        = "list" // of ids; what is read is the list as a text
	TypeIgnore      = "ignore"
)
