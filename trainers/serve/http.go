package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"debut/trainers/model"
)

// smallBody is what a request may have without being counted among the large ones.
const smallBody = 64 << 10

// answer is what a request comes to.
type answer struct {
	status int    // 0: 200
	rows   int    // answered for
	body   []byte // or
	value  any    // to be written as JSON
	head   int    // of body that is JSON before bytes; 0: all
}

// call is a request on its way.
type call struct {
	http.ResponseWriter
	number uint64
	began  time.Time
	what   string // predict, recommend, …; the path of the pattern for others
	model  string
	status int
	rows   int
	sent   int
}

// WriteHeader implements http.ResponseWriter.
func (c *call) WriteHeader(status int) {
	if c.status == 0 {
		c.status = status
	}
	c.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (c *call) Write(b []byte) (int, error) {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	n, err := c.ResponseWriter.Write(b)
	c.sent += n
	return n, err
}

// Unwrap is for http.ResponseController.
func (c *call) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// open paths are answered without a token: they say no more than whether the server lives.
var openPaths = []string{"/v2/health/live", "/v2/health/ready"}

// routes builds the handler.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v2/health/live", s.plain(func(*http.Request) (any, int) { return map[string]bool{"live": true}, http.StatusOK }))
	mux.HandleFunc("GET /v2/health/ready", s.plain(func(*http.Request) (any, int) { return s.ready() }))
	mux.HandleFunc("GET /v2", s.plain(func(*http.Request) (any, int) {
		return map[string]any{"name": "debut", "version": s.opt.Version, "extensions": []string{"binary_tensor_data"}}, http.StatusOK
	}))
	mux.HandleFunc("GET /models", s.plain(func(*http.Request) (any, int) { return map[string]any{"models": s.Names()}, http.StatusOK }))
	mux.HandleFunc("GET /openapi.json", s.plain(func(*http.Request) (any, int) { return s.openAPI(), http.StatusOK }))
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{}))
	for _, of := range []string{"", "/versions/{version}"} {
		mux.HandleFunc("GET /v2/models/{model}"+of, s.metadata)
		mux.HandleFunc("GET /v2/models/{model}"+of+"/ready", s.modelReady)
		mux.HandleFunc("POST /v2/models/{model}"+of+"/infer", s.asked(answerPredict, s.infer))
	}
	for name, f := range map[string]method{answerPredict: s.predict, answerRecommend: s.recommend, answerSimilar: s.similar, answerAudience: s.audience, answerForecast: s.forecast, answerEvents: s.takeEvents} {
		ask := func(r *http.Request, body []byte, e *entry, l *loaded) (*answer, error) {
			return f(r.Context(), e, l, body)
		}
		mux.HandleFunc("POST /models/{model}/"+name, s.asked(name, ask))
		mux.HandleFunc("POST /"+name, s.asked(name, ask))
	}
	return s.around(mux)
}

type method func(ctx context.Context, e *entry, l *loaded, body []byte) (*answer, error)

// around is what every request goes through: it is counted, timed and logged, let in or not, and its panic is its own.
func (s *Server) around(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{ResponseWriter: w, number: s.number.Add(1), began: time.Now(), what: "none"}
		s.measures.running.Inc()
		defer func() {
			s.measures.running.Dec()
			if p := recover(); p != nil {
				if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(p)
				}
				s.opt.Log.Error("a request failed", "request", c.number, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				if c.status == 0 {
					s.fail(c, &failure{Status: http.StatusInternalServerError, Message: "the server failed; its log says why"})
				}
			}
			s.note(c, r)
		}()
		c.Header().Set("X-Content-Type-Options", "nosniff")
		c.Header().Set("X-Request-Id", strconv.FormatUint(c.number, 10))
		_, pattern := mux.Handler(r)
		switch {
		case s.tokens != nil && !slices.Contains(openPaths, r.URL.Path) && !s.tokens.admit(r.Header.Get("Authorization")):
			c.Header().Set("WWW-Authenticate", "Bearer")
			s.fail(c, &failure{Status: http.StatusUnauthorized, Message: "no valid bearer token: send Authorization: Bearer TOKEN"})
			return
		case s.limiter != nil && r.Method == http.MethodPost && !s.limiter.Allow():
			s.fail(c, &failure{Status: http.StatusTooManyRequests, Message: "more requests a second than the server takes; try again in a second", after: true})
			return
		case pattern == "":
			s.fail(c, s.nowhere(mux, r))
			return
		}
		_, c.what, _ = strings.Cut(pattern, " ")
		ctx, cancel := context.WithTimeout(r.Context(), s.opt.Limits.Timeout)
		defer cancel()
		mux.ServeHTTP(c, r.WithContext(ctx))
	})
}

