"""Which claims a command measures, and that what a user has set changes nothing of them."""

import argparse
from functools import partial

import msgspec
import pytest

from chaos.claims import run
from chaos.claims.run import Setting
from chaos.cli import claims
from chaos.cli.claim_stack import OwnStacks
from chaos.drill.progress import Progress
from chaos.errors import InvalidFile, StackUnreachable
from chaos.machine.interrupts import Interrupts
from chaos.verdict.claims import ClaimsVerdict
from chaos.verdict.verdict import ExitCode, Outcome
from tests.unit.chaos.claims.made_up import HYPOTHESES
from tests.unit.chaos.judge.test_claims_small import smaller_facts


def chosen(*only, deviation=""):
    return [file.stem for file in claims._chosen(list(only), deviation)]


def test_by_numbers_with_commas_and_by_names():
    assert chosen("6,7") == chosen("pooling", "smaller") == ["smaller", "pooling"]
    assert len(chosen()) >= 3


@pytest.mark.parametrize(
    ("only", "deviation", "says"),
    [
        (("99",), "", "no such claim: 99"),
        (("6",), "no-gzip", "none is called no-gzip; there are no-pool"),
        ((), "no-gzip", "none is called no-gzip"),
    ],
)
def test_what_there_is_not_is_said_before_anything_is_begun(only, deviation, says):
    with pytest.raises(InvalidFile, match=says):
        chosen(*only, deviation=deviation)


def test_the_page_says_how_it_is_made_again():
    given = argparse.Namespace(only=["5,6"], deviate="no-pool", extreme=False)
    assert claims._again(given) == "make claims ONLY=5,6 DEVIATE=no-pool"


def test_what_a_user_has_set_does_not_change_what_is_measured(monkeypatch):
    for name, value in {
        "SHOP_GZIP": "off",
        "SHOP_HTTP_CACHE": "off",
        "STORMDRILL_WORKERS": "8",
        "STORMDRILL_PACE": "1",
        "STORMDRILL_PORT_BASE": "20000",
    }.items():
        monkeypatch.setenv(name, value)
    stacks = OwnStacks(print, Interrupts())
    plain = stacks._settings({})
    assert (plain.workers, plain.pace, plain.balancer.http_cache, plain.port_base) == (1, 60, True, 20000)
    assert "SHOP_GZIP" not in plain.service_settings
    assert plain.service_settings["SHOP_TRACE_SAMPLE_RATIO"] == "0.1"
    wanted = stacks._settings({"SHOP_GZIP": "on", "STORMDRILL_WORKERS": "2", "SHOP_TRACE_SAMPLE_RATIO": "0"})
    assert (wanted.workers, wanted.service_settings["SHOP_GZIP"]) == (2, "on")
    assert wanted.service_settings["SHOP_TRACE_SAMPLE_RATIO"] == "0"
    assert plain.fingerprint() != wanted.fingerprint()


def test_every_claim_can_be_measured_and_judged():
    assert claims.validate() >= 3


class Standing:
    """A stack that somebody left up."""

    def __init__(self, goes_down=True):
        self.did, self.goes_down = [], goes_down

    def begin(self):
        self.did.append("begin")

    def up(self, environment):
        raise AssertionError(environment)

    def down(self):
        self.did.append("down")
        if not self.goes_down:
            raise StackUnreachable("it stays up")


def measured_all(tmp_path, monkeypatch, measuring, stacks):
    # How busy this machine is says nothing here, and is looked at for seconds.
    monkeypatch.setattr(run, "_looks", lambda *_: [0.1])
    files = [HYPOTHESES / f"{name}.yaml" for name in measuring]
    setting = Setting(measuring, stacks, Interrupts(), ("abc", False))
    concluded = partial(claims.conclude, tmp_path, None, "make claims")
    return claims.measure_all(files, tmp_path, setting, Progress(), concluded)


def test_nothing_is_measured_on_a_stack_that_was_left_up(tmp_path, monkeypatch):
    stacks = Standing()

    def measure(bench):
        stacks.did.append("measure")

    assert measured_all(tmp_path, monkeypatch, {"smaller": measure}, stacks) == ExitCode.INCONCLUSIVE
    assert stacks.did == ["begin", "measure", "down"]


@pytest.mark.parametrize("goes_down", [True, False])
def test_whatever_ends_it_what_was_measured_before_has_its_page(tmp_path, monkeypatch, goes_down):
    def measure(bench):
        for fact in smaller_facts():
            bench.write(fact)

    def fails(bench):
        raise ZeroDivisionError

    stacks = Standing(goes_down)
    with pytest.raises(ZeroDivisionError if goes_down else StackUnreachable):
        measured_all(tmp_path, monkeypatch, {"smaller": measure, "waits": fails}, stacks)
    assert stacks.did == ["begin", "down"]
    verdict = msgspec.json.decode((tmp_path / "verdict.json").read_bytes(), type=ClaimsVerdict)
    assert [one.outcome for one in verdict.claims] == [Outcome.HELD, Outcome.INCONCLUSIVE]
    assert "a defect of ours" in (tmp_path / "index.html").read_text()
