"""A hold in which users send too little to say anything is refused before anything is broken."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.cli import run
from chaos.errors import InvalidFile
from chaos.spec import values
from chaos.spec.experiment import Experiment
from chaos.spec.loads import PathsLoad, ShopLoad
from tests.fakes import system

FILE = Path("kill.yaml")


def held(seconds, **bounds):
    check = {"name": "n", "query": "load:failed:ratio", **(bounds or {"during": "== 0"})}
    fault = {"type": "process.kill", "instance": "a", "for": f"{seconds}s"}
    written = {"title": "t", "claim": "c", "fault": fault, "steady_state": [check], "recover_within": "5s"}
    return msgspec.convert(written, Experiment, dec_hook=values.decode)


def target(load):
    return msgspec.structs.replace(system(Path("nowhere")).target, load=load)


@given(st.floats(0.05, 3.9), st.integers(1, 1000))
def test_it_is_refused_exactly_where_too_few_come(rate, seconds):
    slow = target(PathsLoad(paths=["/"], rate=rate))
    if rate * seconds >= 20:
        run._assert_telling(FILE, held(seconds), slow)
        return
    with pytest.raises(InvalidFile, match=r"kill.yaml: fault.for: .* or raise load.rate") as refused:
        run._assert_telling(FILE, held(seconds), slow)
    named = int(str(refused.value).partition("hold it for ")[2].partition("s")[0])
    run._assert_telling(FILE, held(named), slow)


def test_what_says_nothing_of_users_may_be_as_short_as_it_likes():
    slow = target(PathsLoad(paths=["/"], rate=1))
    run._assert_telling(FILE, held(3, before="== 0"), slow)
    run._assert_telling(FILE, held(3, query="up", during="== 1"), slow)
    run._assert_telling(FILE, held(1), target(ShopLoad()))
