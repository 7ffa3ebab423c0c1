# Everything runs in .venv, which the targets create: only python3 (3.10 or newer) and
# make must be installed. PYTHON=python3.12 chooses another Python.

PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
DEMO := .demo
VERSIONS := $(CURDIR)/.versions
# The demo and the tests set these themselves.
unexport LIBROSA_CACHE_DIR LIBROSA_CACHE_LEVEL LIBROSA_CACHE_MMAP LIBROSA_CACHE_COMPRESS
unexport LIBROSA_CACHE_VERBOSE LIBROSA_CACHE_MAX_SIZE LIBROSA_CACHE_MAX_AGE LIBROSA_CACHE_MAX_ITEMS
unexport ACACHE_ENV_PREFIX VIRTUAL_ENV CONDA_PREFIX

.PHONY: help demo test test-slow lint format docs sessions site completions pictures dist fuzz versions joblibs bench clean

help:  ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "acache needs Python 3.10 or newer; make PYTHON=... chooses one")'
	$(PYTHON) -m venv $(VENV)

# compileall: some machines do not let Python write byte code, and start slowly without it.
$(VENV)/test.stamp: pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[test]'
	@$(BIN)/python -m compileall -q src
	@touch $@

$(VENV)/bench.stamp: pyproject.toml $(VENV)/test.stamp
	$(PIP) --editable '.[bench]'
	@touch $@

$(VENV)/lint.stamp: pyproject.toml $(VENV)/test.stamp
	$(PIP) --editable '.[lint]'
	@touch $@

$(VENV)/site.stamp: pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[docs]'
	@touch $@

$(VENV)/dist.stamp: pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[dist]'
	@touch $@

demo: export LIBROSA_CACHE_DIR = $(DEMO)
demo: export LIBROSA_CACHE_LEVEL = 50
demo: $(VENV)/test.stamp  ## Time the example with its cache off, cold and warm; run it, show its store.
	@rm -rf $(DEMO)
	$(BIN)/acache bench --levels 20,50 --runs 3 examples/estimate_tuning.py
	$(BIN)/acache run examples/estimate_tuning.py
	$(BIN)/acache run examples/estimate_tuning.py
	$(BIN)/acache stats

test: $(VENV)/test.stamp  ## Run the tests; TESTS=tests/cli for some of them.
	$(BIN)/python -m pytest -n auto --dist worksteal $(TESTS)

test-slow: $(VENV)/test.stamp  ## Run all tests, the stress tests too, with ten times as many examples.
	$(BIN)/python -m pytest -n auto --dist worksteal -m "slow or not slow" --hypothesis-profile slow $(TESTS)

lint: $(VENV)/lint.stamp  ## Check style and types.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/lint.stamp  ## Format the code, and fix what can be fixed.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/test.stamp  ## Write the generated parts of docs/: commands, JSON schemas, the tree of modules.
	$(BIN)/python tools/commands.py > docs/commands.md
	$(BIN)/python tools/schemas.py docs
	$(BIN)/python tools/architecture.py

sessions: $(VENV)/test.stamp  ## Run the sessions in README and docs/, and write what has changed.
	$(BIN)/python tools/sessions.py $(if $(TIMED),--timed)

site: $(VENV)/site.stamp  ## Build the site from docs/ into site/; every warning is an error.
	$(BIN)/sphinx-build -q -E -W --keep-going docs site

pictures: $(VENV)/test.stamp  ## Draw docs/pictures from real runs; RUNS=10 for more rounds.
	$(BIN)/python tools/pictures.py docs/pictures $(or $(RUNS),5)

dist: $(VENV)/dist.stamp  ## Build sdist and wheel, and check both.
	rm -rf dist
	$(BIN)/python -m build --outdir dist
	$(BIN)/twine check --strict dist/*
	$(BIN)/python tools/check_dist.py dist

fuzz: $(VENV)/test.stamp  ## Fuzz the reading of pickles; EXAMPLES=1000000 for longer.
	ACACHE_FUZZ_EXAMPLES=$(or $(EXAMPLES),100000) $(BIN)/python -m pytest -n auto --dist worksteal tests/pickles/safety/test_safety.py -k fuzz
	ACACHE_FUZZ_EXAMPLES=$(or $(EXAMPLES),100000) $(BIN)/python -m pytest -n auto --dist worksteal tests/memory/engine/test_fingerprint.py tests/memory/engine/test_differential.py -k "fingerprint or process"

# Each version of librosa needs a Python that has wheels for it.
versions: $(VENV)/test.stamp $(VERSIONS)/0.10.2.stamp $(VERSIONS)/1.0.0.stamp  ## Test with librosa 0.10 and 1.0, each in its own Python; OLD=, NEW= choose these.
	ACACHE_TEST_PYTHONS=$(VERSIONS)/0.10.2/bin/python:$(VERSIONS)/1.0.0/bin/python $(BIN)/python -m pytest tests/sources/test_librosas.py tests/config/test_effects.py tests/operations/doctor/test_settings.py

$(VERSIONS)/0.10.2.stamp: INTERPRETER = $(or $(OLD),python3.10)
$(VERSIONS)/1.0.0.stamp: INTERPRETER = $(or $(NEW),python3.13)
$(VERSIONS)/%.stamp:
	$(INTERPRETER) -m venv $(VERSIONS)/$*
	$(VERSIONS)/$*/bin/python -m pip --disable-pip-version-check install --quiet librosa==$* lz4
	@touch $@

joblibs: $(VENV)/test.stamp  ## Test the fast engine with older joblibs; JOBLIBS=1.4.2 for one of them.
	for version in $(or $(JOBLIBS),1.3.2 1.4.2 1.5.3); do \
		$(PIP) --no-deps --upgrade --target $(VERSIONS)/joblib-$$version joblib==$$version && \
		PYTHONPATH=$(VERSIONS)/joblib-$$version $(BIN)/python -m pytest -n auto --dist worksteal tests/memory/engine || exit; \
	done

completions: $(VENV)/test.stamp  ## Write the completion scripts, from the commands.
	$(BIN)/acache completion bash > completions/acache.bash
	$(BIN)/acache completion zsh > completions/_acache
	$(BIN)/acache completion fish > completions/acache.fish

bench: $(VENV)/bench.stamp  ## Measure speed and memory; LARGE=1 with a million entries too.
	@$(BIN)/python -m compileall -q src
	$(BIN)/python benchmarks/run.py $(if $(LARGE),--large)

clean:  ## Remove what the targets made.
	rm -rf $(VENV) $(DEMO) $(VERSIONS) build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis
