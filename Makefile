# `make demo` and `make test` do all their own set-up; what is done is skipped the next time.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test test-slow lint types docs bench oracle bounds clean
.DELETE_ON_ERROR:

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "offmanifold needs Python 3.11 or later: make PYTHON=python3.11 …"'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[all,dev]"
	touch $@

demo: $(READY)
	$(BIN)/offmanifold demo

# A process a core, each with one thread.
TESTS := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal
# The second time as on a processor with bf16 where here is none, or without it where there is.
BOTH_WAYS := tests/_core/test_precision.py tests/attacks tests/synthesis tests/audits/test_run.py tests/training
test: lint types
	$(TESTS)
	$(TESTS) --other-processor $(BOTH_WAYS)

test-slow: $(READY)
	$(BIN)/python -m pytest -m slow

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/pyright

DOCS := $(VENV)/.docs
$(DOCS): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[docs]"
	touch $@

docs: $(DOCS)
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

bench: $(READY)
	$(BIN)/python -m benchmarks

# An environment of its own: torchattacks pins an old requests. AUTOATTACK is a clone of
# github.com/fra31/auto-attack; without it torchattacks alone is asked.
ORACLE := .oracle
$(ORACLE)/.ready: pyproject.toml constraints.txt
	test -x $(ORACLE)/bin/python || $(PYTHON) -m venv $(ORACLE)
	$(ORACLE)/bin/python -m pip install --quiet --disable-pip-version-check torchattacks==3.5.1 --editable . $$(grep -E '^(torch|torchvision)==' constraints.txt)
	touch $@

oracle: $(ORACLE)/.ready
	$(ORACLE)/bin/python -m benchmarks.oracle $(if $(AUTOATTACK),--autoattack $(AUTOATTACK))

# The lowest releases that pyproject.toml allows, on Python 3.11, the lowest too. torch alone stays
# as pinned: its lowest, 2.6, has no build for the CPU alone on PyPI. Warnings of releases this old
# beside new ones are no errors.
BOUNDS := .bounds
LOWEST := import tomllib; given = tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"]; \
	print(*(d.replace(">=", "==") for d in given if not d.startswith("torch>")))
$(BOUNDS)/.ready: pyproject.toml constraints.txt
	test -x $(BOUNDS)/bin/python || $(PYTHON) -m venv $(BOUNDS)
	$(BOUNDS)/bin/python -m pip install --quiet --disable-pip-version-check $$($(PYTHON) -c '$(LOWEST)') $$(grep -E '^(torch|pytest|hypothesis)==' constraints.txt)
	$(BOUNDS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

bounds: $(BOUNDS)/.ready
	$(BOUNDS)/bin/python -m pytest --override-ini filterwarnings=default tests/cli/test_main.py tests/_core/test_precision.py tests/_core/test_files.py tests/data tests/models tests/attacks tests/reports tests/cli/test_end_to_end.py

clean:
	rm -rf $(VENV) $(ORACLE) $(BOUNDS) runs
