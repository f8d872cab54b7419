package cuda

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"debut/kernels/cuda/source"
)

// The PTX is made of the present sources, and has all their kernels, each with one parameter.
// Neither NVRTC nor the tag of GPUs is needed to see that.
func TestPTX(t *testing.T) {
	text, err := os.ReadFile("kernels.ptx")
	if err != nil {
		t.Fatal(err)
	}
	ptx := string(text)
	if !strings.Contains(ptx, "// Source "+source.Sum()+"\n") {
		t.Error(`kernels.ptx is of other sources; run "make generate" where NVRTC 11.8 is installed`)
	}
	var got []string
	for _, m := range regexp.MustCompile(`\.entry (\w+)\(([^)]*)\)`).FindAllStringSubmatch(ptx, -1) {
		got = append(got, m[1])
		if n := strings.Count(m[2], ".param"); n != 1 {
			t.Errorf("%s has %d parameters", m[1], n)
		}
	}
	want := source.Kernels()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || len(want) < 20 {
		t.Errorf("the PTX has %v, the sources %v", got, want)
	}
}
