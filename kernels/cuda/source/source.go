// Package source holds the CUDA C++ source of the kernels. It is one translation unit: common.cuh, then every other file in the order
// of names. It is compiled to PTX for GPUs, see debut/kernels/cuda/internal/genptx, and for the emulated driver.
package source

import (
	"crypto/sha256"
	"embed"
	"fmt"
	"regexp"
	"strings"
)

//go:embed common.cuh *.cu
var files embed.FS

// Text returns the translation unit. Its #line directives have compilers name the file of an error.
func Text() string {
	var b strings.Builder
	add := func(name string) {
		text, err := files.ReadFile(name)
		if err != nil { // it is embedded
			panic(err)
		}
		fmt.Fprintf(&b, "#line 1 \"%s\"\n%s", name, text)
	}
	add("common.cuh")
	entries, err := files.ReadDir(".")
	if err != nil { // they are embedded
		panic(err)
	}
	for _, e := range entries {
		if e.Name() != "common.cuh" {
			add(e.Name())
		}
	}
	return b.String()
}

// Sum returns the checksum of Text, which the PTX made of it carries.
func Sum() string { return fmt.Sprintf("%x", sha256.Sum256([]byte(Text()))) }

var definition = regexp.MustCompile(`(?m)^KERNEL(?:_RESIDENT)?\((\w+),`)

// Kernels returns the names of the kernels, in the order of the text.
func Kernels() []string {
	var names []string
	for _, m := range definition.FindAllStringSubmatch(Text(), -1) {
		names = append(names, m[1])
	}
	return names
}
