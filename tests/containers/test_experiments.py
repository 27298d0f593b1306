"""The same experiments on both runtimes: the same verdict, the same alerts, the same schema; and nobody else is hit."""

import json

import pytest

from compose.containers import engine
from compose.containers.container_spec import STACK_LABEL
from tests import agreement
from tests.agreement import EXPERIMENTS, outcomes

# The first test waits for all runs: eight where the native ones are not noted, of some 40 s each, some of them once or
# twice more, and for two stacks.
pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(2400)]


@pytest.fixture(scope="session")
def native(an_engine, request):
    """Before the other, not beside it: on two cores even a stack at rest delayed an alert's resolution.

    Of the whole session, as the other is: pytest makes what has the wider scope first.
    """
    cache = request.config.cache
    seen = {experiment: agreement.noted(cache, experiment) for experiment in EXPERIMENTS}
    if missing := [experiment for experiment in EXPERIMENTS if seen[experiment] is None]:
        stack = request.getfixturevalue("stack")
        for experiment in missing:
            seen[experiment], _ = agreement.run(stack, experiment)
            agreement.note(cache, experiment, seen[experiment])
        assert stack.command("down")[0] == 0
    return seen


@pytest.fixture(scope="module")
def stranger(containers):
    """A container that is called as one of ours, of somebody else's stack."""
    client = engine.connect()
    (redis,) = client.containers.list(
        filters={"label": [f"{STACK_LABEL}={containers.settings.state}", "com.docker.compose.service=redis-1"]}
    )
    labels = {"com.docker.compose.service": "shop-2", STACK_LABEL: "somebody's"}
    container = client.containers.run(
        redis.attrs["Config"]["Image"], ["900"], entrypoint=["sleep"], detach=True, labels=labels
    )
    yield container
    container.remove(force=True, v=True)
    client.close()


@pytest.fixture(scope="module")
def in_containers(containers, stranger):
    return {experiment: agreement.run(containers, experiment)[0] for experiment in EXPERIMENTS}


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_both_runtimes_agree(native, in_containers, experiment):
    here, there = in_containers[experiment], native[experiment]
    assert (here["outcome"], here["reasons"]) == (there["outcome"], there["reasons"])
    assert outcomes(here) == outcomes(there)
    assert shape(here) == shape(there)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_it_holds_in_containers(in_containers, experiment):
    verdict = in_containers[experiment]
    assert (verdict["outcome"], verdict["reasons"]) == ("held", [])


def test_a_strangers_container_of_the_same_name_is_left_alone(in_containers, stranger):
    stranger.reload()
    assert stranger.status == "running"
    assert stranger.attrs["RestartCount"] == 0


def shape(verdict):
    """The keys of the verdict at every depth, whatever is in them."""

    def keys(value):
        if isinstance(value, dict):
            return {name: keys(inner) for name, inner in sorted(value.items())}
        return type(value).__name__

    return json.dumps(keys(verdict))
