# filmgate: `make demo` makes a clip, `make help` lists the rest. Every target sets up what it needs.

PYTHON ?= python3
VENV ?= .venv
CONFIG ?=

BIN := $(VENV)/bin
RUN := $(BIN)/python
# Set-up is redone when what it depends on changes: the requirements, or the place of this folder.
KEY := $(shell (pwd; cat pyproject.toml constraints.txt) | cksum | cut -d ' ' -f 1)
READY := $(VENV)/.ready-$(KEY)

.DEFAULT_GOAL := help
.PHONY: help demo serve rehearsal flood install test test-all test-gpu check format bench dashboards prometheus

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*##/ { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY)  ## Start the service, make one clip with it (demo.mp4), stop it
	@$(RUN) -m serve.cli demo

serve: $(READY)  ## Serve until Ctrl-C; CONFIG=FILE for a settings file
	@exec $(RUN) -m serve.cli serve $(if $(CONFIG),--config $(CONFIG))

rehearsal: $(READY)  ## Serve with stages that sleep, twenty times faster than life, until Ctrl-C
	@exec $(RUN) -m benchmarks.rehearsal

flood: $(READY)  ## Flood what `make rehearsal` serves until Ctrl-C; CONFIG=FILE for another service
	@exec $(RUN) -m benchmarks.rehearsal.flood $(if $(CONFIG),--config $(CONFIG))

install: $(READY)  ## Set up the virtual environment

test: $(READY)  ## Unit, contract and integration tests, without the slow ones
	$(RUN) -m pytest -m "not slow and not gpu"

test-all: $(READY)  ## All tests that need no GPU
	$(RUN) -m pytest -m "not gpu"

test-gpu: $(READY)  ## Tests that need an NVIDIA GPU, two of them for gangs
	$(RUN) -m pytest -m gpu

check: $(READY)  ## Format, lint, types, import contracts, structure
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(RUN) -m mypy
	$(BIN)/lint-imports --no-logo
	$(RUN) -m pytest -q --durations=0 tests/unit/test_structure.py

format: $(READY)  ## Format the code and sort its imports
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

dashboards: $(READY)  ## Write what is made from code in k8s/: dashboards, rules, their manifests
	@$(RUN) -m k8s

prometheus:  ## Fetch the Prometheus that some tests want (Debian's, into .cache/, no root)
	@tests/fetch_prometheus.sh

bench: $(READY)  ## All benchmarks, one after another: tables, and JSON
	$(RUN) -m benchmarks

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "filmgate needs Python 3.11 or newer, and $(PYTHON) is not: make PYTHON=python3.12 ..." >&2; \
	  exit 1; }
	@echo "Setting up $(VENV) (once; downloads take a few minutes)"
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "$(PYTHON) cannot make virtual environments (on Debian: apt install python3-venv)" >&2; \
	  exit 1; }
	@$(RUN) -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@rm -f $(VENV)/.ready-*
	@touch $@
