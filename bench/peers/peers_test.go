package peers

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shell starts a shell script as a peer.
func shell(ctx context.Context, t *testing.T, script string) (*Peer, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "peer.sh")
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := start(ctx, libraries{"Zen", 3, 5}, "sh", path)
	if err == nil {
		t.Cleanup(p.Close)
	}
	return p, err
}

func TestPeer(t *testing.T) {
	p, err := shell(t.Context(), t, `
printf '{"version": "%s %s %s"}\n' $OPENBLAS_NUM_THREADS $OMP_NUM_THREADS $OPENBLAS_CORETYPE
read a; echo '{"runs": 3, "seconds": 0.5}'
read a; echo '{"runs": 0, "seconds": 0.5}'
read a; echo '{"error": "no more"}'
read a; echo 'Segmentation fault'
read a; echo 'out of luck' >&2; exit 3`)
	if err != nil {
		t.Fatal(err)
	}
	if p.Version() != "3 5 Zen" {
		t.Errorf("the peer's environment is %q", p.Version())
	}
	if speed, err := p.Run(time.Millisecond); err != nil || speed != 6 {
		t.Errorf("speed %v, %v; want 6", speed, err)
	}
	for _, want := range []string{"0 runs", "no more", "Segmentation", "exit status 3"} {
		if _, err := p.Run(time.Millisecond); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	if _, err := p.Run(time.Millisecond); err == nil {
		t.Error("a peer that ended answers")
	}
}

func TestPeerThatNeverStarts(t *testing.T) {
	if _, err := shell(t.Context(), t, "echo 'no such library' >&2; exit 1"); err == nil || !strings.Contains(err.Error(), "no such library") {
		t.Errorf("got %v, want its last words", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := shell(ctx, t, "read a"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's error", err)
	}
}

// The best of settings is the one that was fastest; kernels that crash are passed over, and what is slow at first sight is looked at once.
func TestBest(t *testing.T) {
	tried := filepath.Join(t.TempDir(), "tried")
	script := func(l libraries) string {
		if l.core == "SkylakeX" {
			return "exit 1"
		}
		speed := map[libraries]string{{"Haswell", 2, 2}: "30", {"Haswell", 1, 2}: "40", {"", 1, 1}: "90"}[l]
		if speed == "" {
			speed = "20"
		}
		return `echo '{"version": "x"}'
while read a b; do
	case $a in
	set) f=$b; echo $b >> ` + tried + `; echo '{}';;
	*) echo '{"runs": '${f}` + speed + `', "seconds": 1}';;
	esac
done`
	}
	inner := []request{{"set 1", "one"}, {"set 2", "two"}, {"set 0.", "nothing"}}
	p, chosen, err := best(t.Context(), 2, time.Millisecond, inner, func(l libraries) (*Peer, error) {
		p, err := shell(t.Context(), t, script(l))
		if err == nil {
			p.settings = strings.Join(l.environment(), " ")
		}
		return p, err
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = "OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=2 OPENBLAS_CORETYPE=Haswell two"
	if p.Settings() != want || chosen != inner[1] {
		t.Errorf("chosen %q, %v; want %q", p.Settings(), chosen, want)
	}
	if speed, err := p.Run(time.Millisecond); err != nil || speed != 240 {
		t.Errorf("speed %v, %v", speed, err)
	}
	sets, err := os.ReadFile(tried)
	if err != nil {
		t.Fatal(err)
	}
	if slow, fast := strings.Count(string(sets), "0.\n"), strings.Count(string(sets), "2\n"); slow != 1 || fast != 7 {
		t.Errorf("the slow one was set %d times, the fast one %d; a look, and of the fast one five tries and the last start more: %q", slow, fast, sets)
	}
}

func TestOpenBLAS(t *testing.T) {
	g := Gemm{M: 2, N: 3, K: 2, TransB: true, A: []float32{1, 2, 3, 4}, B: []float32{1, 0, 0, 1, 1, 1}}
	o, err := StartOpenBLAS(t.Context(), t.TempDir(), g, 1, time.Millisecond)
	if errors.Is(err, ErrAbsent) {
		t.Skipf("there is no OpenBLAS to compare with: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	for i, want := range []float32{1, 2, 3, 3, 4, 7} {
		if o.C[i] != want {
			t.Fatalf("C is %v", o.C)
		}
	}
	if speed, err := o.Run(0); err != nil || !(speed > 0) || math.IsInf(speed, 0) {
		t.Errorf("speed %v, %v", speed, err)
	}
	if !strings.HasPrefix(o.Version(), "OpenBLAS ") {
		t.Errorf("version %q", o.Version())
	}
}

func TestAbsent(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := StartTorch(t.Context(), t.TempDir(), MLP{}, 1, 0); !errors.Is(err, ErrAbsent) || !strings.Contains(err.Error(), "python3-torch") {
		t.Errorf("PyTorch: %v", err)
	}
	if _, err := StartOpenBLAS(t.Context(), t.TempDir(), Gemm{}, 1, 0); !errors.Is(err, ErrAbsent) || !strings.Contains(err.Error(), "gcc") {
		t.Errorf("OpenBLAS: %v", err)
	}
}
