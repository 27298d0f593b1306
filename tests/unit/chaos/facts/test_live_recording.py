"""The live recording says at every fact what the file says, and reads nothing twice."""

import json

import msgspec
import pytest

from chaos.facts import recorder, recording, samples
from chaos.facts.files import LOAD_FILE
from chaos.facts.pages import PageSeen
from chaos.spec.pace import Pace
from compose.settings import ROOT
from tests.unit import recordings

FILE = ROOT / "chaos" / "experiments" / "kill-instance.yaml"


@pytest.fixture
def run(tmp_path):
    made = recorder.create(tmp_path, "one", FILE, Pace())
    yield made
    made.close()


def lines():
    """What users write, line by line."""
    for one in recordings.requests(until=6.0):
        said = {"at": one.at, "took": one.took_seconds, "name": one.name, "status": one.status, "ok": one.ok}
        yield json.dumps(said | {"error": one.error, "served_by": one.served_by}) + "\n"
    yield json.dumps({"tick": 6.0, "users": 1, "started": 1, "finished": 1, "lag": 0.0}) + "\n"
    yield json.dumps({"end": "SIGTERM"}) + "\n"


def said(known):
    """All that a recording answers, whether the run lasts or is over."""
    load = known.load
    kinds = {type(fact) for fact in known.facts}
    return {
        "facts": list(known.facts),
        "by kind": {kind: list(known.all(kind)) for kind in kinds},
        "first": {kind: known.first(kind) for kind in (*kinds, PageSeen)},
        "pages": list(known.pages_of("Down")),
        "seconds": known.seconds,
        "experiment": known.experiment,
        "load": (load.settings, list(load.requests), list(load.ticks), load.end, load.torn),
        "orders": known.orders,
        "sessions": known.sessions,
    }


def test_at_every_fact_it_says_what_the_file_says(run):
    users = lines()
    file = run.folder / LOAD_FILE
    for fact in recordings.facts():
        run.write(fact)
        with file.open("a") as added:
            added.write(next(users, ""))
        assert said(run.live) == said(recording.read(run.folder)), fact
    with file.open("a") as added:
        added.writelines(users)
    assert said(run.live) == said(recording.read(run.folder))


def test_a_line_that_is_being_written_is_taken_when_it_is_whole(run):
    first, second, *_ = lines()
    file = run.folder / LOAD_FILE
    file.write_text(first + second[:9])
    assert (len(run.live.load.requests), run.live.load.torn) == (1, True)
    file.write_text(first + second)
    assert (len(run.live.load.requests), run.live.load.torn) == (2, False)


def test_no_line_is_parsed_twice(run, monkeypatch):
    parsed = []
    add = samples.LoadFold.add
    monkeypatch.setattr(samples.LoadFold, "add", lambda fold, line: (parsed.append(line), add(fold, line)))
    written = []
    with (run.folder / LOAD_FILE).open("a") as file:
        for line in lines():
            written.append(line.strip())
            file.write(line)
            file.flush()
            assert run.live.load.requests is run.live.load.requests
    assert parsed == written


@pytest.mark.parametrize("order", ["as they ended", "backwards"])
def test_requests_that_ended_since_a_moment_are_all_there_in_whatever_order_they_were_written(run, order):
    every = list(lines())[:-2]
    (run.folder / LOAD_FILE).write_text("".join(every if order == "as they ended" else reversed(every)))
    load = run.live.load
    for at in (0.0, 5.2, 5.5, 9.0):
        wanted = {one.at for one in load.requests if one.ended_at >= at}
        assert wanted <= {one.at for one in load.ended_since(at)}
    assert len(load.ended_since(9.0)) == 0
    if order == "as they ended":
        assert len(load.ended_since(5.9)) < 10, "it looks at what is long over"


def test_what_users_wrote_that_is_no_fact_is_named_by_its_line(run):
    (run.folder / LOAD_FILE).write_text("".join([next(lines()), "{}\n"]))
    with pytest.raises(ValueError, match=r"load.ndjson:2: not a fact of a load"):
        run.live.load  # noqa: B018  # asking is what raises


def test_facts_go_on_disk_as_they_are_taken(run):
    for fact in recordings.facts()[:3]:
        run.write(fact)
    on_disk = (run.folder / "recording.ndjson").read_bytes().splitlines()
    assert on_disk == [msgspec.json.encode(fact) for fact in run.live.facts]
