# What a user and CI call; every target sets up what it needs first.
SHELL := /bin/bash
STORMDRILL := .venv/bin/stormdrill
PYTEST := .venv/bin/python -m pytest
EXP ?= kill-instance
RUN ?= runs/latest

# Every target is a command, none a file; the parts of set-up are not made side by side.
.NOTPARALLEL:
.PHONY: $(shell sed -n 's/^\([a-z0-9 -]*\):.*/\1/p' $(firstword $(MAKEFILE_LIST)))

help:
	@tools/help.sh $(firstword $(MAKEFILE_LIST))

ablation: setup ## long: 45 minutes; each mechanism of the system off, beside the same with it on; ONLY= takes globs of switches
	@$(STORMDRILL) ablation $(foreach glob,$(ONLY),--only '$(glob)')

chaos-%: setup ## break: run the experiment of this name, e.g. make chaos-kill-instance
	@$(STORMDRILL) run $*

chaos-all: setup ## break: run the whole catalogue and print what is proven; ONLY= and SKIP= take globs
	@$(STORMDRILL) all $(foreach glob,$(ONLY),--only '$(glob)') $(foreach glob,$(SKIP),--skip '$(glob)')

setup: ## stack: install what is needed; quiet when there is nothing to do
	@tools/setup.sh

doctor: ## stack: what this machine has and lacks, before anything is installed
	@tools/doctor.sh

# For what needs no server, and for what needs all of them whatever the runtime.
setup-python setup-native setup-claims setup-browser setup-foreign setup-workflows:
	@tools/setup.sh $(@:setup-%=%)

up: setup ## stack: bring the stack up and prove every part healthy
	@$(STORMDRILL) up

down: setup-python ## stack: undo live faults, end the stack, leave nothing but runs/
	@$(STORMDRILL) down

swarm-up: export RUNTIME = swarm
swarm-up: setup ## stack: bring the stack up with shop and inventory as replicas of a Docker Swarm
	@$(STORMDRILL) up

restart: setup-python ## stack: restart shop and inventory, one instance after the other
	@$(STORMDRILL) restart

status: setup-python ## stack: say what is up
	@$(STORMDRILL) status

