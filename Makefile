# make demo : a host made here becomes a served application.   make test : what every change has to pass.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export PYTHONPATH := $(CURDIR)/.collections
# Half of what a unit test takes is waiting: for a process, a server or a deadline.
WORKERS := $(shell expr 2 '*' $$(nproc))
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo demo-destroy check lint sanity unit coverage build playbooks site integration molecule test-demo test test-all measure docs lab clean

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

check: setup-dev ## What every commit passes: lint, unit tests, sanity, the artifact
	@tools/run check

lint: setup-dev ## Linters and generated files
	ruff check .
	ruff format --check .
	yamllint --strict .
	shellcheck --external-sources --source-path=SCRIPTDIR $$(git grep -lE '^#!.*bash')
	tools/role_docs.py --check
	tools/rule_docs.py --check
	tools/variable_docs.py --check
	ansible-lint --offline
	antsibull-changelog lint
	cd .collections/ansible_collections/farol/vps && antsibull-docs lint-collection-docs --plugin-docs .

unit: setup-dev ## Tests of the plugins' cores, without a host
	pytest -q -n $(WORKERS) tests/unit

coverage: setup-dev ## The same, and that they run at least 90 % of the plugins' lines, slower
	pytest -q -n $(WORKERS) --cov --cov-report=term-missing:skip-covered --cov-fail-under=90 tests/unit

sanity: setup-dev ## ansible-test sanity
	tools/sanity

build: setup-dev ## Build the artifact, install it elsewhere and start a playbook from it
	tools/artifact

playbooks: setup-dev ## Playbooks that need no host of the lab, against servers that know the providers' APIs
	pytest -q -n 2 tests/playbooks

site: setup-dev ## The documentation as a site in .cache/site, every link checked (a minute)
	@tools/docs_site

integration: setup-dev ## ansible-test integration: modules in plays, on this machine (half a minute)
	tools/integration

lab: setup-dev ## What scenarios share: images of all distributions, registry, storage, ACME server (about twelve minutes the first time)
	molecule/lab/services up
	molecule/lab/image trixie jammy bookworm resolute
	molecule/lab/scanner

molecule: setup-dev ## All Molecule scenarios
	@tools/scenarios

test-demo: setup-dev ## The demo twice, an application of one's own in it, then its removal
	tools/test-demo

test: setup-dev ## The gate: check, the whole of site.yml on two hosts, the demo
	@tools/run gate

test-all: setup-dev ## The gate and all that is beyond it: every scenario, playbooks, site, integration
	@tools/run all

measure: setup-dev ## Benchmarks; they gate nothing
	tests/benchmark/run

docs: setup-dev ## Write what is generated from the roles' specs
	tools/role_docs.py
	tools/rule_docs.py
	tools/variable_docs.py

clean: ## Remove the lab: hosts, services, images, keys
	molecule/lab/clean
