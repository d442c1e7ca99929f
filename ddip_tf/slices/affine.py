"""From physical units to the unit interval in which networks work, and exactly back.

All slices share ONE affine map, so that their relative contrast is kept (reference program; the paper is silent).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ddip_tf._types import Floats


@dataclass(frozen=True)
class Affine:
    """x ↦ gain · x + offset, slice by slice.

    ``gain`` and ``offset`` are (N,), in the unit of the images that come out.
    """

    gain: tuple[float, ...]
    offset: tuple[float, ...]

    def __call__(self, images: Floats) -> Floats:
        """Map images (N, H, W); float32 out."""
        return (images * _column(self.gain) + _column(self.offset)).astype(np.float32)

    def inverse(self, images: Floats) -> Floats:
        """Map images (N, H, W) back; float32 out. Raises ZeroDivisionError if a gain is 0."""
        if not all(self.gain):
            raise ZeroDivisionError("a gain of 0 has no inverse")
        return ((images - _column(self.offset)) / _column(self.gain)).astype(np.float32)

    def after(self, first: Affine) -> Affine:
        """The map that does ``first``, then this one."""
        pairs = (
            zip(self.gain, first.gain, strict=True),
            zip(self.gain, first.offset, self.offset, strict=True),
        )
        return Affine(tuple(g * f for g, f in pairs[0]), tuple(g * f + o for g, f, o in pairs[1]))


def _column(values: tuple[float, ...]) -> Floats:
    # float64 so that huge or tiny units keep their float32 images exact to rounding
    return np.asarray(values, np.float64)[:, None, None]


def to_unit_interval(images: Floats) -> Affine:
    """The map whose inverse takes the whole stack (N, H, W) onto [0, 1]."""
    low, high = float(images.min()), float(images.max())
    return Affine((high - low,) * len(images), (low,) * len(images))


def least_squares(separated: Floats, images: Floats) -> Affine:
    """Gain and offset that bring each separated slice y_i nearest to its input I_i, both (N, H, W).

    Eq. (3) leaves the scale of y_i open (α_i and the filters can take it up), so it is fixed by

        min over g, c of ‖ I_i − (g·y_i + c) ‖²

    A y_i that is constant or runs against its slice (g ≤ 0) keeps gain 1 in units of the stack's range and
    takes its mean from I_i.
    """
    gains, offsets = [], []
    fallback = float(images.max() - images.min())
    for y, image in zip(separated.astype(np.float64), images.astype(np.float64), strict=True):
        dy = y - y.mean()
        variance = float((dy * dy).sum())
        gain = float((dy * image).sum()) / variance if variance > 0 else 0.0
        gain = gain if gain > 0 else fallback
        gains.append(gain)
        offsets.append(float(image.mean() - gain * y.mean()))
    return Affine(tuple(gains), tuple(offsets))