logs: setup-python ## stack: follow the stack's logs
	@tail -n 5 -F $${STORMDRILL_STATE:-/var/tmp/stormdrill-$$(id -u)-$${STORMDRILL_PORT_BASE:-18000}}/logs/*.log

run: setup ## break: run an experiment: make run EXP=<id>; LIVE=1 shows it in the browser
	@$(STORMDRILL) run $(EXP) $(if $(LIVE),--live)

gameday: export STORMDRILL_SEED ?= $(SEED)
gameday: setup ## play: a fault that nobody knows, and people who are paged (docs/game-days.md)
	@$(STORMDRILL) gameday $(if $(PRACTICE),--practice) $(if $(DAILY),--daily) $(if $(REMATCH),--rematch $(REMATCH)) $(if $(DECK),--deck $(DECK)) $(if $(ROUNDS),--rounds $(ROUNDS))

undo: setup-python ## break: undo whatever a run left behind
	@$(STORMDRILL) undo

report: setup-python ## see: judge a recording again: make report RUN=runs/<id>
	@$(STORMDRILL) report $(RUN)

coverage: setup-python ## see: what the latest recordings prove; fails on an alert that nothing proves
	@$(STORMDRILL) coverage

validate: setup-python ## break: check every experiment file without touching a stack
	@$(STORMDRILL) validate

list: setup-python ## break: list the experiments
	@$(STORMDRILL) list

image-digests: setup-python ## stack: pin the official images by digest (needs Docker and a network)
	@.venv/bin/python -m compose.containers.digests

dashboards: setup-python ## work: make the dashboards' JSON files from their generator
	@.venv/bin/python -m dashboards.generator

check-dashboards: setup ## see: under load every panel of every dashboard shows data
	@$(STORMDRILL) dashboards

compose-file: setup-python ## stack: write compose/standalone/compose.yaml, for whoever has nothing but Docker
	@$(STORMDRILL) compose-file

fmt: setup-python ## work: format the code
	@.venv/bin/ruff format alerts chaos compose dashboards services tests
	@.venv/bin/ruff check --fix-only alerts chaos compose dashboards services tests

lint: setup-python ## work: lint the code, and who imports whom
	@.venv/bin/ruff check alerts chaos compose dashboards services tests
	@.venv/bin/ruff format --check alerts chaos compose dashboards services tests
	@.venv/bin/lint-imports --no-cache --no-logo

lint-workflows: setup-workflows ## work: actionlint over .github/workflows
	@. tools/built.sh; PATH="$$PATH:$$(root=$$PWD; built_folder)" actionlint -shellcheck= -pyflakes=

typecheck: setup-python ## work: mypy, strict
	@.venv/bin/mypy -p alerts -p chaos -p compose -p dashboards -p services

audit: setup-python ## see: whether a locked package or a built program has a known vulnerability
	@tools/audit.sh

lint-alerts: setup-native ## see: alert rules, runbooks, rule tests and dashboards belong together
	@.venv/bin/python -m alerts.lint

test: lint lint-workflows typecheck validate lint-alerts test-unit test-rules test-component test-e2e test-foreign-quick test-compose ## work: everything, by part

test-unit: setup-native ## work: pure tests
	@$(PYTEST) tests/unit

test-rules: setup-native ## work: alert rules and routing in production's and in drill time, and what lint-alerts finds
	@$(PYTEST) tests/rules

test-component: setup-native ## work: parts against real servers
	@$(PYTEST) tests/component

test-e2e: setup-native ## work: whole runs, the verifier verified
	@$(PYTEST) tests/e2e

test-foreign-quick: setup-foreign ## work: two minutes: from adopt to a proven alert on an etcd that is not ours, sixty times as fast
	@$(PYTEST) tests/foreign/test_quick.py tests/foreign/test_ssh.py

test-foreign: setup-foreign ## long: about 75 minutes: the same at its own pace, a member killed, two of them, the ways between them slow
	@$(PYTEST) -s tests/foreign

test-compose: setup-native ## work: the stack in containers, where there is a Docker engine: the same experiments, the same verdicts
	@$(PYTEST) tests/containers

test-crowded: setup-native ## long: minutes: eight workers an instance come up, serve, and keep within Postgres's connections
	@$(PYTEST) tests/crowded

test-undo: setup-native ## long: hours: every fault, the runner killed in every phase, and each time all is put back
	@$(PYTEST) tests/undo

test-pace: setup-native ## long: over an hour: our stack at a sixth of a drill's pace and at production's; another one that looks once a minute
	@$(PYTEST) -s tests/pace

test-gameday: setup-native ## long: about an hour: whatever players do is put back, every card of our deck can be ended as it says, seals look alike
	@$(PYTEST) -s tests/gameday

test-console: setup-native setup-browser ## long: fifteen minutes: a round played in Chromium, by keyboard, at a phone's width, with axe-core
	@$(PYTEST) tests/browser

# The pictures in README.md and docs/game-days.md are made here, and nowhere else: of a report, and of a round that is played.
picture: setup-native setup-browser ## long: make docs/report.png, docs/timeline.png and docs/console.png
	@STORMDRILL_PICTURES=docs $(PYTEST) tests/browser/test_report.py tests/browser/test_round.py

test-verifier: setup-native ## long: half an hour: five alerts at random, each broken in every way, and each time the verdict names it
	@$(PYTEST) tests/verifier

test-grafana: setup-native ## long: the dashboards in a real Grafana (an engine that can pull images)
	@$(PYTEST) tests/grafana

test-machines: export STORMDRILL_OWN_DOCKER = 1
test-machines: setup-native ## long: six minutes: a Swarm of three machines, one of them drained, and a crowd of users (Debian, root)
	@$(PYTEST) tests/machines

test-distros: setup-native ## long: over an hour: Debian 12 and 13 from nothing, README's first command and the tests in each (root, mmdebstrap)
	@$(PYTEST) tests/distros

# ONLY=5,6 for some; DEVIATE=<name> does what must refute one; COMPARE=runs/<earlier>-claims.
claims: setup-claims ## long: hold the article's numbers against this machine; ONLY=5,6 DEVIATE=no-pool COMPARE=
	@$(STORMDRILL) claims $(foreach one,$(ONLY),--only $(one)) $(if $(DEVIATE),--deviate $(DEVIATE)) $(if $(COMPARE),--compare $(COMPARE))

claims-extreme: setup-claims ## long: about twenty minutes: where this machine breaks on the way to a million connections
	@$(STORMDRILL) claims --extreme

bench: setup-native ## long: what it costs to be observed, and what 5,000 connections wait, with bounds
	@.venv/bin/python -m tests.bench

ci: test ## work: what .ci/run calls

clean: down ## work: remove the Python environment and caches as well; recordings stay
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
