# `make` lists the targets. Everything honours CARGO_TARGET_DIR.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.NOTPARALLEL:

target := $(or $(CARGO_TARGET_DIR),target)
export PATH := $(CURDIR)/node_modules/.bin:$(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH)
# Builds take the types of queries from .sqlx, whatever DATABASE_URL says: that one is for the program.
export SQLX_OFFLINE := true

say = @printf '\n== %s\n'

.PHONY: help
help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

.PHONY: run
run: build ## Build the release and serve it on http://127.0.0.1:3000
	@exec ./target/release/mooring serve

.PHONY: build
build: setup charts ## Build the release: target/release/mooring and target/site
	$(say) "Building the release (some minutes at the first time)"
	@cargo leptos build --release --split --precompress
	@if [ "$(target)" != target ]; then \
	    mkdir -p target/release; \
	    install "$(target)/release/mooring" target/release/mooring; \
	    install -m 644 "$(target)/release/hash.txt" target/release/hash.txt; \
	fi

.PHONY: dev
dev: setup charts ## Serve a debug build, built again whenever a file changes
	@cargo leptos watch --split

.PHONY: setup
setup: ## Install what building needs and this machine lacks
	@.ci/setup run

.PHONY: setup-test
setup-test:
	@.ci/setup test

.PHONY: charts
charts: public/charts.js

# The parts of ECharts that the pages use; the server sends it only to pages with a chart.
public/charts.js: src/ui/chart.js package-lock.json | setup
	$(say) "Bundling the charts"
	@mkdir -p public
	@esbuild src/ui/chart.js --bundle --format=esm --minify --target=es2022 --log-level=warning --outfile=$@

.PHONY: fmt
fmt: ## Format the code
	@cargo fmt

.PHONY: lint
lint: setup ## Formatting, and clippy on the server and in the browser, with its SQL checked against .sqlx
	@.ci/with-postgres $(MAKE) lint-all

.PHONY: lint-all
lint-all: lint-format lint-server lint-browser

.PHONY: lint-format
lint-format:
	$(say) "Formatting"
	@cargo fmt --check

.PHONY: lint-server
lint-server:
	$(say) "Clippy on the server, SQL against a fresh database (minutes at the first time)"
	@.ci/queries check

.PHONY: lint-browser
lint-browser:
	$(say) "Clippy in the browser"
	@cargo clippy --quiet --lib --target wasm32-unknown-unknown --features hydrate -- -D warnings

.PHONY: sqlx
sqlx: setup ## Write .sqlx anew after a query or a migration changed
	@.ci/with-postgres .ci/queries write

.PHONY: test
test: setup-test charts ## Everything that a change must pass
	@.ci/with-postgres $(MAKE) test-checks

.PHONY: test-all
test-all: setup-test charts ## The same, and what takes long: fuzzing, soaks, long simulations
	@.ci/with-postgres $(MAKE) test-checks test-api test-fuzz test-long

logs := $(target)/test-logs

.PHONY: test-checks
test-checks: lint-all test-rust test-browser test-supabase
	$(say) "Passed"
	@sed -nE 's/.*Summary.* tests? run: ([0-9]+) passed.*/rust: \1 passed, 0 failed/p' $(logs)/rust
	@sed -nE 's/^ *([0-9]+) passed.*/browser: \1 passed, 0 failed/p' $(logs)/browser
	@sed -nE 's/^# pass ([0-9]+)/supabase-js: \1 passed, 0 failed/p' $(logs)/supabase

.PHONY: test-rust
test-rust:
	$(say) "Unit and integration tests (compiling takes minutes at the first time)"
	@mkdir -p $(logs)
	@cargo nextest run --cargo-quiet --features ssr 2>&1 | tee $(logs)/rust

.PHONY: test-long
test-long:
	$(say) "Long tests (up to an hour)"
	@cargo nextest run --cargo-quiet --features ssr --profile long

# On the binary that the browser tests were built with.
.PHONY: test-api
test-api:
	$(say) "Asking the API whatever its documentation allows, and more"
	@MOORING_BINARY="$(target)/debug/mooring" .ci/schemathesis

.PHONY: test-fuzz
test-fuzz:
	$(say) "Fuzzing (minutes of compiling at the first time)"
	@.ci/fuzz

# The debug build that the browser tests use stands beside the release's site, not in its place.
.PHONY: test-browser
test-browser: export LEPTOS_SITE_ROOT := target/test-site
test-browser:
	$(say) "Building the pages for the browser tests (minutes at the first time)"
	@cargo leptos build --split
	@# As the release's site is, so that the server does not compress megabytes for every page.
	@gzip -kf1 $$LEPTOS_SITE_ROOT/pkg/*.wasm
	$(say) "Browser tests"
	@mkdir -p $(logs)
	@MOORING_BINARY="$(target)/debug/mooring" npm run --silent test 2>&1 | tee $(logs)/browser

# On the binary that the browser tests were built with.
.PHONY: test-supabase
test-supabase:
	$(say) "supabase-js makes the documented calls"
	@MOORING_BINARY="$(target)/debug/mooring" npm run --silent test:supabase 2>&1 | tee $(logs)/supabase

.PHONY: bench
bench: build setup-test ## Measure the monitor, the board page, the API and what a first visit loads
	@.ci/with-postgres cargo bench --quiet --features ssr --bench bench
