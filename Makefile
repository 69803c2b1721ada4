# What people type. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
# The first of these that is Python 3.11 (3.11.5 or later: pinned packages need it) or 3.12; name another with `make setup PYTHON=...`.
PYTHON ?= $(shell for p in python3.11 python3.12 python3 python; do $$p -c 'import sys; sys.exit(not (3, 11, 5) <= sys.version_info[:3] < (3, 13))' 2>/dev/null && echo $$p && break; done)

# How many workers share the tests: one for each processor, four at most (each takes up to a gigabyte). Another number: make test WORKERS=1.
WORKERS ?= logical
PYTEST := $(BIN)/python -m pytest --hypothesis-profile=repeatable
SHARED := --numprocesses $(WORKERS) --maxprocesses 4
FAST := not training and not notebooks and not browser

.PHONY: help setup run test test-all test-slow check lab dashboards screenshots bench fuzz study pages notebooks book lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

setup: $(VENV)/installed ## make .venv with everything in it (about two minutes, the only step that needs a network)

$(VENV)/installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "edgewb needs Python 3.11 (3.11.5 or later) or 3.12 and found neither: install one, or name it: make setup PYTHON=/path/to/python3.11"; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { echo "no virtual environment could be made: on Debian and Ubuntu, install python3-venv, then run the same command again"; exit 2; }
	@echo "Installing into $(VENV) with $$($(BIN)/python --version): about two minutes, 3 GB ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

run: setup ## the digits study: table, recommendation, runs/demo/report.html
	@$(BIN)/edgewb demo

test: setup ## the whole package, fast: no training, no browser
	@$(PYTEST) $(SHARED) --dist loadfile -m "$(FAST) and not alone"; shared=$$?; \
	  $(PYTEST) -m "$(FAST) and alone" $$(grep -rl --include='test_*.py' 'mark[.]alone' tests) && exit $$shared

test-slow: setup ## what `make test` leaves out: training, notebooks, the browser
	@$(PYTEST) $(SHARED) --dist loadfile -m "(training or browser) and not notebooks"; others=$$?; \
	  $(PYTEST) $(SHARED) --dist worksteal -m notebooks && exit $$others

test-all: test test-slow ## everything

check: setup ## linter, formatter, types, import contract, notebooks without outputs
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/nbstripout --verify notebooks/*.ipynb $(wildcard notebooks/solutions/*.ipynb) notebooks/dashboards/*.ipynb
	@$(BIN)/python notebooks/generate.py --check
	@$(BIN)/python notebooks/spelling.py
	@$(BIN)/python -m edgewb.estimates.refits --check
	@$(BIN)/python data/make.py --check
	@for page in rules problems; do $(BIN)/edgewb $$page | diff -q - $${page^^}.md > /dev/null || { echo "$${page^^}.md is stale; run \`make pages\`"; exit 1; }; done

lab: setup ## JupyterLab on the notebooks, 00_start_here first
	@$(BIN)/edgewb lab

dashboards: setup ## the dashboards, in a browser
	@$(BIN)/edgewb dashboard

screenshots: setup ## pictures of every dashboard, laptop and phone, light and dark, into runs/screenshots: to be looked at
	@$(BIN)/python -m tests.screenshots

bench: setup ## benchmarks: ratios against the plain alternative, in one run
	@$(BIN)/python -m tests.benchmarks

study: setup ## fit every constant of `edgewb estimate` anew from data/latency, and write ESTIMATES.md
	@$(BIN)/python -m edgewb.estimates.refits

pages: setup ## write RULES.md and PROBLEMS.md anew from what is in the code
	@for page in rules problems; do $(BIN)/edgewb $$page > $$page.new && mv $$page.new $${page^^}.md || exit 1; done

fuzz: setup ## 100,000 damaged files through the reader and inspect (about five minutes)
	@EDGEWB_FUZZ_EXAMPLES=50000 $(BIN)/python -m pytest tests/tflite/test_fuzz.py -q

notebooks: setup ## make the notebooks anew from their text sources
	@$(BIN)/python notebooks/generate.py

book: setup ## the notebooks with their results as pages, in build/book; what has not changed is not executed again
	@$(BIN)/python -m edgewb.courses.books

lock: setup ## write the versions installed now to constraints.txt
	@{ echo "# Exact versions that were tested together (make lock)."; $(BIN)/python -m pip freeze --exclude-editable; } > constraints.new && mv constraints.new constraints.txt

clean: ## remove .venv and what tests and runs left
	rm -rf $(VENV) runs build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
