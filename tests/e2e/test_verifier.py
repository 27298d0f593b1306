"""The verifier is verified: where alerting, evidence or the fault is broken, the verdict says so and names it."""

import os
import re
import resource
import signal
import socket

import httpx
import psutil
import pytest

from compose.settings import ROOT
from tests import agreement
from tests.e2e.conftest import moves_with, wait_until
from tests.verifier.alerting import SURPRISE, always, late, removed, surprise, unreachable, unrouted

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def outcomes(verdict):
    return {alert["name"]: alert["outcome"] for alert in verdict["alerts"]}


def spoken(verdict):
    return {name: outcome for name, outcome in outcomes(verdict).items() if outcome != "quiet"}


def test_a_sound_stack_holds_and_whoever_would_disturb_the_run_is_refused(stack, runs, pytestconfig):
    known = runs.known()
    process = stack.start("run", "kill-instance")
    run = runs.new(known)
    runs.wait_injected(run)
    for disturbance in (("run", "no-fault"), ("restart",), ("up",)):
        code, output = stack.command(*disturbance)
        assert (code, "is in progress" in output) == (2, True), output
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    verdict = runs.verdict(run)
    agreement.note(pytestconfig.cache, "kill-instance", verdict)
    listed = {alert["name"]: alert for alert in verdict["alerts"] if alert["outcome"] != "quiet"}
    assert {name: alert["outcome"] for name, alert in listed.items()} == {
        "ShopInstanceDown": "proven",
        "HAProxyServerDown": "proven",
    }
    for alert in listed.values():
        order = [alert[step] for step in ("condition_true", "firing", "delivered")]
        assert order == sorted(order), alert
        assert alert["resolved"] > 0
        assert alert["design"]["delivery"] == 2.0  # `for` of 1 s, and warnings wait 1 s for what may inhibit them
    assert verdict["orders"]["acknowledged"] == verdict["orders"]["found"] > 0
    tagged = {f"{one['dashboard']} / {one['panel']}": one["moved"] for one in verdict["panels"] if one["expected"]}
    assert len(tagged) >= 5
    assert set(tagged.values()) == {True}, tagged
    looks = runs.facts(run, "prometheus_seen")
    *_, baseline = [fact for fact in runs.facts(run, "phase_began") if fact["phase"] == "baseline"]
    assert looks[0]["at"] < baseline["at"], "what fired before the fault was not looked at in time"
    assert runs.known() - known == {run.name}, "the refused runner left a recording"


def test_a_recording_is_judged_again_to_the_same_verdict(stack, runs):
    before = runs.latest()
    code, output = stack.command("report", runs.folder / "latest")
    assert code == before["exit_code"], output
    assert runs.latest() == before


def test_missed_and_surprise_and_a_tagged_panel_that_does_not_move_are_named(
    stack, runs, experiment, alerting, with_panel
):
    removed(alerting, "ShopInstanceDown")
    unreachable(alerting, "HAProxyServerDown")
    surprise(alerting)
    alerting.reload()
    still = with_panel("redis", "Cluster, as each node sees it", moves_with("process.kill shop"))
    code, output = stack.command("run", experiment, "--target", still)
    assert code == 1, output
    assert spoken(runs.latest()) == {"ShopInstanceDown": "missed", "HAProxyServerDown": "missed", SURPRISE: "surprise"}
    assert [reason.split(":")[0] for reason in runs.latest()["reasons"]] == [
        "ShopInstanceDown{instance=shop-2} missed",
        "HAProxyServerDown{server=shop-2} missed",
        f"{SURPRISE}{{instance=watchdog, job=watchdog}} surprise",
        "panel redis / Cluster, as each node sees it did not move",
    ]


def test_late_and_undelivered_are_named(stack, runs, experiment, alerting):
    # Held until it is sure to have been told, beyond its window.
    experiment.write_text(experiment.read_text().replace("for: 12s", "for: 26s"))
    late(10.0)(alerting, "ShopInstanceDown")
    unrouted(alerting, "HAProxyServerDown")
    alerting.reload()
    code, output = stack.command("run", experiment, "--target", stack.target)
    assert code == 1, output
    assert spoken(runs.latest()) == {"ShopInstanceDown": "late", "HAProxyServerDown": "undelivered"}


def test_what_else_was_killed_and_nobody_announced_is_named(stack, runs, experiment):
    """An alert of a listed name with other labels hid behind the listed one, however loudly it paged."""
    killed = experiment.read_text().replace("instance: shop-2,", "instances: [shop-2, inventory-1],", 1)
    assert "instances: [shop-2, inventory-1]" in killed
    experiment.write_text(killed)
    code, output = stack.command("run", experiment, "--target", stack.target)
    assert code == 1, output
    surprises = {
        (one["name"], one["labels"].get("server") or one["labels"].get("instance"))
        for one in runs.latest()["alerts"]
        if one["outcome"] == "surprise"
    }
    assert surprises == {("HAProxyServerDown", "inventory-1"), ("InventoryInstanceDown", "inventory-1")}
    proven = [one["name"] for one in runs.latest()["alerts"] if one["outcome"] == "proven"]
    assert proven == ["ShopInstanceDown", "HAProxyServerDown"]


