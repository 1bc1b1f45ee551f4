# Every target sets up what it needs: a virtual environment under .venv with the CPU extras.
PYTHON ?= python3
BIN := .venv/bin
EXTRA ?= cpu
STAMP := .venv/.installed-$(EXTRA)
TORCH_CPU_INDEX := https://download.pytorch.org/whl/cpu

.PHONY: setup demo test lint bench texts rooms clean

setup: $(STAMP)

# The CPU build of torch first: the plain one brings gigabytes of CUDA. Where its index cannot be reached, pip's own settings decide.
$(STAMP): setup.cfg pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/python -c "import torch" 2>/dev/null \
		|| $(BIN)/pip install --quiet --retries 0 --timeout 10 --index-url $(TORCH_CPU_INDEX) torch==2.13.0 2>/dev/null \
		|| $(BIN)/pip install --quiet torch==2.13.0
	$(BIN)/pip install -qq --editable ".[$(EXTRA),dev]"
	touch $@

demo: setup
	$(BIN)/lookalike demo

# First the tests that need the machine for themselves, reading no other files, which would take 25 s; then two files at a
# time, since most tests wait for one thing after the other. More threads of OpenMP would wait for the processor that the
# other file's tests keep busy, and they wait by spinning.
test: export OMP_NUM_THREADS = 1
test: setup
	$(BIN)/python -m pytest -m alone $$(grep -rlF --include='test_*.py' mark.alone tests)
	$(BIN)/python -m pytest -m "not alone" -n 2 --dist loadfile

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports

# The benchmarks that need no home and no photos; each of the others says in its first lines what it must be given.
bench: setup
	for name in decoding feeds mutated_files simulator; do $(BIN)/python benchmarks/$$name.py || exit 1; done

# Brings the catalogue of each language up to date with the texts in code and templates; new ones wait there, empty.
texts: setup
	mkdir -p build
	$(BIN)/pybabel -q extract -F pyproject.toml --no-location --omit-header --sort-output -o build/texts.pot api
	$(BIN)/pybabel -q update -i build/texts.pot -d api/locales --no-fuzzy-matching --ignore-obsolete --no-wrap --ignore-pot-creation-date

# Draws the picture of docs/architecture.md and writes its tables, from the code as it is.
rooms:
	$(PYTHON) docs/rooms

clean:
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
