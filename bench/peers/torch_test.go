package peers

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// python has a script pass for a python3 with PyTorch.
func python(t *testing.T, script string) {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "python3"), []byte("#!/bin/sh\n[ \"$1\" = -c ] && exit 0\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
}

// The best way to run a step is taken; a way that fails, or ends its process, does not cost the others.
func TestTorchCUDA(t *testing.T) {
	python(t, `
echo '{"version": "x"}'
sets=0
while read word a b; do
	case $word in
	set) sets=$((sets+1)); mode=$a
		case $a in
		compiled-graph) echo '{"error": "no capture"}';;
		graph) echo 'illegal memory access' >&2; exit 134;;
		*) echo '{}';;
		esac;;
	loss) echo '{"loss": '$sets'}';;
	run) [ $mode = reduce-overhead ] && echo '{"runs": 30, "seconds": 1}' || echo '{"runs": 20, "seconds": 1}';;
	esac
done`)
	p, err := StartTorchCUDA(t.Context(), t.TempDir(), MLP{}, "bf16", time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if p.Settings() != "reduce-overhead bf16" {
		t.Errorf("settings %q", p.Settings())
	}
	// It has been tried, so it begins again; after that it is as new.
	if loss, err := p.Loss(50); err != nil || loss != 2 {
		t.Errorf("it was set %v times, %v", loss, err)
	}
	if err := p.SetCUDA("eager", "fp32"); err != nil {
		t.Fatal(err)
	}
	if loss, err := p.Loss(50); err != nil || loss != 3 {
		t.Errorf("it was set %v times, %v", loss, err)
	}
}

func TestTorchCUDAThatFails(t *testing.T) {
	python(t, `
echo '{"version": "x"}'
while read word a b; do echo '{"error": "'$a' does not work"}'; done`)
	_, err := StartTorchCUDA(t.Context(), t.TempDir(), MLP{}, "fp32", time.Millisecond)
	for _, mode := range CUDAModes() {
		if err == nil || !strings.Contains(err.Error(), mode+" does not work") {
			t.Errorf("error %v, without %s", err, mode)
		}
	}
}

func TestTorchWithoutGPU(t *testing.T) {
	python(t, `echo '{"absent": "PyTorch finds no GPU"}'`)
	if _, err := StartTorchCUDA(t.Context(), t.TempDir(), MLP{}, "fp32", 0); !errors.Is(err, ErrAbsent) || !strings.Contains(err.Error(), "no GPU") {
		t.Errorf("error %v", err)
	}
}

func TestTorchTables(t *testing.T) {
	python(t, `
echo "{\"mode\": \"sparse\", \"rows_per_second\": $2$3$4$5}"
echo '{"mode": "dense", "error": "no memory"}'
[ $7 = zipf ] && exit 0
echo 'lost' >&2; exit 3`)
	got := map[string]float64{}
	var why error
	report := func(way string, speed float64, err error) {
		if err != nil {
			why = err
			return
		}
		got[way] = speed
	}
	w := Tables{Rows: 1, Width: 2, Batch: 3, Fields: 4, Zipf: true}
	if err := TorchTables(t.Context(), t.TempDir(), w, time.Millisecond, report); err != nil || got["sparse"] != 1234 || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	if why == nil || !strings.Contains(why.Error(), "dense: no memory") {
		t.Errorf("error %v", why)
	}
	w.Zipf = false
	if err := TorchTables(t.Context(), t.TempDir(), w, 0, report); err == nil || !strings.Contains(err.Error(), "lost") {
		t.Errorf("error %v", err)
	}
	python(t, `echo '{"absent": "no GPU"}'`)
	if err := TorchTables(t.Context(), t.TempDir(), w, 0, report); !errors.Is(err, ErrAbsent) {
		t.Errorf("error %v", err)
	}
}

// Whichever way is the fastest, losses are those of the way that does our work, and runs are in the fastest again.
func TestTorchCTRLosses(t *testing.T) {
	python(t, `
echo '{"version": "x"}'
while read word n way; do
	case $word in
	set) w=$way; echo '{}';;
	loss) echo '{"loss": '$w'}';;
	run) [ $w = 1 ] && echo '{"runs": 30, "seconds": 1}' || echo '{"runs": 20, "seconds": 1}';;
	esac
done`)
	p, err := StartTorchCTR(t.Context(), t.TempDir(), CTR{}, 1, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for range 2 {
		loss, err := p.Loss(50)
		if err != nil || loss != 2 {
			t.Errorf("loss of way %v, %v; want that of SparseAdam, 2", loss, err)
		}
		if speed, err := p.Run(time.Millisecond); err != nil || speed != 30 || !strings.Contains(p.Settings(), "Adam(foreach=True)") {
			t.Errorf("%v runs a second, %v, by %s", speed, err, p.Settings())
		}
	}
}
