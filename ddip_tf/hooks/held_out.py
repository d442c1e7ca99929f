"""Diffraction patterns that a reconstruction does not see, to judge it by where nobody knows the truth. NumPy only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ddip_tf._types import Floats
from ddip_tf.errors import InputError

#: positions whose patterns are predicted at a time
CHUNK = 32


def choose(count: int, share: float, seed: int = 0) -> tuple[int, ...]:
    """Which of ``count`` positions are held out: ``share`` of them, drawn at random, in order; none for share 0.

    Raises InputError for a share outside 0 … 0.5.

    >>> choose(40, 0.05, seed=3)
    (3, 31)
    """
    if not 0 <= share <= 0.5:
        raise InputError(f"the share of positions held out is {share}; it can be 0 to 0.5")
    drawn = np.random.default_rng(seed).choice(count, size=max(1, round(share * count)) if share else 0, replace=False)
    return tuple(sorted(int(position) for position in drawn))


def misfit(predicted: Floats, measured: Floats) -> float:
    """Σ (√predicted − √measured)² / Σ measured over intensities of one shape: 0 is a perfect fit.

    With counts of photons the noise alone gives about a quarter of a photon a pixel over the mean number of them.
    """
    predicted, measured = (np.maximum(np.asarray(x, np.float64), 0) for x in (predicted, measured))
    return float(((np.sqrt(predicted) - np.sqrt(measured)) ** 2).sum() / measured.sum())


def misfit_at(positions: Sequence[int], patterns: Callable[[Sequence[int]], tuple[Floats, Floats]]) -> float:
    """The `misfit` at ``positions``; ``patterns`` gives those predicted and measured at some of them."""
    parts = [patterns(positions[first : first + CHUNK]) for first in range(0, len(positions), CHUNK)]
    predicted, measured = (np.concatenate(part) for part in zip(*parts, strict=True))
    return misfit(predicted, measured)


class Without:
    """Batches of positions as ``batches`` gives them, without those ``held`` out; a batch of none is left out."""

    def __init__(self, batches: Any, held: Sequence[int]) -> None:
        self.batches, self.held = batches, frozenset(held)

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self.batches:
            kept = [int(position) for position in batch if int(position) not in self.held]
            if kept:
                yield kept

    def __len__(self) -> int:
        return len(self.batches)
