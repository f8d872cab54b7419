package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/storefront"
	"debut/datasets/table"
	"debut/kernels"
	"debut/kernels/devices"
	"debut/trainers/families"
	"debut/trainers/model"
	"debut/trainers/run"
	"debut/trainers/serve"
)

// serving is the suite of answers over HTTP.
var serving = Suite{
	Name: "serve",
	Summary: "a server of a network of sessions of the simulated shop, asked over loopback by a program in the same process: requests of one row, as many as it answers, " +
		"beside a server that reads the same JSON and does nothing; how long they take when they come at half that rate, whether answered or not; and requests of 256 rows, beside debut predict of a file",
	Cases: []string{"row", "batch"},
	Metrics: []Metric{
		{Name: "requests_per_second", Direction: Higher}, {Name: "rows_per_second", Direction: Higher}, {Name: "p99_milliseconds", Direction: Lower},
	},
	Host:    func(string) bool { return true },
	measure: measureServing,
}

const (
	servedSessions = 20_000
	batchRows      = 256
	loadCallers    = 32 // connections
)

func measureServing(ctx context.Context, name string, r *runner) (err error) {
	folder, err := os.MkdirTemp("", "debut-bench-")
	if err != nil {
		return err
	}
	defer removeAll(folder, &err)
	shop := storefront.DefaultConfig()
	shop.Sessions, shop.Users = servedSessions, servedSessions*3/10
	if _, err := storefront.WriteCSV(folder, shop); err != nil {
		return err
	}
	sessions := filepath.Join(folder, storefront.SessionsFile)
	text := fmt.Sprintf("name: served\noutput: %q\ndevice: cpu\nthreads: %d\ndata: {source: {path: %q}, target: purchased, id: session_id, ignore: [user_id]}\ntrain: {epochs: 2}\n",
		filepath.Join(folder, "runs"), r.Device.Info().Threads, sessions)
	cfg, err := families.Parse("run.yaml", []byte(text), nil)
	if err != nil {
		return err
	}
	trained, err := run.Train(ctx, cfg, run.Options{ConfigPath: "run.yaml"})
	if err != nil {
		return err
	}
	rows, err := jsonRows(ctx, sessions, trained.Folder)
	if err != nil {
		return err
	}
	s, err := serve.New(serve.Options{
		Sources: []serve.Source{{Name: "shop", Path: trained.Folder}}, Log: slog.New(slog.DiscardHandler),
		Device: func() (kernels.Device, error) { return devices.Open("cpu", devices.Options{Threads: 1}) },
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	ours, err := listen(s.Handler())
	if err != nil {
		return err
	}
	defer ours.Close()
	if name == "batch" {
		return measureBatches(ctx, r, ours, rows, sessions, trained.Folder)
	}
	return measureRequests(ctx, r, ours, rows)
}

// measureRequests measures requests of one row.
func measureRequests(ctx context.Context, r *runner, ours *loopback, rows []json.RawMessage) error {
	bare, err := listen(http.HandlerFunc(readOnly))
	if err != nil {
		return err
	}
	defer bare.Close()
	requests := make([][]byte, min(len(rows), 1000))
	for i := range requests {
		requests[i] = ours.request(rows[i : i+1])
	}
	const turns = 5
	var speeds, bares, ratios []float64
	for turn := range turns + 1 {
		for _, side := range []struct {
			at *loopback
			to *[]float64
		}{{ours, &speeds}, {bare, &bares}} {
			n, took, err := side.at.saturate(ctx, requests, r.Duration/(2*turns))
			if err != nil {
				return err
			}
			if turn > 0 { // after a warm-up
				*side.to = append(*side.to, float64(n)/took.Seconds())
			}
		}
		if turn > 0 {
			ratios = append(ratios, speeds[turn-1]/bares[turn-1])
		}
	}
	speed := middle(speeds)
	r.report("requests_per_second", speed)
	r.report("bare_requests_per_second", middle(bares))
	r.report("ratio_to_bare", middle(ratios))
	times, err := ours.open(ctx, requests, speed/2, r.Duration)
	if err != nil {
		return err
	}
	slices.Sort(times)
	for _, q := range []struct {
		name string
		at   float64
	}{{"p50_milliseconds", .5}, {"p99_milliseconds", .99}, {"p999_milliseconds", .999}} {
		r.report(q.name, times[int(q.at*float64(len(times)-1))].Seconds()*1e3)
	}
	return nil
}

// measureBatches measures requests of many rows, in turns with predict of the file that has them.
func measureBatches(ctx context.Context, r *runner, ours *loopback, rows []json.RawMessage, file, folder string) (err error) {
	var requests [][]byte
	for lo := 0; lo+batchRows <= len(rows); lo += batchRows {
		requests = append(requests, ours.request(rows[lo:lo+batchRows]))
	}
	dev, err := devices.Open("cpu", devices.Options{Threads: r.Device.Info().Threads})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dev.Close()) }()
	opened, err := families.Open(folder, dev)
	if err != nil {
		return err
	}
	m, ok := opened.(model.Predictor)
	if !ok {
		return errors.New("the model does not predict")
	}
	src, output := table.Source{Path: configfile.Strings{file}}, filepath.Join(folder, "predictions.csv")
	const turns = 5
	var speeds, files, ratios []float64
	for turn := range turns + 1 {
		n, took, err := ours.saturate(ctx, requests, r.Duration/(2*turns))
		if err != nil {
			return err
		}
		began := time.Now()
		written, err := model.Write(ctx, output, m.Predict(ctx, src, "", encoding.Input{}))
		if err != nil {
			return err
		}
		alone := float64(written.Rows) / time.Since(began).Seconds()
		if turn > 0 {
			speed := float64(n) * batchRows / took.Seconds()
			speeds, files, ratios = append(speeds, speed), append(files, alone), append(ratios, speed/alone)
		}
	}
	r.report("rows_per_second", middle(speeds))
	r.report("predict_rows_per_second", middle(files))
	r.report("ratio_to_predict", middle(ratios))
	return nil
}

