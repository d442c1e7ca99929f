"""What may be given beside slices: the initial guess they were reconstructed from, or halves of their scan."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ddip_tf._types import Floats
from ddip_tf.errors import InputError

if TYPE_CHECKING:
    from ddip_tf.slices.stack import Source

#: a start has at most so many times the contrast of its slices; more is another unit
MOST_CONTRAST = 5.0
#: correlation of the sums over slices from which on a start explains the slices, and then the slopes it may have
EXPLAINS, SLOPES = 0.7, (0.4, 2.5)


@dataclass(frozen=True)
class Beside:
    """``images`` (N, H, W) or (M, N, H, W) on the slices' pixels and in their unit; ``sources`` one each or none."""

    images: Floats
    sources: tuple[Source, ...] = ()

    def part(self, rows: slice, columns: slice) -> Beside:
        """The same area of all."""
        return replace(self, images=self.images[..., rows, columns])

    def pick(self, indices: Sequence[int]) -> Beside:
        """The slices at ``indices``, in that order."""
        count, chosen = self.images.shape[-3], list(indices)
        numbers = [m + i for m in range(0, len(self.sources), count) for i in chosen]
        return Beside(self.images[..., chosen, :, :], tuple(self.sources[number] for number in numbers))

    @property
    def record(self) -> list[dict[str, Any]]:
        """Name, page and sha256 of each image; of arrays one entry with the digest of all."""
        if not self.sources:
            return [{"name": "array", "page": 0, "sha256": hashlib.sha256(self.images.tobytes()).hexdigest()}]
        return [{"name": source.name, "page": source.page, "sha256": source.sha256} for source in self.sources]


def start_of(images: Floats, start: Beside) -> Beside:
    """``start`` checked: one image a slice of ``images`` (N, H, W), finite, in their unit as far as one can tell.

    Raises InputError.
    """
    given = _real(start, "the start")
    if given.shape != images.shape:
        raise InputError(f"the start has shape {given.shape}, the slices {images.shape}: give one image a slice")
    if np.array_equal(given, images):
        raise InputError("the start is the slices themselves: give what their reconstruction started from")
    contrast = float(given.std((1, 2)).max() / images.std((1, 2)).max())
    if contrast > MOST_CONTRAST:
        raise InputError(
            f"the start has {contrast:.3g} times the contrast of the slices: it must be in their unit (rad for phases)"
        )
    first, last = (x.sum(0, dtype=float) - x.sum(0, dtype=float).mean() for x in (given, images))
    spread = float(np.sqrt((first**2).sum() * (last**2).sum()))
    if spread and abs(correlation := float((first * last).sum()) / spread) > EXPLAINS:
        slope = float((first * last).sum() / (first**2).sum())
        if not SLOPES[0] <= slope <= SLOPES[1]:
            raise InputError(
                f"the start shows what the slices do (correlation {correlation:.2f}), but times {1 / slope:.3g}: it "
                "must have their unit and sign"
            )
    return replace(start, images=given)


def halves_of(images: Floats, halves: Beside) -> Beside:
    """``halves`` checked, as (M, N, H, W): one half (the slices are the other) or two (they are of the whole).

    Raises InputError.
    """
    given = _real(halves, "the halves")
    given = given[None] if given.ndim == 3 else given
    if given.ndim != 4 or len(given) not in (1, 2) or given.shape[1:] != images.shape:
        raise InputError(
            f"halves have shape {halves.images.shape}, the slices {images.shape}: give one image a slice of the other "
            "half, or of both halves where the slices are of the whole scan"
        )
    if any(np.array_equal(half, images) for half in given) or (len(given) == 2 and np.array_equal(*given)):
        raise InputError("two of the halves and the slices are the same images: halves come of disjoint scan positions")
    if (given.std((2, 3)) == 0).any():
        raise InputError("a slice of the halves is constant")
    return replace(halves, images=given)


def _real(beside: Beside, what: str) -> Floats:
    images = np.asarray(beside.images)
    if np.iscomplexobj(images):
        raise InputError(f"{what} must be real images, as the slices are: the phase in rad")
    with np.errstate(over="ignore"):
        images = images.astype(np.float32)
    if not np.isfinite(images).all():
        raise InputError(f"{what} must be finite")
    return images
