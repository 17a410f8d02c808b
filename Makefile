.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
export PYTHONDONTWRITEBYTECODE :=
INSTALLED := .venv/.installed

.PHONY: help trial test test-slow check numbers calibrate scorecard mutants validate bench matrix clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

trial: $(INSTALLED)  ## the virtual replica of the hetrombopag phase III trial, 20 replicates, with a report
	$(BIN)/vtrial run configs/published/hetrombopag_itp_phase3.yaml --replicates 20 --overwrite

test: $(INSTALLED)  ## the tests, but the slow ones
	$(BIN)/python -m pytest -m 'not slow' -n 2 --dist loadfile

test-slow: $(INSTALLED)  ## the slow tests: populations, kills, blind rebuilds, whole commands
	$(BIN)/python -m pytest -m slow -n 2 --dist loadfile

check: $(INSTALLED)  ## format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

numbers: $(INSTALLED)  ## every number the project claims, measured
	$(BIN)/python -m tools.numbers

calibrate: $(INSTALLED)  ## fit the calibrated parameters again, in the order in which they build on each other (half an hour)
	$(BIN)/vtrial calibrate configs/calibration/hetrombopag_wang_2022.yaml --into-catalogue
	$(BIN)/vtrial calibrate configs/calibration/hetrombopag_itp_mei_2021.yaml --into-catalogue
	$(BIN)/vtrial calibrate configs/calibration/eltrombopag_itp_bussel_2007.yaml --into-catalogue
	$(BIN)/vtrial calibrate configs/calibration/avatrombopag_itp_jurczak_2018.yaml --into-catalogue

scorecard: $(INSTALLED)  ## every published study again, simulated beside published
	$(BIN)/vtrial scorecard --overwrite

mutants: $(INSTALLED)  ## 80 wrong lines, one at a time: does the module's own test see them? (ten minutes)
	$(BIN)/python -m tools.mutants

validate: $(INSTALLED)  ## what takes too long for every commit: coverage, oracle, fuzzers, kills, mutants; docs/validation.md
	$(BIN)/python -m tools.validate

bench: $(INSTALLED)  ## speed and error beside scipy and, where it installs, heyoka; runs/bench/bench.csv
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt 'heyoka>=7,<8'
	$(BIN)/python tests/benchmarks/bench.py --replicates $(or $(REPLICATES),100)

matrix: $(INSTALLED)  ## the same values under pandas 2 and 3
	$(PYTHON) -m venv .venv-matrix
	grep -v '^pandas' constraints.txt > .venv-matrix/constraints.txt
	.venv-matrix/bin/python -m pip install --quiet --disable-pip-version-check --constraint .venv-matrix/constraints.txt 'pandas<3' --editable .
	$(BIN)/python tests/benchmarks/digest.py > .venv-matrix/pandas-3.txt
	.venv-matrix/bin/python tests/benchmarks/digest.py > .venv-matrix/pandas-2.txt
	diff .venv-matrix/pandas-3.txt .venv-matrix/pandas-2.txt && echo "the same values under both"

clean:  ## remove what the build made
	rm -rf .venv .venv-matrix build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