def test_a_pager_that_answers_500_is_undelivered(stack, runs, experiment, supervisor):
    pager = next(row.pid for row in supervisor.processes() if row.name == "pager")
    group = [pager, *(child.pid for child in psutil.Process(pager).children(recursive=True))]
    limits = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in group}
    for pid, (_, hard) in limits.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))  # as on a full disk: it cannot store a delivery
    try:
        code, output = stack.command("run", experiment, "--target", stack.target)
    finally:
        for pid, limit in limits.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limit)
    assert code == 1, output
    assert outcomes(runs.latest())["ShopInstanceDown"] == "undelivered"
    assert "refused" in next(one["reason"] for one in runs.latest()["alerts"] if one["name"] == "ShopInstanceDown")


def test_without_prometheus_nothing_is_concluded(stack, runs, experiment, supervisor):
    known = runs.known()
    process = stack.start("run", experiment, "--target", stack.target)
    runs.wait_injected(runs.new(known))
    supervisor.stop("prometheus")
    try:
        output, _ = process.communicate(timeout=120)
    finally:
        supervisor.start("prometheus")
    assert process.returncode == 6, output


def test_a_load_that_never_comes_is_no_baseline(stack, runs, experiment):
    known = runs.known()
    process = stack.start("run", experiment, "--target", stack.target)
    runs.new(known)
    kill_load(stack)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 3, output


def test_a_load_that_stops_half_way_is_inconclusive(stack, runs, experiment):
    known = runs.known()
    process = stack.start("run", experiment, "--target", stack.target)
    runs.wait_injected(runs.new(known))
    kill_load(stack)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 6, output
    wait_until(lambda: shop_2_serves(stack), 15, "shop-2 to serve")


def test_an_instance_without_traffic_is_no_target(stack, runs, experiment):
    haproxy(stack, "set server shop/shop-2 state drain")
    try:
        code, output = stack.command("run", experiment, "--target", stack.target)
    finally:
        haproxy(stack, "set server shop/shop-2 state ready")
    assert code == 4, output
    assert "0 of the users' requests" in output


def test_a_listed_alert_that_already_fires_ends_the_run(stack, experiment, alerting):
    always(alerting, "ShopInstanceDown")
    alerting.reload()
    code, output = stack.command("run", experiment, "--target", stack.target)
    assert code == 3, output
    assert "already firing" in output
    assert "ShopInstanceDown" in output


def kill_load(stack):
    def load():
        processes = psutil.process_iter(["cmdline"])
        return [one for one in processes if is_load(one.info["cmdline"] or [], stack)]

    for process in wait_until(load, 30, "the load"):
        os.kill(process.pid, signal.SIGKILL)


def is_load(command, stack):
    return "chaos.load" in command and any(str(stack.settings.runs) in argument for argument in command)


def haproxy(stack, command):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(3)
        connection.connect(str(stack.settings.state / "run" / "haproxy.sock"))
        connection.sendall(f"{command}\n".encode())
        return connection.recv(4096).decode()


def shop_2_serves(stack):
    try:
        return httpx.get(f"{stack.instance_url('shop-2')}/readyz", timeout=1).status_code == 200
    except httpx.HTTPError:
        return False


def test_the_pages_show_what_a_run_prints(runs):
    """Numbers aside, the report in docs/verdicts.md is that of a run that held, and README's is a part of it."""
    held = [path for path in sorted(runs.folder.glob("*-kill-instance")) if runs.verdict(path)["exit_code"] == 0]
    reports = [(path / "report.txt").read_text() for path in held]
    # Not of a stack whose settings are others, which its report says.
    report = next(text for text in reports if not re.search(r"^system: ", text, flags=re.MULTILINE))
    printed = masked(report[: report.index("recording: ")])
    page, readme = (ROOT / "docs/verdicts.md").read_text(), (ROOT / "README.md").read_text()
    assert masked(page[page.index("Killing one of three") : page.rindex("```")]) == printed
    shown = masked(readme[readme.index("Killing one of three") : readme.index("```\nThe last line")])
    assert len(shown) > 10
    assert [line for line in shown if line not in printed] == []


def masked(text):
    # Which untagged panels happen to move, and which alert a panel shows first, is another matter in each run.
    text = re.sub(r"panels moved:.*?(?=\n\n|\Z)", "panels moved", text.strip(), flags=re.DOTALL)
    text = re.sub(r"^(  moved .*?):.*$", r"\1", text, flags=re.MULTILINE)
    return [" ".join(re.sub(r"[\d.]+", "N", line).split()) for line in text.splitlines()]
