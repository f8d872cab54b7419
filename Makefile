# debut: build, test and lint. `make help` lists the targets.
# GNU make; needs Go, a C and a C++ compiler (DuckDB is linked through cgo).

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build
# The machine's cores go to the Go tool, one target after another.
.NOTPARALLEL:

GO ?= go
export CGO_ENABLED := 1
# The version is stamped below; Go's own stamp fails where git distrusts the
# owner of the checkout.
export GOFLAGS ?= -buildvcs=false

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -X main.version=$(VERSION)

FOLDERS := $(wildcard cmd engine kernels layers trainers datasets bench)

# Tools, each built once, under a name that carries its version.
GOLANGCI_LINT_VERSION := v2.15.0
STATICCHECK_VERSION   := v0.8.2
TOOLS         := .tools/bin
GOLANGCI_LINT := $(TOOLS)/golangci-lint-$(GOLANGCI_LINT_VERSION)
STATICCHECK   := $(TOOLS)/staticcheck-$(STATICCHECK_VERSION)

# Packages, test binaries linked at a time, and the limit of one package.
PKG          ?= ./...
TEST_JOBS    ?= 2
TEST_TIMEOUT ?= 10m
# What a package imports that deals with goroutines, as a regular expression.
CONCURRENT   ?= sync|sync/atomic|golang\.org/x/sync/errgroup|debut/kernels/(cpu|workers|pool)
# The suites that "make bench" measures, and flags for each.
SUITES       ?= gemm mlp engine kernels
BENCH_FLAGS  ?=

.PHONY: build
build: ## build bin/debut
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/debut ./cmd/debut

.PHONY: demo
demo: build ## simulate a shop, train, evaluate and predict, in under a minute
	bin/debut demo

.PHONY: test
test: format-check vet test-unit test-gpu test-race ## check the format, vet, test, then test again under the race detector

.PHONY: format-check
format-check:
	@unformatted=$$(gofmt -l $(FOLDERS)); \
	if [[ -n $$unformatted ]]; then \
		printf 'not formatted, run "make format":\n%s\n' "$$unformatted" >&2; exit 1; \
	fi

.PHONY: format
format: ## format all Go files
	gofmt -w $(FOLDERS)

.PHONY: vet
vet:
	$(GO) vet $(PKG)

.PHONY: test-unit
test-unit:
	$(GO) test -p $(TEST_JOBS) -timeout $(TEST_TIMEOUT) $(PKG)

# What needs the tag gpu builds with gcc and a header of our own, without a CUDA toolkit, and is tested without a GPU. The
# build cache does not see the header, its checksum among the flags does.
CUDA_FLAGS = -O2 -g -w -I$(CURDIR)/kernels/cuda/include -DDEBUT_CUDA_HEADER_SUM=$(firstword $(shell cksum kernels/cuda/include/cuda.h))
.PHONY: test-gpu
test-gpu: ## test the packages that need the build tag gpu
	CGO_CFLAGS='$(CUDA_FLAGS)' $(GO) vet -tags gpu ./kernels/cuda/...
	CGO_CFLAGS='$(CUDA_FLAGS)' $(GO) test -tags gpu ./kernels/cuda/...

# The race detector slows numerical code about tenfold. It sees the packages
# that deal with goroutines themselves, known by what they or their tests
# import, with -short.
.PHONY: test-race
test-race:
	@packages=$$($(GO) list -f '{{.ImportPath}} {{join .Imports " "}} {{join .TestImports " "}} {{join .XTestImports " "}}' $(PKG) \
		| grep -E ' ($(CONCURRENT))( |$$)' | cut -d ' ' -f 1 || true); \
	if [[ -z $$packages ]]; then echo 'no package deals with goroutines'; exit 0; fi; \
	set -x; $(GO) test -race -short -p $(TEST_JOBS) -timeout $(TEST_TIMEOUT) $$packages

.PHONY: generate
generate: ## write the assembly and the table of the CUDA driver's functions anew
	$(GO) generate ./kernels/cpu ./kernels/cuda/...

# What is generated is committed; it must be what the generator writes.
.PHONY: generate-check
generate-check:
	@before=$$(cat kernels/cpu/*_amd64.s kernels/cpu/*_stubs.go | sha256sum); \
	$(MAKE) --no-print-directory generate; \
	after=$$(cat kernels/cpu/*_amd64.s kernels/cpu/*_stubs.go | sha256sum); \
	if [[ $$before != "$$after" ]]; then echo 'the assembly was not what its generator writes; see "git diff kernels/cpu"' >&2; exit 1; fi

.PHONY: lint
lint: generate-check $(GOLANGCI_LINT) $(STATICCHECK) ## run golangci-lint and staticcheck, pinned; compare generated code
	$(GOLANGCI_LINT) run $(PKG)
	$(STATICCHECK) $(PKG)

# install-tool builds $(1)@$(2), a command named $(3), into the file $@.
define install-tool
	mkdir -p $(TOOLS)
	GOFLAGS= GOBIN=$(abspath $(TOOLS)/new) $(GO) install $(1)@$(2)
	mv $(TOOLS)/new/$(3) $@
	rmdir $(TOOLS)/new
endef

$(GOLANGCI_LINT):
	$(call install-tool,github.com/golangci/golangci-lint/v2/cmd/golangci-lint,$(GOLANGCI_LINT_VERSION),golangci-lint)

$(STATICCHECK):
	$(call install-tool,honnef.co/go/tools/cmd/staticcheck,$(STATICCHECK_VERSION),staticcheck)

.PHONY: bench
bench: build ## measure fixed workloads (SUITES and BENCH_FLAGS, such as --threads 2, select)
	for suite in $(SUITES); do bin/debut bench $$suite $(BENCH_FLAGS); done

.PHONY: clean
clean: ## remove what was built; runs stay
	rm -rf bin .tools

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | column -t -s $$'\t' 2>/dev/null \
		|| grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST)
