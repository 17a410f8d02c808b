.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: help trial test check numbers calibrate clean

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

trial: $(INSTALLED)  ## the virtual replica of the hetrombopag phase III trial, 20 replicates, with a report
	$(BIN)/vtrial run configs/published/hetrombopag_itp_phase3.yaml --replicates 20 --overwrite

test: $(INSTALLED)  ## the test suite
	$(BIN)/python -m pytest

check: $(INSTALLED)  ## format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

numbers: $(INSTALLED)  ## every number the project claims, measured
	$(BIN)/python -m trial.cli.numbers

calibrate: $(INSTALLED)  ## fit the calibrated parameters again (under 60 minutes)
	$(BIN)/python -m trial.cli.calibrate

clean:  ## remove what the build made
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
