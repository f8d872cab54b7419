package emulator_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"debut/kernels/cuda/emulator"
)

// The emulated driver does what it should: testdata/checks.cpp has the checks.
func TestDriver(t *testing.T) {
	t.Setenv(emulator.Variable, "") // it has other kernels
	lib, err := emulator.BuildFrom(filepath.Join("testdata", "kernels"))
	if errors.Is(err, emulator.ErrUnavailable) {
		t.Skipf("the emulated GPU cannot be built here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "checks")
	out, err := exec.Command("g++", "-std=c++17", "-O1", "-Wall", "-I", filepath.Join("..", "include"), filepath.Join("testdata", "checks.cpp"),
		lib.BLAS, lib.Driver, "-Wl,-rpath,"+filepath.Dir(lib.Driver), "-o", program).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	names, err := exec.Command(program).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields(string(names)) {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(program, name)
			cmd.Env = append(os.Environ(), "DEBUT_EMU_QUIET=1")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			} else if len(out) > 0 {
				t.Logf("\n%s", out)
			}
		})
	}
}
