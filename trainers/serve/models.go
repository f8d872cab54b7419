package serve

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"debut/kernels"
	"debut/trainers/families"
	"debut/trainers/model"
	"debut/trainers/runfolder"
)

// entry is a name under which one model after another is served.
type entry struct {
	name, path string
	events     *events

	mu  sync.RWMutex // of cur: requests take it to read
	cur *loaded

	// Of the watcher alone.
	seen string // state of the folder that cur was opened from, or that could not be opened
}

// loaded is an opened model.
type loaded struct {
	model   model.Model
	version string
	device  kernels.Device

	rows    model.Rows // nil where it predicts no rows
	columns []model.Column
	ids     []string
	scoring *scoring
	gate    chan struct{} // holds a token while the model is free

	users sync.WaitGroup
}

// open opens the model of a source.
func (s *Server) open(src Source) (*entry, error) {
	e := &entry{name: src.Name, path: src.Path, events: newEvents(s.opt.Limits), seen: stateOf(src.Path)}
	l, err := s.load(src.Path)
	if err != nil {
		return nil, err
	}
	e.cur = l
	s.measures.loaded(e.name, l.version)
	return e, nil
}

// load opens a model and starts what scores its rows.
func (s *Server) load(path string) (_ *loaded, err error) {
	version, err := versionOf(path)
	if err != nil {
		return nil, err
	}
	dev, err := s.opt.Device()
	if err != nil {
		return nil, err
	}
	m, err := families.Open(path, dev, s.opt.Keys...)
	if err != nil {
		return nil, errors.Join(err, dev.Close())
	}
	l := &loaded{model: m, device: dev, version: version, gate: make(chan struct{}, 1)}
	l.gate <- struct{}{}
	if now, err := versionOf(path); err != nil || now != version {
		return nil, errors.Join(errors.New("the model was replaced while it was opened"), err, l.end())
	}
	if rows, ok := m.(model.Rows); ok {
		l.rows, l.columns, l.ids = rows, rows.Columns(), rows.IDs()
		l.scoring = newScoring(l, s.opt.Limits, s.measures)
	}
	return l, nil
}

// versionOf is the beginning of the checksum of the file that has those of all others.
func versionOf(path string) (string, error) {
	dir, err := runfolder.OpenModel(path)
	if err != nil {
		return "", err
	}
	f, err := os.Open(filepath.Join(dir, runfolder.ModelFile))
	if err != nil {
		return "", err
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", errors.Join(err, f.Close())
	}
	return hex.EncodeToString(h.Sum(nil)[:6]), f.Close()
}

// end closes the model, when nobody uses it any more.
func (l *loaded) end() error {
	if l.scoring != nil {
		l.scoring.close()
	}
	var errs []error
	if c, ok := l.model.(io.Closer); ok {
		errs = append(errs, c.Close())
	}
	return errors.Join(append(errs, l.device.Close())...)
}

