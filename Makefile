# Two commands do everything: `make demo` and `make test`. See README.md.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONWARNINGS ?= default
# Every node and worker that a test starts would compile all it imports, each time.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help

help:  ## show this
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

# ---- the environment: made once, made again when a pin changes

$(VENV)/run.stamp: requirements/run.txt pyproject.toml tools/make_venv.sh
	@PYTHON=$(PYTHON) VENV=$(VENV) sh tools/make_venv.sh run

$(VENV)/dev.stamp: requirements/dev.txt pyproject.toml tools/make_venv.sh
	@PYTHON=$(PYTHON) VENV=$(VENV) sh tools/make_venv.sh dev

assets: $(VENV)/run.stamp  ## install browser files made by others (exact versions, by hash)
	@$(BIN)/python tools/build_assets.py

system:  ## install what tests need from Debian (as root), or name it
	@sh tools/system_packages.sh

# ---- the two commands

demo: $(VENV)/run.stamp assets  ## start the demo hospital on 127.0.0.1:8080 (DETACH=1 returns when ready)
	@$(BIN)/yba demo $(if $(DETACH),--detach,)

demo-stop: $(VENV)/run.stamp  ## stop a detached demo
	@$(BIN)/yba demo --stop

test: $(VENV)/dev.stamp system assets definitions  ## run the whole suite, browser included
	@$(BIN)/python -m pytest -n auto --dist loadscope --no-loadscope-reorder $(ARGS)

definitions: $(VENV)/dev.stamp
	@$(BIN)/python tools/fetch_definitions.py
	@$(BIN)/python tools/fetch_clients.py
	@$(BIN)/python tools/fetch_signed_files.py

# ---- the rest

check: $(VENV)/dev.stamp  ## ruff, basedpyright, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/basedpyright
	@$(BIN)/lint-imports

sbom: $(VENV)/dev.stamp  ## write the bill of materials (CycloneDX) to var/sbom.cdx.json
	@$(BIN)/python tools/supply_chain.py bill

audit: $(VENV)/dev.stamp  ## ask public databases what is known against the pinned versions
	@$(BIN)/python tools/supply_chain.py audit

bench: $(VENV)/dev.stamp  ## print the table of measured figures
	@$(BIN)/python -m bench $(ARGS)

bench-large: $(VENV)/dev.stamp  ## the same with ten million resources (hours, 15 GB of disk)
	@$(BIN)/python -m bench --times 109 $(ARGS)

bench-mixed: $(VENV)/dev.stamp  ## an hour of mixed writes: counts deadlocks and errors (MINUTES=60)
	@$(BIN)/python -m bench.mixed --minutes $(or $(MINUTES),60)

test-faults: $(VENV)/dev.stamp  ## kill servers under load, many rounds
	@YBA_FAULT_ROUNDS=$(or $(ROUNDS),100) $(BIN)/python -m pytest tests/faults $(ARGS)

lock:  ## renew the pinned, hashed dependencies
	@for name in installer run dev; do $(BIN)/uv pip compile -q --universal --upgrade \
		--python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		requirements/$$name.in -o requirements/$$name.txt; done

clean:  ## remove the environment, the demo's data and everything built
	@-test -x $(BIN)/yba && $(BIN)/yba demo --stop
	@-test -L var/postgres && rm -rf "$$(readlink var/postgres)"
	@rm -rf var $(VENV) assets/node_modules .pytest_cache .ruff_cache .hypothesis .import_linter_cache

.PHONY: help assets system demo demo-stop test definitions check sbom audit bench bench-large bench-mixed test-faults lock clean
