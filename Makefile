# `make demo` trains and prints a small Table 6; `make test` runs every test. Both make .venv themselves.
PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 2
# The last revision before speed was worked on, where this checkout's history has it: benchmarks compare with it.
BEFORE := $(shell git rev-parse --quiet --verify 7ebb834^{commit} 2>/dev/null)
export RAY_USAGE_STATS_ENABLED = 0

.PHONY: demo demo-all test test-fast lint bench bench-alternative faults clean

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

# What each prints, and then a table of all figures; by which method: benchmarks/README.md. 10 to 15 minutes on two free
# cores.
bench: .venv/.installed
	$(BIN)/python benchmarks/bench.py $(if $(BEFORE),--against $(BEFORE))

# The same four arms by timm's training script: make bench-alternative TIMM_SCRIPT=train.py, a file of the repository
# huggingface/pytorch-image-models.
bench-alternative: .venv/.installed
	$(BIN)/python benchmarks/alternative.py --timm-script $(TIMM_SCRIPT)

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
