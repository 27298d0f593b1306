"""No program of another machine, or of another system, is put into an image."""

import os
import shutil
import struct
import sys
from pathlib import Path

import pytest

from compose.containers import go_program
from compose.stack import StackError


def elf(machine, segment=1):
    """The head of a Linux program with one segment."""
    head = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack("<HHIQQQ", 2, machine, 1, 0, 64, 0)
    return head + struct.pack("<IHHHHHH", 0, 64, 56, 1, 0, 0, 0) + struct.pack("<I", segment).ljust(56, b"\0")


AMD64, ARM64 = elf(0x3E), elf(0xB7)
MACH_O = b"\xcf\xfa\xed\xfe" + bytes(100)


@pytest.mark.parametrize(
    ("program", "machine", "fits"),
    [
        (AMD64, "amd64", True),
        (ARM64, "arm64", True),
        (AMD64, "arm64", False),
        (ARM64, "amd64", False),
        (MACH_O, "arm64", False),
        (elf(0x3E, segment=3), "amd64", False),  # needs a loader
        (b"#!/bin/sh\n", "amd64", False),
        (b"", "amd64", False),
    ],
)
def test_a_program_fits_its_own_machine_only(program, machine, fits):
    assert go_program.runs_alone(program, machine) is fits


def test_a_program_of_this_machine_that_is_linked_to_others_does_not_run_alone():
    python = Path(sys.executable).resolve().read_bytes()
    assert not go_program.runs_alone(python, "amd64")


@pytest.fixture
def nothing_built(monkeypatch, tmp_path):
    """This machine's own is a Mac's; nothing is in the cache, and there is no Go."""
    own = tmp_path / "toxiproxy-server"
    own.write_bytes(MACH_O)
    cache = tmp_path / "cache" / "bin" / "key"
    monkeypatch.setattr(go_program, "find_one", lambda _: own)
    monkeypatch.setattr(go_program, "cache_folder", lambda: cache)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    return cache


def test_without_go_it_is_said_in_one_line_what_to_install(nothing_built):
    with pytest.raises(StackError, match=r"^toxiproxy-server has to be built, .*install Go 1\.25"):
        go_program.toxiproxy("arm64", lambda _: None)


def test_what_was_built_for_the_engines_machine_is_taken(nothing_built):
    nothing_built.mkdir(parents=True)
    (nothing_built / "toxiproxy-server-linux-arm64").write_bytes(ARM64)
    assert go_program.toxiproxy("arm64", lambda _: None) == ARM64
    with pytest.raises(StackError):
        go_program.toxiproxy("amd64", lambda _: None)


@pytest.mark.parametrize(
    ("on_path", "in_cache", "found"),
    [("1.26.1", "1.25.9", "path"), ("1.22.2", "1.25.9", "cache"), ("", "1.26rc1", "cache"), ("1.22.2", "1.24", "")],
)
def test_the_go_is_the_one_that_setup_takes(monkeypatch, tmp_path, on_path, in_cache, found):
    """A distribution's may be too old for the module."""
    for folder, version in (("path", on_path), ("cache/go/bin", in_cache)):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "go").write_text(f'#!/bin/sh\n[ "$GOTOOLCHAIN" = local ] && echo go{version}\n')
        (tmp_path / folder / "go").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(go_program, "cache_folder", lambda: tmp_path / "cache" / "bin" / "key")
    if found:
        assert Path(go_program._find_go()).relative_to(tmp_path).parts[0] == found
    else:
        with pytest.raises(StackError, match=r"install Go 1\.25\S* or newer"):
            go_program._find_go()


def test_two_that_build_the_same_do_not_write_to_one_file(monkeypatch, tmp_path):
    (tmp_path / "go").write_text('#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done; echo "$2" >"$2"\n')
    (tmp_path / "go").chmod(0o755)
    monkeypatch.setattr(go_program, "_find_go", lambda: str(tmp_path / "go"))
    written = go_program._build(tmp_path / "cache" / "toxiproxy", "amd64").decode().strip()
    assert str(os.getpid()) in written
    assert [each.name for each in (tmp_path / "cache").iterdir()] == ["toxiproxy"]
