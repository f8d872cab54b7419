package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"debut/datasets/storefront"
	"debut/datasets/table"
	"debut/kernels"
	"debut/trainers/model"
	"debut/trainers/serve"
)

// served asks a server of the demo's model about the first new session, over the loopback network, and tells what it says.
func (d *demonstration) served(ctx context.Context, folder string) (_ string, err error) {
	request, err := d.firstSession(folder)
	if err != nil {
		return "", err
	}
	s, err := serve.New(serve.Options{
		Sources: []serve.Source{{Name: "network", Path: folder}}, Version: version, Log: d.console.log.With("demo", "server"),
		Device: func() (kernels.Device, error) { return d.device.open() },
	})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l, nil, 10*time.Second) }()
	answer, err := ask(ctx, "http://"+l.Addr().String()+"/predict", request)
	stop()
	if err := errors.Join(err, <-ended); err != nil {
		return "", fmt.Errorf("demo: the server: %w", err)
	}
	return fmt.Sprintf("\na server of the network, debut serve %s, was asked about the first new session:\n  curl localhost:8080/predict -d '%s'\n  %s\n",
		quoted(folder), request, answer), nil
}

// ask sends a request and returns the answer.
func ask(ctx context.Context, url string, request []byte) (_ []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(request))
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", answer.Status, text)
	}
	return bytes.TrimSpace(text), err
}

// firstSession is a request about the first new session: what the model looks at, as JSON has it.
func (d *demonstration) firstSession(folder string) (_ []byte, err error) {
	f, err := os.Open(filepath.Join(d.dir, demoDataDir, storefront.NewSessionsFile))
	if err != nil {
		return nil, err
	}
	defer closing(f, &err)
	in := csv.NewReader(f)
	names, err := in.Read()
	if err != nil {
		return nil, err
	}
	values, err := in.Read()
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString(`{"rows": [{`)
	err = withModel(&d.device, &keyFlags{}, folder, func(m model.Model) error {
		rows, ok := m.(model.Rows)
		if !ok {
			return errors.New("demo: the model takes no rows")
		}
		for i, c := range rows.Columns() {
			if i > 0 {
				b.WriteString(", ")
			}
			value := any(nil)
			for k, name := range names {
				if name == c.Name && values[k] != "" {
					value = typed(values[k], c.Type)
				}
			}
			name, err := json.Marshal(c.Name)
			if err != nil {
				return err
			}
			text, err := json.Marshal(value)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, "%s: %s", name, text)
		}
		return nil
	})
	b.WriteString(`}]}`)
	return []byte(b.String()), err
}

// typed is a text of a file as JSON has a value of a type.
func typed(text, typ string) any {
	switch typ {
	case table.TypeNumeric:
		if _, err := strconv.ParseFloat(text, 64); err == nil {
			return json.Number(text)
		}
	case table.TypeBoolean:
		if b, err := strconv.ParseBool(strings.ToLower(text)); err == nil {
			return b
		}
	}
	return text
}
