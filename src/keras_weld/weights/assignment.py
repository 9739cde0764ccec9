"""The assignment of rows to columns with the largest sum, exactly."""

from __future__ import annotations

import numpy as np

from keras_weld.core.state import Array


def best_assignment(scores: Array) -> Array:
    """For each row its column, each column once, so that the scores' sum is as large as it can be.

    Rows are added one by one, each along the shortest augmenting path; O(n³), one step a vector operation.

    Args:
        scores: (n, n), finite.

    Returns:
        The column of each row, whole numbers.

    Reference:
        Crouse 2016, "On implementing 2D rectangular assignment algorithms" (after Jonker and Volgenant 1987).
    """
    costs = -np.asarray(scores, np.float64)
    count = len(costs)
    row_prices, column_prices = np.zeros(count), costs.min(0) if count else np.zeros(0)
    column_of, row_of = np.full(count, -1), np.full(count, -1)
    for row in range(count):
        _add(row, costs, (row_prices, column_prices), (column_of, row_of))
    return column_of


def _add(row: int, costs: Array, prices: tuple[Array, Array], partners: tuple[Array, Array]) -> None:
    """Give one more row a column; others may change theirs."""
    row_prices, column_prices = prices
    column_of, row_of = partners
    count = len(costs)
    length, through = np.full(count, np.inf), np.full(count, -1)
    reached = np.zeros(count, bool)
    rows, at, least = [row], row, 0.0
    while True:
        reduced = least + costs[at] - row_prices[at] - column_prices
        shorter = ~reached & (reduced < length)
        length[shorter], through[shorter] = reduced[shorter], at
        column = int(np.argmin(np.where(reached, np.inf, length)))
        least, reached[column] = float(length[column]), True
        at = int(row_of[column])
        if at < 0:
            break
        rows.append(at)
    others = np.array(rows[1:], int)
    row_prices[row] += least
    row_prices[others] += least - length[column_of[others]]
    column_prices[reached] -= least - length[reached]
    while True:
        at = int(through[column])
        row_of[column], column_of[at], column = at, column, int(column_of[at])
        if at == row:
            return
