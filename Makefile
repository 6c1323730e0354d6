# Everything runs in .venv, which the first target makes: a fresh machine needs Python >= 3.11, make and git.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
# Two processes a core, a file of tests at a time: most tests wait for a server or a process of their own (8:25 minutes
# with one a core, 6:23 with two). tests/conftest.py says in which order.
PARALLEL = -n $(shell $(BIN)/python -c 'import os; print(min(8, 2 * (os.cpu_count() or 1)))') --dist loadfile --no-loadscope-reorder

# Where `make bench` keeps its figures; `make bench BENCH=--quick` takes a few minutes and keeps none.
BENCH ?= --out docs/performance.json

.PHONY: demo test test-full browser bench bench-scale lint clean

demo: $(VENV)/.installed
	@$(BIN)/autonama demo

# All cores are busy with a test each, so polars computes with one thread; in the full suite with as many as anywhere.
# Where PYTHONDONTWRITEBYTECODE is set, as in many containers, every command of the suite would compile the package anew.
test: $(VENV)/.installed-dev browser
	@$(BIN)/python -m compileall -q src
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	POLARS_MAX_THREADS=1 $(BIN)/pytest $(PARALLEL)

test-full: $(VENV)/.installed-dev browser
	$(BIN)/pytest $(PARALLEL) -m ""

# The dashboard is tested in Debian's Chromium. Where it is missing, root installs it, and anybody else is told.
browser:
	@command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
			echo "Installing Chromium for the tests of the dashboard"; \
			{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1 \
				|| echo "Chromium could not be installed: the tests in a browser are skipped"; \
		else echo "No Chromium here (Debian: apt-get install chromium): the tests in a browser are skipped"; fi; }

# Autonama beside its peers, in an environment that has them; docs/performance.md is made of the figures.
bench: $(VENV)-bench/.installed
	@command -v pgloader >/dev/null 2>&1 || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 && { \
		echo "Installing pgloader"; \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends pgloader; } >/dev/null 2>&1; }; } || true
	$(VENV)-bench/bin/python -m benchmarks.bench $(BENCH)
	$(VENV)-bench/bin/python -m benchmarks.page

# Time and memory up to 10 million rows; it needs 15 GB of disk for a while.
bench-scale: $(VENV)-bench/.installed
	$(VENV)-bench/bin/python -m benchmarks.scale $(BENCH)
	$(VENV)-bench/bin/python -m benchmarks.page

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) $(VENV)-bench .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "No Python >= 3.11 with venv was found. Install one (Debian: apt-get install python3-venv), or name it: make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: pyproject.toml requirements.txt requirements-dev.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/.installed

$(VENV)-bench/.installed: pyproject.toml requirements.txt requirements-bench.txt
	@test -n "$(PYTHON)" || { echo "No Python >= 3.11 with venv was found. Name one: make PYTHON=/path/to/python bench"; exit 1; }
	$(PYTHON) -m venv $(VENV)-bench
	$(VENV)-bench/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	@touch $@
