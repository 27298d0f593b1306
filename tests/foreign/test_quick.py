"""From `adopt` to a proven alert on a stack that is not ours, sixty times as fast as it would run; two minutes at most.

The same at its own pace is tests/foreign/test_full.py.
"""

from pathlib import Path

import msgspec
import pytest

from chaos.verdict.standing import Adopted, Word
from chaos.verdict.verdict import Verdict
from tests.foreign.foreign import MEMBERS, PASSWORD, Foreign, copy
from tests.waiting import until

# By hand, from the rules and the routing: what each is worth before anything was broken.
PROVABLE = {
    "EtcdMemberDown",
    "EtcdMembersDown",
    "EtcdInsufficientMembers",
    "EtcdNoLeader",
    "EtcdMemberCommunicationSlow",
    "EtcdFsyncSlow",
}
BY_HAND = dict.fromkeys(PROVABLE, Word.PROVABLE) | {
    "Watchdog": Word.NEVER_PROVEN,  # it looks at nothing
    "EtcdDatabaseGrows": Word.REACHES_NOBODY,  # whoever is only informed
    "EtcdBackupLate": Word.CANNOT_FIRE,  # nobody exports that series
    "NodeClockWrong": Word.NEVER_PROVEN,  # the Alertmanagers are not the target's
}


@pytest.fixture(scope="module")
def etcd(tmp_path_factory):
    made = copy(tmp_path_factory.mktemp("foreign") / "etcd")
    made.make_it_fast()
    try:
        made.start()
        until(made.well, 60)
        yield made
    finally:
        made.told("undo", "--target", "target.yaml")
        made.end()


@pytest.fixture(scope="module")
def drafted(etcd) -> tuple[Adopted, str]:
    """What somebody sees first, with nothing but two addresses and a password."""
    basic = "{ user: ci, password: { env: PROMETHEUS_PASSWORD } }"
    (etcd.folder / "doors.yaml").write_text(
        f'prometheus: {{ url: "{etcd.at(12)}/monitoring", basic: {basic} }}\n'
        f'alertmanager: ["{etcd.at(13)}", "{etcd.at(16)}"]\n'
    )
    code, printed = etcd.told("adopt", "--doors", "doors.yaml", "--toxiproxy", etcd.at(8), "--out", "draft")
    assert code == 0, printed
    return adopted(etcd.folder / "draft"), printed


@pytest.fixture(scope="module")
def ran(etcd, drafted) -> tuple[int, str, list[str]]:
    """A catalogue of one experiment, case C28, and every command line that there was while it lasted."""
    seen: set[str] = set()
    runner = etcd.stormdrill("all", "--target", "target.yaml", "--only", "kill-one-member")

    def over():
        seen.update(command_lines())
        return runner.poll() is not None

    # What it prints is little, and its pipe holds it.
    until(over, 150)
    printed, said = runner.communicate()
    return runner.returncode, printed + said, sorted(seen)


def adopted(folder: Path) -> Adopted:
    return msgspec.json.decode((folder / "adopted.json").read_bytes(), type=Adopted)


def command_lines() -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return found


def test_every_rule_has_the_word_that_it_has_by_hand(drafted):
    found, printed = drafted
    assert {one.name: one.word for one in found.rules} == BY_HAND, printed
    assert found.untold == []
    reached = {(one.name, one.labels["severity"]): one.receivers for one in found.rules}
    assert reached["EtcdFsyncSlow", "warning"] == ["team-slack"]
    assert reached["EtcdFsyncSlow", "critical"] == ["oncall"]
    [slow] = [one for one in found.rules if (one.name, one.labels["severity"]) == ("EtcdFsyncSlow", "warning")]
    assert "inhibited by severity=critical" in slow.kept_back
    [down] = [one for one in found.rules if one.name == "EtcdMemberDown"]
    # A scrape, an evaluation, three seconds of `for`, half a second of group_wait.
    assert down.delay_seconds == 5.5


def test_what_it_drafts_is_valid(etcd, drafted):
    code, printed = etcd.told("validate", "--target", "draft/target.yaml")
    # Three members, killed and hanging, and three ways between them.
    assert (code, printed) == (0, "9 experiments are valid\n")


def test_a_members_death_is_proven_through_external_labels_and_a_cluster(etcd, ran):
    code, printed, _ = ran
    assert code == 0, printed + (etcd.folder / "runs" / "latest" / "report.txt").read_text()
    assert "1 of 1 held" in printed
    verdict = msgspec.json.decode((etcd.folder / "runs" / "latest" / "verdict.json").read_bytes(), type=Verdict)
    [down] = [one for one in verdict.alerts if one.name == "EtcdMemberDown"]
    assert (down.outcome, down.labels["cluster"], "replica" in down.labels) == ("proven", "lab", False)
    assert None not in (down.condition_true, down.delivered, down.resolved), "seconds of both ends of the way"
    assert verdict.replicas == []


def test_what_a_run_has_shown_counts_from_then_on(etcd, ran):
    code, printed = etcd.told("adopt", "--target", "target.yaml", "--out", "draft")
    assert code == 0, printed
    words = {one.name: one.word for one in adopted(etcd.folder / "draft").rules}
    assert words == BY_HAND | dict.fromkeys(("EtcdMemberDown", "EtcdMembersDown"), Word.PROVEN)
    assert "new since: EtcdMemberDown{severity=critical} was provable and is proven: run " in printed

    code, printed = etcd.told("coverage", "--target", "target.yaml", "--baseline", "baseline.yaml", "--renew")
    assert code == 0, printed
    open_ = (etcd.folder / "baseline.yaml").read_text()
    assert "EtcdNoLeader" in open_
    assert "EtcdMemberDown" not in open_
    code, printed = etcd.told("coverage", "--target", "target.yaml", "--baseline", "baseline.yaml")
    assert (code, "no new gaps in the coverage" in printed) == (0, True), printed
    (etcd.folder / "baseline.yaml").write_text("open: []\n")
    code, printed = etcd.told("coverage", "--target", "target.yaml", "--baseline", "baseline.yaml")
    assert (code, "worse than the baseline: EtcdNoLeader is not proven" in printed) == (1, True), printed


def test_no_credential_is_anywhere(etcd, ran):
    """In no file that was written, nothing printed, no command line."""
    _, printed, lines = ran
    assert any("chaos" in line for line in lines)
    wrong = etcd.environment | {"PROMETHEUS_PASSWORD": f"{PASSWORD}-wrong"}
    refused = Foreign(etcd.folder, etcd.port, wrong).told("run", "--target", "target.yaml", "kill-one-member")
    assert refused[0] == 3
    assert "401" in refused[1]
    files = [one for one in etcd.folder.rglob("*") if one.is_file() and not one.is_relative_to(etcd.folder / "run")]
    files += [one for one in (etcd.folder / "run" / "stormdrill").rglob("*") if one.is_file()]
    names = {one.name for one in files}
    assert {"recording.ndjson", "report.html", "junit.xml", "verdict.json", "adopted.json", "target.yaml"} <= names
    texts = {str(one): one.read_bytes().decode(errors="replace") for one in files}
    texts |= {"printed": printed, "refused": refused[1], "command lines": "\n".join(lines)}
    assert [where for where, text in texts.items() if PASSWORD in text] == []


def test_everything_is_as_it_was(etcd, ran):
    assert [etcd.ctl("state", one) for one in MEMBERS] == ["running"] * 3
    assert until(etcd.well)
