# Needs Go and a shell. What else it runs is pinned in tools/go.mod and fetched
# by Go; the race detector wants a C compiler and is left out without one.

.DEFAULT_GOAL := help
.PHONY: help demo build test lint fuzz soak bench microbench clean

BINARY    := bin/ai-gw-lite$(shell go env GOEXE)
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
FUZZTIME  ?= 1000000x
SOAK      ?= 30m
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

# Modules of their own, so that what they import stays out of the product's go.mod.
NESTED := $(patsubst %/go.mod,%,$(wildcard test/sdk/go.mod bench/go.mod deploy/grafana/check/go.mod))

# As tools/build.sh does, for every platform.
BUILD := go build -trimpath -buildvcs=false

help: ## list the targets
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  \1	\2/p' $(MAKEFILE_LIST) | expand -t 14

demo: build ## see a streamed answer come through the gateway; no key needed
	@$(BINARY) demo

build: ## one static binary, in bin/
	tools/build.sh $(BINARY) $(VERSION)

# Whether the race detector works here is found out by trying it: it takes more
# than a compiler in the path, and not every platform has it.
FIND_RACE = race=-race; go test -race -run '^$$' errors >/dev/null 2>&1 || { race=; \
		echo 'make $@: NO RACE DETECTOR: go test -race does not work here, it usually lacks a C compiler'; }

test: ## all tests, with the race detector where there is one
	@$(FIND_RACE); \
	command -v prometheus >/dev/null && command -v promtool >/dev/null || \
		echo 'make $@: NOT TESTED: what needs a real Prometheus (tools/prometheus.sh installs it on Debian)'; \
	set -ex; go test $$race ./...; \
	if [ -f test/sdk/go.mod ]; then (cd test/sdk && go test -count=1 $$race ./...); fi # the cache does not know the gateway they build
	@set -ex; if [ -f deploy/grafana/check/go.mod ]; then cd deploy/grafana/check && go run . ../dashboard.json; fi

lint: ## gofmt, go vet, staticcheck; vet and build for every platform
	@out=$$("$$(go env GOROOT)/bin/gofmt" -l .) || exit 1; \
	if [ -n "$$out" ]; then echo 'not as gofmt has it:'; echo "$$out"; exit 1; fi
	go tool -modfile=tools/go.mod staticcheck ./...
	@set -e; for platform in $(PLATFORMS); do \
		echo "go vet, go build for $$platform"; \
		export GOOS=$${platform%/*} GOARCH=$${platform#*/} CGO_ENABLED=0; \
		go vet ./...; $(BUILD) ./...; \
	done
	@set -e; root=$$PWD; staticcheck=$$(go tool -modfile=tools/go.mod -n staticcheck); \
	export GOOS=linux CGO_ENABLED=0; for module in $(NESTED); do \
		echo "go vet, staticcheck in $$module"; cd "$$root/$$module"; \
		go vet ./...; "$$staticcheck" ./...; \
	done

# A count, since Go 1.26 may fail at the end of a duration: golang/go#75804.
fuzz: ## every fuzz target, FUZZTIME times (1000000x)
	@set -e; for file in $$(grep -rl '^func Fuzz' --include='*_test.go' cmd internal); do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' $$file); do \
			echo "$$target in $${file%/*} for $(FUZZTIME)"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) ./$${file%/*}; \
		done; \
	done

soak: ## a mixed load in which both sides go wrong, for SOAK (30m); SOAKFLAGS='-seed 7 -only stall'
	@$(FIND_RACE); \
	set -ex; go test $$race -count=1 -timeout 0 -v ./test/soak -soak $(SOAK) $(SOAKFLAGS)

bench: ## compare with other proxies on this machine (Linux, 35 minutes; BENCHFLAGS=-short for a quick look)
	cd bench && go run . $(BENCHFLAGS)

microbench: ## Go benchmarks, with allocations
	go test -run '^$$' -bench . -benchmem ./...

clean: ## remove what was built
	rm -rf bin dist
