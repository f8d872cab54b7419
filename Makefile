# debut: build, test and lint. `make help` lists the targets.
# GNU make; needs Go, a C and a C++ compiler (DuckDB is linked through cgo).

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build
# The machine's cores go to the Go tool, one target after another.
.NOTPARALLEL:

GO ?= go
export CGO_ENABLED := 1
# On Linux one program serves machines with GPUs and without: it takes gcc and a header of our own, no CUDA toolkit. The build
# cache does not see the header, its checksum among the flags does. TAGS= leaves GPUs out.
ifneq (,$(and $(filter Linux,$(shell uname -s)),$(filter x86_64 aarch64,$(shell uname -m))))
TAGS ?= gpu
endif
ifneq (,$(TAGS))
export CGO_CFLAGS := -O2 -g -w -I$(CURDIR)/kernels/cuda/include -DDEBUT_CUDA_HEADER_SUM=$(firstword $(shell cksum kernels/cuda/include/cuda.h))
endif
# The version is stamped below; Go's own stamp fails where git distrusts the
# owner of the checkout.
export GOFLAGS ?= -buildvcs=false -tags=$(TAGS)

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
TEST_TIMEOUT ?= 20m
# What a package imports that deals with goroutines, as a regular expression.
CONCURRENT   ?= sync|sync/atomic|golang\.org/x/sync/errgroup|debut/kernels/(cpu|workers|pool)
# The suites that "make bench" measures, and flags for each.
SUITES       ?= gemm mlp engine kernels
BENCH_FLAGS  ?=

.PHONY: build
build: ## build bin/debut
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/debut ./cmd/debut

PREFIX ?= $(HOME)/.local
.PHONY: install
install: build ## copy bin/debut to PREFIX/bin (~/.local/bin)
	install -D -m 755 bin/debut $(DESTDIR)$(PREFIX)/bin/debut
	@case ":$$PATH:" in *:$(PREFIX)/bin:*) ;; *) echo "$(PREFIX)/bin is not in your PATH; add it: export PATH=$(PREFIX)/bin:\$$PATH" ;; esac

.PHONY: demo
demo: build ## simulate a shop, train, evaluate and predict, in under a minute
	bin/debut demo

.PHONY: test
test: format-check vet test-unit test-race ## check the format, vet, test, then test again under the race detector

.PHONY: format-check
format-check:
	@unformatted=$$(gofmt -l $(FOLDERS)); \
	if [[ -n $$unformatted ]]; then \
		printf 'not formatted, run "make format":\n%s\n' "$$unformatted" >&2; exit 1; \
	fi

.PHONY: format
format: ## format all Go files
	gofmt -w $(FOLDERS)

# The tag chooses files of a few packages; the others are the same without.
UNTAGGED := ./kernels/cuda/... ./kernels/devices ./cmd/debut

.PHONY: vet
vet:
	$(GO) vet $(PKG)
	$(if $(TAGS),$(GO) vet -tags= $(UNTAGGED))

.PHONY: test-unit
test-unit:
	$(GO) test -p $(TEST_JOBS) -timeout $(TEST_TIMEOUT) $(PKG)
	$(if $(TAGS),$(GO) test -tags= -timeout $(TEST_TIMEOUT) ./kernels/cuda/... ./kernels/devices)

# The race detector slows numerical code about tenfold. It sees the packages
# that deal with goroutines themselves, known by what they or their tests
# import, with -short. What computes on the emulated GPU is left out: one goroutine does it.
.PHONY: test-race
test-race:
	@packages=$$($(GO) list -f '{{.ImportPath}} {{join .Imports " "}} {{join .TestImports " "}} {{join .XTestImports " "}}' $(PKG) \
		| grep -E ' ($(CONCURRENT))( |$$)' | cut -d ' ' -f 1 || true); \
	if [[ -z $$packages ]]; then echo 'no package deals with goroutines'; exit 0; fi; \
	set -x; $(GO) test -race -short -p $(TEST_JOBS) -timeout $(TEST_TIMEOUT) -skip OnGPU $$packages

.PHONY: generate
generate: ## write the assembly, the table of the CUDA driver's functions and the GPU kernels' PTX anew
	$(GO) generate ./kernels/cpu ./kernels/cuda/cudrv
	@$(GO) build -o bin/genptx ./kernels/cuda/internal/genptx
	@bin/genptx -out kernels/cuda/kernels.ptx || { code=$$?; if [[ $$code != 3 ]]; then exit $$code; fi; echo 'the PTX was NOT written anew' >&2; }

# What is generated is committed; it must be what the generator writes.
GENERATED := kernels/cpu/*_amd64.s kernels/cpu/*_stubs.go kernels/cpu/*_routines.go kernels/cpu/*_tables.go kernels/cuda/cudrv/symbols.h kernels/cuda/cudrv/results.go
.PHONY: generate-check
generate-check:
	@before=$$(cat $(GENERATED) | sha256sum); \
	$(GO) generate ./kernels/cpu ./kernels/cuda/cudrv; \
	after=$$(cat $(GENERATED) | sha256sum); \
	if [[ $$before != "$$after" ]]; then echo 'generated files were not what their generators write; see "git diff"' >&2; exit 1; fi

# The PTX takes NVRTC 11.8 to write. Without it the sources' checksum, which the PTX carries, is compared by the tests. ptxas compiles
# the PTX for GPUs, where it can be had.
PTXAS     ?= ptxas
PTX_ARCHS := sm_70 sm_75 sm_80 sm_86 sm_89 sm_90
.PHONY: ptx-check
ptx-check: ## compare the GPU kernels' PTX with what their source compiles to, and compile it for GPUs where ptxas is installed
	@$(GO) build -o bin/genptx ./kernels/cuda/internal/genptx
	@bin/genptx -check -out kernels/cuda/kernels.ptx || { code=$$?; if [[ $$code != 3 ]]; then exit $$code; fi; echo 'the PTX was NOT compared with what its source compiles to' >&2; }
	@if ! command -v $(PTXAS) >/dev/null; then echo 'ptxas is neither in the path nor named by PTXAS: the PTX was NOT compiled for $(PTX_ARCHS)' >&2; exit 0; fi; \
	for arch in $(PTX_ARCHS); do \
		$(PTXAS) -v -arch=$$arch -o /dev/null kernels/cuda/kernels.ptx 2>&1 | awk -v arch=$$arch -f kernels/cuda/internal/genptx/ptxas.awk; \
	done

# The fuzzers of all packages, one after another, for so long each.
FUZZ_TIME ?= 30s
.PHONY: fuzz
fuzz: ## run every fuzzer (FUZZ_TIME=10m each, PKG=./datasets/... some); what fails stays under testdata/fuzz
	@for package in $$($(GO) list $(PKG)); do \
		for name in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
			echo "$$package $$name"; \
			$(GO) test -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZ_TIME) -parallel 2 $$package; \
		done; \
	done

COVERAGE := .coverage
.PHONY: coverage
coverage: ## test with coverage (PKG selects); prints each package's share, leaves .coverage/index.html
	mkdir -p $(COVERAGE)
	$(GO) test -p $(TEST_JOBS) -timeout $(TEST_TIMEOUT) -coverprofile $(COVERAGE)/profile $(PKG)
	$(GO) tool cover -html $(COVERAGE)/profile -o $(COVERAGE)/index.html
	$(GO) tool cover -func $(COVERAGE)/profile | tail -n 1

.PHONY: tidy-check
tidy-check: ## fail where go.mod or go.sum are not what "go mod tidy" writes
	$(GO) mod tidy -diff

.PHONY: lint
lint: generate-check ptx-check tidy-check $(GOLANGCI_LINT) $(STATICCHECK) ## run golangci-lint and staticcheck, pinned; compare generated code and go.mod
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

# Programs for a GPU host and what they read, without DuckDB: small enough to carry there.
GPU_CHECK := .gpu-check
GPU_CHECK_MOST := 60000 # KiB
.PHONY: gpu-check-build
gpu-check-build: ## build what runs on a GPU host into the folder .gpu-check, which can be carried there; run.sh there is the check
	rm -rf $(GPU_CHECK)/new
	mkdir -p $(GPU_CHECK)/new/kernels/cuda $(GPU_CHECK)/new/engine
	$(GO) test -c -trimpath -ldflags '-s -w' -o $(GPU_CHECK)/new/kernels.test ./kernels/cuda
	$(GO) test -c -trimpath -ldflags '-s -w' -o $(GPU_CHECK)/new/engine.test ./engine
	$(GO) build -trimpath -ldflags '-s -w' -o $(GPU_CHECK)/new/gpucheck ./bench/gpucheck
	cp bench/gpucheck/run.sh $(GPU_CHECK)/new
	cp -r kernels/cuda/{kernels.ptx,source,include,cudrv,testdata} $(GPU_CHECK)/new/kernels/cuda
	if [[ -d engine/testdata ]]; then cp -r engine/testdata $(GPU_CHECK)/new/engine; fi
	echo '$(VERSION)' >$(GPU_CHECK)/new/version
	find $(GPU_CHECK) -mindepth 1 -maxdepth 1 ! -name new ! -name results -exec rm -rf {} +
	mv $(GPU_CHECK)/new/* $(GPU_CHECK)/
	rmdir $(GPU_CHECK)/new
	@size=$$(du -sk --exclude results $(GPU_CHECK) | cut -f 1); echo "$(GPU_CHECK): $$size KiB"; \
	if ((size > $(GPU_CHECK_MOST))); then echo 'that is too much to carry' >&2; exit 1; fi

.PHONY: gpu-check
gpu-check: gpu-check-build ## test and measure on this machine's GPU; results go to .gpu-check/results
	bash $(GPU_CHECK)/run.sh all

.PHONY: clean
clean: ## remove what was built; runs stay
	rm -rf bin .tools .gpu-check .coverage

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | column -t -s $$'\t' 2>/dev/null \
		|| grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST)
