# `make` lists the targets. Everything needs Go; brokers, java and maven are
# found or installed by scripts/brokers.

GO       ?= go
TOOL      = $(GO) tool -modfile=scripts/tools.mod
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

# A package needs brokers if its tests reach bridge/internal/rig. Those run one
# package at a time: some of them kill a broker.
WITH_BROKERS = $(shell $(GO) list -e -test -f '{{.ImportPath}} {{join .Deps " "}}' ./... | \
	awk '$$1 ~ /\.test$$/ && /bridge\/internal\/rig( |$$)/ { sub(/\.test$$/, "", $$1); print $$1 }')
# Tests of very much are built without the race detector.
MUCH         = ./ordering/store/pebble ./bridge/admin
# When a connection of Watermill's own AMQP client is cut, the client writes a field
# that its users read: what cuts it runs without the race detector.
UNRACED      = ./bridge/broker/stock ./bridge/internal/regress
RACED        = $(filter-out %/bridge/internal/regress,$(WITH_BROKERS))
WITHOUT      = $(filter-out $(WITH_BROKERS),$(shell $(GO) list ./...))

.DEFAULT_GOAL := help
.PHONY: help build test test-full test-unit lint lint-go lint-shell mod bench bench-peers bench-cases bench-micro roulette regress chaos fuzz screenshots brokers brokers-down demo vuln docs release-check release-files sbom

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/bridge
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/bridge ./cmd/bridge

test: brokers test-unit ## run all tests against real brokers (some fifteen minutes on two cores)
	$(GO) test -race -count=1 -p 1 -timeout 15m $(RACED)
	$(GO) test -count=1 -p 1 -timeout 5m $(UNRACED)

test-full: export BRIDGE_TEST_FULL = 1
test-full: brokers ## run all tests with long loads and many rounds (up to an hour)
	$(GO) test -race -timeout 40m $(WITHOUT)
	$(GO) test -timeout 10m $(MUCH)
	$(GO) test -race -count=1 -p 1 -timeout 55m $(RACED)
	$(GO) test -count=1 -p 1 -timeout 5m $(UNRACED)

# Pebble checks itself at each step when it is built with the race detector, and
# takes thirty times as long: its large tests run without it.
test-unit: ## run the tests that need no broker
	$(GO) test -race -timeout 10m $(WITHOUT)
	$(GO) test -timeout 10m $(MUCH)

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

roulette: brokers ## ten poisoned messages: requeued, and on the bridge (twenty minutes; ARGS=-help)
	$(GO) run ./bridge/internal/bench -case roulette -from rabbitmq -to kafka $(ARGS)

chaos: brokers ## break brokers, network, disk and the bridge under load, by a seed (ten minutes; ARGS=-help)
	$(GO) run ./bridge/internal/chaos $(ARGS)

fuzz: ## fuzz every decoder, one after another (ARGS=1m each; 30s)
	@grep -rHo --include='*_test.go' 'func Fuzz[A-Za-z0-9]*' . | while IFS=: read -r file name; do \
		echo "$$file: $${name#func }"; \
		$(GO) test -run '^$$' -fuzz "^$${name#func }\$$" -fuzztime $(or $(ARGS),30s) -fuzzminimizetime 20x "$$(dirname "$$file")" || exit 1; \
	done

screenshots: ## take the pictures of the docs from a running demo (needs Chromium; two minutes; ARGS=-all -dir DIR)
	$(GO) run ./bridge/internal/screenshots $(ARGS)

regress: brokers ## show the facts about Watermill on its own parts (half a minute)
	$(GO) test -count=1 -timeout 5m ./bridge/internal/regress/...

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

docs: ## render what is generated of docs/ (topology, doctor, capabilities, metrics)
	$(GO) generate ./docs/...

# The tools of a release are not in scripts/tools.mod: they would raise the
# versions that the linter is built of.
GORELEASER = $(GO) run github.com/goreleaser/goreleaser/v2@v2.16.0
SBOM       = $(GO) tool -modfile=scripts/release/tools.mod cyclonedx-gomod

release-check: release-files ## check .goreleaser.yaml and what a release is made of (the first run builds goreleaser)
	$(GORELEASER) check
	$(GO) test -count=1 ./scripts/release

# Named as they are installed; .goreleaser.yaml packs them.
release-files: build ## make the man pages and completions of a release in bin/release
	rm -rf bin/release
	mkdir -p bin/release/man bin/release/completions
	bin/bridge man bin/release/man
	gzip -9n bin/release/man/*.1
	bin/bridge completion bash > bin/release/completions/bridge.bash
	bin/bridge completion zsh > bin/release/completions/_bridge
	bin/bridge completion fish > bin/release/completions/bridge.fish

sbom: ## list what bin/bridge is made of, as CycloneDX, in bin/bridge.cdx.json
	CGO_ENABLED=0 $(SBOM) app -json -licenses -main cmd/bridge -output bin/bridge.cdx.json .
