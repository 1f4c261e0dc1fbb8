# make bench   set up and run the example         make test   set up and run the tests
# Both download AlexNet for LPIPS; without a network they print a message and continue.
# make docs    set up and build the documentation into site/; make docs-pages   regenerate its generated pages
PYTHON ?= python3
BIN := .venv/bin

.PHONY: bench test coverage alexnet docs docs-pages third-party clean

bench: .venv/installed alexnet
	$(BIN)/bench run --inpainter safepaint --detector trufor
	$(BIN)/bench report

test: .venv/tested alexnet
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile

# Fails if coverage drops below the value in pyproject.toml.
coverage: .venv/tested alexnet
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile --cov --cov-report=term:skip-covered

alexnet: .venv/installed
	@$(BIN)/bench weights fetch alexnet --yes || true

docs: .venv/documented
	$(BIN)/zensical build --clean --strict --config-file mkdocs.yml

# Pages generated from commands, options, keys, metrics and cards; a test fails if one is not current.
docs-pages: .venv/installed
	$(BIN)/python -m tools.docs

third-party: .venv/installed
	$(BIN)/python -m benchmark.third_party > THIRD_PARTY.md.draft
	mv THIRD_PARTY.md.draft THIRD_PARTY.md

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --upgrade --quiet pip
	$(BIN)/pip install --quiet --editable .
	touch $@

.venv/tested: .venv/installed
	$(BIN)/pip install --quiet --editable '.[test]'
	touch $@

.venv/documented: .venv/installed
	$(BIN)/pip install --quiet --editable '.[docs]'
	touch $@

clean:
	rm -rf .venv build site .cache dist .pytest_cache .mypy_cache .ruff_cache
