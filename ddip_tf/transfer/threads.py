"""Several at a time: NumPy and SciPy leave Python's lock alone while they compute."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def in_threads(threads: int, function: Callable[..., Any], *arguments: Iterable[Any]) -> list[Any]:
    """``function`` of each of the ``arguments``, in their order, ``threads`` at a time."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, *arguments))
