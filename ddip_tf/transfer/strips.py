"""A field strip by strip: what is made of some rows fits in a core's cache, and in memory however large the field."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ddip_tf._types import Array

#: some frequencies of a field: rows, or rows and columns
Index = Any

#: numbers of a strip: no slower than fewer, and half again as fast as all at once at 1024 x 1024 pixels, or more
AT_ONCE = 2**17


def strips(height: int, numbers: int) -> Iterator[slice]:
    """Rows of a field ``height`` high, so many at a time that a row has ``numbers`` of them.

    Examples
    --------
    >>> [(rows.start, rows.stop) for rows in strips(9, 2**15)]
    [(0, 4), (4, 8), (8, 9)]
    """
    rows = max(1, AT_ONCE // numbers)
    return (slice(first, min(first + rows, height)) for first in range(0, height, rows))


def by_strips(function: Callable[[slice], Array], like: Array) -> Array:
    """What ``function`` makes of all rows, of the shape and type of ``like`` (H, W, N)."""
    made = np.empty_like(like)
    for rows in strips(len(like), like[0].size * like.shape[-1]):
        made[rows] = function(rows)
    return made


def part(field: Array | float, at: Index) -> Array | float:
    """What a ``field`` (H, W, ...) has there, or a number for all of it."""
    return field[at] if isinstance(field, np.ndarray) else field
