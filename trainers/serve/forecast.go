package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"debut/datasets/configfile"
	"debut/datasets/table"
	"debut/trainers/model"
)

// forecastRequest is POST /models/NAME/forecast. Rows are as those of the files of `debut forecast`.
type forecastRequest struct {
	Series     []map[string]jsontext.Value `json:"series"` // keys of those that are wanted
	Horizon    *int                        `json:"horizon"`
	Covariates []jsontext.Value            `json:"covariates"`
	Update     []jsontext.Value            `json:"update"`
}

// mostAhead is how many steps of how many series one request is answered with.
const mostAhead = 1_000_000

// forecast is POST /models/NAME/forecast.
func (s *Server) forecast(ctx context.Context, e *entry, l *loaded, text []byte) (_ *answer, err error) {
	forecaster, err := able[model.Forecaster](l, answerForecast)
	if err != nil {
		return nil, err
	}
	var q forecastRequest
	r := newReader(text)
	if err := r.value("", &q); err != nil {
		return nil, err
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	ask, err := q.request(forecaster.Keys(), s.opt.Limits)
	if err != nil {
		return nil, err
	}
	// Rows are read as those of a file are: types and dates are understood as everywhere else.
	dir, err := os.MkdirTemp("", "debut-serve-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for name, rows := range map[string][]jsontext.Value{"update": q.Update, "covariates": q.Covariates} {
		if len(rows) == 0 {
			continue
		}
		path := filepath.Join(dir, name+".jsonl")
		if err := os.WriteFile(path, lines(rows), 0o600); err != nil {
			return nil, err
		}
		source := &table.Source{Path: configfile.Strings{path}}
		if name == "update" {
			ask.Update = source
		} else {
			ask.Covariates = source
		}
	}
	if err := l.hold(ctx); err != nil {
		return nil, err
	}
	defer l.free()
	out, err := model.Collect(func(yield func(*model.Predictions, error) bool) {
		for p, err := range forecaster.Forecast(ctx, ask) {
			if err == nil && p.First+p.Rows > mostAhead {
				err = fmt.Errorf("more than %d steps in all; name fewer series, or a shorter horizon", mostAhead)
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	})
	if err != nil {
		return nil, refused(ctx, withoutPath(err, dir))
	}
	text, err = appendPredictions(nil, e.name, l, out)
	return &answer{body: text, rows: out.Rows}, err
}

// request checks what was asked for.
func (q *forecastRequest) request(keys []string, limits Limits) (r model.ForecastRequest, err error) {
	if q.Horizon != nil {
		if r.Horizon = *q.Horizon; r.Horizon < 1 {
			return r, bad("horizon", 0, "%d steps; give a number from 1", r.Horizon)
		}
	}
	for name, n := range map[string]int{"series": len(q.Series), "covariates": len(q.Covariates), "update": len(q.Update)} {
		if n > limits.Rows {
			return r, bad(name, 0, "%d rows, more than %d; ask in several requests", n, limits.Rows)
		}
	}
	if q.Series == nil {
		return r, nil
	}
	if len(q.Series) == 0 {
		return r, bad("series", 0, "there are none; name some, or leave it out for all")
	}
	for i, named := range q.Series {
		values := make([]string, len(keys))
		for k, name := range keys {
			v, ok := named[name]
			if !ok {
				return r, bad("series", i+1, "it does not say its %s; a series is named by %s", name, strings.Join(keys, ", "))
			}
			if values[k], err = scalar(v); err != nil {
				return r, bad("series", i+1, "%s: %v", name, err)
			}
		}
		if len(named) > len(keys) {
			for _, name := range slices.Sorted(maps.Keys(named)) {
				if !slices.Contains(keys, name) {
					return r, bad("series", i+1, "%.200q is no key; a series is named by %s", name, strings.Join(keys, ", "))
				}
			}
		}
		r.Keys = append(r.Keys, values)
	}
	return r, nil
}

// scalar is a text or number as the text of a key.
func scalar(v jsontext.Value) (string, error) {
	switch v.Kind() {
	case '"':
		text, err := jsontext.AppendUnquote(nil, v)
		return string(text), err
	case '0', 't', 'f':
		return string(v), nil
	}
	return "", fmt.Errorf("%s, where a text or a number is wanted", kindOf(v))
}

// lines are rows as JSON lines.
func lines(rows []jsontext.Value) []byte {
	var b bytes.Buffer
	for _, row := range rows {
		b.Write(bytes.ReplaceAll(bytes.ReplaceAll(row, []byte("\n"), []byte(" ")), []byte("\r"), []byte(" ")))
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// withoutPath says of an error about rows of the request what they are called there.
func withoutPath(err error, dir string) error {
	text := err.Error()
	for _, name := range []string{"update", "covariates"} {
		text = strings.ReplaceAll(text, filepath.Join(dir, name+".jsonl"), name)
		text = strings.ReplaceAll(text, name+".jsonl", name)
	}
	if text == err.Error() {
		return err
	}
	return errors.New(text)
}
