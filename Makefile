# The only entry point: every command that this project promises is a target here.
#
#   VENV=folder     where the environment is made (default .venv)
#   PYTHON=program  what it is made from (default: the first Python 3.11 or later on PATH)
#   ARGS="..."      passed on: make test ARGS="-k gateway -x"

SHELL := /bin/sh
.SHELLFLAGS := -eu -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

VENV ?= .venv
ARGS ?=
BIN := $(VENV)/bin
PY := $(BIN)/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet
# Recursive on purpose: the search runs only when an environment has to be made.
FIND_PYTHON = for p in python3 python3.11 python3.12 python3.13 python3.14 python; do \
	  if "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "$$p"; exit; fi; \
	done; echo python3
PYTHON ?= $(shell $(FIND_PYTHON))

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- Set-up. Stamps inside the environment, so that a second run needs neither time nor network.

$(PY):
	@command -v $(PYTHON) >/dev/null || { \
	  echo "Python 3.11 or later is needed and '$(PYTHON)' is not there: on Debian" \
	    "'apt-get install python3.11 python3.11-venv libpython3.11', on macOS" \
	    "'brew install python', or name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) scripts/bootstrap.py --venv $(VENV)

# What the demo and the emulator need.
$(VENV)/.stamp-run: $(PY) pyproject.toml
	@echo "installing triwire and its emulator into $(VENV)"
	@$(PIP) install --editable '.[emulator]'
	@touch $@

# What the tests, linters and type checkers need as well. pip reads dependency groups since 25.1.
$(VENV)/.stamp-dev: $(VENV)/.stamp-run
	@echo "installing the development tools into $(VENV)"
	@$(PIP) install --upgrade 'pip>=25.1'
	@$(PIP) install --group dev --editable '.[all]'
	@touch $@

.PHONY: setup
setup: $(VENV)/.stamp-dev

# --- Use

.PHONY: demo
demo: $(VENV)/.stamp-run ## Run every method on every wire against the embedded emulator
	@$(BIN)/cw-inference demo $(ARGS)

# --- Develop

.PHONY: test
test: $(VENV)/.stamp-dev ## Run the test suite (without the foreign programs of `make interop`)
	@$(PY) -m pytest -m "not interop and not conformance" $(ARGS)

.PHONY: interop
interop: $(VENV)/.stamp-dev ## Run foreign programs against our contract and emulator (needs Go)
	@$(PY) scripts/bootstrap.py --tool go --purpose "make interop"
	@$(PY) -m pytest -m interop $(ARGS)

.PHONY: conformance
conformance: $(VENV)/.stamp-dev ## Run the official Connect conformance suite (needs Go); ARGS="grpc-aio server"
	@$(PY) scripts/bootstrap.py --tool go --purpose "make conformance"
	@$(PY) -m tests.conformance $(ARGS)

.PHONY: conformance-json
conformance-json: $(VENV)/.stamp-dev ## Run the official protobuf suite's JSON cases against each codec (needs npm)
	@$(PY) scripts/bootstrap.py --tool npm --purpose "make conformance-json"
	@$(PY) -m tests.protojson $(ARGS)

.PHONY: schemathesis
schemathesis: $(VENV)/.stamp-dev ## Run Schemathesis on the emulator and its OpenAPI document; ARGS="--examples 500"
	@$(PY) -m tests.schemathesis --at-least 2000 $(ARGS)

# The oldest installation that pyproject.toml allows: protobuf's and grpcio's bounds matter to users.
LOWEST := .venv-lowest
$(LOWEST)/.stamp: pyproject.toml scripts/lowest_bounds.py $(VENV)/.stamp-dev
	@echo "installing the lowest versions of all dependencies into $(LOWEST)"
	@$(PY) -m venv --clear $(LOWEST)
	@$(PY) scripts/lowest_bounds.py >$(LOWEST)/constraints.txt
	@$(LOWEST)/bin/python -m pip --disable-pip-version-check -q install --upgrade 'pip>=25.1'
	@$(LOWEST)/bin/python -m pip --disable-pip-version-check -q install \
	  --constraint $(LOWEST)/constraints.txt --group test --editable '.[all]'
	@touch $@

.PHONY: test-lowest
test-lowest: $(LOWEST)/.stamp ## Run unit and contract tests on the lowest allowed versions
	@$(LOWEST)/bin/python -m pytest tests/unit tests/contract \
	  --ignore tests/unit/plugin/test_types.py $(ARGS)

.PHONY: bench
bench: $(VENV)/.stamp-dev ## Measure against the bare clients (a quick look: ARGS="--rounds 3")
	@$(PY) -m bench.calls $(ARGS)
	@$(PY) -m bench.streams $(ARGS)
	@$(PY) -m bench.idle $(ARGS)
	@$(PY) -m bench.startup $(ARGS)
	@$(PY) -m bench.watch $(ARGS)
	@$(PY) -m bench.waits $(ARGS)
	@$(PY) -m bench.codec $(ARGS)
	@$(PY) -m bench.listing $(ARGS)
	@$(PY) -m bench.channels $(ARGS)

SCRIPTS ?= 5000

.PHONY: equivalence
equivalence: $(VENV)/.stamp-dev ## Play SCRIPTS random scripts of calls on every wire; all must come to the same
	@$(PY) -m tests.equivalence --scripts $(SCRIPTS) $(ARGS)

CALLS ?= 10000

.PHONY: chaos
chaos: $(VENV)/.stamp-dev ## Make CALLS calls on each wire through a proxy that delays, loses and refuses
	@$(PY) -m tests.chaos --calls $(CALLS) $(ARGS)

.PHONY: live
live: $(VENV)/.stamp-dev ## Read from the real API, token from the environment; without one, say what it would do
	@$(PY) -m tests.live $(ARGS)

FUZZ_SECONDS ?= 600

# Its own stamp: where the fuzzer has no wheel nothing else is to fail.
$(VENV)/.stamp-fuzz: $(VENV)/.stamp-dev
	@echo "installing the fuzzer into $(VENV)"
	@$(PIP) install --group fuzz || echo "the fuzzer cannot be installed here"
	@touch $@

.PHONY: fuzz
fuzz: $(VENV)/.stamp-fuzz ## Fuzz the URL, template, JSON and stream parsers for FUZZ_SECONDS each
	@$(PY) -m tests.fuzz --seconds $(FUZZ_SECONDS) $(ARGS)

SEEDS ?= 1500

.PHONY: simulate
simulate: $(VENV)/.stamp-dev ## Run the watch's tracker through SEEDS simulated histories with faults
	@$(PY) -m tests.simulation --seeds $(SEEDS) $(ARGS)

MINUTES ?= 30
OBJECTS ?= 10000

.PHONY: soak
soak: $(VENV)/.stamp-dev ## Watch a server with faults for MINUTES; OBJECTS=N, ARGS="--seed 1 --summary FILE"
	@$(PY) -m tests.soak --minutes $(MINUTES) --objects $(OBJECTS) $(ARGS)

.PHONY: generate
generate: $(VENV)/.stamp-dev ## Write the code that is derived from proto/ and from the aio.py files
	@$(PY) scripts/generate.py

.PHONY: check-generated
check-generated: $(VENV)/.stamp-dev ## Fail if anything derived is stale
	@$(PY) scripts/generate.py --check

.PHONY: lint
lint: $(VENV)/.stamp-dev ## Check the protos, style, formatting and the import rules
	@$(PY) scripts/third_party.py
	@$(BIN)/buf lint
	@$(BIN)/buf format --diff --exit-code proto
	@{ $(BIN)/buf build .third_party -o -; cat proto/baseline.binpb; } | \
	  $(BIN)/buf breaking proto --against -
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(BIN)/lint-imports

.PHONY: types
types: $(VENV)/.stamp-dev ## Check types with mypy and pyright, both strict
	@$(PY) -m mypy
	@$(PY) -m pyright --pythonpath $(PY)

.PHONY: clean
clean: ## Delete the environment, caches and build results
	rm -rf $(VENV) $(LOWEST) .tools .third_party .cache dist build .mypy_cache .pytest_cache .ruff_cache \
	  .hypothesis .import_linter_cache
