# `make` lists what there is. Every command below works in a fresh clone; .venv is made when it is missing.
SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help demo install install-vllm test test-fast test-vllm check bench screens nano wheel clean

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
VLLM_VENV ?= .venv-vllm
VLLM_BIN := $(VLLM_VENV)/bin
JOBS ?= 2
# One thread a process: two processes with two threads each would wait for one another.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS)
PIP_INSTALL := $(BIN)/python -m pip install --quiet -c constraints.txt

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/installed  ## train the embedded model for ten minutes on two CPU cores: no GPU, no network
	$(BIN)/cure-tui --preset nano

install: $(VENV)/installed-dev  ## .venv with the project (editable) and the tools for working on it

install-vllm: $(VLLM_VENV)/installed  ## .venv-vllm with vLLM for the CPU, whose versions would not fit into .venv

test: check  ## everything: ruff, mypy, import contracts, fast tests, slow tests
	$(PYTEST) -m "not slow"
	$(PYTEST) -m slow

test-fast: $(VENV)/installed-dev  ## the tests that take less than five seconds each
	$(PYTEST) -m "not slow"

test-vllm: install-vllm  ## the tests with real vLLM, on the CPU
	OMP_NUM_THREADS=1 $(VLLM_BIN)/python -m pytest -n $(JOBS) --dist loadfile tests/vllm

check: $(VENV)/installed-dev  ## ruff, mypy and the import contracts
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-logo

bench: $(VENV)/installed-dev  ## every measurement of tests/benchmarks/RESULTS.md and assets/nano/README.md
	@for file in $(filter-out %/workload.py %/live_run.py %/watched_app.py,$(wildcard tests/benchmarks/*.py)); do echo "== $$file"; $(BIN)/python $$file || exit 1; done

screens: $(VENV)/installed-dev  ## redraw the README's screenshots from the newest run
	$(BIN)/python tests/screens.py

nano: $(VENV)/installed  ## rebuild the embedded model from its recipe (hours on two cores)
	$(BIN)/python -m engine.nano tasks
	$(BIN)/python -m engine.nano pretrain --threads 2

wheel: $(VENV)/installed-dev  ## dist/cure_tui-*.whl, presets and assets inside
	$(BIN)/python -m build --wheel --no-isolation

clean:  ## remove what the other targets made, .venv included
	rm -rf $(VENV) $(VLLM_VENV) .ci/.venv .ci/.venv-vllm build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "cure-tui needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP_INSTALL) -e .
	@touch $@

$(VENV)/installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP_INSTALL) -e '.[dev]'
	@touch $@ $(VENV)/installed

# Everything is pinned, so nothing is resolved, compiled or fetched in vain; the second command adds what a newer
# pyproject.toml asks for.
$(VLLM_VENV)/installed: pyproject.toml tests/vllm/constraints.txt
	test -x $(VLLM_BIN)/python || $(PYTHON) -m venv $(VLLM_VENV)
	$(VLLM_BIN)/python -m pip install --quiet --no-compile --no-deps -r tests/vllm/constraints.txt
	$(VLLM_BIN)/python -m pip install --quiet --no-compile -c tests/vllm/constraints.txt -e .
	@touch $@
