# `make demo` trains and prints a small Table 6; `make test` runs every test. Both make .venv themselves.
PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 2
export RAY_USAGE_STATS_ENABLED = 0

.PHONY: demo demo-all test test-fast lint bench faults clean

demo: .venv/.installed
	$(BIN)/studies run cnn_to_vit --page

# The CNN rows too, at the same scale.
demo-all: .venv/.installed
	$(BIN)/studies run cnn_to_vit --all --page

# One process a core; each of them trains and counts with one thread.
test: .venv/.installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

# For a developer at work: what takes no more than a second or so.
test-fast: .venv/.installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow"

lint: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/.installed
	$(BIN)/python benchmarks/overhead.py
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/costs.py
	$(BIN)/python benchmarks/search.py
	$(BIN)/python benchmarks/data_pipeline.py
	$(BIN)/python benchmarks/verdicts.py
	$(BIN)/python benchmarks/store.py

# Minutes: real runs, broken in every way.
faults: .venv/.installed
	$(BIN)/python benchmarks/faults.py

.venv/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; got $$($(PYTHON) --version). Try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@echo "Installing into .venv: minutes and about 6 GB the first time (torch brings its CUDA libraries along)."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	@touch $@

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache *.egg-info
