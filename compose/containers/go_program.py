"""Toxiproxy's program for the engine's machine: this machine's own where it runs there, else built for it with Go."""

import os
import re
import shutil
import struct
import subprocess
from pathlib import Path

from compose.settings import ROOT
from compose.stack import Progress, StackError
from compose.tools import MissingTool, cache_folder, find_one

_NAME = "toxiproxy-server"
_PACKAGE = "github.com/Shopify/toxiproxy/v2/cmd/server"
_ELF_MACHINES = {"amd64": 0x3E, "arm64": 0xB7}
_LOADER = 3
"""The segment that names a dynamically linked program's loader, which an image of nothing else does not have."""
_BUILT_WITHIN_SECONDS = 600
_OWN_TOOLCHAIN = {"GOTOOLCHAIN": "local"}
"""Go fetches no other Go by itself."""


def toxiproxy(machine: str, progress: Progress) -> bytes:
    """The program for Linux on this machine (`amd64`, `arm64`). Raises StackError where it cannot be built."""
    built = cache_folder() / f"{_NAME}-linux-{machine}"
    for candidate in (_own(), built):
        if candidate is not None and candidate.exists() and runs_alone(program := candidate.read_bytes(), machine):
            return program
    progress(f"building {_NAME} for linux/{machine}")
    return _build(built, machine)


def runs_alone(program: bytes, machine: str) -> bool:
    """Whether these are a 64-bit Linux program for this machine that needs no other file."""
    if program[:6] != b"\x7fELF\x02\x01" or len(program) < 64:
        return False
    (elf_machine,) = struct.unpack_from("<H", program, 18)
    (segments,) = struct.unpack_from("<Q", program, 32)
    size, count = struct.unpack_from("<HH", program, 54)
    kinds = {struct.unpack_from("<I", program, segments + size * number)[0] for number in range(count)}
    return elf_machine == _ELF_MACHINES.get(machine) and _LOADER not in kinds


def _own() -> Path | None:
    try:
        return find_one(_NAME)
    except MissingTool:
        return None


def _build(built: Path, machine: str) -> bytes:
    go = _find_go()
    built.parent.mkdir(parents=True, exist_ok=True)
    # Under a name of its own: another stack may be building the same.
    new = built.with_name(f"{built.name}.{os.getpid()}")
    failed = f"{_NAME} cannot be built for linux/{machine} with {go}:"
    try:
        done = subprocess.run(
            (go, "build", "-trimpath", "-ldflags", "-s -w", "-o", str(new), _PACKAGE),
            cwd=ROOT / "tools",
            env=os.environ | {"GOOS": "linux", "GOARCH": machine, "CGO_ENABLED": "0"} | _OWN_TOOLCHAIN,
            capture_output=True,
            text=True,
            timeout=_BUILT_WITHIN_SECONDS,
            check=False,
        )
        if done.returncode:
            raise StackError(f"{failed}\n{done.stderr.strip()[-800:]}")
        new.replace(built)
    except subprocess.TimeoutExpired as late:
        raise StackError(
            f"{failed} not built after {_BUILT_WITHIN_SECONDS} s; what Go has is kept: try again"
        ) from late
    finally:
        new.unlink(missing_ok=True)
    return built.read_bytes()


def _find_go() -> str:
    """As `make setup` finds it: one that is new enough, from PATH or the cache."""
    (needed,) = re.findall(r"^go (\S+)$", (ROOT / "tools" / "go.mod").read_text(), flags=re.MULTILINE)
    for candidate in ("go", cache_folder().parents[1] / "go" / "bin" / "go"):
        if (go := shutil.which(candidate)) is not None and _version(go) >= _numbers(needed):
            return go
    raise StackError(f"{_NAME} has to be built, and there is no Go that is new enough: install Go {needed} or newer")


def _version(go: str) -> tuple[int, ...]:
    try:
        # Away from a module, which might ask for another one.
        asked = subprocess.run(
            (go, "env", "GOVERSION"),
            cwd="/",
            env=os.environ | _OWN_TOOLCHAIN,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return _numbers(asked.stdout.strip().removeprefix("go"))


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"[\d.]*\d", version)
    return tuple(map(int, found[0].split("."))) if found else ()
