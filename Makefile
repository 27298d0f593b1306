# What a user and CI call; every target sets up what it needs first.
SHELL := /bin/bash
STORMDRILL := .venv/bin/stormdrill
PYTEST := .venv/bin/python -m pytest
EXP ?= kill-instance
RUN ?= runs/latest

# Every target is a command, none a file.
.PHONY: $(shell sed -n 's/^\([a-z0-9-]*\):.*/\1/p' $(firstword $(MAKEFILE_LIST)))

help: ## print this help
	@grep -hE '^[a-z0-9%-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 22

chaos-all: setup ## run the whole catalogue and print what is proven; ONLY= and SKIP= take globs
	@$(STORMDRILL) all $(foreach glob,$(ONLY),--only '$(glob)') $(foreach glob,$(SKIP),--skip '$(glob)')

chaos-%: setup ## run the experiment of this name, e.g. make chaos-kill-instance
	@$(STORMDRILL) run $*

setup: ## install what is needed; quiet when there is nothing to do
	@tools/setup.sh

up: setup ## bring the stack up and prove every part healthy
	@$(STORMDRILL) up

down: setup ## undo live faults, end the stack, leave nothing but runs/
	@$(STORMDRILL) down

swarm-up: setup ## bring the stack up with shop and inventory replicated by a Docker Swarm, on all its machines
	@RUNTIME=swarm $(STORMDRILL) up

restart: setup ## restart all shop and inventory instances, one after the other, without losing a request
	@$(STORMDRILL) restart

status: setup ## say what is up
	@$(STORMDRILL) status

logs: setup ## follow the stack's logs
	@tail -n 5 -F $${STORMDRILL_STATE:-/var/tmp/stormdrill-$$(id -u)-$${STORMDRILL_PORT_BASE:-18000}}/logs/*.log

run: setup ## run an experiment: make run EXP=<id>
	@$(STORMDRILL) run $(EXP)

undo: setup ## undo whatever a run left behind
	@$(STORMDRILL) undo

report: setup ## judge a recording again: make report RUN=runs/<id>
	@$(STORMDRILL) report $(RUN)

coverage: setup ## what the latest recordings prove; fails on an alert that nothing proves
	@$(STORMDRILL) coverage

validate: setup ## check every experiment file without touching a stack
	@$(STORMDRILL) validate

list: setup ## list the experiments
	@$(STORMDRILL) list

image-digests: setup ## pin the official images: write their digests into compose/images.lock (needs Docker and a network)
	@.venv/bin/python -m compose.digests

dashboards: setup ## make the dashboards' JSON files from their generator
	@.venv/bin/python -m dashboards.generator

check-dashboards: setup ## put load on the stack and see that every panel of every dashboard shows data
	@$(STORMDRILL) dashboards

compose-file: setup ## write compose/standalone/compose.yaml, the system without the attacker for whoever has only Docker
	@$(STORMDRILL) compose-file

fmt: setup ## format the code
	@.venv/bin/ruff format alerts chaos compose dashboards services tests
	@.venv/bin/ruff check --fix-only alerts chaos compose dashboards services tests

lint: setup ## lint the code
	@.venv/bin/ruff check alerts chaos compose dashboards services tests
	@.venv/bin/ruff format --check alerts chaos compose dashboards services tests

typecheck: setup ## mypy, strict
	@.venv/bin/mypy -p alerts -p chaos -p compose -p dashboards -p services

lint-alerts: setup ## alert rules, runbooks, their tests and dashboards against each other; promtool and amtool
	@.venv/bin/python -m alerts.lint

test: lint typecheck validate lint-alerts test-unit test-rules test-component test-e2e test-compose ## everything, by part

test-unit: setup ## pure tests
	@$(PYTEST) tests/unit

test-rules: setup ## alert rules and routing in production's and in drill time, and what lint-alerts finds
	@$(PYTEST) tests/rules

test-component: setup ## parts against real servers
	@$(PYTEST) tests/component

test-e2e: setup ## whole runs, the verifier verified
	@$(PYTEST) tests/e2e

test-compose: setup ## the stack in containers, where there is a Docker engine: the same experiments, the same verdicts
	@$(PYTEST) tests/containers

test-undo: setup ## hours: every fault, the runner killed in every phase, and each time all is put back
	@$(PYTEST) tests/undo

test-verifier: setup ## half an hour: five alerts at random, each broken in every way, and each time the verdict names it
	@$(PYTEST) tests/verifier

bench: setup ## what it costs to be observed, and what 5,000 connections wait, with bounds
	@.venv/bin/python -m tests.bench

ci: test ## what .ci/run calls

clean: down ## remove the Python environment and caches as well; recordings stay
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
