# Everything a newcomer, a developer and CI run. `make run` and `make test` need Python 3.11 or newer and nothing else.
# The first of these that is new enough; PYTHON=... names another one.
CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11
PYTHON ?= $(or $(shell for p in $(CANDIDATES); do $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done),python3)
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
# Where PYTHONDONTWRITEBYTECODE is set, every start would compile all our modules again, a third of a second of it. What is
# compiled already is left alone.
COMPILED := $(BIN)/python -m compileall -q api notifiers rules service

.PHONY: run test soak soak-storm soak-model check lock openapi screenshots bench bench-full bench-peers bench-patterns bench-hotspots bench-simulation clean

run: $(VENV)/.run
	@$(COMPILED)
	@$(BIN)/callout serve --port $(PORT)

$(VENV)/.python:
	@command -v $(PYTHON) >/dev/null || { echo "Callout needs Python 3.11 or newer, and $(PYTHON) is not here." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Callout needs Python 3.11 or newer; this is Python %d.%d. Name another one with: make PYTHON=python3.12" % sys.version_info[:2])'
	@$(PYTHON) -m venv $(VENV) || { echo "Callout could not make a virtual environment in $(VENV): this Python lacks venv, or the folder can't be written to." >&2; exit 1; }
	@touch $@

$(VENV)/.run: $(VENV)/.python requirements.lock pyproject.toml
	@echo "Installing what Callout needs (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.python requirements-dev.lock pyproject.toml
	@echo "Installing what the tests need (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.run

test: $(VENV)/.test
	@$(BIN)/python -m tests.packages
	@$(COMPILED)
	@$(MAKE) --no-print-directory check
	@$(BIN)/python -m pytest -n 2 --dist loadgroup

# An hour of the storm that `make test` has for seconds, and beside it an hour of courses of events that nobody drew before.
# SOAK_SECONDS and SOAK_EVERY change it.
SOAK_SECONDS ?= 3600
soak: $(VENV)/.test
	@$(MAKE) --no-print-directory -j 2 soak-storm soak-model

soak-storm: $(VENV)/.test
	@$(COMPILED)
	@SOAK_SECONDS=$(SOAK_SECONDS) SOAK_EVERY=$(or $(SOAK_EVERY),10) $(BIN)/python -m pytest -q -p no:cacheprovider tests/chaos

soak-model: $(VENV)/.test
	@$(BIN)/python -m tests.model.soak --seconds $(SOAK_SECONDS)

check: $(VENV)/.test
	@$(BIN)/ruff format --check --quiet . || { echo "run: .venv/bin/ruff format ." >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy

lock: $(VENV)/.python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml --group build -o requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml --group build --group dev -o requirements-dev.lock

openapi: $(VENV)/.run
	@$(BIN)/callout openapi > openapi.yaml

screenshots: $(VENV)/.test
	@CALLOUT_SCREENSHOTS=docs/screenshots $(BIN)/python -m pytest -q tests/scenarios/test_in_the_browser.py

bench: $(VENV)/.test
	@$(COMPILED)
	@$(BIN)/python -m benchmarks --write

bench-full: $(VENV)/.test
	@$(COMPILED)
	@$(BIN)/python -m benchmarks --full --write

# What Callout is compared with: Alerta from PyPI, in a folder of its own, and Debian's Alertmanager, which finds its templates
# under /usr/share alone.
PEERS := .venv-peers

$(PEERS)/.installed: $(VENV)/.python
	@echo "Installing what Callout is compared with (once) ..."
	@$(BIN)/python -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check alerta-server==9.1.0 psycopg2-binary gunicorn
	@command -v prometheus-alertmanager >/dev/null || apt-get install -y -qq --no-install-recommends prometheus-alertmanager >/dev/null || echo "No Alertmanager here: apt-get install prometheus-alertmanager brings it." >&2
	@touch $@

bench-peers: $(VENV)/.test $(PEERS)/.installed
	@$(COMPILED)
	@$(BIN)/python -m benchmarks --write peers

bench-patterns: $(VENV)/.test
	@$(BIN)/python benchmarks/pattern_growth.py --sizes 10000 1000000

bench-simulation: $(VENV)/.test
	@$(BIN)/python benchmarks/simulation.py

bench-hotspots: $(VENV)/.test
	@$(BIN)/python benchmarks/hotspots_evaluation.py --weeks 156 --seeds 10

clean:
	@rm -rf $(VENV) $(PEERS) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
