"""How far the prior is to be believed, measured on the data in hand: hidden coefficients of the sum, foretold.

The prior fills in what T leaves open, the difference of the slices at low k, and smooths the rest. Whether it is right
to do so for these slices can be tried out: some of the cosine coefficients are hidden, the slices are solved for from
the others, and what the prior puts in their place is held against what was hidden. The sum of the slices is known well
at every k, so it is the judge. The skill

    1 - sum |hidden - foretold|^2 / sum |hidden|^2

is above 0.9 for objects of flat parts with edges and about 0 for textures that fill the field, whose fine structure
cannot be foretold (and whose smoothing would do harm). Symbols: N slices, H and W pixels. NumPy and SciPy only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ddip_tf._types import Array
from ddip_tf.transfer.bands import frequencies, interpolate
from ddip_tf.transfer.resolution import SAME, Sampling
from ddip_tf.transfer.threads import in_threads

#: part of the coefficients that is hidden, and how often other ones
PART, TIMES = 0.15, 4
#: cycles/pixel: finer ones are noise more than signal
HIGHEST = 0.2
#: hidden coefficients in a band at least, and octaves (as a ratio) it spans at least
LEAST, RATIO = 40, 1.6
#: skills from which on the prior is believed a little, and fully (chosen on development pairs of `tools/quality.py`)
NONE, FULL = -0.2, 0.4
#: cycles/pixel: above it a lack of skill may be noise; a prior that foretells what is coarser is believed here too
FINE = 0.07

#: cycles/pixel: the skill there speaks for the slices as a whole
MIDDLE = 0.045
#: skill there, and the level of noise (`ddip_tf.transfer.noise`) that goes with it
SKILLS, FACTORS = (0.5, 0.9, 0.98), (0.3, 0.8, 2.0)
#: levels of noise that are averaged, around the one the skill asks for
LEVELS = (0.4, 1.0, 2.5)

#: what the prior makes of the mixed coefficients (H, W, N) where those of a mask (H, W) are hidden; and a guess beside
Foretell = Callable[[Array], tuple[Array, Array]]


@dataclass(frozen=True)
class Trust:
    """Skill of the prior in bands of k, and the weight that follows from it."""

    k: Array  # (B,) cycles/pixel
    skill: Array  # (B,)
    sampling: Sampling = SAME

    @property
    def weight(self) -> Array:
        """(B,) between 0, the linear estimate, and 1, the prior's."""
        weight = np.clip((self.skill - NONE) / (FULL - NONE), 0, 1)
        fine = self.sampling.here(FINE)
        coarser = np.clip((self.at(fine) - 0.5) / 0.3, 0, 1)
        return np.where(self.k > fine, np.maximum(weight, coarser), weight)

    @property
    def middle(self) -> float:
        """Skill at `MIDDLE`."""
        return self.at(self.sampling.here(MIDDLE))

    @property
    def factors(self) -> tuple[float, ...]:
        """Of the noise between the slices, that solutions are averaged over; the second is what the skill asks for."""
        asked = float(np.exp(np.interp(self.middle, SKILLS, np.log(FACTORS))))
        return tuple(asked * level for level in LEVELS)

    def at(self, k: float) -> float:
        """Skill at k (cycles/pixel), linear in log k."""
        return float(interpolate(np.asarray(k), self.k, self.skill))

    def over(self, height: int, width: int) -> Array:
        """Weight at every cosine coefficient, (H, W)."""
        return interpolate(frequencies(height, width), self.k, self.weight)


def trust(
    coefficients: Array, foretell: Foretell, sampling: Sampling = SAME, threads: int = 1
) -> tuple[Trust, list[Array]]:
    """Skill of a prior on the sum of slices whose cosine ``coefficients`` (H, W, N) are given, and all it guessed.

    Which ones are hidden is the same for every call; ``threads`` that foretell at a time change nothing. Raises
    ValueError for fields of fewer than 32 x 32 pixels.
    """
    height, width, _ = coefficients.shape
    if min(height, width) < 32:
        raise ValueError(f"needs 32 x 32 pixels or more, got {height} x {width}")
    k = frequencies(height, width)

    def tried(draw: int) -> tuple[Array, ...]:
        mask = (np.random.default_rng(draw).random(k.shape) < PART) & (k > 0)
        seen = mask & (k < sampling.here(HIGHEST))
        found, guess = foretell(mask)
        return k[seen], coefficients[seen].sum(-1), found[seen].sum(-1), guess

    *columns, guesses = zip(*in_threads(threads, tried, range(TIMES)), strict=True)
    at, hidden, foretold = (np.concatenate(column) for column in columns)
    order = np.argsort(at, kind="stable")
    return Trust(*_skill(at[order], hidden[order], foretold[order]), sampling), list(guesses)


def _skill(k: Array, hidden: Array, foretold: Array) -> tuple[Array, Array]:
    """Centres and skill of bands of at least `LEAST` coefficients; weights k^2 even out the fall of the spectrum."""
    centres, skill, first = [], [], 0
    while first < len(k):
        last = min(max(int(np.searchsorted(k, k[first] * RATIO)), first + LEAST), len(k))
        if len(k) - last < LEAST:
            last = len(k)
        part = slice(first, last)
        weight = k[part] ** 2
        power = max(float(weight @ hidden[part] ** 2), 1e-300)
        skill.append(1 - float(weight @ (hidden[part] - foretold[part]) ** 2) / power)
        centres.append(np.exp(np.log(k[part]).mean()))
        first = last
    return np.array(centres), np.array(skill)
