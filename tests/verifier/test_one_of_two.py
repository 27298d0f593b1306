"""Two instances of one alert, of which one is broken: it is named, and the other is proven. Six minutes."""

import pytest
import yaml

from tests.verifier.alerting import longer, one_late, one_more, one_unreachable, one_unrouted, read, window

pytestmark = [pytest.mark.stack, pytest.mark.slow]
NAME = "PostgresLatencyHigh"


def two():
    """Shop and inventory both ask Postgres, and both are expected to be told of."""
    experiment = read("bandwidth-postgres")
    alerts = [{key: value for key, value in one.items() if key != "each"} for one in experiment["alerts"]]
    assert [one["name"] for one in alerts] == [NAME]
    return experiment | {"alerts": [one | {"count": "== 2"} for one in alerts]}


def run(stack, runs, tmp_path, experiment):
    """The outcome of each instance of the alert, the exit code and what was printed."""
    file = tmp_path / "two.yaml"
    file.write_text(yaml.safe_dump(experiment))
    code, output = stack.command("run", file, "--target", stack.target)
    return {one["labels"].get("job"): one["outcome"] for one in runs.latest()["alerts"] if one["name"] == NAME}, (
        code,
        output,
    )


def test_two_that_are_well_are_proven_both(stack, runs, tmp_path):
    found, (code, output) = run(stack, runs, tmp_path, two())
    assert (found, code) == ({"inventory": "proven", "shop": "proven"}, 0), output


@pytest.mark.parametrize(
    ("mutation", "job", "outcomes"),
    [
        (one_unreachable, "shop", {"inventory": "proven", None: "missed"}),
        (one_unrouted, "shop", {"inventory": "proven", "shop": "undelivered"}),
        (one_more, "other", {"inventory": "proven", "other": "surprise", "shop": "proven"}),
    ],
    ids=lambda one: getattr(one, "__name__", None),
)
def test_the_one_that_is_broken_is_named(stack, runs, tmp_path, alerting, mutation, job, outcomes):
    mutation(alerting, NAME, job)
    alerting.reload()
    found, (code, output) = run(stack, runs, tmp_path, two())
    # Whom the window takes of three is a matter of their labels; that one of them is too many is not.
    if mutation is one_more:
        assert sorted(found.values()) == sorted(outcomes.values()), output
    else:
        assert found == outcomes, output
    assert code == 1, output


def test_the_one_that_is_late_is_named(stack, runs, tmp_path, alerting):
    experiment = two()
    one_late(window(experiment, NAME))(alerting, NAME, "shop")
    alerting.reload()
    found, (code, output) = run(stack, runs, tmp_path, longer(experiment))
    assert (found, code) == ({"inventory": "proven", "shop": "late"}, 1), output
