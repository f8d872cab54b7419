package source

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"debut/kernels"
)

// The sources name the contract's values by their numbers.
func TestNumbers(t *testing.T) {
	lists := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^enum \{ ((\w+) = 0,.*) \};$`).FindAllStringSubmatch(Text(), -1) {
		lists[m[2]] = m[1]
	}
	check := func(kind string, names []string) {
		var want []string
		for i, name := range names {
			want = append(want, fmt.Sprintf("%s = %d", strings.ToUpper(strings.ReplaceAll(name, "-", "_")), i)) // C has no dashes in names
		}
		first := strings.ToUpper(names[0])
		if got := lists[first]; got != strings.Join(want, ", ") {
			t.Errorf("%s: the sources have %q, the contract %q", kind, got, strings.Join(want, ", "))
		}
	}
	check("activations", names(kernels.Activations()))
	check("optimizers", names(kernels.Optimizers()))
	check("losses", names(kernels.Losses()))
}

func names[E fmt.Stringer](values []E) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = v.String()
	}
	return out
}
