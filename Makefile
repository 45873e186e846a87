# `make demo` and `make test` do all their own set-up; what is done is skipped the next time.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test test-slow lint types bench oracle clean
.DELETE_ON_ERROR:

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "offmanifold needs Python 3.11 or later: make PYTHON=python3.11 …"'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[all,dev]"
	touch $@

demo: $(READY)
	$(BIN)/offmanifold demo

test: lint types
	$(BIN)/python -m pytest

test-slow: $(READY)
	$(BIN)/python -m pytest -m slow

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/pyright

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

clean:
	rm -rf $(VENV) $(ORACLE) runs
