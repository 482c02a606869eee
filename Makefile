# What can be done here: `make help`. Everything sets itself up; only Go is needed to begin with.

SHELL := /bin/bash
.DEFAULT_GOAL := help

DATA       ?= data
CONFIG     ?=
PORT       ?=
UI_PORT    ?=
# Go stamps the version itself, the tag or the commit, where there is a checkout.
STAMP      := $(shell git describe --always >/dev/null 2>&1 && echo true || echo false)
GO_BUILD   := go build -buildvcs=$(STAMP) -ldflags '-s -w'
TOOLS      := .cache/bin
PKG        ?= ./...
FUZZTIME   ?= 30s

# The same for every command, so that the Temporal server is compiled once and not once a command.
export CGO_ENABLED := 0
export GOFLAGS     := $(filter-out -trimpath,$(shell go env GOFLAGS)) -trimpath

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## bin/orderly, bin/worker and bin/devserver
	@mkdir -p bin
	$(GO_BUILD) -o bin/orderly ./starter
	$(GO_BUILD) -o bin/worker ./worker
	@[ -x bin/devserver ] || echo "building the Temporal server too: some minutes the first time"
	$(GO_BUILD) -o bin/devserver ./devserver

.PHONY: run
run: build ## start the dev server and run the daily check on this machine (PORT=, UI_PORT=, CONFIG=)
	@PORT=$(PORT) UI_PORT=$(UI_PORT) .ci/devserver run $(DATA) $(CONFIG)

.PHONY: stop
stop: ## stop the dev server that `make run` started
	@.ci/devserver stop $(DATA)

.PHONY: demo
demo: build ## start a sample platform in containers and Orderly beside it; check it and back it up
	@PORT=$(PORT) UI_PORT=$(UI_PORT) .ci/demo run

.PHONY: demo-stop
demo-stop: ## stop what `make demo` started; the data stays
	@.ci/demo stop

.PHONY: image
image: ## the image orderly:latest of docker-compose.yml (GO_IMAGE=, BASE_IMAGE=, ORDERLY_IMAGE=)
	@.ci/compose
	$(TOOLS)/docker-compose build

.PHONY: deps
deps: ## install what the tests need
	@.ci/deps

.PHONY: test
test: deps $(TOOLS)/with ## all tests against real servers, with coverage (PKG=./activities/... for some)
	$(TOOLS)/with -- .ci/test $(PKG)

.PHONY: $(TOOLS)/with
$(TOOLS)/with:
	@go build -o $@ ./internal/testenv/with

.PHONY: lint
lint: ## gofmt, go vet, golangci-lint and workflowcheck
	@.ci/tool github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
	@.ci/tool go.temporal.io/sdk/contrib/tools/workflowcheck@v0.6.0
	@unformatted=$$(git ls-files -co --exclude-standard '*.go' | xargs gofmt -l) && \
		{ [ -z "$$unformatted" ] || { echo "gofmt these: $$unformatted"; exit 1; }; }
	go vet ./...
	$(TOOLS)/golangci-lint run
	$(TOOLS)/workflowcheck -config .workflowcheck.yaml ./workflows/...

.PHONY: vuln
vuln: ## known vulnerabilities (needs vuln.go.dev)
	go run golang.org/x/vuln/cmd/govulncheck@latest ./...

.PHONY: bench
bench: deps $(TOOLS)/with ## the measurements of docs/benchmarks.md
	@.ci/deps bench
	$(TOOLS)/with -- go test -run '^$$' -bench . -skip BenchmarkIncidents -benchtime 3x -timeout 30m ./...
	go test -run '^$$' -bench 'Incidents(DueTogether$$|AfterAKill|Acknowledged)' -skip '././(workers=2|due=12s)' -benchtime 1x -timeout 30m ./e2e

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (30s) each
	@.ci/fuzz $(FUZZTIME)

.PHONY: docs
docs: ## regenerate the generated pages of docs/
	@mkdir -p docs/reference
	go run ./starter actions --markdown >docs/reference/actions.md
	go run ./starter schema --markdown >docs/reference/procedure.md
	go run ./starter schema org --markdown >docs/reference/org.md

.PHONY: record
record: ## record histories of the interpreter as it is now, for the replay test
	ORDERLY_RECORD=$(CURDIR)/workflows/testdata/histories go test ./e2e -count=1 -run "TestTheEngineReplays|TestARunThatIsTerminated|TestAnIncidentDuringMaintenance|TestAScheduledRun"

.PHONY: pictures
pictures: $(TOOLS)/with ## take the pictures of docs/images again
	@.ci/deps pictures
	@mkdir -p docs/images
	ORDERLY_SCREENSHOTS=$(CURDIR)/docs/images $(TOOLS)/with -- go test -count 1 -run 'TestTemporalUI|TestTheShippedProcedures' ./e2e

.PHONY: clean
clean: ## remove what was built; data stays
	rm -rf bin .cache coverage.txt
