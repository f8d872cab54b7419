package cuda

import (
	"fmt"
	"strings"
)

// Precision says how the factors of matrix products are rounded before they are multiplied. Sums are always float32, and so is
// everything that is no matrix product.
type Precision uint8

// The precisions. All but FP32 need cuBLAS; without it, products are computed in FP32.
const (
	FP32 Precision = iota // 24 bits
	TF32                  // 11 bits, by tensor cores of compute capability 8.0 and newer
	BF16                  // 8 bits, likewise
)

// String returns the precision's name as run files spell it.
func (p Precision) String() string {
	if names := Precisions(); int(p) < len(names) {
		return names[p]
	}
	return fmt.Sprintf("precision(%d)", uint8(p))
}

// Precisions returns the names that run files know.
func Precisions() []string { return []string{"fp32", "tf32", "bf16"} }

// ParsePrecision returns the precision of a name; the empty one stands for FP32.
func ParsePrecision(name string) (Precision, error) {
	if name == "" {
		return FP32, nil
	}
	for i, n := range Precisions() {
		if n == name {
			return Precision(i), nil
		}
	}
	return 0, fmt.Errorf("cuda: there is no precision %q; there are %s", name, strings.Join(Precisions(), ", "))
}

// Options say what is opened.
type Options struct {
	Index     int // which GPU, as Probe numbers them
	Precision Precision
	Reason    string // why it is opened, for Info; "" stands for "asked for"
	// Uncaptured has lists of kernels launched one by one instead of captured as graphs: for comparisons.
	Uncaptured bool
}
