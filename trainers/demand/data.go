package demand

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"debut/datasets/configfile"
	"debut/datasets/table"
	"debut/trainers/demand/forecast"
	"debut/trainers/demand/panel"
	"debut/trainers/runfolder"
)

// separator joins the columns of a key; it is in no text of a file.
const separator = "\x1f"

// series are those of a run, with what is known ahead.
type series struct {
	*panel.Panel
	cfg    *DataConfig
	static map[string][]string // of data.static, by key
}

// read are the rows of a source.
type read struct {
	panel.Rows
	static map[string][]string // what series are, by key
}

// rows reads what a source has; without a target, where that is "". What series are needs not be in later rows of a model that knows some.
func (c *DataConfig) rows(ctx context.Context, src table.Source, baseDir string, later bool) (*read, table.Files, error) {
	types := map[string]string{table.OtherColumns: table.TypeIgnore, c.Time: table.TypeDate}
	if c.Target != "" {
		types[c.Target] = table.TypeNumeric
	}
	for _, k := range c.Keys {
		types[k] = table.TypeCategorical
	}
	for _, k := range c.numbers() {
		types[k] = table.TypeNumeric
	}
	var optional []string
	for _, k := range c.Static {
		types[k] = table.TypeCategorical
	}
	if later {
		optional = slices.DeleteFunc(slices.Clone(c.Static), func(k string) bool { return slices.Contains(c.Keys, k) })
		optional = append(optional, c.optional()...)
	}
	out := &read{static: map[string][]string{}}
	frame, files, err := table.ReadWith(ctx, &src, baseDir, table.ReadOptions{Types: types, Optional: optional})
	if err != nil {
		return out, nil, err
	}
	times := frame.Column(c.Time)
	target := func(int) float64 { return math.NaN() }
	if c.Target != "" {
		values := frame.Column(c.Target).Floats
		target = func(i int) float64 { return values[i] }
	}
	numbers := c.numbers()
	out.Known = make([][]float64, len(numbers))
	var key strings.Builder
	for i := range frame.Rows {
		key.Reset()
		for k, name := range c.Keys {
			if k > 0 {
				key.WriteString(separator)
			}
			key.WriteString(frame.Column(name).Format(i))
		}
		if times.Missing(i) {
			return out, nil, configfile.Errorf("time", "%s has no time; give it one, or leave the row out by a query", frame.Place(i))
		}
		v := target(i)
		if math.IsInf(v, 0) {
			return out, nil, configfile.Errorf("target", "%s is infinite; leave the value empty", frame.Place(i))
		}
		name := key.String()
		if err := out.is(c, frame, i, name); err != nil {
			return out, nil, err
		}
		out.Keys, out.Times, out.Value = append(out.Keys, name), append(out.Times, times.Micros[i]), append(out.Value, v)
	}
	for k, name := range numbers {
		if column := frame.Column(name); column != nil {
			out.Known[k] = column.Floats
			continue
		}
		out.Known[k] = make([]float64, frame.Rows)
		for i := range out.Known[k] {
			if out.Known[k][i] = math.NaN(); name == c.Stockout {
				out.Known[k][i] = 0 // nothing says that something had run out
			}
		}
	}
	return out, files, nil
}

// is notes what a series is, by a row.
func (r *read) is(c *DataConfig, frame *table.Frame, row int, key string) error {
	if len(c.Static) == 0 {
		return nil
	}
	has, ok := r.static[key]
	if !ok {
		has = make([]string, len(c.Static))
		r.static[key] = has
	}
	for k, name := range c.Static {
		column := frame.Column(name)
		if column == nil || column.Missing(row) {
			continue
		}
		switch text := column.Format(row); {
		case has[k] == "":
			has[k] = text
		case has[k] != text:
			return configfile.Errorf(fmt.Sprintf("static[%d]", k), "%s: %s of series %q is %q, and %q in an earlier row; what changes is no attribute: name it in known, or leave it out",
				frame.Place(row), name, readableKey(key), text, has[k])
		}
	}
	return nil
}

// numbers are the columns that are read beside the target: covariates, then the weight and what had run out.
func (c *DataConfig) numbers() []string { return append(slices.Clone(c.Known), c.optional()...) }

// optional are those of them that say nothing of what is to come.
func (c *DataConfig) optional() []string {
	var list []string
	for _, name := range []string{c.Weight, c.Stockout} {
		if name != "" {
			list = append(list, name)
		}
	}
	return list
}

