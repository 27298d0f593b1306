"""Dashboards, alerts and traces beside the round: of the stack while it is live, of the recording afterwards."""

import threading
import time

import httpx
import msgspec
import pytest

from chaos.console.kept import Kept
from chaos.console.looks import Looks
from chaos.console.reader import Reader
from chaos.console.sources import Sources, SourcesFile
from chaos.facts.alerts import AlertHistory, AlertmanagerSeen, RuleSeen, TakenAlert
from chaos.facts.files import FACTS_FILE
from chaos.facts.game import GAME_FILE, Revealed, append
from chaos.facts.panels import PanelHistory, PanelSeries
from chaos.facts.traces import SpanSeen, TraceSeen, TracesSeen
from tests.fakes import FakeClock
from tests.unit.chaos.console import rounds
from tests.unit.chaos.console.rounds import SECRET_WORD, WALL, application, client, sealed_round
from tests.unit.chaos.console.stack import BOARD, Stack

SPAN = SpanSeen("s", "", "shop", "shop-1", "GET /", 0.0, 0.2, True, {"http.route": "/"}, "server")
RECORDED = (
    RuleSeen(0.5, "all", "Down", False, "up == 0", interval_seconds=1.0),
    AlertmanagerSeen(8.0, None, [TakenAlert("Down", {"instance": "shop-2"}, [], ["id"])]),
    AlertHistory(20.0, "Down", {"instance": "shop-2"}, "firing", [5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0]),
    PanelHistory(20.0, "overview", "Requests", ["process.kill shop"], 1.0,
                 [PanelSeries("A", {"instance": "shop-1"}, [float(at) for at in range(21)]),
                  PanelSeries("B", {"__name__": "chaos_fault_active"}, [1.0] * 21)]),
    TracesSeen(20.0, None, [TraceSeen("early", "shop: GET /", 4.0, 0.2, True, "shop", [SPAN]),
                            TraceSeen("late", "shop: GET /", 15.0, 0.2, False, "", [SPAN])]),
)  # fmt: skip


@pytest.fixture
def stack(tmp_path):
    return Stack(tmp_path, SECRET_WORD)


@pytest.fixture
def live(tmp_path):
    with sealed_round(tmp_path / "one"):
        yield tmp_path / "one"


@pytest.fixture
def over(tmp_path):
    """A round that is revealed, with what its recording has."""
    with sealed_round(tmp_path / "one") as (_, private):
        (private / FACTS_FILE).write_bytes(b"".join(msgspec.json.encode(fact) + b"\n" for fact in RECORDED))
    append(tmp_path / "one" / GAME_FILE, Revealed(0, 20.0))
    return tmp_path / "one"


def looks(folder, stack, clock=None, speed=0.0, began=0.0, **more):
    sources = SourcesFile(str(stack.target) if stack else "", more.pop("dashboards", ""))
    transport = stack.transport if stack else httpx.MockTransport(_nobody)
    given = rounds.settings(folder, speed=speed, began=began, **more)
    reader = Reader(given, clock or FakeClock(110.0), sources, transport)
    return reader, Looks(reader, sources, transport)


def _nobody(_):
    raise AssertionError("the stack is not there")


def panels(shown):
    return {panel.title: panel for panel in shown.panels}


def test_a_live_rounds_dashboards_are_what_prometheus_answers(live, stack):
    _, found = looks(live, stack)
    assert found.names() == ["overview"]
    shown = found.board("overview", 0)
    assert (shown.run, shown.start, shown.end, shown.step) == ("one", 0.0, 10.0, 1.0)
    requests = panels(shown)["Requests"]
    assert (requests.about, requests.unit, requests.words) == ("What users ask.", "reqps", {"0": "none"})
    [line] = requests.lines
    assert (line.name, line.points[0], line.points[-1]) == ("shop-1", (0.0, 0.0), (10.0, 10.0))
    assert panels(shown)["All of it"].lines[0].name == "instance=shop-1"
    asked = [dict(one.url.params) for one in stack.asked if one.url.path == "/api/v1/query_range"]
    assert {(one["start"], one["end"]) for one in asked} == {(str(WALL), str(WALL + 10))}


def test_what_an_attacker_says_of_itself_is_not_asked_for(live, stack):
    _, found = looks(live, stack)
    assert set(panels(found.board("overview", 0))) == {"Requests", "All of it"}
    assert not [one for one in stack.asked if "chaos_" in one.url.params.get("query", "")]


