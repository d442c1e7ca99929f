"""What a separation gives: one object with its pictures and provenance, and of a fit its networks and history."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from ddip_tf._types import Floats
from ddip_tf.caution import Caution
from ddip_tf.config import FitConfig
from ddip_tf.slices.affine import Affine
from ddip_tf.slices.numbering import numbered_caution, numbered_name
from ddip_tf.slices.stack import SliceStack

#: the least and the most that eq. (3)'s own weight of a slice can be
OWN_WEIGHT = 0.05, 0.95


@dataclass(frozen=True, repr=False)
class Solution:
    """Slices separated from their ghosts, as arrays.

    Attributes
    ----------
    stack
        the slices that came in.
    config
        settings of the fit.
    outputs
        (N, H, W) float32, in the unit of ``stack.images``.
    mixing
        by name: arrays that the forward model learned (``matrix`` (N, N) and kernels, or the profiles of T(k)).
    modelled
        (N, H, W): what the forward model makes of the outputs, to be held against ``stack.images``.
    warnings
        what its reader should know, and reasons not to trust it.
    smoothed
        (N, H, W), under the transfer model: input − modelled, what no slice explains and the prior took (noise, the
        detail it flattened, outliers that were replaced); 0 in slices that lost nothing so. None where none did, and
        for the mixings of eq. (3).
    provenance
        wall time, peak memory, what was found of the mixing (``mixed``, ``model``), the share of each input's contrast
        that is ``unexplained``; of a fit device and threads, too.
    """

    stack: SliceStack
    config: FitConfig
    outputs: Floats
    mixing: Mapping[str, Floats]
    modelled: Floats
    warnings: tuple[Caution, ...] = ()
    smoothed: Floats | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<ddip_tf.{type(self).__name__}: {self._of}, {len(self.warnings)} warnings>"

    @property
    def _of(self) -> str:
        height, width = self.stack.shape
        return f"{len(self.stack)} slices of {height} x {width}, mixing {self.config.mixing}"

    @property
    def ghosts(self) -> Floats:
        """(N, H, W): input − output − smoothed, what was taken out of each slice as another's.

        Under the transfer model T y − y: the other slices' share, and the coarse structure that changed hands.
        """
        taken = self.stack.images - self.outputs
        return taken if self.smoothed is None else taken - self.smoothed

    @property
    def taken_out(self) -> Floats:
        """(N, H, W) float64: ghosts + smoothed, what an export takes out of an object."""
        parts = [self.ghosts] if self.smoothed is None else [self.ghosts, self.smoothed]
        return np.stack(parts).sum(0, dtype=np.float64)


@dataclass(frozen=True, repr=False, kw_only=True)
class Separation(Solution):
    """What `ddip_tf.fit` gives: a `Solution` and the networks that make its pictures, with their history.

    Attributes
    ----------
    to_output
        gain and offset, per slice, from a generator's image to ``outputs``.
    generators
        by name (``slice1`` …, the numbers of the file): functional Keras models, z (1, H, W, 1) → image (1, H, W, 1);
        under the transfer model base → image.
    latents
        by name: the inputs of the generators, z as ``slice1`` …, base as ``slice1_base`` ….
    filters
        by name (`filter_name`; ``filter12``: from slice 2 into slice 1): Keras models of the mixing, if it has any.
    history
        by name: (E,) values of every loss term and weight, epoch by epoch.
    status
        ``done``, or ``stopped`` where a callback ended the fit early.
    """

    to_output: Affine
    generators: Mapping[str, Any]
    latents: Mapping[str, Floats]
    filters: Mapping[str, Any]
    history: Mapping[str, Floats]
    status: str = "done"

    @property
    def _of(self) -> str:
        return f"{super()._of}, {self.status}"

    @property
    def epochs(self) -> int:
        """Epochs done."""
        return len(next(iter(self.history.values())))


#: a solution of either kind, and the same kind again
AnySolution = TypeVar("AnySolution", bound=Solution)


def latents_of(name: str, inputs: Iterable[str], latents: Mapping[str, Floats]) -> dict[str, Floats]:
    """What to feed the generator ``name``, by the name of each of its ``inputs``: ``z``, ``base`` or both.

    ``latents`` are those of `latents.npz`: z of slice 1 is ``slice1``, its base ``slice1_base``. Raises KeyError.
    """
    return {kind: latents[name if kind == "z" else f"{name}_{kind}"] for kind in inputs}


def loss_terms(history: Mapping[str, Floats]) -> dict[str, Floats]:
    """The columns of a history that a loss is made of: all but ``epoch`` and the weights ``alpha1`` …, of any prior."""
    return {name: values for name, values in history.items() if name != "epoch" and not re.fullmatch(r"alpha\d+", name)}


def pair_name(into: int, source: int) -> str:
    """``12`` for slice 2 in slice 1, ``1_10`` where a number has two digits (arguments count from 0)."""
    return f"{into + 1}{'_' if max(into, source) > 8 else ''}{source + 1}"


def numbered_pair(numbers: Sequence[int], into: int, source: int) -> str:
    """`pair_name` of two slices at positions from 0, by the ``numbers`` of their file."""
    return pair_name(numbers[into] - 1, numbers[source] - 1)


def filter_name(into: int, source: int) -> str:
    """``filter12`` for f from slice 2 into slice 1, ``filter1_10`` from slice 10 (arguments count from 0)."""
    return f"filter{pair_name(into, source)}"


def filter_pair(name: str) -> tuple[int, int] | None:
    """(into, source), counted from 0, of a `filter_name`; None for any other text.

    Older runs of ten slices and more have names such as ``filter111``, which do not tell their pair: None, too.
    """
    found = re.fullmatch(r"filter(?:([1-9])([1-9])|([1-9]\d*)_([1-9]\d*))", name)
    numbers = [int(number) - 1 for number in found.groups() if number] if found else []
    return (numbers[0], numbers[1]) if numbers else None


def by_file_numbers(solution: AnySolution) -> AnySolution:
    """What was found by positions, and is said, by the numbers that the slices have in their file."""
    numbers = solution.stack.numbers
    if numbers == tuple(range(1, len(numbers) + 1)):
        return solution

    def name(old: str) -> str:
        pair = filter_pair(old)
        return f"filter{numbered_pair(numbers, *pair)}" if pair else numbered_name(old, numbers)

    named: dict[str, Any] = {
        kind: {name(old): value for old, value in getattr(solution, kind).items()}
        for kind in ("generators", "latents", "filters", "mixing")
        if hasattr(solution, kind)
    }
    warnings = tuple(numbered_caution(caution, numbers) for caution in solution.warnings)
    return replace(solution, warnings=warnings, **named)


def alphas(matrix: Any) -> list[Any]:
    """N weights to show of ``matrix`` (N, N), array or tensor: eq. (3)'s α_1, α_2 (shares of slice 1) for two slices,
    else every slice's own weight."""
    count = matrix.shape[0]
    return [matrix[i, 0 if count == 2 else i] for i in range(count)]
