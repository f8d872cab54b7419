package demand

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"

	"debut/datasets/strictjson"
	"debut/datasets/table"
	"debut/engine/safetensors"
	"debut/kernels/pool"
	"debut/trainers/demand/forecast"
	"debut/trainers/demand/panel"
	"debut/trainers/model"
	"debut/trainers/modelfolder"
)

// Files of a model folder.
const (
	seriesFile = "series.safetensors"
	keysFile   = "keys.json"
	staticFile = "static.json" // where there are attributes: of each key
)

// formatVersion is that of the layout of model folders.
const formatVersion = 2 // 1 had no attributes, stock-outs, sums and series without history

// details describe a model in model.json.
type details struct {
	Data        DataConfig            `json:"data"`
	Horizon     int                   `json:"horizon"`
	Levels      []float64             `json:"levels"`
	Hierarchy   *Hierarchy            `json:"hierarchy,omitempty"`
	Seed        uint64                `json:"seed"`
	Members     []string              `json:"members"` // none: the rule's
	Frequency   string                `json:"frequency"`
	Calibration *forecast.Calibration `json:"calibration"`
}

// Save writes the model: the rows that its series were made of, as far as they are known, and what was learned.
func (t *training) Save(to *modelfolder.Writer) error {
	var keys []string
	var lengths, known, times []int64
	var values, covariates []float64
	all := slices.Concat(t.data.Series, t.data.Unsold)
	slices.SortFunc(all, func(a, b panel.Series) int { return strings.Compare(a.Key, b.Key) })
	var static [][]string
	for i := range all {
		s := &all[i]
		keys = append(keys, s.Key)
		static = append(static, t.data.static[s.Key])
		steps := len(s.Values)
		for _, c := range s.Known {
			steps = max(steps, len(c))
		}
		if steps == 0 {
			steps = 1 // the row that told of it
		}
		lengths, known = append(lengths, int64(len(s.Values))), append(known, int64(steps))
		values = append(values, s.Values...)
		for k := range steps {
			times = append(times, t.data.Time(s.First+k))
		}
		for _, c := range s.Known {
			covariates = append(covariates, c...)
		}
	}
	err := to.Tensors(seriesFile, safetensors.Vector("lengths", lengths), safetensors.Vector("known", known), safetensors.Vector("times", times),
		safetensors.Vector("values", bits(values)), safetensors.Vector("covariates", bits(covariates)))
	if err != nil {
		return err
	}
	if err := to.File(keysFile, func(w io.Writer) error { return json.NewEncoder(w).Encode(keys) }); err != nil {
		return err
	}
	if len(t.cfg.Data.Static) > 0 {
		if err := to.File(staticFile, func(w io.Writer) error { return json.NewEncoder(w).Encode(static) }); err != nil {
			return err
		}
	}
	d := details{
		Hierarchy: t.cfg.Hierarchy,
		Horizon:   t.cfg.Horizon, Levels: t.cfg.Levels, Seed: t.cfg.Seed, Members: t.cfg.Model.Members, Frequency: t.data.Frequency.Name,
		Calibration: t.calibration, Data: t.cfg.Data,
	}
	d.Data.Source = table.Source{} // of the rows that were read nothing is to be read again
	return to.Close(formatVersion, d)
}

// Model is a trained model.
type Model struct {
	cfg         *Config
	rows        panel.Rows
	static      map[string][]string
	calibration *forecast.Calibration
	pool        *pool.Pool
}

