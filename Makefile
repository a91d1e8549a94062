# `make run` sets everything up and serves Parley; `make test` sets everything up and checks all of it.
# Both need make and Python 3.11 or newer, nothing else.

PYTHON ?= python3
VENV ?= .venv
PROCESSES ?= 2
# The peer's environment, and what `make bench` measures with: stored messages and clients, several with commas.
BENCH_VENV ?= .venv-bench
SIZE ?= 10000
CLIENTS ?= 8
ENGINE ?= docker
# Compilers of locks look this many days back: what is wrong with a release is often found in its first days.
COOLDOWN_DAYS ?= 7

BIN = $(VENV)/bin
MANAGE = $(BIN)/python manage.py
INSTALL = $(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes -r
PYTEST = $(BIN)/python -m pytest -n $(PROCESSES) --durations 15
BENCH = $(BIN)/python -m bench --peer-python $(BENCH_VENV)/bin/python --patience 2
FAULTS = $(BIN)/python -m pytest tests/faults -m faults -rP --tb=short -q
FUZZED = tests/stateful tests/api/test_schema_fuzz.py
PRODUCTION = DEBUG=false ALLOWED_HOSTS=parley.example.org \
	SECRET_KEY="$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(50))')" \
	SECRETS_KEYS="$$($(BIN)/python -c 'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())')"

.NOTPARALLEL:
.PHONY: help run test lint test-sqlite test-postgresql faults hostile fuzz bench bench-depth lock image clean

help:
	@echo "make run              serve Parley with demo data on http://127.0.0.1:8000 (PORT=8001: there)"
	@echo "make test             everything below, on SQLite and on PostgreSQL"
	@echo "make lint             style, types, templates, migrations, production settings"
	@echo "make test-sqlite      the tests on SQLite"
	@echo "make test-postgresql  the tests on PostgreSQL: on TEST_DATABASE_URL, else on one that is brought along"
	@echo "make faults           what survives kills, full disks, late clocks and the like, on both databases; 15 minutes"
	@echo "make bench            speed beside a peer on FastAPI, 6 minutes (SIZE=1000000 CLIENTS=8,64: in full); needs wrk"
	@echo "make bench-depth      what a thread of a million messages costs beside short ones; 20 minutes, most of it filling"
	@echo "make hostile          every hostile input at every place, on both databases, and their totals"
	@echo "make fuzz             requests made from the OpenAPI document, and state machines, for long; on both databases"
	@echo "make lock             choose newer dependencies: compile requirements*.in into requirements*.txt"
	@echo "make image            build the container image parley (ENGINE=podman: with that)"
	@echo "make clean            remove the environment and caches; var/ with your data stays"

run: $(VENV)/.requirements var/secret_key
	@$(MANAGE) migrate --no-input --verbosity 0
	@$(MANAGE) load_demo
	@$(MANAGE) bootstrap --organization quant --key-name "make run"
	@$(MANAGE) serve

test: lint test-sqlite test-postgresql

lint: $(VENV)/.requirements-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/djlint . --check --lint
	$(MANAGE) makemigrations --check --dry-run
	@echo "manage.py check --deploy, as in production"
	@$(PRODUCTION) $(MANAGE) check --deploy --fail-level WARNING

test-sqlite: $(VENV)/.requirements-dev
	DATABASE_URL=sqlite:///:memory: $(PYTEST)

test-postgresql: $(VENV)/.requirements-dev
	$(BIN)/python -m tests.with_postgresql $(PYTEST)

# One after the other: each fault needs the machine for itself. A fault that fails does not keep the others from running.
faults: $(VENV)/.requirements-dev
	@rm -rf var/faults
	@failed=0; \
	DATABASE_URL=sqlite:///:memory: $(FAULTS) || failed=1; \
	$(BIN)/python -m tests.with_postgresql $(FAULTS) || failed=1; \
	DATABASE_URL=sqlite:///:memory: $(BIN)/python -m tests.faults.table; \
	exit $$failed

hostile: $(VENV)/.requirements-dev
	$(BIN)/python -m tests.hostile.totals

fuzz: $(VENV)/.requirements-dev
	HYPOTHESIS_PROFILE=long FUZZ_EXAMPLES=100 DATABASE_URL=sqlite:///:memory: $(PYTEST) $(FUZZED)
	HYPOTHESIS_PROFILE=long FUZZ_EXAMPLES=100 $(BIN)/python -m tests.with_postgresql $(PYTEST) $(FUZZED)

bench: $(VENV)/.requirements-dev $(BENCH_VENV)/.requirements
	@command -v wrk >/dev/null || { \
		echo "wrk is not installed: apt-get install wrk, or https://github.com/wg/wrk"; exit 1; }
	$(BENCH) compare --size $(SIZE) --clients $(CLIENTS) --rounds 3 --save
	$(BENCH) rates --save
	$(BENCH) startup --save

# A thread of a million messages: filling takes longer than measuring, so it is asked for by name.
bench-depth: $(VENV)/.requirements-dev $(BENCH_VENV)/.requirements
	$(BENCH) depth --clients $(CLIENTS) --save

lock: $(VENV)/.requirements-dev
	day=$$($(BIN)/python -c 'import datetime as d; print(d.date.today() - d.timedelta($(COOLDOWN_DAYS)))') && \
	for name in requirements requirements-optional requirements-dev requirements-bench; do \
		$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
			--no-annotate --exclude-newer "$$day" --output-file $$name.txt $$name.in || exit 1; \
	done

image:
	$(ENGINE) build --tag parley .

clean:
	rm -rf $(VENV) $(BENCH_VENV) staticfiles .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.requirements: requirements.txt $(VENV)/.created
	@echo "Installing requirements.txt into $(VENV)"
	@$(INSTALL) requirements.txt
	@touch $@

$(VENV)/.requirements-dev: requirements-dev.txt $(VENV)/.created
	@echo "Installing requirements-dev.txt into $(VENV)"
	@$(INSTALL) requirements-dev.txt
	@touch $@

$(BENCH_VENV)/.requirements: requirements-bench.txt $(VENV)/.created
	@echo "Installing requirements-bench.txt into $(BENCH_VENV)"
	@$(BIN)/python -m venv --clear $(BENCH_VENV)
	@$(BENCH_VENV)/bin/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements-bench.txt
	@touch $@

# An environment that works is kept, whoever made it.
$(VENV)/.created:
	@$(BIN)/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not there; Parley needs Python 3.11 or newer."; exit 1; }; \
		$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
			echo "Parley needs Python 3.11 or newer, $(PYTHON) is $$($(PYTHON) -V 2>&1)." \
				"Name another one: make PYTHON=python3.12 ..."; exit 1; }; \
		$(PYTHON) -m venv --clear $(VENV); }
	@touch $@

# Written in full before it gets its name: half a key would be a wrong key for ever.
var/secret_key:
	@mkdir -p var
	@umask 077 && $(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))' > $@.new && mv $@.new $@
