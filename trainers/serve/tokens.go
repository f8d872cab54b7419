package serve

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// tokens are the bearer tokens of a file, read again when it changes.
type tokens struct {
	path string
	seen fileState
	sums atomic.Pointer[[][sha256.Size]byte]
}

// fileState tells whether a file has changed.
type fileState struct {
	size int64
	time time.Time
}

func stateOfFile(path string) (fileState, error) {
	info, err := os.Stat(path)
	if err != nil {
		return fileState{}, err
	}
	return fileState{info.Size(), info.ModTime()}, nil
}

// leastToken is how many bytes a token has at least.
const leastToken = 16

const maxTokens = 1 << 20 // bytes of the file

func readTokens(path string) (*tokens, error) {
	t := &tokens{path: path}
	return t, t.read()
}

func (t *tokens) read() (err error) {
	if t.seen, err = stateOfFile(t.path); err != nil {
		return fmt.Errorf("the file of tokens: %w", err)
	}
	if t.seen.size > maxTokens {
		return fmt.Errorf("%s: a file of %d bytes is none of tokens; write one a line", t.path, t.seen.size)
	}
	text, err := os.ReadFile(t.path)
	if err != nil {
		return err
	}
	var sums [][sha256.Size]byte
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case len(line) < leastToken:
			return fmt.Errorf("%s:%d: a token of %d characters can be guessed; take at least %d, as of: openssl rand -hex 32", t.path, i+1, len(line), leastToken)
		default:
			sums = append(sums, sha256.Sum256([]byte(line)))
		}
	}
	if len(sums) == 0 {
		return fmt.Errorf("%s holds no token; write one a line, as of: openssl rand -hex 32", t.path)
	}
	t.sums.Store(&sums)
	return nil
}

// look reads the file again where it has changed. While it cannot be read, the tokens of before hold.
func (t *tokens) look(log *slog.Logger) {
	state, err := stateOfFile(t.path) // of a file that is gone, none
	if state == t.seen {
		return
	}
	if err == nil {
		err = t.read()
	}
	if err != nil {
		log.Error("the file of tokens cannot be read; those of before hold", "error", err)
		t.seen = state // said once
		return
	}
	log.Info("tokens were read again", "tokens", len(*t.sums.Load()))
}

// admit says whether a request's Authorization has one of the tokens, in time that does not tell how much of one is right.
func (t *tokens) admit(authorization string) bool {
	scheme, token, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return false
	}
	sum := sha256.Sum256([]byte(strings.TrimSpace(token)))
	found := 0
	for _, s := range *t.sums.Load() {
		found |= subtle.ConstantTimeCompare(sum[:], s[:])
	}
	return found == 1
}

// Certificate returns what a server needs to speak TLS with a certificate and a key in files, which are read again when they change; a pair
// that cannot be read then is told, and the one before goes on.
func Certificate(certFile, keyFile string, log *slog.Logger) (*tls.Config, error) {
	c := &certificate{cert: certFile, key: keyFile, log: log}
	if err := c.read(); err != nil {
		return nil, err
	}
	c.gate <- struct{}{}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}, nil
}

type certificate struct {
	cert, key string
	log       *slog.Logger
	gate      chan struct{} // of what follows: whoever takes the token looks at the files
	looked    time.Time
	seen      [2]fileState
	pair      atomic.Pointer[tls.Certificate]
}

func (c *certificate) read() error {
	if c.gate == nil {
		c.gate = make(chan struct{}, 1)
	}
	var errs [2]error
	for i, path := range []string{c.cert, c.key} {
		c.seen[i], errs[i] = stateOfFile(path)
	}
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("%s and %s: %w", c.cert, c.key, err)
	}
	c.pair.Store(&pair)
	return nil
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	select {
	case <-c.gate:
		if time.Since(c.looked) > time.Second {
			c.look()
			c.looked = time.Now()
		}
		c.gate <- struct{}{}
	default: // somebody is looking
	}
	return c.pair.Load(), nil
}

func (c *certificate) look() {
	for i, path := range []string{c.cert, c.key} {
		state, err := stateOfFile(path)
		if err != nil || state == c.seen[i] {
			continue
		}
		if err := c.read(); err != nil {
			c.log.Error("the new certificate cannot be read; the one before goes on", "error", err)
			return
		}
		c.log.Info("a new certificate was read")
		return
	}
}