// Read reads a model from its folder, to answer on so many goroutines. It should be closed.
func Read(r *modelfolder.Reader, threads int) (*Model, error) {
	if err := r.Version(formatVersion); err != nil {
		return nil, err
	}
	var d details
	if err := r.Details(&d); err != nil {
		return nil, err
	}
	files := []string{seriesFile, keysFile}
	if len(d.Data.Static) > 0 {
		files = append(files, staticFile)
	}
	if err := r.Only(files...); err != nil {
		return nil, err
	}
	c := New()
	c.Data, c.Horizon, c.Levels, c.Seed, c.Model.Members, c.Hierarchy = d.Data, d.Horizon, d.Levels, d.Seed, d.Members, d.Hierarchy
	c.Data.Frequency = d.Frequency
	c.Data.Source = table.Source{Path: []string{"training"}} // that was
	c.SetDefaults()
	if err := c.Validate(); err != nil {
		return nil, r.Misfit("%w", err)
	}
	m := &Model{cfg: c, calibration: d.Calibration}
	if err := checkCalibration(d.Calibration, c); err != nil {
		return nil, r.Misfit("calibration: %w", err)
	}
	text, err := r.Read(keysFile)
	if err != nil {
		return nil, err
	}
	var keys []string
	if err := strictjson.Unmarshal(bytes.TrimSpace(text), &keys); err != nil {
		return nil, r.FileError(keysFile, err)
	}
	m.static = map[string][]string{}
	if len(d.Data.Static) > 0 {
		if text, err = r.Read(staticFile); err != nil {
			return nil, err
		}
		var static [][]string
		if err := strictjson.Unmarshal(bytes.TrimSpace(text), &static); err != nil {
			return nil, r.FileError(staticFile, err)
		}
		if len(static) != len(keys) || slices.ContainsFunc(static, func(list []string) bool { return len(list) != len(c.Data.Static) }) {
			return nil, r.FileError(staticFile, fmt.Errorf("it is to have %d texts of each of %d series", len(c.Data.Static), len(keys)))
		}
		for i, key := range keys {
			m.static[key] = static[i]
		}
	}
	if err := r.Tensors(seriesFile, func(f *safetensors.File) error { return m.read(f, keys) }); err != nil {
		return nil, err
	}
	m.pool = pool.New(threads) // last: what fails before leaves no goroutines behind
	return m, nil
}

// checkCalibration refuses factors that no calibration has.
func checkCalibration(k *forecast.Calibration, c *Config) error {
	if k == nil {
		return nil
	}
	if !slices.Equal(k.Levels, c.Levels) || len(k.Factors) != len(k.Levels) {
		return fmt.Errorf("it is of other quantiles than the model's")
	}
	for _, f := range k.Factors {
		if len(f) != c.Horizon || slices.ContainsFunc(f, func(v float64) bool { return !(v >= 0 && v <= 1e6) }) {
			return fmt.Errorf("it has %d factors, not all of them above 0, where the horizon is %d", len(f), c.Horizon)
		}
	}
	return nil
}

// read makes rows of the tensors.
func (m *Model) read(f *safetensors.File, keys []string) error {
	var lengths, known, times []int64
	var valueBits, covariateBits []int64
	for _, v := range []struct {
		name string
		to   *[]int64
	}{{"lengths", &lengths}, {"known", &known}, {"times", &times}, {"values", &valueBits}, {"covariates", &covariateBits}} {
		var err error
		if *v.to, err = safetensors.ReadVector[int64](f, v.name); err != nil {
			return err
		}
	}
	values, covariates := floats(valueBits), floats(covariateBits)
	columns := len(m.cfg.Data.numbers())
	if len(lengths) != len(keys) || len(known) != len(keys) || len(keys) == 0 {
		return fmt.Errorf("%d keys, %d lengths of series and %d of covariates; each is to be there once for every series", len(keys), len(lengths), len(known))
	}
	m.rows.Known = make([][]float64, columns)
	for i, key := range keys {
		if i > 0 && key <= keys[i-1] {
			return fmt.Errorf("the keys %q and %q are not in order", keys[i-1], key)
		}
		n, steps := int(lengths[i]), int(known[i])
		if n < 0 || steps < max(n, 1) || n > len(values) || steps > len(times) || columns > 0 && steps > len(covariates)/columns {
			return fmt.Errorf("series %d has %d values and %d covariates of those there are", i+1, n, steps)
		}
		for k := range steps {
			v := math.NaN()
			if k < n {
				v = values[k]
			}
			if math.IsInf(v, 0) {
				return fmt.Errorf("series %d has an infinite value", i+1)
			}
			m.rows.Keys, m.rows.Times, m.rows.Value = append(m.rows.Keys, key), append(m.rows.Times, times[k]), append(m.rows.Value, v)
		}
		for c := range columns {
			m.rows.Known[c] = append(m.rows.Known[c], covariates[c*steps:(c+1)*steps]...)
		}
		values, times, covariates = values[n:], times[steps:], covariates[columns*steps:]
	}
	if len(values)+len(times)+len(covariates) > 0 {
		return fmt.Errorf("%d values, %d times and %d covariates are of no series", len(values), len(times), len(covariates))
	}
	_, err := m.panel(&read{m.rows, m.static})
	return err
}

