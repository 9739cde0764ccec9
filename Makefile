# `make demo` and `make test` are all the set-up: .venv is made when it is missing or stale.
SHELL := /bin/sh
.DEFAULT_GOAL := help
VENV ?= .venv
BIN := $(VENV)/bin
JOBS ?= 2
# Each worker begins with one half of the tests, so that what the tests of a file share is seldom made twice.
PYTEST := $(BIN)/python -m pytest -n $(JOBS) --dist worksteal
# Nothing here may depend on what a person has exported.
unexport PYTHONPATH PYTHONHOME PYTHONWARNINGS VIRTUAL_ENV

.NOTPARALLEL:
.PHONY: help demo test test-plain test-tensorflow test-jax check bench docs lock clean venv

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-22s %s\n", $$1, $$2 }'

demo: venv  ## train small models on real digits, average and judge them (under two minutes)
	@$(BIN)/weld demo

test: test-plain test-tensorflow test-jax  ## all tests: those without a backend, then on TensorFlow, then on JAX

test-plain: venv  ## the tests that need no backend, with every import of one refused
	KERAS_BACKEND=none $(PYTEST) -m "not keras" $(ARGS)

test-tensorflow: venv  ## the tests that need a backend, on TensorFlow
	KERAS_BACKEND=tensorflow $(PYTEST) -m keras $(ARGS)

test-jax: venv  ## the same on JAX
	KERAS_BACKEND=jax $(PYTEST) -m keras $(ARGS)

check: venv  ## formatter, linter, strict types, floor plan, public names, docs/cli.md
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/python scripts/check_floors.py
	$(BIN)/python scripts/check_public_names.py
	$(BIN)/python scripts/make_cli_docs.py --check

bench: venv  ## measure what benchmarks/ promises (minutes)
	@for script in benchmarks/bench_*.py; do echo "== $$script"; $(BIN)/python "$$script" || exit 1; done

docs: venv  ## write docs/cli.md from the help texts
	$(BIN)/python scripts/make_cli_docs.py

lock:  ## remake constraints.txt from pyproject.toml (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: install it (pip install uv) and try again."; exit 1; }
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --quiet -o constraints.txt

clean:  ## remove .venv, caches and builds; weld-demo/ stays
	rm -rf $(VENV) dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find src scripts tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# The first Python that runs and is new enough; a name on the PATH alone proves nothing (pyenv's shims).
venv:
	@for python in $(PYTHON) python3.13 python3.12 python3.11 python3 python; do \
		if "$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
			exec "$$python" scripts/make_venv.py $(VENV); \
		elif [ "$$python" = "$(PYTHON)" ]; then \
			echo "PYTHON=$$python does not run, is older than 3.11, or lacks the module venv." >&2; exit 1; \
		fi; \
	done; \
	echo "keras-weld needs Python 3.11 or newer with its venv module (python3-venv on Debian and Ubuntu);" >&2; \
	echo "none was found on the PATH. Name one: make PYTHON=/path/to/python3 test" >&2; \
	exit 1
