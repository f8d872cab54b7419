package cpu

import (
	"bufio"
	"os"
	"regexp"
	"strings"
	"testing"
	"unsafe"

	"debut/kernels"
)

// TestAVX2Registers checks that no routine for AVX2 names a register that only AVX-512 has: processors without that would
// stop at it, this one perhaps not.
func TestAVX2Registers(t *testing.T) {
	beyond := regexp.MustCompile(`\b([XY](1[6-9]|2\d|3[01])|Z\d+|K[0-7])\b`)
	for _, name := range []string{"loops_amd64.s", "gemm_amd64.s"} {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		routine, seen := "", 0
		for lines := bufio.NewScanner(f); lines.Scan(); {
			line := lines.Text()
			if rest, ok := strings.CutPrefix(line, "TEXT ·"); ok {
				routine, _, _ = strings.Cut(rest, "(")
				seen++
			}
			if strings.HasSuffix(routine, "AVX2") && beyond.MatchString(line) {
				t.Errorf("%s: %s: %s", name, routine, line)
			}
		}
		if seen == 0 {
			t.Errorf("%s has no routines", name)
		}
	}
}

// TestVectorsAreLeftClean checks that routines that touch vector registers clear their upper halves before they return: else
// the scalar instructions of Go that follow are many times slower.
func TestVectorsAreLeftClean(t *testing.T) {
	vector := regexp.MustCompile(`\b[YZ]\d+\b`)
	for _, name := range []string{"loops_amd64.s", "gemm_amd64.s"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, routine := range strings.Split(string(text), "\nTEXT ")[1:] {
			words := strings.Fields(strings.ReplaceAll(routine, "\n", " "))
			for i, word := range words {
				if word == "RET" && words[i-1] != "VZEROUPPER" && vector.MatchString(routine) {
					t.Errorf("%s: %s returns without VZEROUPPER", name, words[0])
				}
			}
		}
	}
}

// TestActivationsHaveAssembly checks that no activation was left to plain Go by oversight: it would be many times slower.
func TestActivationsHaveAssembly(t *testing.T) {
	for level, r := range map[string]*routines{levelAVX2: &routinesAVX2, levelAVX512: &routinesAVX512} {
		for _, a := range kernels.Activations() {
			if a == kernels.Identity {
				continue // a copy
			}
			if int(a) >= len(r.activate) || r.activate[a] == nil || r.activateGrad[a] == nil || r.activateGradSum[a] == nil {
				t.Errorf("%s: %v has no routine", level, a)
			}
		}
	}
}

// TestHyperLayout checks the offsets at which the rules in assembly read.
func TestHyperLayout(t *testing.T) {
	var h hyper[float32]
	for i, offset := range []uintptr{
		unsafe.Offsetof(h.rate), unsafe.Offsetof(h.factor), unsafe.Offsetof(h.correct1), unsafe.Offsetof(h.correct2),
		unsafe.Offsetof(h.momentum), unsafe.Offsetof(h.beta1), unsafe.Offsetof(h.beta2), unsafe.Offsetof(h.oneMinus1),
		unsafe.Offsetof(h.oneMinus2), unsafe.Offsetof(h.epsilon), unsafe.Offsetof(h.l2), unsafe.Offsetof(h.keep),
		unsafe.Offsetof(h.share), unsafe.Offsetof(h.l1), unsafe.Offsetof(h.beta),
	} {
		if offset != uintptr(4*i) {
			t.Errorf("field %d is at %d", i, offset)
		}
	}
}

// TestFactorStepLayout checks the offsets at which factor updates in assembly read.
func TestFactorStepLayout(t *testing.T) {
	var s factorStep[float32]
	for i, offset := range []uintptr{
		unsafe.Offsetof(s.rate), unsafe.Offsetof(s.biasRate), unsafe.Offsetof(s.keepUser), unsafe.Offsetof(s.keepItem),
		unsafe.Offsetof(s.keepOther), unsafe.Offsetof(s.userBiasL2), unsafe.Offsetof(s.itemBiasL2), unsafe.Offsetof(s.mean),
	} {
		if offset != uintptr(4*i) {
			t.Errorf("field %d is at %d", i, offset)
		}
	}
}
