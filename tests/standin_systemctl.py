"""A stand-in for `systemctl` where no systemd runs: it does what the manual of systemd 252 says of the verbs we use.

Its services are real processes. There is no manager beside it, so what that would do by itself, as Restart= says, is
done at the next question. `installed` puts it into a folder for PATH.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

PLACE = "STANDIN_SYSTEMCTL"
"""The environment's name of the folder that holds its units."""
START_LIMIT = 5
CALLS = "calls.log"


def installed(folder: Path, units: dict[str, dict]) -> Path:
    """Make `systemctl` in this folder, with units of which none runs yet; returns what PATH has to begin with."""
    units_folder, programs = folder / "units", folder / "bin"
    units_folder.mkdir(parents=True)
    programs.mkdir()
    for name, settings in units.items():
        (units_folder / f"{name}.json").write_text(json.dumps({"active": "inactive", "sub": "dead", **settings}))
    script = programs / "systemctl"
    script.write_text(f'#!/bin/sh\n{PLACE}={units_folder} exec {sys.executable} {Path(__file__).resolve()} "$@"\n')
    script.chmod(0o755)
    return programs


def ended(folder: Path) -> None:
    """End what its units run."""
    for file in (folder / "units").glob("*.json"):
        if pid := json.loads(file.read_text()).get("pid"):
            _signal(pid, signal.SIGKILL)


class Unit:
    """One service, as its file has it."""

    def __init__(self, place: Path, name: str) -> None:
        self.file = place / f"{name}.json"
        self.there = self.file.exists()
        self.told = json.loads(self.file.read_text()) if self.there else {"active": "inactive", "sub": "dead"}

    def settle(self) -> None:
        """What the manager has noticed by now."""
        pid = self.told.get("pid", 0)
        if pid and not _runs(pid):
            self.told["pid"] = 0
            if self.told["active"] == "deactivating":
                self.become("inactive", "dead")
            elif self.told.get("restart") == "always":
                self.begin()
            else:
                self.become("failed", "failed")

    def become(self, active: str, sub: str) -> None:
        self.told |= {"active": active, "sub": sub, "frozen": False}

    def begin(self) -> bool:
        self.told["starts"] = self.told.get("starts", 0) + 1
        if self.told["starts"] > self.told.get("start_limit", START_LIMIT):
            self.become("failed", "failed")
            return False
        command = self.told.get("command", ["sleep", "600"])
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0
        )
        started = str(time.monotonic_ns() // 1000)
        self.told |= {"pid": process.pid, "invocation": uuid.uuid4().hex, "started": started}
        self.become("active", "running")
        return True

    def shown(self) -> dict[str, object]:
        pid = self.told.get("pid", 0)
        return {
            "LoadState": "loaded" if self.there else "not-found",
            "ActiveState": self.told["active"],
            "SubState": self.told["sub"],
            "FreezerState": "frozen" if self.told.get("frozen") else "running",
            "MainPID": pid,
            "ExecMainStartTimestampMonotonic": self.told.get("started", 0),
            "InvocationID": self.told.get("invocation", ""),
            "ControlGroup": self.told.get("group", _group(pid)) if pid else "",
        }

    def save(self) -> None:
        if self.there:
            self.file.write_text(json.dumps(self.told))


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _group(pid: int) -> str:
    return Path(f"/proc/{pid}/cgroup").read_text().splitlines()[-1].split(":", 2)[2]


def _signal(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return


def show(unit: Unit, wanted: list[str]) -> str:
    shown = unit.shown()
    return "".join(f"{name}={shown[name]}\n" for name in wanted if name in shown and shown[name] != "")


def kill(unit: Unit, _: object) -> str:
    if not unit.told.get("pid"):
        raise SystemExit("Failed to kill unit: No processes to kill")
    _signal(unit.told["pid"], signal.SIGKILL)
    while _runs(unit.told["pid"]):
        time.sleep(0.005)
    return ""


def stop(unit: Unit, _: object) -> str:
    if not unit.there:
        raise SystemExit("Failed to stop: Unit not loaded.")
    if unit.told.get("pid"):
        unit.become("deactivating", "stop-sigterm")
        for number in (signal.SIGTERM, signal.SIGCONT):
            _signal(unit.told["pid"], number)
    elif unit.told["active"] == "activating":
        unit.become("inactive", "dead")
    return ""


def start(unit: Unit, _: object) -> str:
    if not unit.there:
        raise SystemExit("Failed to start: Unit not found.")
    if not unit.told.get("pid") and not unit.begin():
        unit.save()
        raise SystemExit("Failed to start: Start request repeated too quickly.")
    return ""


def reset_failed(unit: Unit, _: object) -> str:
    unit.told["starts"] = 0
    if unit.told["active"] == "failed":
        unit.become("inactive", "dead")
    return ""


def freeze(unit: Unit, _: object) -> str:
    if not unit.told.get("pid"):
        raise SystemExit("Failed to freeze unit: Unit is not active.")
    unit.told["frozen"] = True
    _signal(unit.told["pid"], signal.SIGSTOP)
    return ""


def thaw(unit: Unit, _: object) -> str:
    unit.told["frozen"] = False
    _signal(unit.told["pid"], signal.SIGCONT)
    return ""


VERBS = {
    "show": show,
    "kill": kill,
    "stop": stop,
    "start": start,
    "reset-failed": reset_failed,
    "freeze": freeze,
    "thaw": thaw,
}


def main() -> None:
    """As `systemctl [OPTIONS] VERB [OPTIONS] -- UNIT…`."""
    place, words = Path(os.environ[PLACE]), sys.argv[1:]
    dashes = words.index("--")
    options = [word for word in words[:dashes] if word.startswith("--")]
    [verb] = [word for word in words[:dashes] if not word.startswith("--")]
    wanted = next((one.partition("=")[2].split(",") for one in options if one.startswith("--property=")), [])
    with (place / CALLS).open("a") as calls:
        fcntl.flock(calls, fcntl.LOCK_EX)
        calls.write(" ".join([verb, *words[dashes + 1 :]]) + "\n")
        said = []
        for name in words[dashes + 1 :]:
            unit = Unit(place, name)
            unit.settle()
            said.append(VERBS[verb](unit, wanted))
            unit.save()
        print("\n".join(said), end="")


if __name__ == "__main__":
    main()
