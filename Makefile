# On a fresh machine: `make demo`, `make check`, `make test`; `make help` lists all.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
NEWER  := .venv-newer
PIP    := -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable
LAB    := tests/lab
PEERS  := benchmarks/peers
PAGE   := recorder/views/page
PACK   := packages/outbound-recorder-standin
NODE   := tests/lab/node_modules/done tests/vectors/node_modules/done tests/exchange/node_modules/done $(PAGE)/node_modules/done $(PACK)/node_modules/done
export PYTHONDONTWRITEBYTECODE :=
# tests run in random order: `make test SEED=7` for another one than the usual
SEED   := 1
ORDER  := --dist loadgroup -p randomly --randomly-seed=$(SEED)
# `make fuzz FUZZ=1800`: seconds for all harnesses together
FUZZ   := 600
# tests that need no Node, browser or proxy
APART  := $(addprefix --ignore=tests/,benchmarks clients fuzz integration lab plugin)
QUICK  := -m 'not node and not browser and not bundler and not npm' $(APART)

.PHONY: help demo check cover test prepare lint suite suite-newer newer chromium load-tools balancers cassettes page screenshots conformance clients-table clients-matrix push-matrix drives loads races bench catalogue properties fuzz audit docs docs-serve release-check clean
.DELETE_ON_ERROR:

help: ## list these
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(VENV)/demo.done ## record and replay a session on this machine
	$(BIN)/recorder demo

check: lint ## lint and the tests that need no Node, browser or proxy, with fewer examples of each property
	$(BIN)/python -m pytest -q -n 3 $(ORDER) $(QUICK) --hypothesis-profile brief

cover: $(VENV)/test.done ## report the branch coverage of everything without sockets and clocks
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest -q -n 3 $(ORDER) $(QUICK)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under 95

test: ## install the rest, run all tests
	@$(MAKE) --no-print-directory --jobs 4 prepare
	@$(MAKE) --no-print-directory lint suite suite-newer

# What the tests need; most of the time it takes is waiting for downloads.
prepare: $(VENV)/test.done $(NODE) newer load-tools balancers

lint: $(VENV)/test.done
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --strict recorder addons
	$(BIN)/mypy tests
	$(BIN)/lint-imports

# More workers than two cores: most tests wait for the processes they start.
suite: $(VENV)/test.done $(NODE) chromium load-tools balancers
	$(BIN)/python -m pytest -n 3 $(ORDER) --durations=15

# The same suite on a newer interpreter (there mitmproxy is version 12), where one is found; without what was
# tried `once` and cannot differ, and with fewer examples of each property.
suite-newer: newer $(NODE)
	@.ci/newer-python $(PYTHON) >/dev/null || { echo "left out: the suite on a second, newer Python: none found"; exit 0; }; \
	set -x; $(NEWER)/bin/python -m pytest -n 3 $(ORDER) -m 'not once' --hypothesis-profile brief

newer:
	@newer=$$(.ci/newer-python $(PYTHON)) || exit 0; test $(NEWER)/done -nt pyproject.toml && test $(NEWER)/done -nt constraints.txt && exit 0; \
	set -ex; "$$newer" -m venv $(NEWER); $(NEWER)/bin/python $(PIP) '.[record,dev,docs]'; touch $(NEWER)/done

# Without it the tests in a browser are left out by name; with CI=true that is a failure.
chromium:
	@.ci/chromium

# Without wrk the benchmarks that need it are run without; with CI=true that is a failure.
load-tools: | chromium
	@.ci/load-tools

# Without HAProxy and nginx the tests of deploy/ that need them are left out by name; with CI=true that is a failure.
balancers: | load-tools
	@.ci/balancers

cassettes: $(VENV)/test.done $(LAB)/node_modules/done ## record the shipped cassettes again
	$(BIN)/python -m $(subst /,.,$(LAB)).record_cassettes

page: $(PAGE)/node_modules/done ## build the page of `recorder report` of its source
	cd $(PAGE) && npm run --silent build

screenshots: $(VENV)/test.done chromium ## take the pictures of the pages in docs again
	$(BIN)/python -m benchmarks.screenshots

conformance: $(VENV)/test.done $(LAB)/node_modules/done ## ask three Bayeux servers, write their answers into docs/bayeux.md
	$(BIN)/python -m tests.bayeux.conformance

clients-table: $(VENV)/test.done $(LAB)/node_modules/done ## run the matrix of clients, write its table into README.md
	$(BIN)/python -m pytest -n 2 -p tests.clients.table tests/clients/test_clients.py

clients-matrix: $(VENV)/test.done $(LAB)/node_modules/done chromium ## let all clients play all recordings, write docs/clients.md
	$(BIN)/python -m tests.clients.crosswise

