# Teleconsult. `make run` and `make test` are enough on a fresh clone: they install what is missing, and what they have
# done once they don't do again. `make help` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: run test prove prove-recording lint fuzz-http bench bench-http bench-recording chaos image-test lock clean help

python := .venv/bin/python
native := sfu/_dataplane.abi3.so
manifest := sfu/dataplane/Cargo.toml
rust_sources := $(shell find sfu/dataplane -name target -prune -o -type f \( -name '*.rs' -o -name '*.toml' -o -name '*.lock' \) -print)
# The environment is read by `playwright`, which otherwise wants to fetch browsers of its own.
export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Seconds after which the Python tests are ended; they are meant to take less than eight minutes on two cores.
test_limit_s ?= 1500
# How many processes share the Python tests (tests/lanes.py), which wait for half of their time; 0 for one after another
# in pytest's own.
test_processes ?= 3

run: $(native) ## start the server, with test persons to log in as, and print the two pages' addresses
	@exec .venv/bin/teleconsult serve --development

test: .venv/.development $(native) build/web/.installed build/oidc-provider/.installed ## run every test: the Rust core's, then Python's and the browsers'
	@.ci/need browser age redis postgresql
	@.ci/need headless-browser || echo "The tests do with the whole browser, and take minutes longer." >&2
	.ci/with-rust cargo test --quiet --locked --manifest-path $(manifest) \
	    --package dataplane-core --package dataplane-traffic
	@# What tests leave in the folder for temporary files goes with it, however they end. Others are let through to
	@# what is theirs beneath it: PostgreSQL has a user of its own. Python keeps what it compiles: a server that starts
	@# would compile all of it anew.
	export TMPDIR="$$(mktemp -d -t teleconsult-tests.XXXXXX)"; trap 'rm -rf "$$TMPDIR"' EXIT; chmod 711 "$$TMPDIR"; \
	TEST_BROWSER="$$(. .ci/tools.sh; find_headless_browser)" PYTHONDONTWRITEBYTECODE= \
	    timeout --foreground --signal=INT --kill-after=30 $(test_limit_s) $(python) -m pytest \
	    --numprocesses=$(test_processes) --max-worker-restart=0

prove: .venv/.development $(native) ## hold calls between real browsers on good and bad networks, and print what was seen (10 minutes)
	@.ci/need browser
	@TEST_BROWSER="$$(. .ci/tools.sh; find_browser)" $(python) -m tests.e2e.prove --out build/prove

prove-recording: .venv/.development $(native) ## record a call of browsers, make films of it, kill servers that record (5 minutes)
	@.ci/need browser age
	@TEST_BROWSER="$$(. .ci/tools.sh; find_browser)" $(python) -m tests.recording.prove

chaos: .venv/.development $(native) ## kill, drain and pause nodes, stop Redis, cut connections, and print what callers notice (6 minutes)
	@.ci/need redis
	@$(python) -m tests.nodes.chaos

lint: .venv/.development $(native) build/web/.installed ## check style, types, the way imports point, and the pages' types
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	build/web/node_modules/.bin/tsc --project media_server/web/tsconfig.json
	@.ci/need rust-lint
	.ci/with-rust cargo fmt --all --check --manifest-path $(manifest)
	PYO3_PYTHON=$(CURDIR)/$(python) .ci/with-rust cargo clippy --quiet --locked --workspace --all-targets --manifest-path $(manifest) -- -D warnings

fuzz-http: .venv/.development $(native) ## ask every HTTP endpoint 10,000 times what it allows and what not; the last line is one JSON object
	@exec $(python) -m tests.consultation.fuzz

bench: $(native) ## measure; prints tables and, as its last line, one JSON object
	@.ci/need compiler rust
	@exec $(python) -m loadtest.bench

bench-http: $(native) ## measure joins from the HTTP ticket on: CPU, latency; the last line is one JSON object
	@exec $(python) -m loadtest.bench.http

bench-recording: $(native) ## measure what recording adds: CPU, latency, memory; the last line is one JSON object
	@exec $(python) -m loadtest.bench.recording

image-test: ## build the container image without a registry and hold a call through it (10 minutes; needs root)
	@.ci/image-test

# Lock files carry versions and hashes only: where packages come from is for each machine to say. The last one holds
# the others' versions too, so that one environment can have all three.
lock: .venv/.development ## choose the newest allowed Python dependencies again and write the lock files
	@lock() { .venv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-header --no-annotate "$$@"; }; \
	lock pyproject.toml --output-file requirements.lock; \
	lock --group build --output-file requirements-build.lock; \
	lock pyproject.toml --group dev --constraints requirements.lock --constraints requirements-build.lock \
	    --output-file requirements-dev.lock

clean: ## remove all that was built or installed here; keys and records under data/ stay
	rm -rf .venv build dist sfu/dataplane/target .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -f $(native)
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## list what make can do here
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

# --- What the targets above stand on; each is made once, and again when what it was made from changes. ---

$(python):
	@.ci/need python certificates
	@. .ci/tools.sh; interpreter=$$(find_python); echo "Making .venv with $$interpreter"; "$$interpreter" -m venv .venv

.venv/.runtime: requirements.lock requirements-build.lock | $(python)
	@echo "Installing the locked dependencies"
	@$(python) -m pip install --quiet --require-hashes -r requirements.lock -r requirements-build.lock
	@touch $@

.venv/.development: requirements-dev.lock .venv/.runtime
	@echo "Installing the locked development tools"
	@$(python) -m pip install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

# An editable installation: the console script, and the native module placed inside sfu/. Python's sources are used
# where they are. Cargo compiles only what changed.
$(native): $(rust_sources) pyproject.toml .venv/.runtime
	@.ci/need certificates compiler rust
	@echo "Building the native data plane (minutes the first time)"
	@PATH="$(CURDIR)/.venv/bin:$$PATH" MATURIN_PEP517_ARGS=--locked .ci/with-rust $(python) -m pip install --quiet \
	    --no-index --no-deps --no-build-isolation --editable .
	@touch $@

# The pages have no build; these are the type checker for them and the checker of what is accessible. They live outside
# the folder that is served.
build/web/.installed: media_server/web/package.json media_server/web/package-lock.json
	@.ci/need node
	@echo "Installing the checkers of the pages"
	@mkdir -p build/web && cp media_server/web/package.json media_server/web/package-lock.json build/web/
	@cd build/web && npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@

# The OpenID provider that the tests log in with: one that others wrote and certified.
build/oidc-provider/.installed: tests/interop/oidc_provider/package.json tests/interop/oidc_provider/package-lock.json
	@.ci/need node
	@echo "Installing the OpenID provider that the tests log in with"
	@mkdir -p build/oidc-provider && cp $^ build/oidc-provider/
	@cd build/oidc-provider && npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@
