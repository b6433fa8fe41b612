# `make` lists the targets. Everything needs Go; brokers, java and maven are
# found or installed by scripts/brokers.

GO       ?= go
TOOL      = $(GO) tool -modfile=scripts/tools.mod
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

# A package needs brokers if its tests reach bridge/internal/rig. Those run one
# package at a time: some of them kill a broker.
WITH_BROKERS = $(shell $(GO) list -e -test -f '{{.ImportPath}} {{join .Deps " "}}' ./... | \
	awk '$$1 ~ /\.test$$/ && /bridge\/internal\/rig( |$$)/ { sub(/\.test$$/, "", $$1); print $$1 }')
WITHOUT      = $(filter-out $(WITH_BROKERS),$(shell $(GO) list ./...))

.DEFAULT_GOAL := help
.PHONY: help build test test-full test-unit lint lint-go lint-shell mod bench bench-peers bench-cases bench-micro brokers brokers-down demo vuln

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/bridge
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/bridge ./cmd/bridge

test: brokers test-unit ## run all tests against real brokers (under ten minutes)
	$(GO) test -race -count=1 -p 1 -timeout 10m $(WITH_BROKERS)

test-full: export BRIDGE_TEST_FULL = 1
test-full: brokers ## run all tests with long loads and many rounds (up to forty minutes)
	$(GO) test -race -timeout 40m $(WITHOUT)
	$(GO) test -race -count=1 -p 1 -timeout 40m $(WITH_BROKERS)

test-unit: ## run the tests that need no broker
	$(GO) test -race -timeout 10m $(WITHOUT)

lint: lint-go lint-shell ## check style, imports and mistakes (the first run builds the linter)

# Another run on this machine (an editor's) is waited for.
lint-go:
	$(TOOL) golangci-lint run --allow-serial-runners

# The scripts are checked where the tool is; CI has it.
lint-shell:
	@if command -v shellcheck >/dev/null; then \
		shellcheck -x scripts/bench-micro scripts/brokers scripts/brokers.d/*.sh .ci/run; \
	else \
		echo 'shellcheck is not installed: the shell scripts were not checked'; \
	fi

mod: ## check that go.mod lists what is imported, no more and no less
	$(GO) mod tidy -diff

bench: brokers ## measure against the raw loop, in turns and all directions (ten minutes; ARGS=-help)
	$(GO) run ./bridge/internal/bench $(ARGS)

bench-peers: brokers ## the same beside Watermill, RabbitMQ's shovel and MirrorMaker (half an hour; ARGS=-help)
	$(GO) run ./bridge/internal/bench -peers all -rounds 5 $(ARGS)

bench-cases: brokers ## measure disorder, few keys, many keys, latency, trouble, a drain (an hour; ARGS=-help)
	$(GO) run ./bridge/internal/bench -case displaced,keys,many-keys,latency,trouble,parked $(ARGS)

# Compares with scripts/bench-micro.txt, which counts on the machine it is of only.
bench-micro: ## measure lane, store and mapping alone, against the baseline (two minutes; ARGS=baseline renews it)
	@GO='$(GO)' scripts/bench-micro $(ARGS)

brokers: ## start RabbitMQ and Kafka (docker, or plain processes on Debian)
	@scripts/brokers up

brokers-down: ## stop them; their data stays
	@scripts/brokers down

demo: ## see the bridge at work
	$(GO) run ./cmd/bridge demo

# govulncheck ends with 3 when it found something, else with its own trouble.
vuln: ## look for known vulnerabilities (needs the network)
	@$(TOOL) govulncheck ./... || { code=$$?; \
		if [ $$code -ne 3 ]; then \
			echo "make vuln: govulncheck checked nothing (exit $$code); it needs its database from the network" >&2; \
		fi; exit $$code; }
