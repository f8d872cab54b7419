package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Times of connections. A request has to come and an answer to be taken in time, so that callers who are slow or silent cost a
// connection for so long and no more.
const (
	headTime = 5 * time.Second
	bodyTime = 30 * time.Second
	idleTime = 2 * time.Minute
	headSize = 32 << 10
)

// Serve answers on a listener, which it closes, until the context ends; then it takes no more connections, and returns when the requests
// that have begun are answered, or the time of grace is over. With config, it speaks TLS.
func (s *Server) Serve(ctx context.Context, l net.Listener, config *tls.Config, grace time.Duration) error {
	server := &http.Server{
		Handler: s.handler, TLSConfig: config, ReadHeaderTimeout: headTime, ReadTimeout: bodyTime, WriteTimeout: bodyTime + s.opt.Limits.Timeout,
		IdleTimeout: idleTime, MaxHeaderBytes: headSize, ErrorLog: slog.NewLogLogger(s.opt.Log.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, 1)
	go func() {
		if config != nil {
			ended <- server.ServeTLS(l, "", "")
			return
		}
		ended <- server.Serve(l)
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	s.Drain()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := server.Shutdown(stop)
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.Join(fmt.Errorf("requests were not answered within %v", grace), server.Close())
	}
	if e := <-ended; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}
