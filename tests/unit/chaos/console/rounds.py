"""A made-up round in a folder, sealed, with people at its table; and consoles of it."""

import asyncio
import contextlib
import functools
import json

import httpx
import msgspec

from chaos.console import app
from chaos.console.gate import PROOF_HEADER
from chaos.console.rates import Rates
from chaos.console.settings import ConsoleSettings
from chaos.facts import game
from chaos.facts.files import EXPERIMENT_FILE, FACTS_FILE, LOAD_FILE
from chaos.facts.game import GAME_FILE, InjectTold, Paged, Ready, RoundBegan
from chaos.facts.run import PhaseBegan
from chaos.gameday import sealing
from chaos.spec.gameday import seal
from chaos.spec.gameday.deck import Inject
from chaos.spec.gameday.seal import Sealed
from chaos.spec.values import Duration
from tests.fakes import FakeClock

ORIGIN = "http://127.0.0.1"
TOKENS = {role: f"{role}-token" for role in game.ROLES}
ALONE = {"host": TOKENS["host"]}
"""Of a console for this machine."""
SECRET_WORD = "zorgblatt"
WALL = 1000.0
"""Unix time at the start of the round."""
LOOP = asyncio.Runner()
PAGE, QUESTION = 3, 4
"""The numbers of the page and of the question."""
BODIES = {
    "join": {"role": "player"},
    "acknowledge": {"page": PAGE},
    "runbook": {"page": PAGE},
    "claim": {"component": "shop-2", "family": "process", "confidence": 0.7},
    "note": {"text": "it is <b>slow</b>"},
    "answer": {"inject": QUESTION, "text": "Only slow."},
    "act": {"action": "restart shop-2"},
    "hint": {},
    "over": {},
    "truth": {},
    "steer": {"how": "extend", "seconds": 60},
}
EXPERIMENT = """\
title: {0} title
claim: {0} claim
fault: {{ type: process.kill, instance: {0}-2, for: 15s }}
steady_state:
  - {{ name: {0} check, query: "load:failed:ratio", before: "== 0", during: "< 0.5", after: "< 0.02" }}
alerts:
  - {{ name: {0}Down, fires_within: 20s, resolves_within: 30s }}
recover_within: 20s
"""


def line(at, took=0.01, ok=True, word="shop-1"):
    """One request of users, as the load writes it."""
    asked = {"at": at, "took": took, "name": f"GET /{word}", "status": 200 if ok else 503, "ok": ok}
    return json.dumps(asked | {"error": None if ok else word, "served_by": word}) + "\n"


@contextlib.contextmanager
def sealed_round(folder, word=SECRET_WORD, seed=1, origin=100.0):
    """A round that is played in this folder while the block is; yields its seal and the sealed folder.

    `origin`: CLOCK_MONOTONIC at its start.
    """
    inject = Inject(Duration(seconds=60), f"{word} asks", within=Duration(seconds=60))
    text = EXPERIMENT.format(word)
    made = seal.seal(Sealed(f"{word}-one", text, 12.5, [inject], f"restart {word}-2", False, seed, 0))
    with sealing.sealed(folder, made) as private:
        (private / EXPERIMENT_FILE).write_text(text)
        (private / FACTS_FILE).write_bytes(msgspec.json.encode(PhaseBegan(0.5, word)) + b"\n")
        (private / LOAD_FILE).write_text(line(1.0, word=word) + line(1.5, ok=False, word=word) + line(2.2, word=word))
        for fact in (
            RoundBegan(
                0, 0.0, origin, WALL, made.commitment, 1200.0, 120.0, "the second on call",
                ["shop-1", "shop-2", "nothing"], ["process", "network", "nothing"],
                ["restart shop-2", "silence ALERT MINUTES"], {"shop-2": "shop"}, ["an old item"], 1.0,
            ),
            Ready(0, 3.0),
            Paged(0, 8.0, "pager", True, ["Down{instance=shop-2}"], "It is down", "https://books/Down.md", 8.0),
            InjectTold(0, 9.0, "sales", "Is it down?", 60.0),
        ):  # fmt: skip
            game.append(folder / GAME_FILE, fact)
        yield made, private


def settings(folder, tokens=None, books="", speed=0.0, began=0.0, **more):
    return ConsoleSettings(
        str(folder), False, "", str(books), "127.0.0.1", 80, "a secret", tokens or ALONE, speed, began, **more
    )


class Browser:
    """Asks an application without a network; keeps cookies as browsers do."""

    def __init__(self, application):
        self._transport = httpx.ASGITransport(application)
        self.headers = httpx.Headers()
        self.cookies = httpx.Cookies()

    def get(self, path, **more):
        return LOOP.run(self._ask("GET", path, **more))

    def post(self, path, **more):
        return LOOP.run(self._ask("POST", path, **more))

    async def _ask(self, method, path, **more):
        asks = httpx.AsyncClient(transport=self._transport, base_url=ORIGIN, headers=self.headers, cookies=self.cookies)
        async with asks:
            answer = await asks.request(method, path, **more)
        self.cookies = asks.cookies
        return answer


def application(given, clock=None, **more):
    return app.create(given, clock or FakeClock(110.0), **more)


@functools.cache
def patient(given_encoded):
    """The application of these settings for all tests that it refuses: it lets everybody ask as often as he likes."""
    given = msgspec.json.decode(given_encoded, type=ConsoleSettings)
    return application(given, reads=Rates(1e9, 0), writes=Rates(1e9, 0))


def shared(given, role="host"):
    """A browser of an application that other tests ask as well."""
    return client(given, role, patient(msgspec.json.encode(given)))


def client(given, role="host", made_before=None, **more):
    """A browser that was let in as this role."""
    made = Browser(made_before or application(given, **more))
    if role in given.tokens:
        made.cookies.set(given.cookie, given.tokens[role])
    made.headers[PROOF_HEADER] = given.proof(role)
    made.headers["Origin"] = ORIGIN
    return made


def send(browser, verb, who="Ann", **changes):
    return browser.post(f"/do/{verb}", content=msgspec.json.encode({"who": who} | BODIES[verb] | changes))
