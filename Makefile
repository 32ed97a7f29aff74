# make demo: the whole job on made data.  make test: the test suite.  Both install into .venv first.
# STACK=fork: the same with the maintained fork of OpenMMLab, in .venv-fork.
STACK ?= upstream
VENV := .venv$(patsubst %,-%,$(filter-out upstream,$(STACK)))
PY := $(VENV)/bin/python
export PYTHONWARNINGS := ignore:pkg_resources is deprecated

.PHONY: demo data test test-configs gpu lint format install
demo: install
	$(PY) tools/demo.py

data: install
	$(PY) tools/make_toy_data.py data/toy

test: install
	OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist worksteal

test-configs: install
	OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist worksteal -m all_configs

# On a machine with a GPU; docs/install.md. ARGS=--cpu lets a CPU stand in.
gpu:
	bash benchmarks/gpu.sh $(ARGS)

lint: install
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

format: install
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

install:
	@bash tools/install.sh $(VENV) $(STACK)