// bits are numbers as the integers that they are in memory: files of tensors have no float64 here.
func bits(v []float64) []int64 {
	out := make([]int64, len(v))
	for i, x := range v {
		out[i] = int64(math.Float64bits(x))
	}
	return out
}

func floats(v []int64) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = math.Float64frombits(uint64(x))
	}
	return out
}

// panel makes series of rows.
func (m *Model) panel(rows *read) (*series, error) {
	d := &m.cfg.Data
	p, err := panel.Build(rows.Rows, panel.Options{Frequency: d.Frequency, Gaps: d.Gaps, Names: d.numbers()})
	if err != nil {
		return nil, readable(err)
	}
	return &series{p, d, rows.static}, nil
}

// Family is the family's name.
func (m *Model) Family() string { return Family }

// Keys are the columns that name a series.
func (m *Model) Keys() []string { return m.cfg.Data.Keys }

// Horizon is the run file's.
func (m *Model) Horizon() int { return m.cfg.Horizon }

// Close ends the model's goroutines.
func (m *Model) Close() error {
	m.pool.Close()
	return nil
}

// merged adds rows of further files to those of training. A row of a series and time that is there already takes its place where it has a value, or
// covariates alone.
func (m *Model) merged(ctx context.Context, r model.ForecastRequest) (*read, error) {
	rows := &read{panel.Rows{Keys: slices.Clone(m.rows.Keys), Times: slices.Clone(m.rows.Times), Value: slices.Clone(m.rows.Value)}, maps.Clone(m.static)}
	for _, c := range m.rows.Known {
		rows.Known = append(rows.Known, slices.Clone(c))
	}
	type place struct {
		key  string
		time int64
	}
	at := make(map[place]int, len(rows.Keys))
	for i, key := range rows.Keys {
		at[place{key, rows.Times[i]}] = i
	}
	for _, more := range []struct {
		src     *table.Source
		targets bool
	}{{r.Update, true}, {r.Covariates, false}} {
		if more.src == nil {
			continue
		}
		d := m.cfg.Data
		if !more.targets {
			d.Target = ""
			if len(d.Known)+len(d.Static) == 0 {
				return rows, fmt.Errorf("the model was trained without covariates, data: {known: …}, and can use none; leave --covariates out")
			}
		}
		read, _, err := d.rows(ctx, *more.src, r.BaseDir, true)
		if err != nil {
			return rows, err
		}
		for key, static := range read.static {
			has, ok := rows.static[key]
			if !ok {
				rows.static[key] = static
				continue
			}
			for k, v := range static {
				if v != "" && has[k] != "" && v != has[k] {
					return rows, fmt.Errorf("%s: %s of %s is %q, and %q in the training data; what changes is no attribute", strings.Join(more.src.Path, ", "), d.Static[k], readableKey(key), v, has[k])
				}
			}
		}
		seen := make(map[place]bool, len(read.Keys))
		for i, key := range read.Keys {
			p := place{key, read.Times[i]}
			if seen[p] {
				return rows, fmt.Errorf("%s: two rows are of one series and time, %s; leave one out", strings.Join(more.src.Path, ", "), readableKey(key))
			}
			seen[p] = true
			k, ok := at[p]
			if !ok {
				k = len(rows.Keys)
				rows.Keys, rows.Times, rows.Value = append(rows.Keys, key), append(rows.Times, read.Times[i]), append(rows.Value, math.NaN())
				for c := range rows.Known {
					rows.Known[c] = append(rows.Known[c], math.NaN())
				}
				at[p] = k
			}
			if v := read.Value[i]; !math.IsNaN(v) {
				rows.Value[k] = v
			}
			for c := range rows.Known {
				if v := read.Known[c][i]; !math.IsNaN(v) {
					rows.Known[c][k] = v
				}
			}
		}
	}
	return rows, nil
}

