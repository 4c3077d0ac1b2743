# Two commands on a fresh machine: `make demo` and `make test`. Each makes the virtual environment it needs.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

.PHONY: help demo test lint
help:
	@echo "make demo   replay the bundled clip: a slag truck with an uncovered heap becomes a sealed case"
	@echo "make test   run all tests"
	@echo "make lint   ruff"

demo: $(VENV)/.installed
	$(BIN)/python -m pipelines demo

test: $(VENV)/.installed
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
