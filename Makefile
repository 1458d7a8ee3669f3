# Needs Python 3.11 or newer, pip and make; fetches the rest into .venv.
PYTHON ?= python3
UV_VERSION := 0.13.8
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
SYNAPSE := build/synapse
ARGS ?=
WORKERS ?= 2

# asyncpg leaves the sockets open of connections that the database's server has closed, which a test makes it do.
FORGIVING := -W ignore::ResourceWarning

# What a database has to do with. The rest would only be run twice.
ON_EVERY_ENGINE := tests/accounts tests/lessons tests/server/handlers tests/storage \
	$(addprefix tests/faults/test_,clock.py database.py kill.py outage.py process.py workers.py) \
	$(addprefix tests/server/test_,dialogue_over_two.py fuzz.py housekeeping.py shared_limits.py turns.py uia.py) \
	$(addprefix tests/delivery/test_,outbox_store.py outbox_worker.py) tests/client/test_against_server.py

# Where the tests that walk the pages with a browser leave what they have seen.
export BROWSER_SCREENSHOTS ?= $(CURDIR)/build/screenshots
# Databases that live for one test need no disk, which makes them wait; memory will do where the system has it as a folder.
export PYTEST_DEBUG_TEMPROOT ?= $(wildcard /dev/shm)
# So it will for whole servers of PostgreSQL, where there are 2 GiB of it.
MEMORY := $(shell df -Pk /dev/shm 2>/dev/null | awk '$$6 == "/dev/shm" && $$4 > 2 * 1024 * 1024 {print $$6}')
ifneq ($(MEMORY),)
test: export TMPDIR ?= $(MEMORY)
endif
# What pytest makes of assertions takes long to make, and is kept for the second run and the next ones.
unexport PYTHONDONTWRITEBYTECODE
# The Synapse that the client is tested against, in an environment of its own.
export SYNAPSE_PYTHON ?= $(CURDIR)/$(SYNAPSE)/bin/python
export UV_PROJECT_ENVIRONMENT := $(VENV)
export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := 1

.DEFAULT_GOAL := help
.PHONY: help install serve test check audit synapse format bench lock clean

help: ## Show what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | expand -t 12

install: $(VENV)/.all ## Set up .venv with everything

serve: $(VENV)/.server ## Run the server on 127.0.0.1:8008, ready to be tried (ARGS="--port 9000" adds options)
	@$(BIN)/ostiary serve --dev $(ARGS)

test: $(VENV)/.all $(SYNAPSE)/.all ## Run the whole suite, on SQLite and on PostgreSQL (ARGS="-k login" picks tests)
	@$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)
	@OSTIARY_TEST_DATABASE=postgresql $(BIN)/python -m pytest -n $(WORKERS) $(FORGIVING) $(ARGS) $(ON_EVERY_ENGINE)

check: $(VENV)/.all ## Lint, format, types, and who imports whom
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/pyright
	@$(BIN)/python -m pytest -q tests/test_arrows.py

synapse: $(SYNAPSE)/.all ## Set up the Synapse that the client is tested against, and that the benchmarks measure

audit: $(VENV)/.all ## Look for known vulnerabilities in the locked versions (ARGS=FILE: in a file of requirements)
	@$(BIN)/python .ci/audit.py $(ARGS)

format: $(VENV)/.all ## Format, and mend what can be mended by machine
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

bench: $(VENV)/.all ## Measure CPU per operation (ARGS="--only whoami" picks)
	@$(BIN)/python -m benchmarks $(ARGS)

lock: $(UV) ## Renew the locked versions
	@$(UV) lock --upgrade
	@$(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		--output-file tests/peers/synapse.txt tests/peers/synapse.in

clean: ## Remove what was set up here
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis build

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; say which by make PYTHON=python3.12")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

# What runs the server is part of what everything needs, so the two never undo each other.
$(VENV)/.server: $(UV) pyproject.toml uv.lock
	@test -e $(VENV)/.all || $(UV) sync --quiet --frozen --inexact --no-default-groups --extra server
	@touch $@

$(VENV)/.all: $(UV) pyproject.toml uv.lock
	@$(UV) sync --quiet --frozen --inexact --all-extras
	@touch $@ $(VENV)/.server

$(SYNAPSE)/.all: tests/peers/synapse.txt | $(UV)
	@$(UV) venv --quiet --clear --python $(BIN)/python $(SYNAPSE)
	@$(UV) pip sync --quiet --python $(SYNAPSE) --require-hashes --no-build --compile-bytecode $<
	@touch $@