func readableKey(key string) string { return strings.ReplaceAll(key, separator, ", ") }

// batch is how many series are answered for at a time.
const batch = 256

// Forecast forecasts all series.
func (m *Model) Forecast(ctx context.Context, r model.ForecastRequest) iter.Seq2[*model.Predictions, error] {
	return func(yield func(*model.Predictions, error) bool) {
		if err := m.forecast(ctx, r, func(p *model.Predictions) bool { return yield(p, nil) }); err != nil {
			yield(nil, err)
		}
	}
}

// errStop ends a forecast whose answers nobody takes any more.
var errStop = errors.New("demand: enough")

func (m *Model) forecast(ctx context.Context, r model.ForecastRequest, yield func(*model.Predictions) bool) error {
	c := *m.cfg
	if r.Horizon != 0 {
		c.Horizon = r.Horizon
	}
	if c.Horizon < 1 || c.Horizon > maxHorizon {
		return fmt.Errorf("a horizon of %d steps; give a number from 1 to %d", c.Horizon, maxHorizon)
	}
	rows, err := m.merged(ctx, r)
	if err != nil {
		return err
	}
	s, err := m.panel(rows)
	if err != nil {
		return err
	}
	wanted, err := s.chosen(r.Keys)
	if err != nil {
		return err
	}
	list := make([]forecast.Series, len(s.Series))
	for i := range list {
		if list[i], err = s.of(i, c.Horizon, wanted(s.Series[i].Key) || c.Hierarchy != nil); err != nil {
			return err
		}
	}
	method, err := c.method(slices.Values(list), s.Frequency.Periods)
	if err != nil {
		return err
	}
	var analogy *forecast.Analogy
	if len(s.Unsold) > 0 {
		if analogy, err = c.analogy(method, slices.Values(list)); err != nil {
			return fmt.Errorf("%s has no history: %w; name what series are, data: {static: [category]}, or leave its rows out", s.named(s.Unsold[0].Key), err)
		}
	}
	out := &sender{answer: newAnswer(s, &c), yield: yield}
	if c.Hierarchy != nil {
		return m.forecastLevels(ctx, &c, s, list, calibrated(method, m.calibration), analogy, wanted, out)
	}
	var asked []forecast.Series
	var numbers []int
	for i := range list {
		if wanted(s.Series[i].Key) {
			asked, numbers = append(asked, list[i]), append(numbers, i)
		}
	}
	err = forecast.All(ctx, m.pool, slices.Values(asked), calibrated(method, m.calibration), c.options(), func(k int, p *forecast.Prediction, err error) error {
		if err != nil {
			return fmt.Errorf("%s: %w", s.label(numbers[k]), err)
		}
		return out.send(&s.Series[numbers[k]], s.End, p)
	})
	for i := range s.Unsold {
		if err != nil || !wanted(s.Unsold[i].Key) {
			continue
		}
		var p *forecast.Prediction
		if p, err = c.unsold(s, i, analogy, m.calibration); err == nil {
			err = out.send(&s.Unsold[i], s.Unsold[i].First, p)
		}
	}
	if err == nil {
		err = out.flush()
	}
	if errors.Is(err, errStop) {
		return nil
	}
	return err
}
