"""Which axis of an array (A, B, C) counts the slices: the first, as most programs have it, or the last.

An image has at least 32 pixels a side, so that an axis shorter than that is no side of one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ddip_tf.errors import InputError
from ddip_tf.formats.content import Content
from ddip_tf.slices.stack import SMALLEST_SIDE

ENDS = ("first", "last")


def settled(content: Content, asked: str | None, where: str) -> Content:
    """``content`` with the slice axis that was ``asked`` for (``first``, ``last``), else the one that is likely.

    Raises InputError for another word, or where nothing says which axis it is and the images look like rows of slices.
    """
    if asked is not None and asked not in ENDS:
        raise InputError(f"the slice axis is {asked!r}; it can be {' or '.join(ENDS)}")
    shape = as_in_file(content.images, content.slice_axis).shape
    if asked is None and not content.axis_known:
        asked = likely(shape)
        if asked is None and content.slice_axis == "first" and SMALLEST_SIDE <= shape[2] < min(shape[:2]):
            count, height, width = shape
            raise InputError(
                f"{where} reads as {count} slices of {height} x {width} pixels, or as {width} of {count} x {height}: "
                'is the slice axis last? `slice_axis="last"`, or first'
            )
    if asked is None or asked == content.slice_axis:
        return content
    images = moved(content.images, content.slice_axis, asked)
    return replace(content, images=images, slice_axis=asked, pixel_size_m=None, spacing_m=None, scanned=None)


def likely(shape: tuple[int, ...]) -> str | None:
    """``first`` or ``last`` where only that axis is too short to be an image's side, else None."""
    first, middle, last = (side >= SMALLEST_SIDE for side in shape)
    if not middle or first == last:
        return None
    return "last" if first else "first"


def as_in_file(images: np.ndarray, taken: str) -> np.ndarray:
    """The array that images (N, H, W) were taken from, whose slice axis was ``taken`` to be first or last."""
    return np.moveaxis(images, 0, -1) if taken == "last" else images


def moved(images: np.ndarray, taken: str, asked: str) -> np.ndarray:
    """Images (N, H, W) by the slice axis that is ``asked`` for, of those that were ``taken`` by another."""
    array = as_in_file(images, taken)
    return np.moveaxis(array, -1, 0) if asked == "last" else array
