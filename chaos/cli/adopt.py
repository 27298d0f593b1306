"""The command `adopt`: says of every alert of a stack what is known of it, and writes what its team begins with."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from chaos.campaign import adoption
from chaos.errors import InvalidFile, SignalUnavailable, StackUnreachable
from chaos.observe.inventory import Asking
from chaos.report import adopted as report
from chaos.spec import door, yamlfile
from chaos.spec import target as targets
from chaos.spec.door import Address
from chaos.spec.skeleton import Servers
from chaos.spec.target import Target

_NOWHERE = "http://127.0.0.1:9"


class _Doors(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of doors, for who has no target file yet."""

    prometheus: Address = ""
    alertmanager: Address = ""
    rules: Address = ""


def add(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Its arguments."""
    command = add("adopt", "look at a stack, by GET alone: what each of its alerts is worth; write what to begin with")
    command.add_argument("--prometheus", metavar="URL", help="where it is asked for rules and series")
    command.add_argument("--alertmanager", metavar="URL", help="whom alerts reach; without it nobody says")
    command.add_argument(
        "--rules", metavar="URL", help="who evaluates the rules, where that is not Prometheus: vmalert"
    )
    command.add_argument("--doors", type=Path, metavar="FILE", help="the same with headers, tokens, certificates: YAML")
    command.add_argument("--target", type=Path, help="a target file that there is; its doors and instances count")
    command.add_argument("--toxiproxy", default="", metavar="URL", help="whose proxies are links")
    command.add_argument("--users", default=_NOWHERE, metavar="URL", help="where users come in, for the target file")
    command.add_argument("--pager", default="http://127.0.0.1:9099", metavar="URL", help="where Stormdrill's pager is")
    command.add_argument("--out", type=Path, default=Path("stormdrill"), metavar="FOLDER", help="default: stormdrill")


def adopt(arguments: argparse.Namespace) -> int:
    """Look, judge, write, print. Raises InvalidFile, StackUnreachable."""
    out: Path = arguments.out
    file = arguments.target or (out / adoption.TARGET_FILE if (out / adoption.TARGET_FILE).exists() else None)
    target = targets.read(file) if file else None
    doors = _doors(arguments, target)
    toxiproxy = arguments.toxiproxy or (target.urls.toxiproxy if target else "")
    asking = Asking(doors.prometheus, doors.alertmanager, doors.rules, toxiproxy)
    try:
        inventory = asking.ask()
    except SignalUnavailable as error:
        raise StackUnreachable(f"which rules there are nobody says: {error}") from error
    finally:
        asking.close()

    def servers(receiver: str) -> Servers:
        return Servers(doors.prometheus, doors.alertmanager, arguments.users, arguments.pager, receiver, toxiproxy)

    done = adoption.adopt(inventory, target, out, servers)
    print(report.render(done.adopted, done.news), end="")
    print(*(f"written: {one}" for one in done.written), sep="\n", end="\n" if done.written else "")
    print(f"stormdrill: {report.summary(done.adopted)}; {out / adoption.PAGE_FILE}, {out / adoption.JUNIT_FILE}")
    return 0


def _doors(arguments: argparse.Namespace, target: Target | None) -> _Doors:
    of_file = yamlfile.read(arguments.doors, _Doors) if arguments.doors else _Doors()
    urls = target.urls if target else None
    found: dict[str, Any] = {}
    for name in ("prometheus", "alertmanager", "rules"):
        address = getattr(arguments, name) or getattr(of_file, name) or getattr(urls, name, "")
        if isinstance(address, str) and address and (reason := door.amiss(address)):
            raise InvalidFile(arguments.doors or Path("adopt"), f"--{name}", reason)
        found[name] = door.placed(address, arguments.doors.resolve().parent) if arguments.doors else address
    if not (found["prometheus"] or found["rules"]):
        raise InvalidFile(Path("adopt"), "--prometheus", "say where it is, or give --target or --doors")
    return _Doors(**found)