def test_a_long_round_is_asked_for_in_longer_steps(live, stack):
    _, found = looks(live, stack, FakeClock(100.0 + 1000.0))
    shown = found.board("overview", 0)
    assert shown.step == 5.0
    assert {one.url.params["step"] for one in stack.asked} == {"5.0"}
    recent = found.board("overview", 60)
    assert (recent.start, recent.end, recent.step) == (940.0, 1000.0, 1.0)


def test_however_many_look_the_stack_is_asked_once(live, stack):
    _, found = looks(live, stack)
    threads = [threading.Thread(target=found.board, args=("overview", 0)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stack.asked) == 2, "two panels"


def test_what_is_good_no_more_is_asked_for_again_and_what_failed_is_not_kept():
    time, answers = [0.0], iter([ValueError("no"), "one", "two"])

    def fetch():
        if isinstance(answer := next(answers), Exception):
            raise answer
        return answer

    kept = Kept(2.0, lambda: time[0])
    with pytest.raises(ValueError, match="no"):
        kept.get("key", fetch)
    assert [kept.get("key", fetch), kept.get("key", fetch)] == ["one", "one"]
    time[0] = 2.5
    assert kept.get("key", fetch) == "two"


@pytest.mark.parametrize(("name", "back"), [("nothing", 0), ("overview", 7), ("../overview", 0)])
def test_a_dashboard_that_is_not_there_is_not_found(live, stack, name, back):
    assert looks(live, stack)[1].board(name, back) is None


def test_where_prometheus_does_not_answer_that_is_said(live, stack):
    stack.away = {"prometheus", "jaeger"}
    reader, found = looks(live, stack)
    assert all(panel.silent and not panel.lines for panel in found.board("overview", 0).panels)
    assert found.traces().note == "Jaeger does not answer."
    reader.state()
    reader.watch()
    assert "Prometheus does not answer" in reader.state().unseen


def test_lanes_of_a_live_round_are_prometheus_and_the_pagers(live, stack):
    reader, _ = looks(live, stack)
    before = reader.state()
    assert [lane.states for lane in before.lanes] == [[]]
    reader.watch()
    after = reader.state()
    assert [lane.name for lane in after.lanes] == ["Down{instance=shop-2}", "Slow{}"]
    assert [(one.state, one.start, one.end) for one in after.lanes[0].states] == [
        ("pending", 2.0, 5.0), ("firing", 5.0, None),
    ]  # fmt: skip
    assert after.alerts != before.alerts
    stack.silenced_by = ["id"]
    reader.watch()
    assert [lane.held_back for lane in reader.state().lanes] == ["silenced", ""]


def test_nobody_is_asked_about_alerts_while_nobody_looks(live, stack):
    clock = FakeClock(110.0)
    reader, _ = looks(live, stack, clock)
    reader.watch()
    reader.state()
    clock.now += 60
    reader.watch()
    assert stack.asked == []


def test_a_page_is_told_at_once_when_a_lane_changes(live, stack):
    given = rounds.settings(live, target=str(stack.target))
    made = application(given, transport=stack.transport)
    browser = client(given, made_before=made)
    first = browser.get("/state").json()
    made.state.reader.watch()
    known = {name: first[name] for name in ("run", "facts", "users", "stage", "alerts")}
    began = time.monotonic()
    new = browser.get("/state", params=known).json()
    assert time.monotonic() - began < 5, "it has not waited until a question is answered in any case"
    assert (new["events"], new["rows"]) == ([], [])
    assert new["lanes"][0]["states"]


def test_traces_of_a_live_round_are_waterfalls_the_failed_first(live, stack):
    shown = looks(live, stack)[1].traces()
    assert [(one.id, one.failed, one.asked) for one in shown.traces] == [
        ("failed", True, "GET /"), ("slow", False, "GET /"),
    ]  # fmt: skip
    [root, part] = shown.traces[0].rows
    assert (root.depth, part.depth, part.name) == (0, 1, "sql")
    assert root.attributes == {"http.route": "/"}
    assert shown.traces[0].after == pytest.approx(4.0)


def test_a_round_that_is_over_is_shown_from_its_recording(over, stack):
    stack.away = {"prometheus", "alertmanager", "jaeger"}
    reader, found = looks(over, stack)
    shown = found.board("overview", 0)
    assert [(panel.title, panel.unit, panel.silent) for panel in shown.panels] == [("Requests", "reqps", False)]
    [line] = shown.panels[0].lines
    assert (line.name, line.points[-1]) == ("shop-1", (20.0, 20.0))
    assert [one.id for one in found.traces().traces] == ["early", "late"]
    [lane] = reader.state().lanes
    assert [(one.state, one.start, one.end) for one in lane.states] == [("firing", 5.0, 13.0)]
    assert lane.held_back == "silenced"
    assert stack.asked == []


def test_a_replay_shows_what_was_known_at_that_moment(over, stack):
    clock = FakeClock(1000.0)
    reader, found = looks(over, stack, clock, speed=1.0, began=1000.0)  # from five seconds before the first fault on
    clock.now += 10.5
    shown = found.board("overview", 0)
    assert shown.panels[0].lines[0].points[-1] == (8.0, 8.0)
    assert [one.id for one in found.traces().traces] == ["early"]
    [lane] = reader.state().lanes
    assert [(one.state, one.start, one.end) for one in lane.states] == [("firing", 5.0, None)]
    assert stack.asked == []


def test_a_replay_of_a_stack_whose_json_is_not_there_shows_no_dashboard_before_the_reveal(over, tmp_path):
    """Only the JSON says what a line was asked with: an attacker's own, summed up, has no name of its own."""
    told = PanelHistory(20.0, "theirs", "Live", [], 1.0, [PanelSeries("A", {}, [0.0] * 5 + [1.0] * 16)])
    (over / FACTS_FILE).write_bytes(msgspec.json.encode(told) + b"\n")
    clock = FakeClock(1000.0)
    _, found = looks(over, None, clock, speed=1.0, began=1000.0)
    clock.now += 12.0
    assert found.names() == []
    assert found.board("theirs", 0) is None
    clock.now += 20.0
    assert found.names() == ["theirs"]
    assert found.board("theirs", 0).panels[0].lines[0].points[-1] == (20.0, 1.0)


def test_without_a_stack_and_its_json_a_recording_is_shown_in_its_own_words(over):
    _, found = looks(over, None)
    assert found.names() == ["overview"]
    [panel] = found.board("overview", 0).panels
    assert [line.name for line in panel.lines] == ["instance=shop-1"], "and no line of the attacker's"


def test_dashboards_that_do_not_fit_a_recording_are_not_taken_for_its_own(over, tmp_path):
    boards = tmp_path / "others"
    boards.mkdir()
    (boards / "x.json").write_text(BOARD.replace('"overview"', '"x"'))
    assert looks(over, None, dashboards=str(boards))[1].names() == ["overview"]


def test_a_sealed_round_that_was_broken_off_has_nothing_to_look_at_until_all_of_it_is_laid_open(live, stack):
    (live / FACTS_FILE).write_bytes(b"".join(msgspec.json.encode(fact) + b"\n" for fact in RECORDED))
    with_lock = live / ".sealed" / "played"
    with_lock.rename(live / ".sealed" / "gone")
    with_lock.touch()
    _, found = looks(live, stack)
    assert found.board("overview", 0).panels == []
    assert found.traces().traces == []
    assert stack.asked == []
    (live / ".sealed" / "gone").unlink()


def test_a_target_file_may_come_go_and_change(tmp_path, stack):
    file = tmp_path / "later.yaml"
    found = SourcesFile(str(file), "/ours")
    assert found.now == Sources(dashboards="/ours")
    file.write_text(stack.target.read_text())
    assert (found.now.prometheus, found.now.scrape_seconds) == ("http://prometheus", 1.0)
    ours, dashboards = stack.target.read_text(), "dashboards:"
    file.write_text("".join(line for line in ours.splitlines(keepends=True) if not line.startswith(dashboards)))
    assert found.now.prometheus == "http://prometheus"
    assert found.now.dashboards == "", "one without dashboards is not shown those of another stack"
    file.write_text("nonsense")
    assert found.now == Sources(dashboards="/ours")


@pytest.mark.parametrize("path", ["/boards", "/board/overview", "/traces"])
def test_every_role_may_look(live, stack, path):
    given = rounds.settings(live, rounds.TOKENS, target=str(stack.target))
    made = application(given, transport=stack.transport)
    for role in rounds.TOKENS:
        assert client(given, role, made).get(path).status_code == 200
