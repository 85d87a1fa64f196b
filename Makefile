# make demo : a host made here becomes a served application.   make test : everything that gates a release.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export PYTHONPATH := $(CURDIR)/.collections
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo demo-destroy check lint sanity unit build molecule test-demo test measure docs lab-images clean

help: ## Show these targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup:
	@tools/setup

setup-dev:
	@tools/setup dev

demo: setup ## Bring up a host here and the example application on it
	@tools/demo up

demo-destroy: setup ## Remove the demo
	@tools/demo down

check: lint unit sanity build ## What every commit passes: lint, unit tests, sanity, the artifact (under 5 minutes)

lint: setup-dev ## Linters and generated files
	ruff check .
	ruff format --check .
	yamllint --strict .
	shellcheck --external-sources --source-path=SCRIPTDIR $$(git grep -lE '^#!.*bash')
	tools/role_docs.py --check
	tools/rule_docs.py --check
	ansible-lint --offline
	antsibull-changelog lint
	cd .collections/ansible_collections/farol/vps && antsibull-docs lint-collection-docs --plugin-docs .

unit: setup-dev ## Tests of the plugins' cores, without a host
	pytest -q -n auto --cov --cov-report=term-missing:skip-covered --cov-fail-under=90 tests/unit

sanity: setup-dev ## ansible-test sanity
	tools/sanity

build: setup-dev ## Build the artifact, install it elsewhere and start a playbook from it
	tools/artifact

molecule: setup-dev ## All Molecule scenarios
	tools/scenarios

test-demo: setup-dev ## The demo twice, then its removal
	tools/test-demo

test: check molecule test-demo ## Everything (under 60 minutes on 2 cores)

measure: setup-dev ## Benchmarks; they gate nothing
	tests/benchmark/run

docs: setup-dev ## Write what is generated from the roles' specs
	tools/role_docs.py
	tools/rule_docs.py

clean: ## Remove the lab: hosts, services, images, keys
	molecule/lab/clean
