"""Least squares: the numbers with which values were made are found again, or it is said that they cannot be."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chaos.judge.claims.linear import of_errors, of_relative_errors

numbers = st.floats(0.1, 1000)
# What no number can be divided by and found again is nothing that anybody measures.
cells = st.just(0.0) | st.floats(0.001, 1)


def made(rows, unknowns):
    return [sum(cell * number for cell, number in zip(row, unknowns, strict=True)) for row in rows]


@given(st.lists(numbers, min_size=1, max_size=4), st.data())
def test_what_values_were_made_of_is_found_again(unknowns, data):
    size = len(unknowns)
    mixed = data.draw(st.lists(st.lists(cells, min_size=size, max_size=size), max_size=5))
    # One row of each alone, so that they can be told apart.
    rows = [[float(place == column) for column in range(size)] for place in range(size)] + mixed
    assert of_errors(rows, made(rows, unknowns)) == pytest.approx(unknowns, rel=1e-6)
    assume(all(value > 0 for value in made(rows, unknowns)))
    assert of_relative_errors(rows, made(rows, unknowns)) == pytest.approx(unknowns, rel=1e-6)


@given(numbers, numbers)
def test_what_always_comes_together_cannot_be_told_apart(first, second):
    rows = [[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]]
    assert of_errors(rows, made(rows, [first, second])) is None


def test_of_nothing_nothing_follows():
    assert of_errors([], []) is None
