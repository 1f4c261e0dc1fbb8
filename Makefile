# make bench   set up and run the main job        make test   set up and run the tests
PYTHON ?= python3
BIN := .venv/bin

.PHONY: bench test lint clean

bench: .venv/installed
	$(BIN)/bench run --inpainter safepaint --detector trufor

test: .venv/tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --upgrade --quiet pip
	$(BIN)/pip install --quiet --editable .
	touch $@

.venv/tested: .venv/installed
	$(BIN)/pip install --quiet --editable '.[test]'
	touch $@

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache
