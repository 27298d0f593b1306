"""Whoever only judges and reports a recording needs no Docker, no Postgres and no attacker."""

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import msgspec
import pytest
import yaml

from chaos.campaign import artifacts
from chaos.facts import files
from compose.settings import ROOT
from tests.unit import recordings

ALLOWED = ("durationpy", "jinja2", "junitparser", "markupsafe", "msgspec", "promql-parser", "pyyaml")
"""The core's libraries, and what they need themselves (MarkupSafe)."""
JUDGES = """
import sys
sys.path[:0] = sys.argv[1:3]
from pathlib import Path
from chaos.campaign import artifacts
artifacts.judge_and_write(Path(sys.argv[3]))
print(*sorted({name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names))
"""


@pytest.fixture
def folder(tmp_path):
    """The made-up run in which all is well, as it lies on disk."""
    run = tmp_path / "run"
    run.mkdir()
    facts = b"".join(msgspec.json.encode(fact) + b"\n" for fact in recordings.facts())
    (run / files.FACTS_FILE).write_bytes(facts)
    (run / files.EXPERIMENT_FILE).write_text(yaml.safe_dump(recordings.EXPERIMENT))
    sent = [
        {"at": one.at, "took": one.took_seconds, "name": one.name, "status": one.status, "ok": one.ok}
        | {"error": one.error, "served_by": one.served_by}
        for one in recordings.requests()
    ]
    ticks = [
        {"tick": float(at), "users": 125, "started": recordings.RATE, "finished": recordings.RATE, "lag": 0.0}
        for at in range(1, int(recordings.END) + 2)
    ]
    lines = [json.dumps(line) + "\n" for line in (*sent, *ticks, {"end": "SIGTERM"})]
    (run / files.LOAD_FILE).write_text("".join(lines))
    return run


@pytest.fixture
def bare(tmp_path):
    """A folder to import from that has the allowed libraries and nothing else."""
    place = tmp_path / "bare"
    place.mkdir()
    for name in ALLOWED:
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # one that the core may use and does not
        for top in {file.parts[0] for file in found.files or () if not file.parts[0].startswith(".")}:
            (place / top).symlink_to(Path(str(found.locate_file(top))))
    return place


def test_a_recording_is_judged_and_reported_where_nothing_else_is_installed(folder, bare):
    here = artifacts.judge_and_write(folder)
    reports = [folder / name for name in (artifacts.REPORT_FILE, artifacts.HTML_FILE, artifacts.JUNIT_FILE)]
    for file in (*reports, folder / artifacts.VERDICT_FILE):
        file.unlink()
    # Without `site`, what is installed beside is not found; isolated, nor is what the environment names.
    command = (sys.executable, "-I", "-S", "-c", JUDGES, str(bare), str(ROOT), str(folder))
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert not {"alerts", "compose", "services"} & set(done.stdout.split())
    assert msgspec.json.decode((folder / artifacts.VERDICT_FILE).read_bytes(), type=type(here)) == here
    assert here.phases, "nothing was judged"
    assert all(file.stat().st_size > 500 for file in reports)
