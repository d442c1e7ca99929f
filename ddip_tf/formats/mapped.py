"""Large arrays stay in their file: of a memory map only what is picked is read, so files may be larger than memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ddip_tf._types import Box, StrPath
from ddip_tf.formats import limits

#: bytes from which on an array that lies in one piece is mapped; smaller ones are read
LEAST = 2**26


def array_in(path: StrPath, dtype: np.dtype, shape: Sequence[int], offset: int, fortran: bool = False) -> np.ndarray:
    """The array at ``offset`` of a file, which cannot be written to. Raises ValueError, OSError."""
    return np.memmap(path, dtype, "r", offset, tuple(shape), "F" if fortran else "C")


def pick(images: Sequence[np.ndarray], numbers: Sequence[int], box: Box | None = None) -> np.ndarray:
    """(N, H, W) in memory: images (H, W) by their ``numbers``, or the ``box`` of each.

    Raises InputError where they are mapped and would be over the limit.
    """
    part = tuple(slice(*side) for side in box or ())
    picked = [images[number][part] for number in numbers]
    files = {str(image.filename) for image in picked if isinstance(image, np.memmap)}
    if files:
        limits.admit(" and ".join(sorted(files)), (len(picked), *picked[0].shape), np.result_type(*picked))
    return np.stack([np.asarray(image) for image in picked])
