"""Programs that are no part of the engine and come with it: the alert linter, the maker of drill time, the pager.

Each takes the place of this process, and imports from a folder of its own: that of the wheel, or the checkout. So it
finds what it is made of whatever folders lie where it is started, and nobody else finds that by accident.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

from chaos.cli.checkout import ROOT
from chaos.console.process import free_port
from chaos.machine import extras

_CARRIED = ROOT / "chaos" / "carried"
"""In a wheel; see setup.py."""
_SERIES = "series"
"""Writes, from a running Prometheus, what the linter holds rules against."""
_ANY_RECEIVER = "*"
_LIBRARIES = ("aiosmtpd", "fastapi", "gunicorn", "opentelemetry", "pydantic_settings")
_PORT = 9099
_HERE = "127.0.0.1"


def add(add: Callable[..., argparse.ArgumentParser]) -> None:
    """The arguments of the three."""
    # Options are the programs' own, so none is one here.
    passed: dict[str, Any] = {"prefix_chars": "\0", "add_help": False}
    for name, text in (
        ("lint-alerts", "hold alert rules, runbooks, rule tests and dashboards against each other (--help says how)"),
        ("drill-time", "write alert rules and routing in drill time (--help says how)"),
    ):
        add(name, text, **passed).add_argument("arguments", nargs="*")
    pager = add("pager", "take what Alertmanager sends, as people's services would, and keep it")
    pager.add_argument("--listen", default=_HERE, metavar="ADDRESS", help=f"default: {_HERE}, this machine alone")
    pager.add_argument("--port", type=int, default=_PORT, help=f"default: {_PORT}")
    pager.add_argument("--journal", type=Path, default=Path("pager.ndjson"), help="keeps them; default: pager.ndjson")
    pager.add_argument("--receivers", default=_ANY_RECEIVER, metavar="A,B", help="whose are taken; default: anybody's")
    pager.add_argument("--mail", default="", metavar="ADDRESS:PORT", help="where it takes mail; default: nowhere")
    pager.add_argument("--metrics-port", type=int, help=f"of its metrics, at {_HERE}; default: one that is free")


def lint_alerts(arguments: argparse.Namespace) -> NoReturn:
    """`python -m alerts.lint`, or `alerts.lint.series` where the first word is `series`."""
    if arguments.arguments[:1] == [_SERIES]:
        _become("alerts.lint.series", arguments.arguments[1:])
    _become("alerts.lint", arguments.arguments)


def drill_time(arguments: argparse.Namespace) -> NoReturn:
    """`python -m compose.drill_time`."""
    _become("compose.drill_time", arguments.arguments)


def pager(arguments: argparse.Namespace) -> NoReturn:
    """The pager, until a signal ends it. Raises NotInstalled."""
    extras.assert_installed("pager", "the pager", *_LIBRARIES)
    told = {
        "PAGER_INSTANCE": "pager",
        "PAGER_JOURNAL": str(arguments.journal.resolve()),
        "PAGER_RECEIVERS": arguments.receivers,
        "PAGER_MAIL": arguments.mail,
        "PAGER_METRICS_HOST": _HERE,
        "PAGER_METRICS_PORTS": str(arguments.metrics_port or free_port(_HERE)),
    }
    address = f"[{arguments.listen}]" if ":" in arguments.listen else arguments.listen
    gunicorn = ["--config", "python:services.kit.lifecycle.gunicorn_conf", "--workers", "1", "--no-control-socket"]
    # It imports from the folder that it is in, before all others.
    gunicorn += ["--chdir", str(place()), "--bind", f"{address}:{arguments.port}", "services.pager.main:create_app()"]
    _become("gunicorn", gunicorn, told)


def place() -> Path:
    """Where they import from."""
    return _CARRIED if _CARRIED.is_dir() else ROOT


def _become(module: str, arguments: Sequence[str], told: Mapping[str, str] = MappingProxyType({})) -> NoReturn:
    sys.stdout.flush()
    # `-P`: not from the folder that we are in, which may well have an `alerts` or a `services` of its own.
    command = (sys.executable, "-P", "-m", module, *arguments)
    path = os.pathsep.join(filter(None, (str(place()), os.environ.get("PYTHONPATH"))))
    os.execve(sys.executable, command, {**os.environ, "PYTHONPATH": path, **told})  # noqa: S606  # it is Python
