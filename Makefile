# make demo         set up .venv and run the first sweep
# make test         set up .venv and run the tests
# make test-deploy  the tests that need servers, schemas or linters, which it installs
# make check        format, lint, types, architecture
# make fuzz         read 10,000 damaged files of every kind; make test reads 500 of them
# make coverage     which branches no test takes, with the processes that tests start and do not kill
# What is installed is not installed again.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable
SHARED_OUT := --dist loadfile --no-loadscope-reorder
unexport PYTHONDONTWRITEBYTECODE # or every process that a test starts would compile raytd anew

.PHONY: demo test test-deploy check fuzz coverage venv format clean

demo: venv
	$(BIN)/raytd sweep sweeps/quickstart.yaml

test: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 $(SHARED_OUT) --durations=10

test-deploy: $(VENV)/.deploy
	$(BIN)/python -m pytest tests/deploy --durations=10

check: $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fuzz: $(VENV)/.test
	$(BIN)/python -m tests.fuzz --cases 10000

coverage: $(VENV)/.deploy
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest -n 2 $(SHARED_OUT)
	$(BIN)/python -m coverage run -m pytest tests/deploy
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report --skip-covered

format: $(VENV)/.test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

venv: $(VENV)/.installed

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "raytd needs Python 3.11 or newer; try make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) .
	touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) '.[test]'
	touch $(VENV)/.installed $@

$(VENV)/.deploy: $(VENV)/.test
	$(INSTALL) '.[test,deploy,browser]'
	touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
