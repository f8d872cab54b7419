package factorization

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/interactions"
	"debut/datasets/table"
	"debut/datasets/wording"
	"debut/layers"
	"debut/trainers/recommender"
	"debut/trainers/run"
	"debut/trainers/runfolder"
)

// Attributes is a section of a run file that says what users, or items, are like.
type Attributes struct {
	Source   table.Source               `yaml:"source" jsonschema:"description=A table with a row for each user or item; items that nobody has yet are recommended by what it says of them."`
	ID       string                     `yaml:"id,omitempty" jsonschema:"description=The column of its ids. Default: as data.columns calls it."`
	Ignore   configfile.Strings         `yaml:"ignore,omitempty" jsonschema:"description=Columns that are left out."`
	Columns  map[string]encoding.Column `yaml:"columns,omitempty" jsonschema:"description=How columns are treated; where that differs from the defaults."`
	Defaults encoding.Defaults          `yaml:"defaults,omitempty" jsonschema:"description=How columns of a type are treated."`
}

// attributeMinCount is how many rows of a table have to have a category for it to be one of its own.
const attributeMinCount = 2

// setDefaults fills empty fields.
func (a *Attributes) setDefaults(id string) {
	if a == nil {
		return
	}
	a.ID = cmp.Or(a.ID, id)
	a.Source.SetDefaults()
	d := &a.Defaults
	if d.Numeric.Transform == nil {
		d.Numeric.Transform = configfile.Strings{encoding.TransformAuto}
	}
	d.Categorical.MinCount = cmp.Or(d.Categorical.MinCount, attributeMinCount)
	has := func(typ string) bool {
		for _, c := range a.Columns {
			if c.Type == typ {
				return true
			}
		}
		return false
	}
	d.SetDefaults(has(table.TypeVector), has(table.TypeText), has(table.TypeList))
}

// validate reports what cannot be used, with the path below the section.
func (a *Attributes) validate() error {
	if a == nil {
		return nil
	}
	var errs []error
	if err := a.Source.Validate("source"); err != nil {
		errs = append(errs, err)
	}
	if err := a.Defaults.Validate(); err != nil {
		errs = append(errs, err)
	}
	for _, name := range slices.Sorted(maps.Keys(a.Columns)) { // errors come in the same order every time
		c := a.Columns[name]
		if err := c.Validate("columns."+name, c.Type); err != nil {
			errs = append(errs, err)
		}
		if c.Like != "" || c.WeightsColumn() != "" {
			errs = append(errs, configfile.Errorf("columns."+name, "lists of attributes have ids of their own, and weights behind them as item:weight; leave like and weights out"))
		}
	}
	return errors.Join(errs...)
}

// side is what is known of all users, or of all items.
type side struct {
	encoder *encoding.Encoder
	rows    *encoding.Encoded // by number of user or item; nil where nothing is known
	net     *layers.Network   // what it becomes
	files   []runfolder.DataFile
}

// attributeTarget stands in the encoder for what is to be predicted, which attributes do not know.
var attributeTarget = encoding.TargetEncoding{Name: "(score)", Type: table.TypeNumeric, Task: encoding.TaskRegression, Scale: 1}

// read reads the table, learns how its columns become numbers, and returns its rows and ids.
func (a *Attributes) read(ctx context.Context, env *run.Env) (*side, []string, *encoding.Encoded, error) {
	types := map[string]string{a.ID: table.TypeCategorical}
	for name, c := range a.Columns {
		types[name] = cmp.Or(c.Type, table.TypeAuto)
	}
	for _, name := range a.Ignore {
		types[name] = table.TypeIgnore
	}
	frame, files, err := table.ReadWith(ctx, &a.Source, env.BaseDir, table.ReadOptions{Types: types})
	if err != nil {
		return nil, nil, nil, err
	}
	id := frame.Column(a.ID)
	if id == nil {
		return nil, nil, nil, configfile.Errorf("id", "there is no column %s; name that of the ids", wording.Quote(a.ID))
	}
	ids, seen := make([]string, frame.Rows), make(map[string]bool, frame.Rows)
	for r := range ids {
		if ids[r] = id.Format(r); ids[r] == "" || seen[ids[r]] {
			return nil, nil, nil, configfile.Errorf("id", "%s: the id %s is missing or there twice; a table of attributes has one row for each", frame.Place(r), wording.Quote(ids[r]))
		}
		seen[ids[r]] = true
	}
	s := &side{encoder: encoding.NewEncoder(attributeTarget, nil, "")}
	for _, c := range frame.Columns {
		if c.Name == a.ID {
			continue
		}
		settings, kind := a.Columns[c.Name], c.Kind.String()
		if settings.Type == table.TypeText || settings.Type == table.TypeList {
			kind = settings.Type
		}
		settings = a.Defaults.Complete(settings, kind)
		var e *encoding.ColumnEncoding
		var reason string
		if kind == table.TypeList {
			e, _, reason, err = encoding.FitList(c, nil, nil, settings, "columns."+c.Name)
		} else {
			e, _, reason, err = encoding.FitColumn(c, settings, "columns."+c.Name)
		}
		if err != nil {
			return nil, nil, nil, err
		}
		if e == nil {
			env.Log.Warn("an attribute is left out", "column", c.Name, "reason", reason)
			continue
		}
		s.encoder.Columns = append(s.encoder.Columns, *e)
	}
	if len(s.encoder.Columns) == 0 {
		return nil, nil, nil, configfile.Errorf("source", "the table has no column beside its ids that says anything; leave the section out")
	}
	rows, _, err := s.encoder.Encode(ctx, frame, false)
	if err != nil {
		return nil, nil, nil, err
	}
	hashes, err := files.Hash(ctx)
	for _, f := range hashes {
		s.files = append(s.files, runfolder.DataFile{Path: f.Path, Bytes: f.Bytes, SHA256: f.SHA256})
	}
	return s, ids, rows, err
}