// hold waits until the model is free, and takes it.
func (l *loaded) hold(ctx context.Context) error {
	select {
	case <-l.gate:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *loaded) free() { l.gate <- struct{}{} }

// acquire returns the model as it is now, which stays open until it is released.
func (e *entry) acquire() *loaded {
	e.mu.RLock()
	defer e.mu.RUnlock()
	e.cur.users.Add(1)
	return e.cur
}

func (l *loaded) release() { l.users.Done() }

// replace puts a model in the place of the present one, which is closed when its requests have been answered.
func (e *entry) replace(l *loaded, report func(error)) {
	e.mu.Lock()
	old := e.cur
	e.cur = l
	e.mu.Unlock()
	go func() {
		old.users.Wait()
		report(old.end())
	}()
}

func (e *entry) close() error {
	l := e.cur
	l.users.Wait()
	return l.end()
}

// What a model can be asked for.
const (
	answerPredict   = "predict"
	answerRecommend = "recommend"
	answerSimilar   = "similar"
	answerAudience  = "audience"
	answerForecast  = "forecast"
	answerEvents    = "events"
)

func (l *loaded) served(name string) Served {
	out := Served{Name: name, Family: l.model.Family(), Version: l.version}
	for _, a := range []string{answerPredict, answerRecommend, answerSimilar, answerAudience, answerForecast, answerEvents} {
		if l.can(a) {
			out.Answers = append(out.Answers, a)
		}
	}
	return out
}

// able returns the model as what answers that, or an error that says what it answers.
func able[T any](l *loaded, answer string) (T, error) {
	m, ok := l.model.(T)
	if !ok {
		return m, &failure{Status: 404, Message: "the model answers " + strings.Join(l.served("").Answers, ", ") + ", not " + answer}
	}
	return m, nil
}

// can says whether the model answers that.
func (l *loaded) can(answer string) (ok bool) {
	switch answer {
	case answerPredict:
		ok = l.rows != nil
	case answerRecommend:
		_, ok = l.model.(model.Recommender)
	case answerSimilar:
		_, ok = l.model.(model.Similarer)
	case answerAudience:
		_, ok = l.model.(model.Audiencer)
	case answerForecast:
		_, ok = l.model.(model.Forecaster)
	case answerEvents:
		_, ok = l.model.(model.EventFolder)
	}
	return ok
}

// watch looks for new models until the context ends.
func (s *Server) watch(ctx context.Context) {
	tick := time.NewTicker(s.opt.Poll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, e := range s.entries {
			s.look(e)
		}
		if s.tokens != nil {
			s.tokens.look(s.opt.Log)
		}
	}
}

// look opens the model of an entry anew where its folder has changed.
func (s *Server) look(e *entry) {
	state := stateOf(e.path)
	if state == e.seen || state == "" { // gone: perhaps another is about to take its place
		return
	}
	e.seen = state
	if version, err := versionOf(e.path); err == nil && version == e.cur.version {
		return // copied, or touched
	}
	l, err := s.load(e.path)
	if err != nil {
		s.measures.refused.WithLabelValues(e.name).Inc()
		s.opt.Log.Error("a new model cannot be opened; the old one goes on", "model", e.name, "error", err)
		return
	}
	if l.version == e.cur.version {
		if err := l.end(); err != nil {
			s.opt.Log.Warn("closing a model", "model", e.name, "error", err)
		}
		return
	}
	s.measures.loaded(e.name, l.version)
	s.opt.Log.Info("a new model answers", "model", e.name, "version", l.version, "before", e.cur.version)
	e.replace(l, func(err error) {
		if err != nil {
			s.opt.Log.Warn("closing the model before", "model", e.name, "error", err)
		}
	})
}

// stateOf describes the files of a model folder, "" where there is none: where links lead, sizes and times.
func stateOf(path string) string {
	dir, err := runfolder.OpenModel(path)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return ""
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ""
	}
	var state strings.Builder
	state.WriteString(dir)
	for _, f := range entries {
		info, err := os.Stat(filepath.Join(dir, f.Name()))
		if err != nil {
			return "" // it is changing
		}
		fmt.Fprintf(&state, "\n%s %d %d", f.Name(), info.Size(), info.ModTime().UnixNano())
	}
	return state.String()
}

// entry returns the model of a name; of "" the only one that answers what is asked.
func (s *Server) entry(name, answer string) (*entry, error) {
	if name != "" {
		i := slices.IndexFunc(s.entries, func(e *entry) bool { return e.name == name })
		if i < 0 {
			return nil, &failure{Status: 404, Message: fmt.Sprintf("there is no model %.200q", name)}
		}
		return s.entries[i], nil
	}
	var found []*entry
	for _, e := range s.entries {
		l := e.acquire()
		if l.can(answer) {
			found = append(found, e)
		}
		l.release()
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return nil, &failure{Status: 404, Message: "no model here answers " + answer}
	}
	return nil, &failure{Status: 400, Message: fmt.Sprintf("several models answer %s: name one, as in /models/%s/%[1]s", answer, found[0].name)}
}
