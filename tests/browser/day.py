"""A game day on the tests' stack as its people have it: the game in a process, and its console, which may be killed."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import psutil

from chaos.console import settings
from chaos.console.process import FOLDER
from chaos.errors import GameRefused
from chaos.facts.any_fact import AnyFact
from chaos.facts.files import FACTS_FILE
from chaos.facts.game import Paged, Ready
from chaos.facts.run import RunEnded, Undone
from chaos.gameday import ending
from chaos.gameday.table import Table
from compose.settings import ROOT
from tests.ports import free_port
from tests.waiting import until

SECRET = "zorgblatt"
"""Part of every name, title and claim of the deck, and of nothing else."""
EXPERIMENT = """\
title: {secret} title
claim: {secret} claim
fault: {{ type: process.kill, instance: {instance}, for: 60s }}
steady_state:
  - {{ name: {secret} check, query: "load:failed:ratio", before: "== 0", during: "< 2", after: "< 0.02" }}
may_fire: [{alerts}]
{more}recover_within: 30s
"""
DECK = """\
title: A made-up day
earliest: 1s
latest: 2s
limit: 240s
acknowledge_within: 60s
fallback: the second on call
cards:
  - experiment: {secret}-one.yaml
    mitigation: restart shop-2
    injects: [{{ after: 4s, from: sales, text: "Is it down?", within: 60s }}]
"""
STARTS_WITHIN, READY_WITHIN, ENDS_WITHIN = 60.0, 120.0, 120.0


class Day:
    """One round that Hana leads; it comes when she says so."""

    def __init__(self, stack, folder: Path, instance="shop-2", alerts="ShopInstanceDown, HAProxyServerDown", more=""):
        text = EXPERIMENT.format(secret=SECRET, instance=instance, alerts=alerts, more=more)
        (folder / f"{SECRET}-one.yaml").write_text(text)
        deck = folder / "gameday.yaml"
        deck.write_text(DECK.format(secret=SECRET))
        self._stack = stack
        self._runs = stack.settings.runs
        self._before = (self._runs / "latest").resolve()
        self.output = (folder / "output").open("w+")
        arguments = ("gameday", "--host", "--name", "Hana", "--deck", deck, "--rounds", "1", "--listen", "127.0.0.1",
                     "--port", free_port())  # fmt: skip
        self.game = self._begin(*arguments)
        self._consoles = []

    def _begin(self, *arguments, stdin=subprocess.DEVNULL):
        command = (sys.executable, "-m", "chaos", *map(str, arguments))
        return subprocess.Popen(
            command, env=self._stack.environment, cwd=ROOT, stdin=stdin, stdout=self.output, stderr=subprocess.STDOUT,
            text=True,
        )  # fmt: skip

    @property
    def said(self) -> str:
        """What the game and its consoles have printed."""
        self.output.flush()
        return Path(self.output.name).read_text()

    @property
    def console(self):
        """The settings of its console."""
        return settings.read(self._runs / FOLDER / "gameday.json")

    @property
    def urls(self) -> dict[str, str]:
        """Each role's address, once there is a console."""
        until(self._answers, STARTS_WITHIN)
        return dict(self.console.urls("127.0.0.1"))

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.console.port), timeout=1):
                return True
        except (GameRefused, OSError):
            return False

    @property
    def table(self) -> Table:
        """The round's, once there is one."""
        latest = self._runs / "latest"
        until(lambda: (latest.resolve() != self._before and ending.is_round(latest)) or self.game.poll() is not None,
              STARTS_WITHIN)  # fmt: skip
        assert self.game.poll() is None, self.said
        return Table(latest.resolve())

    def injected(self) -> Table:
        """Its table, once all is well, the host has said that it may come, and somebody was paged."""
        table = self.table
        until(lambda: table.all(Ready) or self.game.poll() is not None, READY_WITHIN)
        assert self.game.poll() is None, self.said
        until(lambda: [page for page in table.all(Paged) if page.firing], READY_WITHIN)
        return table

    def workers(self) -> list[psutil.Process]:
        """The processes of a console of this folder of runs."""
        wanted = str(self._runs / FOLDER / "gameday.json")
        found = []
        for process in psutil.process_iter():
            try:
                if any(wanted in word for word in process.cmdline()):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def kill_console(self) -> None:
        """Kill it with all its processes, as if the machine had."""
        for process in self.workers():
            with contextlib.suppress(psutil.NoSuchProcess):  # gunicorn ends its worker, once it is killed itself
                process.kill()
        until(lambda: not self.workers())

    def begin_console(self) -> None:
        """Have it there again, as `stormdrill console` does."""
        self._consoles.append(self._begin("console"))
        until(self.workers, STARTS_WITHIN)

    def joins(self, *words: str) -> None:
        """Hana in another terminal types this."""
        joined = self._begin("gameday", "join", "--name", "Hana", "--host", stdin=subprocess.PIPE)
        joined.stdin.write("".join(f"{word}\n" for word in words))
        joined.stdin.flush()
        self._consoles.append(joined)

    def aborts(self) -> None:
        """Somebody who never came to the table ends it, from any terminal."""
        self._consoles.append(self._begin("gameday", "abort"))

    def now(self) -> float:
        """Seconds since the round's start."""
        return time.monotonic() - self.table.began.origin

    def undone_at(self) -> float:
        """When the fault was proven undone, once the game has ended."""
        return max(fact.at for fact in self.facts() if isinstance(fact, Undone))

    def ended_at(self) -> float:
        """When the run was over, with everything put back, once the game has ended."""
        [ended] = [fact for fact in self.facts() if isinstance(fact, RunEnded)]
        return ended.at

    def facts(self) -> list[AnyFact]:
        """What the run has recorded, once the game has ended."""
        self.game.wait(ENDS_WITHIN)
        lines = ((self._runs / "latest").resolve() / FACTS_FILE).read_bytes().splitlines()
        return [msgspec.json.decode(line, type=AnyFact) for line in lines]

    def end(self) -> None:
        """End what is left of it: the game in good order, then its consoles."""
        for process in (self.game, *self._consoles):
            if process.poll() is None:
                os.kill(process.pid, signal.SIGINT)
                process.wait(ENDS_WITHIN)
            if process.stdin:
                process.stdin.close()
        self.output.close()