push-matrix: $(VENV)/test.done $(LAB)/node_modules/done chromium ## the same with clients of SSE and plain WebSockets
	$(BIN)/python -m tests.clients.push.crosswise

drives: $(VENV)/test.done $(LAB)/node_modules/done ## drive all recordings at all rates, fifty times where nothing changed
	RECORDER_LONG_DRIVES=1 $(BIN)/python -m pytest -n 2 $(ORDER) tests/integration/drive

loads: $(VENV)/test.done $(LAB)/node_modules/done ## let two hundred users play for a minute, on a master and two workers
	RECORDER_LONG_LOADS=1 $(BIN)/python -m pytest $(ORDER) tests/integration/load

races: $(VENV)/test.done $(LAB)/node_modules/done ## let right clients bear 2,000 orders each, find each race three times, check 10,000 schedules
	RECORDER_LONG_RACES=1 $(BIN)/python -m pytest -n 2 $(ORDER) tests/races tests/explore tests/api/test_schedules.py

bench: $(VENV)/test.done $(LAB)/node_modules/done $(PEERS)/node_modules/done $(PEERS)/site-packages/done chromium ## measure all, write docs/benchmarks.md
	@.ci/load-tools java
	$(BIN)/python -m benchmarks

catalogue: $(VENV)/test.done ## catalogue 2,000 cassettes by one process, four, and a Dask cluster
	RECORDER_CATALOGUE=2000x100 $(BIN)/python -m pytest -q -s -p no:randomly tests/fleet/catalogue/test_fleet.py

# Each run has other examples. Ten times as many take longer than the limit of a test in the other suites.
properties: $(VENV)/test.done ## run the property tests with 1000 examples each, others in each run
	$(BIN)/python -m pytest -q -n 3 $(ORDER) $(APART) -m hypothesis --hypothesis-profile thorough -o timeout=1200

# Findings are told, and kept in fuzz-findings. Without atheris inputs are changed at random.
fuzz: $(VENV)/test.done ## let all fuzz harnesses look for faults, FUZZ seconds in all (600)
	@$(BIN)/python $(PIP) '.[fuzz]' || echo "left out: coverage as the guide of the fuzzing: atheris does not install here"
	$(BIN)/python -m tests.fuzz --seconds $(FUZZ) --seed $(SEED)

# Links, anchors and orphans are errors (`strict` in mkdocs.yml). Diagrams are drawn where tests/exchange has its packages.
docs: $(VENV)/test.done ## build the site of docs/ into build/site, and the man page into build/man
	$(BIN)/python docs/site/man.py build/man/recorder.1
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet
	@echo "build/site/index.html build/man/recorder.1"

docs-serve: $(VENV)/test.done ## serve the site while pages are written, built anew at each change
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs serve

# All of a release but the upload (docs/howto/release.md). Tools are in an environment of their own.
release-check: $(VENV)/bin/python ## build, check, install and try the wheel as a user would
	@test -e .venv-release/done || { $(PYTHON) -m venv .venv-release && .venv-release/bin/python -m pip install --quiet --disable-pip-version-check 'build>=1.2' 'hatchling>=1.25' 'twine>=6' pipx uv && touch .venv-release/done; } \
	|| echo "the tools of a release do not all install here"; \
	.ci/release-check .venv-release/bin

# In an environment of its own, for its packages are none of ours.
audit: ## ask the database of advisories about all pinned versions, where it can be reached
	@test -e .venv-audit/done || { $(PYTHON) -m venv .venv-audit && .venv-audit/bin/python -m pip install --quiet --disable-pip-version-check 'pip-audit>=2.7' && touch .venv-audit/done; } \
	|| { echo "left out: the audit of pinned versions: pip-audit does not install here"; exit 0; }; \
	.ci/audit .venv-audit/bin/python

clean:
	rm -rf .venv .venv-newer .venv-audit .venv-release build fuzz-findings $(LAB)/node_modules $(PEERS)/node_modules tests/vectors/node_modules tests/exchange/node_modules $(PAGE)/node_modules $(PACK)/node_modules

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "needs Python 3.11 or newer: make PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo.done: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python $(PIP) '.[record,demo]'
	@touch $@

$(VENV)/test.done: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python $(PIP) '.[record,dev,docs]'
	@touch $@ $(VENV)/demo.done

# Without Node the tests that need it are left out by name (pytest says which); with CI=true that is a failure.
%/node_modules/done: %/package-lock.json
	@if command -v npm >/dev/null; then cd $* && npm ci --silent && touch node_modules/done; \
	else echo "no npm: what needs Node in $* is left out"; fi

# Not in the virtual environment, where its plugin would come into all runs of pytest.
$(PEERS)/site-packages/done: $(PEERS)/requirements.txt $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target $(@D) --requirement $<
	@touch $@
