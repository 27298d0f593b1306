"""The seal: what was shown before a round fits what is shown afterwards, and nothing else does."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.spec.gameday import seal
from chaos.spec.gameday.deck import Inject
from chaos.spec.gameday.seal import Sealed
from chaos.spec.values import Duration

INJECT = Inject(Duration(seconds=60), "Is it down?", within=Duration(seconds=120))
SEALED = Sealed("kill", "title: t\n", 12.5, [INJECT], "restart shop-2", False, 7, 0)
texts = st.text(max_size=40)
sealed = st.builds(
    Sealed,
    texts,
    texts,
    st.floats(0, 100, allow_nan=False),
    st.lists(st.builds(Inject, st.just(Duration(seconds=5)), st.text(min_size=1, max_size=10)), max_size=2),
    texts,
    st.booleans(),
    st.integers(0, 2**64 - 1),
    st.integers(0, 9),
)


@given(sealed)
def test_every_seal_fits_itself_also_when_it_was_written_and_read(one):
    made = seal.seal(one)
    again = seal.read(seal.encode(made))
    assert again == made
    assert seal.broken(again, made.commitment, one.experiment, one.delay_seconds) == []


@given(sealed, st.data())
def test_no_seal_fits_after_any_byte_of_it_was_changed(one, data):
    made = seal.seal(one)
    written = bytearray(seal.encode(made))
    place = data.draw(st.integers(0, len(written) - 1))
    written[place] ^= data.draw(st.integers(1, 255))
    try:
        changed = seal.read(bytes(written))
    except (ValueError, UnicodeDecodeError):
        return
    if changed != made:
        assert seal.broken(changed, made.commitment, changed.sealed.experiment, None)


@given(sealed, sealed)
def test_two_things_have_the_same_seal_only_if_they_are_the_same(one, other):
    made = seal.seal(one)
    commitment = msgspec.structs.replace(made, sealed=other).commitment
    assert (commitment == made.commitment) is (one == other)


def test_the_salt_is_new_each_time_also_of_the_same_seed():
    salts = {seal.seal(SEALED).salt for _ in range(50)}
    assert len(salts) == 50
    assert {len(bytes.fromhex(salt)) for salt in salts} == {16}


def test_another_experiment_and_a_fault_that_came_too_early_are_found():
    made = seal.seal(SEALED)
    [experiment] = seal.broken(made, made.commitment, "title: u\n", 12.5)
    assert "not the one that was sealed" in experiment
    [early] = seal.broken(made, made.commitment, SEALED.experiment, 11.0)
    assert "after 11.0 s" in early
    assert seal.broken(made, made.commitment, SEALED.experiment, 99.0) == [], "later it may come"


@pytest.mark.parametrize("content", [b"", b"{}", b'{"salt": "00", "sealed": {}}'])
def test_what_is_no_seal_is_said(content):
    with pytest.raises(ValueError, match="no seal"):
        seal.read(content)


def test_a_salt_that_is_too_short_is_none():
    made = seal.seal(SEALED)
    with pytest.raises(ValueError, match="128 bits"):
        seal.read(seal.encode(msgspec.structs.replace(made, salt="00")))
