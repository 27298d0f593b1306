"""Least squares of a few unknowns, in as many lines as that takes. Pure."""

from collections.abc import Sequence

_SINGULAR = 1e-12


def of_errors(rows: Sequence[Sequence[float]], values: Sequence[float]) -> list[float] | None:
    """The numbers whose sums, weighted by each row, come closest to the values; None: they cannot be told apart."""
    if not rows:
        return None
    places = range(len(rows[0]))
    normal = [[sum(row[i] * row[j] for row in rows) for j in places] for i in places]
    right = [sum(row[i] * value for row, value in zip(rows, values, strict=True)) for i in places]
    return _solve(normal, right)


def of_relative_errors(rows: Sequence[Sequence[float]], values: Sequence[float]) -> list[float] | None:
    """As `of_errors`, with each error by its value: what is eight times as much is not eight times as exactly known.

    The values are above zero.
    """
    scaled = [[cell / value for cell in row] for row, value in zip(rows, values, strict=True)]
    return of_errors(scaled, [1.0] * len(scaled))


def _solve(matrix: list[list[float]], right: list[float]) -> list[float] | None:
    """Gaussian elimination with the largest pivot."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    # By how large each unknown's own cell is: one may be of requests and another of their squares.
    sizes = [max(abs(cell) for cell in row) for row in matrix]
    for column in range(len(rows)):
        pivot = max(range(column, len(rows)), key=lambda row: abs(rows[row][column]) / (sizes[row] or 1.0))
        if abs(rows[pivot][column]) <= _SINGULAR * sizes[pivot]:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        sizes[column], sizes[pivot] = sizes[pivot], sizes[column]
        for row in range(len(rows)):
            if row != column:
                times = rows[row][column] / rows[column][column]
                rows[row] = [cell - times * above for cell, above in zip(rows[row], rows[column], strict=True)]
    return [row[-1] / row[column] for column, row in enumerate(rows)]
