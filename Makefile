# make demo   sets everything up and runs the main job on phantom patients
# make test   sets everything up and passes every check
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test setup check fast journeys bundle docs screenshots lock clean

PYTHON := .venv/bin/python
help: ## Show this list
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/installed ## Make the virtual environment and install everything into it

.venv/installed: pyproject.toml constraints.txt tools/setup
	@tools/setup
	@touch .venv/installed

demo: setup ## Run the whole job on phantom patients; ARGS="--exit --summary out.json"
	@$(PYTHON) -m service demo --data .facialis/demo $(ARGS)

test: setup ## Lint, types, unit tests, journeys, interop
	@tools/test-packages
	@$(MAKE) --no-print-directory check fast journeys

check: setup ## Lint and types
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy

fast: setup ## The tests that take seconds
	@OMP_NUM_THREADS=1 $(PYTHON) -m pytest -q -n 2 --dist worksteal -m "not journey and not interop and not cohort"

journeys: setup ## Whole ways through a running service, real peers, the cohort
	@$(PYTHON) -m pytest -q -n 2 --dist loadfile -m "journey or interop or cohort"

bundle: setup ## Train the commissioning bundle anew; COHORT=folder
	@$(PYTHON) -m grading.commissioning --cohort "$(COHORT)" --work .facialis/bundle --out grading/bundles/commissioning

docs: setup ## Write the pages of docs/ that come from the code
	@$(PYTHON) -m tools.error_codes
	@$(PYTHON) -m tools.received_formats
	@$(PYTHON) -m tools.code_tables
	@$(PYTHON) -m tools.conformance

screenshots: setup ## Take the pictures of docs/pictures anew, of the demo's phantoms in Chromium
	@$(PYTHON) -m tools.screenshots

lock: setup ## Resolve the dependencies anew into constraints.txt
	@$(PYTHON) -m uv pip compile --universal --python-version 3.11 --all-extras --group dev --no-header \
		--no-annotate --upgrade --quiet pyproject.toml --output-file constraints.txt

clean: ## Remove what the commands above made
	rm -rf .venv .facialis
