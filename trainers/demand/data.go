package demand

import (
	"context"
	"fmt"
	"math"
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
	cfg *DataConfig
}

// rows reads what a source has; without a target, where that is "".
func (c *DataConfig) rows(ctx context.Context, src table.Source, baseDir string) (panel.Rows, table.Files, error) {
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
	var out panel.Rows
	frame, files, err := table.ReadWith(ctx, &src, baseDir, table.ReadOptions{Types: types})
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
		out.Keys, out.Times, out.Value = append(out.Keys, key.String()), append(out.Times, times.Micros[i]), append(out.Value, v)
	}
	for k, name := range numbers {
		out.Known[k] = frame.Column(name).Floats
	}
	return out, files, nil
}

// numbers are the columns that are read beside the target: covariates, then the weight.
func (c *DataConfig) numbers() []string {
	list := append([]string(nil), c.Known...)
	if c.Weight != "" {
		list = append(list, c.Weight)
	}
	return list
}

// read reads the series of a run.
func (c *DataConfig) read(ctx context.Context, baseDir string) (*series, []runfolder.DataFile, error) {
	rows, files, err := c.rows(ctx, c.Source, baseDir)
	if err != nil {
		return nil, nil, err
	}
	p, err := panel.Build(rows, panel.Options{Frequency: c.Frequency, Gaps: c.Gaps, Names: c.numbers()})
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
	return &series{p, c}, hashes, nil
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
	p := &s.Series[i]
	out := forecast.Series{Values: p.Values, Periods: s.Frequency.Periods}
	if !future {
		horizon = 0
	}
	n := len(p.Values) + horizon
	for k, name := range s.cfg.Known {
		c := p.Known[k]
		for j := range n {
			if j >= len(c) || math.IsNaN(c[j]) {
				return out, fmt.Errorf("%s of %s is not known for %s; add a row without %s that says it, or name a file of such rows with --covariates",
					name, s.label(i), s.TimeText(p.First+j), s.cfg.Target)
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
func (s *series) label(i int) string {
	if len(s.cfg.Keys) == 0 {
		return "the series"
	}
	var parts []string
	for k, v := range strings.Split(s.Series[i].Key, separator) {
		parts = append(parts, s.cfg.Keys[k]+" "+v)
	}
	return strings.Join(parts, ", ")
}