// nowhere says what is wrong with a path or a method.
func (s *Server) nowhere(mux *http.ServeMux, r *http.Request) *failure {
	for _, m := range []string{http.MethodGet, http.MethodPost} {
		other := &http.Request{Method: m, URL: r.URL, Host: r.Host}
		if _, pattern := mux.Handler(other); pattern != "" && m != r.Method {
			return &failure{Status: http.StatusMethodNotAllowed, Message: "the path is asked with " + m, allow: m}
		}
	}
	return &failure{Status: http.StatusNotFound, Message: "there is nothing at this path; /openapi.json lists what there is"}
}

// note counts a request that has ended, and logs it, without anything that it said.
func (s *Server) note(c *call, r *http.Request) {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	took := time.Since(c.began)
	s.measures.requests.WithLabelValues(c.what, c.model, strconv.Itoa(c.status)).Inc()
	s.measures.seconds.WithLabelValues(c.what, c.model).Observe(took.Seconds())
	if c.rows > 0 {
		s.measures.rows.WithLabelValues(c.what, c.model).Add(float64(c.rows))
	}
	if s.opt.Log.Enabled(r.Context(), 0) {
		s.opt.Log.Info("request", "request", c.number, "method", methodName(r.Method), "answer", c.what, "model", c.model, "status", c.status,
			"rows", c.rows, "received", r.ContentLength, "sent", c.sent, "ms", float64(took.Microseconds())/1000)
	}
}

// methodName is a method that there is; what else is sent as one is not repeated.
func methodName(m string) string {
	if slices.Contains([]string{http.MethodGet, http.MethodPost, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodOptions, http.MethodPatch}, m) {
		return m
	}
	return "other"
}

// fail answers with an error.
func (s *Server) fail(w http.ResponseWriter, f *failure) {
	if f.after {
		w.Header().Set("Retry-After", "1")
	}
	if f.allow != "" {
		w.Header().Set("Allow", f.allow)
	}
	s.send(w, f.Status, f.short())
}

// send answers with a value as JSON.
func (s *Server) send(w http.ResponseWriter, status int, v any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		s.opt.Log.Error("an answer cannot be written", "error", err)
		status, b = http.StatusInternalServerError, *bytes.NewBufferString(`{"error":"the server failed; its log says why"}` + "\n")
	}
	s.write(w, status, b.Bytes(), "application/json")
}

func (s *Server) write(w http.ResponseWriter, status int, body []byte, kind string) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a caller who has gone needs no answer
}

// plain answers what needs no body.
func (s *Server) plain(f func(*http.Request) (any, int)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, status := f(r)
		s.send(w, status, v)
	}
}

func (s *Server) ready() (any, int) {
	if s.draining.Load() {
		return map[string]bool{"ready": false}, http.StatusServiceUnavailable
	}
	return map[string]bool{"ready": true}, http.StatusOK
}

// asked answers what a model is asked for.
func (s *Server) asked(what string, f func(r *http.Request, body []byte, e *entry, l *loaded) (*answer, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a, err := func() (*answer, error) {
			e, err := s.entry(r.PathValue("model"), what)
			if err != nil {
				return nil, err
			}
			c, _ := w.(*call)
			c.what, c.model = what, e.name
			body, free, err := s.body(r)
			defer free()
			if err != nil {
				return nil, err
			}
			l := e.acquire()
			defer l.release()
			if v := r.PathValue("version"); v != "" && v != l.version {
				return nil, &failure{Status: http.StatusNotFound, Message: "the model has no such version; it is " + l.version}
			}
			a, err := f(r, body, e, l)
			if err == nil {
				c.rows = a.rows
			}
			return a, err
		}()
		if err != nil {
			failure, own := explain(err)
			if own {
				s.opt.Log.Error("a request failed", "answer", what, "model", r.PathValue("model"), "error", err)
			}
			s.fail(w, failure)
			return
		}
		if a.status == 0 {
			a.status = http.StatusOK
		}
		switch {
		case a.value != nil:
			s.send(w, a.status, a.value)
		case a.head > 0:
			w.Header().Set(headerLength, strconv.Itoa(a.head))
			s.write(w, a.status, a.body, "application/octet-stream")
		default:
			s.write(w, a.status, a.body, "application/json")
		}
	}
}

// body reads the body of a request. What large ones take together is bounded; free gives that back.
func (s *Server) body(r *http.Request) (body []byte, free func(), err error) {
	free = func() {}
	limit := s.opt.Limits.Body
	size := r.ContentLength
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, free, &failure{Status: http.StatusUnsupportedMediaType, Message: "the body is compressed; send it as it is"}
	}
	if size > limit {
		return nil, free, &failure{Status: http.StatusRequestEntityTooLarge, Message: fmt.Sprintf("a request of %d bytes, more than %d; send less at once", size, limit)}
	}
	counted := size
	if size < 0 {
		counted = limit
	}
	if counted > smallBody {
		if s.bodies.Add(counted) > s.opt.Limits.Bodies {
			s.bodies.Add(-counted)
			return nil, free, errBusy
		}
		free = func() { s.bodies.Add(-counted) }
	}
	var b bytes.Buffer
	if size > 0 {
		b.Grow(int(min(size, 1<<20)) + bytes.MinRead)
	}
	_, err = io.Copy(&b, io.LimitReader(r.Body, limit+1))
	switch {
	case int64(b.Len()) > limit:
		return nil, free, &failure{Status: http.StatusRequestEntityTooLarge, Message: fmt.Sprintf("a request of more than %d bytes; send less at once", limit)}
	case err != nil && r.Context().Err() != nil:
		return nil, free, r.Context().Err()
	case err != nil:
		return nil, free, bad("", 0, "the request ends in the middle")
	}
	return b.Bytes(), free, nil
}

