package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"debut/bench"
	"debut/datasets/storefront"
	"debut/engine/onnxruntime"
	"debut/kernels/cuda"
	"debut/kernels/cuda/emulator"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"debut": main})
}

// Under the race detector, which -short stands for, a script takes ten times as long. There only those are of use in which the
// command itself does several things at a time: what they compute with is tested so in its own package.
var concurrent = []string{"data", "interrupt", "resume", "serve"}

func TestScripts(t *testing.T) {
	dir, files := filepath.Join("testdata", "script"), []string(nil)
	if testing.Short() {
		for _, name := range concurrent {
			files = append(files, filepath.Join(dir, name+".txtar"))
		}
		dir = ""
	}
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		Files:               files,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("DEBUT_CPU", "generic")
			env.Setenv("DEBUT_CUDA_DRIVER", "none") // whatever this machine has
			if lib, err := emulator.Build(); err == nil {
				env.Setenv("EMULATED_DRIVER", lib.Driver)
				env.Setenv("EMULATED_CUBLAS", lib.BLAS)
			} else if !errors.Is(err, emulator.ErrUnavailable) {
				return err
			}
			env.Setenv(onnxruntime.Variable, os.Getenv(onnxruntime.Variable))
			// A PATH of this folder alone has no program but debut.
			debut, err := exec.LookPath("debut")
			env.Setenv("ONLY_DEBUT", filepath.Dir(debut))
			return err
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "gpu":
				return cuda.Built, nil
			case "onnxruntime":
				r, err := onnxruntime.Open("")
				if err != nil {
					return false, nil
				}
				return true, r.Close()
			case "emulator":
				_, err := emulator.Build()
				return err == nil, nil
			}
			return false, fmt.Errorf("there is no condition %q", name)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":      exits,
			"interrupt":  interrupt,
			"json":       checkJSON,
			"scale":      scale,
			"storefront": simulate,
			"windows":    windows,
		},
	})
}

// The first signal waits for the work at hand, the second does not.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	// One repetition takes much longer than the test waits for.
	cmd := exec.Command("debut", "bench", "gemm", "--case", "4096x4096x4096.nn", "--threads", "1")
	cmd.Env = append(os.Environ(), "DEBUT_CPU=generic")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := stderr.Read(make([]byte, 1)); err != nil { // it says that it measures
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	deadline := time.After(time.Minute)
	for sent := 0; ; {
		select {
		case <-time.After(50 * time.Millisecond):
			if err := cmd.Process.Signal(syscall.SIGINT); err == nil {
				sent++
			}
		case err := <-ended:
			var exit *exec.ExitError
			if !errors.As(err, &exit) {
				t.Fatal(err)
			}
			status, ok := exit.Sys().(syscall.WaitStatus)
			if !ok || !status.Signaled() || status.Signal() != syscall.SIGINT || sent < 2 {
				t.Errorf("after %d signals: %v, want death by the second", sent, exit)
			}
			return
		case <-deadline:
			_ = cmd.Process.Kill()
			t.Fatal("two signals do not end the program")
		}
	}
}

// exits CODE PROGRAM ARGS… runs a program that must end with an exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s; stderr:\n%s", code, args[0], ts.ReadFile("stderr"))
	}
}

// scale FACTOR FILE multiplies all speeds that a results file of bench is compared by.
func scale(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: scale FACTOR FILE")
	}
	factor, err := strconv.ParseFloat(args[0], 64)
	ts.Check(err)
	file := ts.MkAbs(args[1])
	r, err := bench.ReadResults(file)
	ts.Check(err)
	for _, c := range r.Cases {
		for _, s := range c.Metrics {
			for i := range s.Samples {
				if s.Direction == bench.Higher {
					s.Samples[i] *= factor
				}
			}
		}
	}
	ts.Check(r.Write(file))
}

// interrupt SIGNAL FILE CODE ARGS… runs debut, sends it a signal once FILE has content, and checks its exit code.
func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: interrupt INT|TERM FILE CODE ARGS...")
	}
	signal, ok := map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM}[args[0]]
	if !ok {
		ts.Fatalf("unknown signal %s", args[0])
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command("debut", args[3:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), &stdout, &stderr
	cmd.Env = append(os.Environ(), "DEBUT_CPU=generic")
	ts.Check(cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	deadline := time.After(2 * time.Minute)
	for sent := false; ; {
		select {
		case err := <-ended:
			if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
				ts.Fatalf("%v", err)
			}
			if code := strconv.Itoa(cmd.ProcessState.ExitCode()); !sent || code != args[2] {
				ts.Fatalf("signal sent: %v; exit code %s, want %s; stderr:\n%s", sent, code, args[2], stderr.String())
			}
			ts.Check(os.WriteFile(ts.MkAbs("interrupt.stderr"), stderr.Bytes(), 0o644))
			ts.Check(os.WriteFile(ts.MkAbs("interrupt.stdout"), stdout.Bytes(), 0o644))
			return
		case <-deadline:
			_ = cmd.Process.Kill()
			ts.Fatalf("debut does not end; stderr:\n%s", stderr.String())
		case <-time.After(10 * time.Millisecond):
			if info, err := os.Stat(ts.MkAbs(args[1])); !sent && err == nil && info.Size() > 0 {
				ts.Check(cmd.Process.Signal(signal))
				sent = true
			}
		}
	}
}

// json FILE PATH [VALUE] checks that a file, or every line of it where FILE begins with "lines:", is JSON that has a
// value at a dotted path (. is the whole), and that it is VALUE.
func checkJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: json [lines:]FILE PATH [VALUE]")
	}
	name, each := strings.CutPrefix(args[0], "lines:")
	docs := []string{ts.ReadFile(name)}
	if each {
		docs = strings.Split(strings.TrimSpace(docs[0]), "\n")
	}
	for _, doc := range docs {
		var v any
		if err := json.Unmarshal([]byte(doc), &v); err != nil {
			ts.Fatalf("%s is not JSON: %v\n%s", args[0], err, doc)
		}
		for _, key := range strings.FieldsFunc(args[1], func(r rune) bool { return r == '.' }) {
			switch at := v.(type) {
			case map[string]any:
				inner, ok := at[key]
				if !ok {
					ts.Fatalf("%s has no %q of %s:\n%s", args[0], key, args[1], doc)
				}
				v = inner
			case []any:
				i, err := strconv.Atoi(key)
				if err != nil || i < 0 || i >= len(at) {
					ts.Fatalf("%s has no element %q of %s", args[0], key, args[1])
				}
				v = at[i]
			default:
				ts.Fatalf("%s: there is nothing below %v", args[0], v)
			}
		}
		if got := fmt.Sprint(v); len(args) == 3 && got != args[2] {
			ts.Fatalf("%s: %s is %s, want %s", args[0], args[1], got, args[2])
		}
	}
}

// storefront FOLDER SESSIONS simulates sessions with labels, and a fifth as many without.
func simulate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: storefront FOLDER SESSIONS")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	cfg := storefront.DefaultConfig()
	cfg.Sessions, cfg.Users = n, n/3
	_, err = storefront.WriteCSV(ts.MkAbs(args[0]), cfg)
	ts.Check(err)
	_, err = storefront.WriteNewSessions(ts.MkAbs(args[0]), cfg, n/5)
	ts.Check(err)
}

// windows FILE gives a text what editors of Windows give it: a byte order mark, and two characters at the end of a line.
func windows(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: windows FILE")
	}
	text := "\ufeff" + strings.ReplaceAll(ts.ReadFile(args[0]), "\n", "\r\n")
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o644))
}
