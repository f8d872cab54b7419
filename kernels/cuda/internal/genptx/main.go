//go:build linux && cgo

// Command genptx compiles the source of the CUDA kernels to PTX, with NVRTC alone. The PTX is committed: it takes no toolkit to build the
// program. With -check it compares instead of writing.
//
// Exit codes: 0 done, or the same; 1 an error, or another; 3 NVRTC is not installed.
package main

import (
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
	err := run(*out, *check)
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

func run(out string, check bool) error {
	ptx, log, err := compile(source.Text(), options)
	if err != nil {
		return err
	}
	if log != "" {
		fmt.Fprintln(os.Stderr, log)
	}
	text := fmt.Sprintf("// Code generated from the sources of package source by genptx. DO NOT EDIT.\n// Source %s\n%s", source.Sum(), ptx)
	if !check {
		return os.WriteFile(out, []byte(text), 0o644)
	}
	old, err := os.ReadFile(out)
	if err != nil {
		return err
	}
	if string(old) != text {
		return fmt.Errorf("genptx: %s is not what the kernels compile to; run \"make generate\"", out)
	}
	fmt.Printf("%s: %d bytes, as generated\n", out, len(old))
	return nil
}
