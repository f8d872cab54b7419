// Package serve answers over HTTP with trained models, with the numbers that debut predict and debut recommend give for the same.
//
// A [Server] has one or more run folders. Predictions are asked for with rows as named values (POST /models/NAME/predict), or as
// tensors by column in the Open Inference Protocol, version 2 (POST /v2/models/NAME/infer; JSON, and its extension of binary tensors);
// lists of recommenders by POST /models/NAME/recommend and /similar. What users do between trainings is taken by POST
// /models/NAME/events and folded in; it is held in memory, bounded, and lost with the process.
//
// Rows of requests that come at the same time are scored together. A run folder that changes is opened beside the old one and takes
// over when it is whole; requests that have begun end on the model they began with. One that cannot be opened is told, and the old one
// goes on.
package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"filippo.io/age"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"debut/kernels"
)

// Source is a folder to be served, under a name.
type Source struct{ Name, Path string }

// Options of a server.
type Options struct {
	Sources []Source
	Keys    []age.Identity // of encrypted models
	// Device starts a device for a model, which closes it.
	Device func() (kernels.Device, error)
	Limits Limits
	// Tokens is a file of bearer tokens, one a line, any of which lets a request in; "": none is needed. It is read again when it changes.
	Tokens string
	// Poll is how often folders and files are looked at; 0: never.
	Poll    time.Duration
	Version string // of the program
	Log     *slog.Logger
}

// Limits of requests; what is 0 takes its default.
type Limits struct {
	Body     int64         // bytes of a request (16 MiB)
	Bodies   int64         // bytes of all large requests that are being read and answered (1 GiB)
	Rows     int           // of a request to predict, users of one to recommend (10,000)
	Items    int           // of a list (1,000)
	Timeout  time.Duration // of an answer (10 s)
	Rate     float64       // requests a second, of all callers together; 0: no limit
	Waiting  int           // requests that wait for a model (1,024)
	Events   int           // held in memory for each model (100,000)
	OfAUser  int           // of them (1,000)
	Together int           // most rows scored together (1,024)
}

func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		v *int
		d int
	}{{&l.Rows, 10_000}, {&l.Items, 1000}, {&l.Waiting, 1024}, {&l.Events, 100_000}, {&l.OfAUser, 1000}, {&l.Together, 1024}} {
		if *d.v == 0 {
			*d.v = d.d
		}
	}
	if l.Body == 0 {
		l.Body = 16 << 20
	}
	if l.Bodies == 0 {
		l.Bodies = 1 << 30
	}
	if l.Timeout == 0 {
		l.Timeout = 10 * time.Second
	}
	return l
}

// Server answers with models.
type Server struct {
	opt      Options
	entries  []*entry
	tokens   *tokens
	limiter  *rate.Limiter
	measures *measures
	registry *prometheus.Registry
	handler  http.Handler
	bodies   atomic.Int64 // bytes of large requests
	draining atomic.Bool
	number   atomic.Uint64 // of requests

	stop    context.CancelFunc
	watched sync.WaitGroup
}

var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// New opens the models. The caller closes the server, after the requests to its handler have ended.
func New(opt Options) (*Server, error) {
	opt.Limits = opt.Limits.withDefaults()
	s := &Server{opt: opt, registry: prometheus.NewRegistry()}
	s.measures = newMeasures(s.registry)
	if r := opt.Limits.Rate; r > 0 {
		s.limiter = rate.NewLimiter(rate.Limit(r), max(1, int(r)))
	}
	if opt.Tokens != "" {
		var err error
		if s.tokens, err = readTokens(opt.Tokens); err != nil {
			return nil, err
		}
	}
	if len(opt.Sources) == 0 {
		return nil, errors.New("there is no model to serve")
	}
	for i, src := range opt.Sources {
		if !validName.MatchString(src.Name) {
			return nil, fmt.Errorf("the name %q of a model: take letters, digits, points, - and _, such as NAME=%s", src.Name, src.Path)
		}
		if slices.ContainsFunc(opt.Sources[:i], func(other Source) bool { return other.Name == src.Name }) {
			return nil, fmt.Errorf("two models are called %s; name them, as in %[1]s-2=%s", src.Name, src.Path)
		}
	}
	for _, src := range opt.Sources {
		e, err := s.open(src)
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		s.entries = append(s.entries, e)
	}
	s.handler = s.routes()
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	if opt.Poll > 0 {
		s.watched.Go(func() { s.watch(ctx) })
	}
	return s, nil
}

// Handler answers requests.
func (s *Server) Handler() http.Handler { return s.handler }

// Drain says to whoever asks for readiness that no more requests should be sent here. Those that come are answered.
func (s *Server) Drain() { s.draining.Store(true) }

// Close ends the watching of folders and closes the models.
func (s *Server) Close() error {
	if s.stop != nil {
		s.stop()
		s.watched.Wait()
	}
	var errs []error
	for _, e := range s.entries {
		errs = append(errs, e.close())
	}
	return errors.Join(errs...)
}

// Names lists the models that are served, and what each can be asked for.
func (s *Server) Names() []Served {
	list := make([]Served, len(s.entries))
	for i, e := range s.entries {
		l := e.acquire()
		list[i] = l.served(e.name)
		l.release()
	}
	return list
}

// Served is a model that answers.
type Served struct {
	Name    string   `json:"name"`
	Family  string   `json:"family"`
	Version string   `json:"version"` // the beginning of a checksum of the model
	Answers []string `json:"answers"` // what it can be asked for
}
