//go:build linux && cgo

// Command genptx compiles the source of the CUDA kernels to PTX, with NVRTC alone. The PTX is committed: it takes no toolkit to build the
// program. With -check it compares instead of writing.
//
// Exit codes: 0 done, or the same; 1 an error, or another; 3 NVRTC is not installed.
package main

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"

	"debut/kernels/cuda/source"
)

// options are those of NVRTC: the oldest GPUs supported, from whose code drivers make that of newer ones.
var options = []string{"--gpu-architecture=compute_70", "--std=c++17", "-default-device"}

func main() {
	out := flag.String("out", "kernels.ptx", "the file that is written")
	check := flag.Bool("check", false, "compare the file with what would be written")
	flag.Parse()
	err := run(source.Text(), *out, *check)
	var absent *errAbsent
	switch {
	case errors.As(err, &absent):
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run compiles a translation unit and writes the PTX, or compares it.
func run(text, out string, check bool) error {
	ptx, log, err := compile(text, options)
	if err != nil {
		return err
	}
	if log != "" {
		fmt.Fprintln(os.Stderr, log)
	}
	want := fmt.Sprintf("// Code generated from the sources of package source by genptx. DO NOT EDIT.\n// Source %x\n%s", sha256.Sum256([]byte(text)), ptx)
	if !check {
		if err := os.WriteFile(out, []byte(want), 0o644); err != nil {
			return fmt.Errorf("genptx: %w", err)
		}
		return nil
	}
	old, err := os.ReadFile(out)
	if err != nil {
		return fmt.Errorf("genptx: %w; run \"make generate\"", err)
	}
	if string(old) != want {
		return fmt.Errorf("genptx: %s is not what the kernels compile to, from line %d on; run \"make generate\"", out, firstDifference(string(old), want))
	}
	fmt.Printf("%s: %d bytes, as generated\n", out, len(old))
	return nil
}

// firstDifference returns the number of the first line in which two texts differ.
func firstDifference(a, b string) int {
	line := 1
	for i := 0; i < len(a) && i < len(b) && a[i] == b[i]; i++ {
		if a[i] == '\n' {
			line++
		}
	}
	return line
}
