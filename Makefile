# camrelay: `make` lists what there is. Needs Python 3.11 or newer and make; the rest is set up in
# .venv, which is made on demand and made up to date when pyproject.toml or setup.cfg changes.

PYTHON ?= python3
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
RUNS := $(VENV)/.runs
TESTS := $(VENV)/.tests
# `python -m` puts the checkout on the path, so that tests/support is found.
PYTEST := $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help run test test-faults cover check lint types fmt documents wheel-check benchmarks \
	benchmarks-cluster soak clean
.DELETE_ON_ERROR:

help:           ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(RUNS)    ## start the relay on https://localhost:8443/; more options in ARGS="..."
	$(BIN)/twistd -n --pidfile= camrelay --port 8443 --tls $(ARGS)

test: cover     ## run all tests; camrelay/core must be covered completely by its own
	$(PYTEST) -n 2 --dist loadfile --ignore tests/core

test-faults: $(TESTS)    ## what is slow: faults that last for seconds, with a table of what came of them
	$(PYTEST) -n 2 --dist worksteal -m faults

cover: $(TESTS)
	$(PYTEST) -q tests/core --cov=camrelay.core --cov-branch --cov-fail-under=100 \
		--cov-report=term-missing:skip-covered

check: lint types test   ## everything that must hold before a change goes in

lint: $(TESTS)  ## style and layout of the Python sources
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(TESTS) ## strict types
	$(BIN)/mypy

fmt: $(TESTS)   ## repair what lint can repair
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

documents: $(TESTS)      ## openapi.json and asyncapi.json anew, from their .yaml
	$(BIN)/python -m tests.support.documents

wheel-check: $(TESTS)    ## sdist and wheel; with its dependencies, in a fresh environment, it runs
	rm -rf build dist $(VENV)/fresh
	$(BIN)/python -m build --no-isolation > /dev/null
	$(BIN)/twine check --strict dist/*
	$(PYTHON) -m venv $(VENV)/fresh
	$(VENV)/fresh/bin/python -m pip install -q dist/*.whl
	cd / && $(CURDIR)/$(VENV)/fresh/bin/twistd --help | grep camrelay
	cd / && $(CURDIR)/$(VENV)/fresh/bin/camrelay check --port 0

benchmarks: $(TESTS)     ## camrelay and its peers side by side: 25 minutes on two quiet cores
	$(BIN)/python -m pip install -q --group benchmarks
	$(BIN)/python benchmarks/run.py $(ARGS)
	$(BIN)/python benchmarks/render.py

soak: $(TESTS)  ## an hour of churn: does memory grow, does anything stay open?
	$(BIN)/python -m benchmarks.soak $(ARGS)

benchmarks-cluster: $(TESTS)     ## several processes as one relay, beside Channels: 10 minutes
	$(BIN)/python -m pip install -q --group benchmarks
	$(BIN)/python benchmarks/cluster.py $(ARGS)
	$(BIN)/python benchmarks/render_cluster.py

clean:          ## remove what was made here; the data of the relay stays
	rm -rf $(VENV) build dist *.egg-info .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} + -o -name dropin.cache -delete

# To run needs less than to test: whoever only runs the relay waits for nothing else.
$(RUNS): pyproject.toml setup.cfg
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("camrelay needs Python \
	3.11 or newer; $(PYTHON) is %d.%d. Try: make PYTHON=python3.12 ..." % v[:2])'
	@echo "Setting up $(VENV) (once; takes a minute)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install -q --editable .
	@touch $@

$(TESTS): $(RUNS)
	@echo "Installing what the tests need (once; takes a minute)"
	@$(BIN)/python -m pip install -q --group test --group lint
	@touch $@
