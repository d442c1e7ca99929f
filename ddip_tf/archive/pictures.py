"""The pictures of ``outputs/`` by the names of their files: what input − output consists of, and how it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ddip_tf._types import Floats
from ddip_tf.formats import tiff
from ddip_tf.slices.numbering import Vacuum


def taken_out(inputs: Floats, outputs: Floats, smoothed: Floats | None) -> dict[str, Floats]:
    """What was taken out of the slices, (N, H, W) each: ``ghost`` and, where anything was, ``smoothed``.

    input = output + ghost + smoothed.
    """
    taken = inputs - outputs
    return {"ghost": taken} if smoothed is None else {"ghost": taken - smoothed, "smoothed": smoothed}


def write(
    folder: Path,
    kinds: Mapping[str, Floats],
    pixel_size_m: tuple[float, float] | None,
    numbers: Sequence[int],
    vacuum: Sequence[Vacuum] = (),
) -> None:
    """``kinds`` of images (N, H, W) as slice1.tif …, ghost1.tif …; smoothed only the slices that lost anything so.

    The files go by the (N,) ``numbers`` of the slices; ``vacuum`` is written beside them. Makes ``folder``. Raises
    OSError.
    """
    folder.mkdir()
    for kind, images in kinds.items():
        for number, image in zip(numbers, images, strict=True):
            if kind != "smoothed" or image.any():
                tiff.write(folder / f"{kind}{number}.tif", image, pixel_size_m)
    shape = next(iter(kinds.values())).shape[1:]
    for one in vacuum:
        tiff.write(folder / f"slice{one.number}.tif", np.full(shape, one.value, np.float32), pixel_size_m)
