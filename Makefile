# What a user and CI call; every target sets up what it needs first.
SHELL := /bin/bash
STORMDRILL := .venv/bin/stormdrill
PYTEST := .venv/bin/python -m pytest
EXP ?= kill-instance
RUN ?= runs/latest

# Every target is a command, none a file; the parts of set-up are not made side by side.
.NOTPARALLEL:
.PHONY: $(shell sed -n 's/^\([a-z0-9 -]*\):.*/\1/p' $(firstword $(MAKEFILE_LIST)))

help: ## print this help
	@grep -hE '^[a-z0-9%-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 22

chaos-all: setup ## run the whole catalogue and print what is proven; ONLY= and SKIP= take globs
	@$(STORMDRILL) all $(foreach glob,$(ONLY),--only '$(glob)') $(foreach glob,$(SKIP),--skip '$(glob)')

chaos-%: setup ## run the experiment of this name, e.g. make chaos-kill-instance
	@$(STORMDRILL) run $*

setup: ## install what is needed; quiet when there is nothing to do
	@tools/setup.sh

doctor: ## say what this machine has and lacks for each runtime, before anything is installed
	@tools/doctor.sh

# For what needs no server, and for what needs all of them whatever the runtime.
setup-python setup-native setup-browser:
	@tools/setup.sh $(@:setup-%=%)

up: setup ## bring the stack up and prove every part healthy
	@$(STORMDRILL) up

down: setup-python ## undo live faults, end the stack, leave nothing but runs/
	@$(STORMDRILL) down

swarm-up: export RUNTIME = swarm
swarm-up: setup ## bring the stack up with shop and inventory replicated by a Docker Swarm, on all its machines
	@$(STORMDRILL) up

restart: setup-python ## restart all shop and inventory instances, one after the other, without losing a request
	@$(STORMDRILL) restart

status: setup-python ## say what is up
	@$(STORMDRILL) status

logs: setup-python ## follow the stack's logs
	@tail -n 5 -F $${STORMDRILL_STATE:-/var/tmp/stormdrill-$$(id -u)-$${STORMDRILL_PORT_BASE:-18000}}/logs/*.log

run: setup ## run an experiment: make run EXP=<id>; LIVE=1 shows it in the browser
	@$(STORMDRILL) run $(EXP) $(if $(LIVE),--live)

gameday: export STORMDRILL_SEED ?= $(SEED)
gameday: setup ## play a round: a fault that nobody knows, and people who are paged (docs: README, "Game days")
	@$(STORMDRILL) gameday $(if $(PRACTICE),--practice) $(if $(DAILY),--daily) $(if $(REMATCH),--rematch $(REMATCH)) $(if $(DECK),--deck $(DECK)) $(if $(ROUNDS),--rounds $(ROUNDS))

undo: setup-python ## undo whatever a run left behind
	@$(STORMDRILL) undo

report: setup-python ## judge a recording again: make report RUN=runs/<id>
	@$(STORMDRILL) report $(RUN)

coverage: setup-python ## what the latest recordings prove; fails on an alert that nothing proves
	@$(STORMDRILL) coverage

validate: setup-python ## check every experiment file without touching a stack
	@$(STORMDRILL) validate

list: setup-python ## list the experiments
	@$(STORMDRILL) list

image-digests: setup-python ## pin the official images: write their digests into compose/images.lock (needs Docker and a network)
	@.venv/bin/python -m compose.containers.digests

dashboards: setup-python ## make the dashboards' JSON files from their generator
	@.venv/bin/python -m dashboards.generator

check-dashboards: setup ## put load on the stack and see that every panel of every dashboard shows data
	@$(STORMDRILL) dashboards

compose-file: setup-python ## write compose/standalone/compose.yaml, the system without the attacker for whoever has only Docker
	@$(STORMDRILL) compose-file

fmt: setup-python ## format the code
	@.venv/bin/ruff format alerts chaos compose dashboards services tests
	@.venv/bin/ruff check --fix-only alerts chaos compose dashboards services tests

lint: setup-python ## lint the code, and who imports whom
	@.venv/bin/ruff check alerts chaos compose dashboards services tests
	@.venv/bin/ruff format --check alerts chaos compose dashboards services tests
	@.venv/bin/lint-imports --no-cache --no-logo

typecheck: setup-python ## mypy, strict
	@.venv/bin/mypy -p alerts -p chaos -p compose -p dashboards -p services

audit: setup-python ## ask whether a locked package or a built program has a known vulnerability; 2 where that cannot be found out
	@tools/audit.sh

lint-alerts: setup-native ## alert rules, runbooks, their tests and dashboards against each other; promtool and amtool
	@.venv/bin/python -m alerts.lint

test: lint typecheck validate lint-alerts test-unit test-rules test-component test-e2e test-compose ## everything, by part

test-unit: setup-native ## pure tests
	@$(PYTEST) tests/unit

test-rules: setup-native ## alert rules and routing in production's and in drill time, and what lint-alerts finds
	@$(PYTEST) tests/rules

test-component: setup-native ## parts against real servers
	@$(PYTEST) tests/component

test-e2e: setup-native ## whole runs, the verifier verified
	@$(PYTEST) tests/e2e

test-compose: setup-native ## the stack in containers, where there is a Docker engine: the same experiments, the same verdicts
	@$(PYTEST) tests/containers

test-crowded: setup-native ## minutes: eight workers an instance come up, serve, and keep within Postgres's connections
	@$(PYTEST) tests/crowded

test-undo: setup-native ## hours: every fault, the runner killed in every phase, and each time all is put back
	@$(PYTEST) tests/undo

test-pace: setup-native ## over an hour: our stack at a sixth of a drill's pace and at production's; another one that looks once a minute
	@$(PYTEST) -s tests/pace

test-gameday: setup-native ## about an hour: whatever players do is put back, every card of our deck can be ended as it says, seals look alike
	@$(PYTEST) -s tests/gameday

test-console: setup-native setup-browser ## fifteen minutes: a round played in Chromium, by keyboard, at a phone's width, with axe-core
	@$(PYTEST) tests/browser

# THE PICTURE IN README.md IS MADE HERE, and nowhere else: a host's page in the middle of a round that is played.
picture: setup-native setup-browser ## make docs/console.png, the picture of the console
	@STORMDRILL_PICTURE=docs/console.png $(PYTEST) tests/browser/test_round.py

test-verifier: setup-native ## half an hour: five alerts at random, each broken in every way, and each time the verdict names it
	@$(PYTEST) tests/verifier

test-machines: export STORMDRILL_OWN_DOCKER = 1
test-machines: setup-native ## six minutes: a Swarm of three machines, one of them drained, and a crowd of users (Debian, root)
	@$(PYTEST) tests/machines

test-distros: setup-native ## over an hour: Debian 12 and 13 from nothing, README's first command and the tests in each (root, mmdebstrap)
	@$(PYTEST) tests/distros

bench: setup-native ## what it costs to be observed, and what 5,000 connections wait, with bounds
	@.venv/bin/python -m tests.bench

ci: test ## what .ci/run calls

clean: down ## remove the Python environment and caches as well; recordings stay
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
