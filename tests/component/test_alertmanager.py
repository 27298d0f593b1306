"""What a running Alertmanager does with the alerts of tests/alert_routes.py: who is told, who is silenced, how long."""

import pytest

from tests.alert_routes import ALL, SILENCING
from tests.component.alertmanager import Told, running
from tests.waiting import until

# Group waits of up to a second, and what is told at a group's next interval, every five; the rest is a busy machine.
TOLD_WITHIN_SECONDS = 20.0
OTHERS = [route for key, route in ALL.items() if key not in SILENCING]


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """One Alertmanager for what is asked of its API; each test resolves what it fired."""
    with running(tmp_path_factory.mktemp("alertmanager")) as alertmanager:
        yield alertmanager


@pytest.fixture
def alertmanager(tmp_path):
    """One for each test that looks at messages: groups that were told before are told later."""
    with running(tmp_path) as alertmanager:
        yield alertmanager


@pytest.mark.parametrize("source", SILENCING)
def test_an_alert_silences_exactly_what_follows_from_it_and_only_while_it_fires(asked, source):
    others = {route.key for route in OTHERS}
    follow = {key for key in others if source in ALL[key].silenced_by}
    assert follow, "nothing would show that it is known by now"
    asked.fire(*OTHERS)
    assert until(lambda: (seen := asked.silenced()).keys() >= others and seen) == dict.fromkeys(others, False)
    asked.fire(ALL[source])
    seen = until(lambda: (seen := asked.silenced()) and all(seen[key] for key in follow) and seen)
    assert {key for key, silenced in seen.items() if silenced} == follow

    # Of other sources one at a time, for each silences rows of its own.
    for other in [key for key in SILENCING if key != source]:
        asked.fire(ALL[other])
        seen = until(lambda other=other: (seen := asked.silenced()) and other in seen and seen)
        assert seen[other] is (source in ALL[other].silenced_by), other
        assert not seen[source] or other in ALL[source].silenced_by, other
        asked.resolve(ALL[other])
        until(lambda other=other: other not in asked.silenced())

    asked.resolve(ALL[source])
    until(lambda: not any(asked.silenced().values()))
    asked.resolve(*OTHERS)
    until(lambda: not asked.silenced())


def test_when_everything_fires_a_page_is_left(asked):
    asked.fire(*ALL.values())
    seen = until(lambda: (seen := asked.silenced()).keys() == ALL.keys() and any(seen.values()) and seen)
    roots = {key for key in SILENCING if not ALL[key].silenced_by}
    until(lambda: all(asked.silenced()[key] for key in ALL if ALL[key].silenced_by))
    seen = asked.silenced()
    assert {key for key in SILENCING if not seen[key]} == roots
    asked.resolve(*ALL.values())
    until(lambda: not asked.silenced())


def test_each_receiver_is_told_its_own_alerts(alertmanager):
    free = [route for route in ALL.values() if not route.silenced_by and route.key not in SILENCING]
    alertmanager.fire(*free)
    expected = {Told(route.receiver, route.alert, "firing") for route in free}
    until(lambda: set(alertmanager.told) >= expected, TOLD_WITHIN_SECONDS)
    assert set(alertmanager.told) == expected
    assert {told.receiver for told in expected} >= {"pager", "deadman"}


def test_an_outage_is_one_page_and_what_lasts_longer_is_told_after_it(alertmanager):
    outage, instance, users = (
        ALL[key] for key in ("HAProxyBackendDown/shop", "ShopInstanceDown", "ShopErrorBudgetBurnFast/shop")
    )
    unrelated = ALL["ShopEventLoopBlocked"]
    alertmanager.fire(outage)
    page = Told("pager", outage.alert, "firing")
    until(lambda: page in alertmanager.told, TOLD_WITHIN_SECONDS)
    alertmanager.fire(instance, users)
    alertmanager.fire(unrelated)
    # Told as late as `instance` would be, and fired after it.
    until(lambda: Told("pager", unrelated.alert, "firing") in alertmanager.told, TOLD_WITHIN_SECONDS)
    assert {told.alert for told in alertmanager.told} == {outage.alert, unrelated.alert}

    alertmanager.resolve(outage, users)
    until(lambda: Told("pager", instance.alert, "firing") in alertmanager.told, TOLD_WITHIN_SECONDS)
    until(lambda: Told("pager", outage.alert, "resolved") in alertmanager.told, TOLD_WITHIN_SECONDS)
    alertmanager.resolve(instance)
    until(lambda: Told("pager", instance.alert, "resolved") in alertmanager.told, TOLD_WITHIN_SECONDS)
    assert users.alert not in {told.alert for told in alertmanager.told}, "over before anybody had to know"


def test_what_was_told_and_ends_while_it_is_silenced_is_never_told_to_be_over(alertmanager):
    """A limit of Alertmanager: such a page stays open at the pager, and an experiment may not list it."""
    outage, users, later = (
        ALL[key] for key in ("HAProxyBackendDown/shop", "ShopErrorBudgetBurnFast/shop", "ShopEventLoopBlocked")
    )
    alertmanager.fire(users)
    until(lambda: Told("pager", users.alert, "firing") in alertmanager.told, TOLD_WITHIN_SECONDS)
    alertmanager.fire(outage)
    until(lambda: alertmanager.silenced()[users.key])
    alertmanager.resolve(users)
    # Twice the group's interval: a whole alert of another group comes and goes meanwhile.
    for _ in range(2):
        before = len(alertmanager.told)
        alertmanager.fire(later)
        until(
            lambda before=before: Told("pager", later.alert, "firing") in alertmanager.told[before:],
            TOLD_WITHIN_SECONDS,
        )
        alertmanager.resolve(later)
        until(
            lambda before=before: Told("pager", later.alert, "resolved") in alertmanager.told[before:],
            TOLD_WITHIN_SECONDS,
        )
    alertmanager.resolve(outage)
    until(lambda: Told("pager", outage.alert, "resolved") in alertmanager.told, TOLD_WITHIN_SECONDS)
    assert Told("pager", users.alert, "resolved") not in alertmanager.told