// jsonRows reads a file's rows as JSON objects of the columns that a model looks at, typed as it has them.
func jsonRows(ctx context.Context, file, folder string) (_ []json.RawMessage, err error) {
	dev, err := devices.Open("cpu", devices.Options{Threads: 1})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, dev.Close()) }()
	m, err := families.Open(folder, dev)
	if err != nil {
		return nil, err
	}
	in, ok := m.(model.Rows)
	if !ok {
		return nil, errors.New("the model takes no rows")
	}
	o := table.ReadOptions{Types: map[string]string{table.OtherColumns: table.TypeIgnore}}
	for _, c := range in.Columns() {
		o.Types[c.Name] = c.Type
		if c.Type == table.TypeDate { // as it is written
			o.Types[c.Name] = table.TypeCategorical
		}
	}
	src := table.Source{Path: configfile.Strings{file}}
	f, _, err := table.ReadWith(ctx, &src, "", o)
	if err != nil {
		return nil, err
	}
	rows := make([]json.RawMessage, f.Rows)
	for i := range rows {
		var b bytes.Buffer
		for k, c := range f.Columns {
			b.WriteByte("{,"[min(k, 1)])
			name, err := json.Marshal(c.Name)
			if err != nil {
				return nil, err
			}
			b.Write(name)
			b.WriteByte(':')
			var value any = c.Format(i)
			switch {
			case c.Missing(i):
				value = nil
			case c.Kind == table.Numeric:
				value = c.Floats[i]
			case c.Kind == table.Boolean:
				value = c.Floats[i] != 0
			}
			text, err := json.Marshal(value)
			if err != nil {
				return nil, err
			}
			b.Write(text)
		}
		b.WriteByte('}')
		rows[i] = b.Bytes()
	}
	return rows, nil
}

