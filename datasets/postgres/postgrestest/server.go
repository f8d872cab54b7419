// Package postgrestest starts PostgreSQL servers for tests.
package postgrestest

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Server is a server of a test, with the user and the password Password.
type Server struct {
	bin, data, socket string
	as                *syscall.Credential
	port              int
}

// Password is that of the user shop.
const Password = "hunter2-secret"

// Start starts a server that listens on a socket in a folder of its own alone.
// Without PostgreSQL on the machine the test is skipped. The server ends with
// the test.
func Start(t testing.TB) *Server {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		t.Skip("no PostgreSQL server on this machine: install the package postgresql")
	}
	// Paths of sockets are short.
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{bin: filepath.Dir(found[len(found)-1]), data: filepath.Join(dir, "data"), socket: dir, port: 5432}
	t.Cleanup(func() {
		s.Stop("immediate")
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if os.Getuid() == 0 { // the server refuses to run as root
		u, err := user.Lookup("postgres")
		if err != nil {
			t.Skip("PostgreSQL does not run as root, and there is no user postgres")
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		s.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte(Password), 0o644); err != nil {
		t.Fatal(err)
	}
	s.run(t, "initdb", "-D", s.data, "-U", "shop", "--pwfile", password, "-A", "scram-sha-256", "-E", "UTF8", "--no-sync", "--locale=C")
	s.run(t, "pg_ctl", "-D", s.data, "-w", "-t", "60", "-l", filepath.Join(dir, "log"), "-o",
		fmt.Sprintf("-k %s -c listen_addresses='' -c fsync=off -c full_page_writes=off -c shared_buffers=16MB", s.socket), "start")
	return s
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(s.bin, name), args...)
	c.Dir = "/"
	if s.as != nil {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: s.as}
	}
	return c
}

func (s *Server) run(t testing.TB, name string, args ...string) {
	t.Helper()
	c := s.command(name, args...)
	// Not a pipe: the server would keep it open.
	out, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	c.Stdout, c.Stderr = out, out
	if err := c.Run(); err != nil {
		text, _ := os.ReadFile(out.Name())
		t.Fatalf("%s: %v\n%s", name, err, text)
	}
}

// Stop stops the server: fast, or immediate, as if it had crashed.
func (s *Server) Stop(mode string) {
	_ = s.command("pg_ctl", "-D", s.data, "-m", mode, "-w", "-t", strconv.Itoa(int(time.Minute/time.Second)), "stop").Run() // it may have been stopped
}

// DSN is the connection string.
func (s *Server) DSN() string {
	return fmt.Sprintf("host=%s port=%d user=shop password=%s dbname=postgres", s.socket, s.port, Password)
}

// Exec runs SQL, as the user shop.
func (s *Server) Exec(t testing.TB, sql string) {
	t.Helper()
	c := s.command("psql", s.DSN(), "-q", "-v", "ON_ERROR_STOP=1", "-c", sql)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("psql: %v\n%s", err, out)
	}
}

// Query returns the rows of a query, as the user shop, with | between their fields.
func (s *Server) Query(t testing.TB, sql string) string {
	t.Helper()
	out, err := s.command("psql", s.DSN(), "-qAt", "-c", sql).Output()
	if err != nil {
		t.Fatalf("psql: %v", err)
	}
	return strings.TrimSpace(string(out))
}
