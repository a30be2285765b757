# make demo         set up .venv and run the first sweep
# make test         set up .venv and run the tests
# make test-deploy  the tests that need servers, schemas or linters, which it installs
# make check        format, lint, types, architecture
# make coverage     which branches of the numerics no test takes
# All of them are quick when nothing has to be done again.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-deploy check coverage venv format clean

demo: venv
	$(BIN)/raytd sweep sweeps/quickstart.yaml

test: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 --dist loadgroup --no-loadscope-reorder --durations=10

test-deploy: $(VENV)/.deploy
	$(BIN)/python -m pytest tests/deploy --durations=10

check: $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

coverage: $(VENV)/.test
	$(BIN)/python -m pytest tests/transport tests/transfer tests/test_simplex.py tests/models/test_invariance.py \
		--cov=raytd.simplex --cov=raytd.transport --cov=raytd.transfer --cov-branch --cov-report=term-missing

format: $(VENV)/.test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

venv: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "raytd needs Python 3.11 or newer; try make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	touch $@

$(VENV)/.test: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	touch $@

$(VENV)/.deploy: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test,deploy]'
	touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
