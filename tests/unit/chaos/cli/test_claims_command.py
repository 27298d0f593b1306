"""Which claims a command measures, and that what a user has set changes nothing of them."""

import argparse

import pytest

from chaos.cli import claims
from chaos.cli.claim_stack import OwnStacks
from chaos.errors import InvalidFile
from chaos.machine.interrupts import Interrupts


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
