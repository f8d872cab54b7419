package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"debut/datasets/bytesize"
	"debut/datasets/sealed"
	"debut/kernels"
	"debut/trainers/serve"
)

func (a *app) serve() *cobra.Command {
	var device deviceFlags
	var keys keyFlags
	var listen, cert, key string
	var poll, grace time.Duration
	var body string
	var asJSON bool
	var opt serve.Options
	cmd := &cobra.Command{
		Use:   "serve MODEL...",
		Short: "Answer over HTTP with trained models",
		Long: `Answer over HTTP with trained models: predictions of rows, lists of recommenders. MODEL is a run folder or its model/, or NAME=FOLDER to
give it another name than the folder's.

POST /models/NAME/predict takes {"rows": [{"column": value, ...}]}; /recommend and /similar take users and items; /events takes what users do, to be
folded in until the process ends. POST /v2/models/NAME/infer is the Open Inference Protocol (KServe, Triton), version 2, with JSON and binary tensors.
GET /openapi.json says all of it, GET /models lists the models, GET /metrics has measures for Prometheus, GET /v2/health/ready says whether to send requests.

A folder that changes, or a link that leads to another one, is taken over without dropping a request. Ctrl-C and SIGTERM end the server when the
requests that have begun are answered. Messages, with a line for each request and none of what it says, go to standard error; -q leaves them out.`,
		Example: `  debut serve runs/shop
  curl -d '{"rows": [{"price": 9.5, "visits": 3}], "allow_missing": true}' localhost:8080/predict
  debut serve buyers=runs/shop lists=runs/neighbors --listen 0.0.0.0:8443 --tls-cert cert.pem --tls-key key.pem --tokens tokens.txt`,
		Args: takes(1, -1, "a model"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if (cert == "") != (key == "") {
				return usagef("--tls-cert and --tls-key go together")
			}
			if listen == "" { // which net.Listen takes for every address of the machine, and any port
				return usagef("--listen: give an address and a port, such as 127.0.0.1:8080")
			}
			for _, f := range []struct {
				flag string
				bad  bool
			}{
				{"max-rows", opt.Limits.Rows < 1}, {"timeout", opt.Limits.Timeout <= 0}, {"rate", !(opt.Limits.Rate >= 0)}, {"events", opt.Limits.Events < 1},
				{"grace", grace < 0}, {"poll", poll < 0},
			} {
				if f.bad {
					return usagef("--%s %s: give a positive value", f.flag, cmd.Flags().Lookup(f.flag).Value)
				}
			}
			size, err := bytesize.Parse(body)
			if err == nil && size < 1024 {
				err = fmt.Errorf("%q has no room for a row; give 1KiB or more", body)
			}
			if err != nil {
				return usagef("--max-body: %v", err)
			}
			for _, arg := range args {
				opt.Sources = append(opt.Sources, servedAs(arg))
			}
			if opt.Keys, err = keys.read(); err != nil {
				return err
			}
			opt.Device = func() (kernels.Device, error) { return device.open() }
			opt.Limits.Body, opt.Poll, opt.Version, opt.Log = int64(size), poll, version, a.console.log
			// The address is looked at before models are read, which may take long.
			l, err := net.Listen("tcp", listen)
			if err != nil {
				return fmt.Errorf("--listen %s: %w", listen, err)
			}
			s, err := serve.New(opt)
			if err != nil {
				err = errors.Join(err, l.Close())
				if errors.Is(err, sealed.ErrNoKey) {
					return fmt.Errorf("%w: say where it is, with --identity key.txt or --passphrase FILE", err)
				}
				return err
			}
			defer closing(s, &err)
			config, scheme := (*tls.Config)(nil), "http"
			if cert != "" {
				scheme = "https"
				if config, err = serve.Certificate(cert, key, a.console.log); err != nil {
					return errors.Join(err, l.Close())
				}
			}
			a.warnOpen(l.Addr(), cert != "", opt.Tokens != "")
			models := s.Names()
			url := scheme + "://" + l.Addr().String()
			if asJSON {
				if err := a.console.printJSON(struct {
					Listening string         `json:"listening"`
					Models    []serve.Served `json:"models"`
				}{url, models}); err != nil {
					return errors.Join(err, l.Close())
				}
			} else {
				for _, m := range models {
					if err := a.console.print(fmt.Sprintf("%s/models/%s: %s, version %s; answers %s\n", url, m.Name, m.Family, m.Version, strings.Join(m.Answers, ", "))); err != nil {
						return errors.Join(err, l.Close())
					}
				}
			}
			return s.Serve(cmd.Context(), l, config, grace)
		},
	}
	device.register(cmd)
	device.device, device.threads = "cpu", 1
	cmd.Flags().Lookup("device").DefValue = "cpu"
	cmd.Flags().Lookup("threads").DefValue = "1"
	keys.register(a, cmd)
	flags := cmd.Flags()
	flags.StringVar(&listen, "listen", "127.0.0.1:8080", "address and port to answer on; port 0 takes a free one")
	flags.StringVar(&cert, "tls-cert", "", "certificate in PEM, with which the server speaks TLS; read again when it changes")
	flags.StringVar(&key, "tls-key", "", "key of the certificate, in PEM")
	flags.StringVar(&opt.Tokens, "tokens", "", "file of bearer tokens, one a line, one of which a request must bring; read again when it changes")
	flags.StringVar(&body, "max-body", "16MiB", "most bytes of a request")
	flags.IntVar(&opt.Limits.Rows, "max-rows", 10_000, "most rows, users or events of a request")
	flags.DurationVar(&opt.Limits.Timeout, "timeout", 10*time.Second, "the most time that an answer may take")
	flags.Float64Var(&opt.Limits.Rate, "rate", 0, "requests a second that are answered, of all callers together (default no limit)")
	flags.IntVar(&opt.Limits.Events, "events", 100_000, "events that are held in memory for each model, the newest")
	flags.DurationVar(&poll, "poll", time.Second, "how often to look for a new model in the folders; 0 for never")
	flags.DurationVar(&grace, "grace", 20*time.Second, "how long to wait for requests that have begun, at the end")
	flags.BoolVar(&asJSON, "json", false, "print where the server listens, and the models, as JSON")
	return cmd
}

// servedAs reads NAME=FOLDER or FOLDER, which is called as its last part is, or, where that is model, as the one before.
func servedAs(arg string) serve.Source {
	if name, path, ok := strings.Cut(arg, "="); ok && !strings.ContainsAny(name, `/\`) {
		return serve.Source{Name: name, Path: path}
	}
	path := arg
	if absolute, err := filepath.Abs(arg); err == nil {
		path = absolute
	}
	name := filepath.Base(path)
	if name == "model" {
		name = filepath.Base(filepath.Dir(path))
	}
	return serve.Source{Name: name, Path: arg}
}

// warnOpen warns of a server that others than this machine can ask without a secret, or in the open.
func (a *app) warnOpen(addr net.Addr, encrypted, tokens bool) {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok || tcp.IP.IsLoopback() {
		return
	}
	switch {
	case !tokens:
		a.console.log.Warn("whoever reaches this address can ask the models; --tokens FILE lets in who has one", "address", addr.String())
	case !encrypted:
		a.console.log.Warn("tokens and answers go over the network as they are; --tls-cert and --tls-key encrypt them", "address", addr.String())
	}
}