// predict is POST /models/NAME/predict.
func (s *Server) predict(ctx context.Context, e *entry, l *loaded, body []byte) (*answer, error) {
	if _, err := able[model.Rows](l, answerPredict); err != nil {
		return nil, err
	}
	q, err := l.readRows(body, s.opt.Limits)
	if err != nil {
		return nil, err
	}
	p, err := l.predictions(ctx, q)
	if err != nil {
		return nil, err
	}
	text, err := appendPredictions(nil, e.name, l, p)
	return &answer{rows: p.Rows, body: text}, err
}

// infer is POST /v2/models/NAME/infer.
func (s *Server) infer(r *http.Request, body []byte, e *entry, l *loaded) (*answer, error) {
	if _, err := able[model.Rows](l, answerPredict); err != nil {
		return nil, err
	}
	head := -1
	if text := r.Header.Get(headerLength); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return nil, bad(headerLength, 0, "%.40q is no number of bytes", text)
		}
		head = n
	}
	q, err := readInference(body, head)
	if err != nil {
		return nil, err
	}
	rows, err := l.readTensors(q, s.opt.Limits)
	if err != nil {
		return nil, err
	}
	p, err := l.predictions(r.Context(), rows)
	if err != nil {
		return nil, err
	}
	text, head, err := appendInference(nil, e.name, l, q, p)
	return &answer{rows: p.Rows, body: text, head: max(head, 0)}, err
}

// modelReady is GET /v2/models/NAME/ready.
func (s *Server) modelReady(w http.ResponseWriter, r *http.Request) {
	e, err := s.entry(r.PathValue("model"), "")
	if err == nil {
		l := e.acquire()
		defer l.release()
		if v := r.PathValue("version"); v != "" && v != l.version {
			err = &failure{Status: http.StatusNotFound, Message: "the model has no such version; it is " + l.version}
		}
	}
	if err != nil {
		f, _ := explain(err)
		s.fail(w, f)
		return
	}
	s.send(w, http.StatusOK, map[string]any{"name": e.name, "ready": true})
}

// metadataTensor describes an input or output.
type metadataTensor struct {
	Name     string  `json:"name"`
	Datatype string  `json:"datatype"`
	Shape    []int64 `json:"shape"`
}

// metadata is GET /v2/models/NAME.
func (s *Server) metadata(w http.ResponseWriter, r *http.Request) {
	e, err := s.entry(r.PathValue("model"), "")
	if err != nil {
		f, _ := explain(err)
		s.fail(w, f)
		return
	}
	l := e.acquire()
	defer l.release()
	if v := r.PathValue("version"); v != "" && v != l.version {
		s.fail(w, &failure{Status: http.StatusNotFound, Message: "the model has no such version; it is " + l.version})
		return
	}
	inputs, outputs := []metadataTensor{}, []metadataTensor{}
	for _, c := range l.columns {
		inputs = append(inputs, inputOf(c))
	}
	if l.rows != nil {
		p, err := l.outline(r.Context())
		if err != nil {
			f, own := explain(err)
			if own {
				s.opt.Log.Error("a request failed", "answer", "metadata", "model", e.name, "error", err)
			}
			s.fail(w, f)
			return
		}
		for _, c := range p.Columns {
			outputs = append(outputs, metadataTensor{c.Name, datatypeOf(c.Values), []int64{-1, 1}})
		}
	}
	s.send(w, http.StatusOK, map[string]any{"name": e.name, "versions": []string{l.version}, "platform": "debut", "inputs": inputs, "outputs": outputs, "family": l.model.Family(), "columns": l.columns})
}

// inputOf is the tensor of a column.
func inputOf(c model.Column) metadataTensor {
	switch c.Type {
	case "numeric":
		return metadataTensor{c.Name, "FP64", []int64{-1, 1}}
	case "boolean":
		return metadataTensor{c.Name, "BOOL", []int64{-1, 1}}
	case "vector":
		return metadataTensor{c.Name, "FP32", []int64{-1, int64(c.Width)}}
	}
	return metadataTensor{c.Name, "BYTES", []int64{-1, 1}}
}

// outline answers for no rows: it has the columns of an answer.
func (l *loaded) outline(ctx context.Context) (*model.Predictions, error) {
	c := l.newColumns(Limits{}, 0)
	f, err := c.frame()
	if err != nil {
		return nil, err
	}
	return l.predictions(ctx, &rowsRequest{frame: f})
}
