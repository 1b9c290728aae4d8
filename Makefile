# One word for each job. CI calls the same words.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := requirements.lock
# Each worker begins with one half, so that what shares a costly fixture stays together; who is done takes of the other's.
TESTS := $(BIN)/python -m pytest -n 2 --dist worksteal
# Bytecode makes imports two times faster; some machines switch it off.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test fast slow lint format bench docs lock clean

help: ## what each word does
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.complete ## the environment alone, in .venv, from the lock, bytecode compiled

$(VENV)/.complete: $(LOCK) pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode $(LOCK) requirements-uv.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## generate data, run, break it, repair it, compare, roll back: under a minute
	@$(BIN)/python -m compileall -q src
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash deploy/demo.sh

test: setup ## the whole suite, with coverage
	$(BIN)/python -m compileall -q src tests
	rm -f .coverage .coverage.*
	$(TESTS) --cov --cov-report=
	$(BIN)/python -m coverage report
	$(BIN)/python -m coverage report --include="*/lake/*,*/gates/*,*/run/*" --fail-under=95 --format=total

fast: setup ## the fast suite: what to run while working
	$(TESTS) -m "not slow"

lint: setup ## style, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@# each folder of tests has a conftest.py of its own, and one call takes each module name once
	dirname tests/*.py tests/*/*.py | sort -u | xargs -P 2 -I {} sh -c '$(BIN)/mypy {}/*.py'
	$(BIN)/lint-imports

format: setup ## put the code into the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## measure, beside the peers in environments of their own, and write docs/benchmarks.md
	$(BIN)/python -m compileall -q src
	$(BIN)/python benchmarks/run.py

docs: setup ## regenerate the reference pages that are made from the code
	$(BIN)/python docs/generate.py

lock: ## resolve the dependencies anew
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --all-extras --group dev --no-annotate \
		--custom-compile-command "make lock" --output-file $(LOCK) pyproject.toml
	echo "uv" | $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate \
		--custom-compile-command "make lock" --output-file requirements-uv.lock -
	cd tests/differential && $(CURDIR)/$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate \
		--custom-compile-command "make lock" --output-file requirements.txt requirements.in

clean: ## remove what can be made again
	rm -rf $(VENV) .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