// readOnly reads the JSON of a request and answers as long a text as the other server.
func readOnly(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var q struct{ Rows []map[string]any }
	if err == nil {
		err = json.Unmarshal(body, &q)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(bareAnswer)) // the caller sees that it is missing
}

var bareAnswer = `{"model":"shop","version":"0123456789ab","probability_of":"true","predicted_from":0.5,"predictions":[{"probability":0.12345678901234567,"prediction":"false"}]}` + "\n"

// loopback is a server on this machine.
type loopback struct {
	server *http.Server
	addr   string
}

func listen(h http.Handler) (*loopback, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &loopback{&http.Server{Handler: h}, l.Addr().String()}
	go func() { _ = s.server.Serve(l) }() // ended by Close
	return s, nil
}

// Close ends the server.
func (s *loopback) Close() { _ = s.server.Close() }

// request is what is sent for rows.
func (s *loopback) request(rows []json.RawMessage) []byte {
	texts := make([]string, len(rows))
	for i, row := range rows {
		texts[i] = string(row)
	}
	body := `{"rows":[` + strings.Join(texts, ",") + "]}"
	return fmt.Appendf(nil, "POST /models/shop/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// caller is a connection that asks one thing after another.
type caller struct {
	net.Conn
	in *bufio.Reader
}

func (s *loopback) call() (*caller, error) {
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		return nil, err
	}
	return &caller{c, bufio.NewReader(c)}, nil
}

// ask sends a request and reads its answer, which must be one.
func (c *caller) ask(request []byte) error {
	if _, err := c.Write(request); err != nil {
		return err
	}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return err
	}
	fine := bytes.Contains(line, []byte(" 200 "))
	length := -1
	for {
		if line, err = c.in.ReadSlice('\n'); err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		if name, value, _ := bytes.Cut(line, []byte(": ")); bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	if length <= 0 {
		return errors.New("an answer without a length")
	}
	if !fine {
		text, err := io.ReadAll(io.LimitReader(c.in, int64(length)))
		return errors.Join(fmt.Errorf("the server answers %s", text), err)
	}
	_, err = c.in.Discard(length)
	return err
}

// callers has several callers work until each returns.
func (s *loopback) callers(work func(c *caller) error) error {
	var all sync.WaitGroup
	errs := make([]error, loadCallers)
	for i := range errs {
		all.Go(func() {
			c, err := s.call()
			if err == nil {
				err = errors.Join(work(c), c.Close())
			}
			errs[i] = err
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// saturate asks as fast as the answers come, for a time, and returns how many came.
func (s *loopback) saturate(ctx context.Context, requests [][]byte, d time.Duration) (n int64, took time.Duration, err error) {
	var count, next atomic.Int64
	began := time.Now()
	err = s.callers(func(c *caller) error {
		for time.Since(began) < d && ctx.Err() == nil {
			if err := c.ask(requests[int(next.Add(1))%len(requests)]); err != nil {
				return err
			}
			count.Add(1)
		}
		return ctx.Err()
	})
	return count.Load(), time.Since(began), err
}

// open asks at a rate, whether answers come or not, and returns how long each took from when it was to be sent.
func (s *loopback) open(ctx context.Context, requests [][]byte, rate float64, d time.Duration) ([]time.Duration, error) {
	total := max(1, int(rate*d.Seconds()))
	times := make([]time.Duration, total)
	var next atomic.Int64
	began := time.Now()
	err := s.callers(func(c *caller) error {
		for ctx.Err() == nil {
			i := int(next.Add(1)) - 1
			if i >= total {
				return nil
			}
			due := began.Add(time.Duration(float64(i) / rate * float64(time.Second)))
			time.Sleep(time.Until(due))
			if err := c.ask(requests[i%len(requests)]); err != nil {
				return err
			}
			times[i] = time.Since(due)
		}
		return ctx.Err()
	})
	return times, err
}
