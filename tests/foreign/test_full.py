"""The same stack at its own pace: it looks once a minute, waits for minutes, and groups for five. About 75 minutes.

Only what docs/own-stack.md says is done: adopt, the target file that a team makes of the draft, all, coverage.
"""

import msgspec
import pytest

from chaos.verdict.standing import Adopted, Word
from tests.foreign.foreign import MEMBERS, copy
from tests.waiting import until

PROVEN = {
    "EtcdMemberDown",
    "EtcdMembersDown",
    "EtcdInsufficientMembers",
    "EtcdNoLeader",
    "EtcdMemberCommunicationSlow",
}
_COMES_WITHIN_SECONDS = 420.0
"""A scrape and an evaluation a minute apart, then a group's wait: until its always-firing alert has arrived."""
_ENDS_WITHIN_SECONDS = 2 * 3600.0


@pytest.fixture(scope="module")
def etcd(tmp_path_factory):
    made = copy(tmp_path_factory.mktemp("foreign") / "etcd")
    try:
        made.start()
        until(made.well, _COMES_WITHIN_SECONDS)
        yield made
    finally:
        made.told("undo", "--target", "target.yaml")
        made.end()


@pytest.mark.timeout(_ENDS_WITHIN_SECONDS + 1_800)
def test_from_adopt_to_a_proven_matrix(etcd):
    code, printed = etcd.told("adopt", "--target", "target.yaml", "--out", "adopted")
    assert code == 0, printed
    log = etcd.folder / "all.log"
    running = etcd.stormdrill("all", "--target", "target.yaml")
    printed, said = running.communicate(timeout=_ENDS_WITHIN_SECONDS)
    log.write_text(printed + said)
    print(printed)
    assert running.returncode == 0, printed + said
    code, printed = etcd.told("adopt", "--target", "target.yaml", "--out", "adopted")
    print(printed)
    found = msgspec.json.decode((etcd.folder / "adopted" / "adopted.json").read_bytes(), type=Adopted)
    assert {one.name for one in found.rules if one.word is Word.PROVEN} == PROVEN, printed
    _, printed = etcd.told("coverage", "--target", "target.yaml")
    print(printed)
    assert [etcd.ctl("state", one) for one in MEMBERS] == ["running"] * 3