// take lays rows by the numbers of a vocabulary; of those without a row, all is unknown.
func (s *side) take(v *interactions.Vocabulary, ids []string, rows *encoding.Encoded, what string, log *slog.Logger) {
	n := v.Len()
	out := &encoding.Encoded{Rows: n, D: rows.D, F: rows.F, L: rows.L, Numeric: make([]float32, n*rows.D), IDs: make([]int32, n*rows.F),
		Lists: slices.Repeat([]int32{-1}, n*rows.L), ListWeights: make([]float32, n*rows.L)}
	found := 0
	for r, id := range ids {
		i, ok := v.Index(id)
		if !ok {
			continue
		}
		found++
		to := int(i)
		copy(out.Numeric[to*rows.D:(to+1)*rows.D], rows.Numeric[r*rows.D:])
		copy(out.IDs[to*rows.F:(to+1)*rows.F], rows.IDs[r*rows.F:])
		copy(out.Lists[to*rows.L:(to+1)*rows.L], rows.Lists[r*rows.L:])
		copy(out.ListWeights[to*rows.L:(to+1)*rows.L], rows.ListWeights[r*rows.L:])
	}
	s.rows = out
	log.Info("attributes", "of", what, "known", found, "unknown", n-found, "numeric", rows.D, "categorical", rows.F)
}

// network describes what attributes become: hidden layers, and so many factors.
func (s *side) network(hidden []layers.Block, factors int) error {
	n := layers.Network{Hidden: hidden, Outputs: factors}
	for _, f := range s.encoder.NumericFeatures() {
		n.Numeric = append(n.Numeric, layers.Numeric{Name: f.Name, Edges: f.Edges})
	}
	for _, f := range s.encoder.CategoricalFields() {
		n.Fields = append(n.Fields, layers.Field{Name: f.Name, Cardinality: f.Cardinality, Dim: cmp.Or(f.EmbeddingDim, layers.EmbeddingDim(f.Cardinality, attributeWidth))})
	}
	for _, l := range s.encoder.ListFields() {
		n.Lists = append(n.Lists, layers.List{Name: l.Name, Cardinality: l.Cardinality, Dim: cmp.Or(l.EmbeddingDim, layers.EmbeddingDim(l.Cardinality, attributeWidth)), Length: l.Length})
	}
	s.net = &n
	return n.Check()
}

// attributeWidth bounds the width of embeddings of attributes.
const attributeWidth = 8

// loadSides reads what is known of users and items, and gives the data the items that nobody has yet.
func (c *Config) loadSides(ctx context.Context, env *run.Env, data *recommender.Data) (sides [2]*side, err error) {
	for k, a := range []*Attributes{c.Users, c.Items} {
		if a == nil {
			continue
		}
		section := []string{"users", "items"}[k]
		s, ids, rows, err := a.read(ctx, env)
		if err != nil {
			return sides, configfile.Prefix(section, err)
		}
		none, err := interactions.NewVocabulary(nil)
		if err != nil {
			return sides, err
		}
		if k == itemSide {
			all, err := interactions.NewVocabulary(ids)
			if err != nil {
				return sides, configfile.Prefix(section, err)
			}
			if err := data.Grow(none, all); err != nil {
				return sides, err
			}
			s.take(data.Items, ids, rows, section, env.Log)
		} else {
			s.take(data.Users, ids, rows, section, env.Log)
		}
		sides[k] = s
	}
	return sides, nil
}

// hash writes what is known to w, which is most often a hash.
func (s *side) hash(ctx context.Context, w io.Writer) error {
	if s == nil {
		_, err := fmt.Fprintln(w, "none")
		return err
	}
	return errors.Join(s.encoder.Identify(w), s.rows.Hash(ctx, w))
}