// read reads the series of a run.
func (c *DataConfig) read(ctx context.Context, baseDir string) (*series, []runfolder.DataFile, error) {
	rows, files, err := c.rows(ctx, c.Source, baseDir, false)
	if err != nil {
		return nil, nil, err
	}
	p, err := panel.Build(rows.Rows, panel.Options{Frequency: c.Frequency, Gaps: c.Gaps, Names: c.numbers()})
	if err != nil {
		return nil, nil, fmt.Errorf("data: %w", readable(err))
	}
	if len(p.Series) == 0 {
		return nil, nil, fmt.Errorf("data: no series has an observation")
	}
	var hashes []runfolder.DataFile
	list, err := files.Hash(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, f := range list {
		hashes = append(hashes, runfolder.DataFile{Path: f.Path, Bytes: f.Bytes, SHA256: f.SHA256})
	}
	return &series{p, c, rows.static}, hashes, nil
}

// readable shows keys of several columns with commas.
func readable(err error) error {
	if text := err.Error(); strings.Contains(text, separator) || strings.Contains(text, `\x1f`) {
		return fmt.Errorf("%s", strings.NewReplacer(separator, ", ", `\x1f`, ", ").Replace(text))
	}
	return err
}

// of makes series i one of package forecast. With the future, its covariates are those to come, too, and have to be there.
func (s *series) of(i, horizon int, future bool) (forecast.Series, error) {
	return s.make(&s.Series[i], horizon, future)
}

func (s *series) make(p *panel.Series, horizon int, future bool) (forecast.Series, error) {
	out := forecast.Series{Values: p.Values, Periods: s.Frequency.Periods, Launched: p.First > 0}
	if static := s.static[p.Key]; len(static) > 0 {
		out.Group, out.Attributes = static[0], static[1:]
	}
	if c := s.stockouts(p); c != nil {
		out.Lower = make([]bool, len(p.Values))
		for j := range out.Lower {
			out.Lower[j] = c[j] != 0 && !math.IsNaN(c[j]) && !math.IsNaN(p.Values[j])
		}
	}
	if s.Frequency.Name == "weekly" { // of which a year has no whole number
		for j := range len(p.Values) + horizon {
			t := time.UnixMicro(s.Time(p.First+j)).UTC().AddDate(0, 0, 3)
			out.Phase = append(out.Phase, (float64(t.YearDay())-0.5)/366)
		}
	}
	if !future {
		horizon = 0
	}
	n := len(p.Values) + horizon
	for k, name := range s.cfg.Known {
		c := p.Known[k]
		for j := range n {
			if j >= len(c) || math.IsNaN(c[j]) {
				return out, fmt.Errorf("%s of %s is not known for %s; add a row without %s that says it, or name a file of such rows with --covariates",
					name, s.named(p.Key), s.TimeText(p.First+j), s.cfg.Target)
			}
		}
		out.Known = append(out.Known, c[:n])
	}
	if len(s.cfg.Holidays) > 0 {
		starts := make([]time.Time, n+1)
		for j := range starts {
			starts[j] = time.UnixMicro(s.Time(p.First + j)).UTC()
		}
		for _, name := range s.cfg.Holidays {
			c, err := forecast.Holiday(name, 0, 0, starts)
			if err != nil {
				return out, err
			}
			out.Known = append(out.Known, c)
		}
	}
	return out, nil
}

// stockouts are what says of each step of a series whether something had run out; nil where nothing does.
func (s *series) stockouts(p *panel.Series) []float64 {
	if s.cfg.Stockout == "" {
		return nil
	}
	return p.Known[len(p.Known)-1]
}

// weights of the last steps of series i, ones where none are given.
func (s *series) weights(i, from, n int) []float64 {
	w := make([]float64, n)
	for j := range w {
		w[j] = 1
		if s.cfg.Weight != "" {
			if v := s.Series[i].Known[len(s.cfg.Known)][from+j]; v >= 0 {
				w[j] = v
			}
		}
	}
	return w
}

// label names a series for a person.
func (s *series) label(i int) string { return s.named(s.Series[i].Key) }

func (s *series) named(key string) string {
	if len(s.cfg.Keys) == 0 {
		return "the series"
	}
	var parts []string
	for k, v := range strings.Split(key, separator) {
		parts = append(parts, s.cfg.Keys[k]+" "+v)
	}
	return strings.Join(parts, ", ")
}
