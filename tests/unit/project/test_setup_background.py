"""Set-up does not wait for Jaeger, except where it is asked to; by a `go` that takes as long as the test wants."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from compose import tools
from compose.settings import ROOT

WITHIN_SECONDS = 60
# `go build … -o NEW …`: waits until it is told how to end, by whoever opens the pipe.
GO = """#!/bin/sh
[ "$1" = env ] && { echo go1.99; exit; }
while [ "$1" != -o ]; do shift; done
read answer <"$GO_TOLD" && [ "$answer" = well ] || exit 1
printf '#!/bin/sh\\n' >"$2" && chmod +x "$2"
"""


@dataclass
class Checkout:
    """One whose set-up has nothing to do but to build Jaeger."""

    root: Path
    environment: dict[str, str]

    def set_up(self, *what: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            (str(self.root / "tools/setup.sh"), *what), env=self.environment, stderr=subprocess.PIPE, text=True
        )

    def said_by_set_up(self) -> str:
        with self.set_up() as done:
            _, said = done.communicate(timeout=WITHIN_SECONDS)
        assert done.returncode == 0, said
        return said

    def go_ends(self, answer: str) -> None:
        """Returns once it was told."""
        with Path(self.environment["GO_TOLD"]).open("w") as told:
            told.write(f"{answer}\n")


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Iterator[Checkout]:
    root, programs = tmp_path / "a checkout", tmp_path / "programs"
    shutil.copytree(ROOT / "tools", root / "tools")
    shutil.copy(ROOT / "requirements.lock", root)
    (root / ".venv").mkdir()
    # As set-up computes it: so it takes the environment for made.
    setup = root / "tools/setup.sh"
    [line] = [one for one in setup.read_text().splitlines() if one.startswith("wanted=")]
    key = subprocess.run(
        ("bash", "-c", f'{line}; echo "$wanted"', setup),
        env=os.environ | {"root": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    (root / ".venv/setup-done").write_text(key.stdout)
    programs.mkdir()
    for name, text in (("go", GO), ("toxiproxy-server", "#!/bin/sh\n"), ("apt-get", "#!/bin/sh\nexit 1\n")):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    pipe = tmp_path / "told"
    os.mkfifo(pipe)
    monkeypatch.setenv("STORMDRILL_CACHE", str(tmp_path / "cache"))
    # In CI it would build what the containers' tests need as well.
    monkeypatch.delenv("STORMDRILL_OWN_DOCKER", raising=False)
    path = ":".join([str(programs), *(one for one in os.environ["PATH"].split(":") if not _has_jaeger(one))])
    made = Checkout(root, os.environ | {"PATH": path, "GO_TOLD": str(pipe), "RUNTIME": "native"})
    yield made
    if tools.is_being_built("jaeger"):
        made.go_ends("badly")


def _has_jaeger(folder: str) -> bool:
    return (Path(folder) / "jaeger").exists()


def until_built() -> None:
    deadline = time.monotonic() + WITHIN_SECONDS
    while tools.is_being_built("jaeger"):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_set_up_ends_while_jaeger_is_being_built_and_the_next_one_begins_no_second_build(checkout):
    assert "jaeger is being built in the background" in checkout.said_by_set_up()
    assert tools.is_being_built("jaeger")
    assert "is being built, and is there in the first run after that" in tools.Tools({}).notices()[0]
    assert checkout.said_by_set_up() == ""
    checkout.go_ends("well")
    until_built()
    assert (tools.cache_folder() / "jaeger").exists()
    assert checkout.said_by_set_up() == ""


def test_who_needs_all_waits_for_it(checkout):
    checkout.said_by_set_up()
    with checkout.set_up("native") as waits:
        checkout.go_ends("well")
        _, said = waits.communicate(timeout=WITHIN_SECONDS)
    assert waits.returncode == 0
    assert (tools.cache_folder() / "jaeger").exists()
    assert "cannot be built" not in said


def test_a_build_that_fails_is_told_of_and_begun_anew(checkout):
    checkout.said_by_set_up()
    checkout.go_ends("badly")
    until_built()
    assert not (tools.cache_folder() / "jaeger").exists()
    assert "could not be built (see " in tools.Tools({}).notices()[0]
    with checkout.set_up("native") as waits:
        # Its own build: nobody else opens the pipe to read.
        checkout.go_ends("badly")
        _, said = waits.communicate(timeout=WITHIN_SECONDS)
    assert "traces are off" in said
    assert waits.returncode == 0
