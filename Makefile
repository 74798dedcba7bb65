# Each target does its own set-up in .venv; the second run is quick.
PYTHON ?= python3
export LITELLM_LOCAL_MODEL_COST_MAP = True
export PIP_DISABLE_PIP_VERSION_CHECK = 1
BIN := .venv/bin

.PHONY: help quickstart test clean

help:
	@echo "make quickstart   train functions, weights and both, live, offline, in four to six minutes"
	@echo "make test         ruff, mypy and pytest"
	@echo "make clean        remove .venv and what the tools left behind"

quickstart: .venv/rl
	@$(BIN)/forge quickstart

test: .venv/dev
	@echo "==> ruff"; $(BIN)/ruff check . && $(BIN)/ruff format --check .
	@echo "==> mypy (strict)"; $(BIN)/mypy
	@echo "==> pytest, a process a core"; $(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Forge needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1): make PYTHON=python3.12 ..."; exit 1; }
	@echo "==> making .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "no venv module: on Debian or Ubuntu, apt install python3-venv"; exit 1; }

.venv/base: .venv/bin/python pyproject.toml constraints.txt
	@echo "==> installing Forge and its pinned packages into .venv (about half a minute, once)"
	@PIP_CONSTRAINT=constraints.txt $(BIN)/pip install --quiet --editable .
	@touch $@

.venv/rl: .venv/base
	@echo "==> installing torch and what training weights needs into .venv (a minute or two, once)"
	@PIP_CONSTRAINT=constraints.txt $(BIN)/pip install --quiet --editable '.[rl]'
	@touch $@

.venv/dev: .venv/rl
	@echo "==> installing the pinned test tools into .venv"
	@PIP_CONSTRAINT=constraints.txt $(BIN)/pip install --quiet --editable '.[dev]'
	@touch $@
