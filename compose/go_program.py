"""Toxiproxy's program for the engine's machine: this machine's own where it runs there, else built for it with Go."""

import os
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
    # As `make setup` finds it.
    go = shutil.which("go") or shutil.which(cache_folder().parents[1] / "go" / "bin" / "go")
    if go is None:
        raise StackError(f"{_NAME} has to be built for linux/{machine}, and there is no Go: install Go 1.25 or newer")
    built.parent.mkdir(parents=True, exist_ok=True)
    new = built.with_suffix(".new")
    done = subprocess.run(
        (go, "build", "-trimpath", "-ldflags", "-s -w", "-o", str(new), _PACKAGE),
        cwd=ROOT / "tools",
        env=os.environ | {"GOOS": "linux", "GOARCH": machine, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local"},
        capture_output=True,
        text=True,
        timeout=_BUILT_WITHIN_SECONDS,
        check=False,
    )
    if done.returncode:
        raise StackError(f"{_NAME} cannot be built for linux/{machine} with {go}:\n{done.stderr.strip()[-800:]}")
    new.replace(built)
    return built.read_bytes()
