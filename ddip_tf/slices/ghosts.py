"""Ghosts taken out of a complex object, in memory: exp(−i w ghost) of a phase, exp(−w ghost) of an amplitude.

The window w is 1 inside the area that was separated, falls to 0 over its rim, and leaves all outside untouched.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ddip_tf._types import Box, Floats
from ddip_tf.errors import InputError
from ddip_tf.transfer.ramps import without_plane

#: width of the rim over which separated and original object are blended
SEAM_PX = 8
#: share of a slice's contrast that a model may leave over
MOST_UNEXPLAINED = 0.5
#: rad, or share of a real image's contrast: a ghost so weak is rounding
NO_GHOST = 1e-6


def window(box: Box, shape: tuple[int, int]) -> Floats:
    """Weights (h, w) of the part ``box`` of an image of ``shape``: 1 inside, falling to 0 towards its rim.

    Where the rim is that of the whole image there is no seam, and nothing falls.
    """
    sides = []
    for (start, end), side in zip(box, shape, strict=True):
        width = min(SEAM_PX, (end - start) // 4)
        rise = 0.5 - 0.5 * np.cos(np.pi * np.arange(1, width + 1) / (width + 1))
        weights = np.ones(end - start)
        if start > 0:
            weights[:width] = rise
        if end < side:
            weights[len(weights) - width :] = rise[::-1]
        sides.append(weights)
    return np.outer(*sides)


def take_out(factor: np.ndarray, ghost: Floats, box: Box, *, phase: bool, complex_object: bool) -> None:
    """Subtract a slice's ``ghost`` (h, w), seen in ``box``, from ``factor`` (H, W), the log of what multiplies it.

    ``phase``: whether the ghost is one of the phase, in rad, and not of the log-amplitude. Of a complex object the mean
    phase or amplitude is the probe's as well, and so is the ramp of the phase: nothing to take out.
    """
    (y0, y1), (x0, x1) = box
    if complex_object:
        ghost = without_plane(ghost) if phase else ghost - ghost.mean()
    factor[y0:y1, x0:x1] -= window(box, factor.shape) * ghost * (1j if phase else 1.0)


def drop_rounding(factor: np.ndarray, images: np.ndarray) -> None:
    """Set to zero what ``factor`` (N, H, W) takes out of slices of ``images`` where it is rounding (`NO_GHOST`)."""
    for image, part in zip(images, factor, strict=True):
        contrast = 1.0 if np.iscomplexobj(image) else float(np.std(image, dtype=float))
        if np.abs(part).max() <= NO_GHOST * contrast:
            part[...] = 0


def refuse_unexplained(shares: Mapping[int, float], whose: object) -> None:
    """Raise InputError where what ``whose`` model makes is not even half of what a slice shows: ghosts may be none.

    ``shares`` of a slice's contrast that is not explained, by its number.
    """
    for number, share in shares.items():
        if share > MOST_UNEXPLAINED:
            raise InputError(
                f"{whose} leaves {100 * share:.0f} % of the contrast of slice {number} unexplained: what it calls "
                "ghosts may be structure; look at it, then `despite_warnings` writes it all the same"
            )
