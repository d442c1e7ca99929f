"""Pixels that no image can hold, hot, dead or saturated: found one by one and replaced before a fit.

A reconstruction spreads every feature over several pixels, so a pixel far from its neighbours is a defect. Two tests,
in units of the robust deviation (1.4826 · MAD) of the image from its 5 × 5 median:

* isolated: beyond all its eight neighbours but one (outliers may come in pairs) by more than `ISOLATED`, and more than
  that of the deviation in its surroundings; and by more than `OWN` of its own deviation, for of a feature two pixels
  wide, as an atom is, two neighbours have half of the height at least (a quarter where the field cuts it);
* impossible: further from its 5 × 5 median than `IMPOSSIBLE` times the central 98 % of the image's values span.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ddip_tf._types import Floats
from ddip_tf.caution import Caution
from ddip_tf.slices.stack import SliceStack
from ddip_tf.transfer.threads import in_threads

ISOLATED = 10.0
OWN = 0.75
IMPOSSIBLE = 2.0
#: above this share of an image they are no outliers but its texture, and nothing is touched
MOST = 0.03


def find(image: Floats) -> np.ndarray:
    """(H, W) mask of the outliers of ``image`` (H, W), in any unit. NumPy and SciPy only."""
    from scipy import ndimage

    x = image.astype(np.float64)
    low, high = np.percentile(x, (1, 99))
    deviation = x - ndimage.median_filter(x, 5, mode="mirror")
    everywhere = 1.4826 * np.median(np.abs(deviation))
    ring = np.ones((3, 3), bool)
    ring[1, 1] = False
    above = x - ndimage.rank_filter(x, -2, footprint=ring, mode="mirror")
    below = ndimage.rank_filter(x, 1, footprint=ring, mode="mirror") - x
    # a floor, for images without noise: a feature is no outlier before it stands a fifth of the range above all around
    scale = max(everywhere, 0.02 * (high - low))
    beyond = np.maximum(above, below)
    isolated = beyond > np.maximum(ISOLATED * scale, OWN * np.abs(deviation))
    isolated[isolated] = beyond[isolated] > ISOLATED * 1.4826 * _medians(np.abs(deviation), isolated)
    impossible = np.abs(deviation) > IMPOSSIBLE * (high - low)
    return isolated | impossible


def replaced(stack: SliceStack, threads: int = 1) -> tuple[SliceStack, tuple[Caution, ...]]:
    """The stack with outliers replaced by the median of the good pixels around, and a caution a slice that had any.

    A stack without outliers comes back as it is. ``threads`` that look at a slice each change nothing.
    """
    images, cautions = stack.images, []
    masks = in_threads(threads, find, stack.images)
    for number, (image, bad) in enumerate(zip(stack.images, masks, strict=True)):
        if not bad.any() or bad.mean() > MOST:
            continue
        images = images.copy() if images is stack.images else images
        images[number][bad] = _medians_around(image, bad)
        y, x = np.argwhere(bad)[0]
        where = f"one pixel (y {y}, x {x})" if bad.sum() == 1 else f"{bad.sum()} pixels, the first at y {y}, x {x},"
        said = (
            f"Slice {number + 1}: {where} cannot be part of the image (hot, dead or saturated): replaced by the median "
            "around for the fit."
        )
        cautions.append(Caution("outliers-replaced", said, number + 1))
    return (replace(stack, images=images), tuple(cautions)) if cautions else (stack, ())


def _medians(image: np.ndarray, at: np.ndarray, side: int = 9) -> np.ndarray:
    """(P,) medians of the squares around the pixels ``at`` (H, W), reflected at the border."""
    squares = np.lib.stride_tricks.sliding_window_view(np.pad(image, side // 2, "reflect"), (side, side))
    pixels = np.argwhere(at)
    pieces = np.array_split(pixels, 1 + len(pixels) // 2**14)
    of_pieces = (squares[piece[:, 0], piece[:, 1]].reshape(-1, side**2) for piece in pieces)
    return np.concatenate([np.median(values, 1) for values in of_pieces])


def _medians_around(image: Floats, bad: np.ndarray) -> Floats:
    """For each bad pixel the median of the good ones in the smallest square around it that has three."""
    values = []
    for y, x in np.argwhere(bad):
        for reach in range(1, max(image.shape)):
            box = np.s_[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
            good = image[box][~bad[box]]
            if good.size >= 3:
                break
        values.append(np.median(good))
    return np.array(values, image.dtype)
