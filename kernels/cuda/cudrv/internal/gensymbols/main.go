// Command gensymbols writes what cudrv knows of the driver from the header that declares it: the list of functions,
// for C and the assembler, and the names of errors, for Go. It also writes an empty library, in which the linker finds the
// nothing that is left to be found once the functions are defined.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"go/format"
	"os"
	"regexp"
	"sort"
	"strconv"
)

func main() {
	header := flag.String("header", "", "the header to read")
	symbols := flag.String("symbols", "", "where to write the list of functions")
	results := flag.String("results", "", "where to write the names of errors")
	archive := flag.String("archive", "", "where to write a library without contents")
	flag.Parse()
	if err := run(*header, *symbols, *results, *archive); err != nil {
		fmt.Fprintln(os.Stderr, "gensymbols:", err)
		os.Exit(1)
	}
}

// emptyArchive is a static library without members.
const emptyArchive = "!<arch>\n"

func run(header, symbols, results, archive string) error {
	text, err := os.ReadFile(header)
	if err != nil {
		return err
	}
	h, err := parse(text)
	if err != nil {
		return fmt.Errorf("%s: %w", header, err)
	}
	if err := os.WriteFile(symbols, h.symbols(), 0o644); err != nil {
		return err
	}
	goText, err := h.results()
	if err != nil {
		return err
	}
	if err := os.WriteFile(results, goText, 0o644); err != nil {
		return err
	}
	return os.WriteFile(archive, []byte(emptyArchive), 0o644)
}

// declared is what a header declares.
type declared struct {
	functions []function
	errors    []result
}

type function struct {
	name   string
	needed bool // a GPU cannot be used without it
}

type result struct {
	name string
	code int
}

// ownInit is the one function that cudrv defines otherwise.
const ownInit = "cuInit"

var (
	functionLine = regexp.MustCompile(`(?m)^(CUDRV_NEEDED )?CUresult (cu[A-Z]\w*)\(`)
	resultEnum   = regexp.MustCompile(`(?s)typedef enum \{([^}]*)\} CUresult;`)
	resultValue  = regexp.MustCompile(`\b(CUDA_ERROR_\w+) = (\d+),`)
)

// parse reads the functions and errors of a header. Functions are sorted by name, errors by code.
func parse(text []byte) (declared, error) {
	var h declared
	seen := map[string]bool{}
	for _, m := range functionLine.FindAllSubmatch(text, -1) {
		f := function{string(m[2]), len(m[1]) > 0}
		if seen[f.name] {
			return h, fmt.Errorf("%s is declared twice", f.name)
		}
		seen[f.name] = true
		if f.name != ownInit {
			h.functions = append(h.functions, f)
		}
	}
	if len(h.functions) == 0 {
		return h, errors.New("no function is declared")
	}
	sort.Slice(h.functions, func(i, j int) bool { return h.functions[i].name < h.functions[j].name })

	enum := resultEnum.FindSubmatch(text)
	if enum == nil {
		return h, errors.New("CUresult is not declared")
	}
	for _, m := range resultValue.FindAllSubmatch(enum[1], -1) {
		code, err := strconv.Atoi(string(m[2]))
		if err != nil {
			return h, fmt.Errorf("%s: %w", m[1], err)
		}
		h.errors = append(h.errors, result{string(m[1]), code})
	}
	sort.Slice(h.errors, func(i, j int) bool { return h.errors[i].code < h.errors[j].code })
	for i := 1; i < len(h.errors); i++ {
		if h.errors[i].code == h.errors[i-1].code {
			return h, fmt.Errorf("%s and %s are both %d", h.errors[i-1].name, h.errors[i].name, h.errors[i].code)
		}
	}
	return h, nil
}

const notice = "Code generated from include/cuda.h by gensymbols. DO NOT EDIT."

// symbols returns the functions as lines SYMBOL(index, name, needed), for whoever includes them.
func (h declared) symbols() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "/* %s */\n#define CUDRV_SYMBOLS %d\n#ifdef SYMBOL\n", notice, len(h.functions))
	for i, f := range h.functions {
		needed := 0
		if f.needed {
			needed = 1
		}
		fmt.Fprintf(&b, "SYMBOL(%d, %s, %d)\n", i, f.name, needed)
	}
	b.WriteString("#endif\n")
	return b.Bytes()
}

// results returns the names of errors as a Go file.
func (h declared) results() ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "// %s\n\npackage cudrv\n\n// resultNames has the driver's names of its errors.\nvar resultNames = map[Result]string{\n", notice)
	for _, e := range h.errors {
		fmt.Fprintf(&b, "%d: %q,\n", e.code, e.name)
	}
	b.WriteString("}\n")
	return format.Source(b.Bytes())
}
