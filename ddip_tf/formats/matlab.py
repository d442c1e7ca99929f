"""fold_slice and PtychoShelves ``NiterN.mat`` v7.3, which is HDF5 with the axes reversed.

MATLAB's ``object`` is (H, W, N). Lengths in metres.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ddip_tf._types import Box
from ddip_tf.errors import InputError
from ddip_tf.formats import hdf5
from ddip_tf.formats.content import Content, box_of, pair, positive


def find(file: Any) -> hdf5.Layout | None:
    """``/object`` (N, W, H) of a v7.3 file, with the struct ``p`` beside it."""
    if hdf5.get(file, "object") is None or hdf5.get(file, "p") is None:
        return None
    shape = hdf5.shape_of(file, "object")
    side = (shape[-1], shape[-2])
    size, wavelength, distance = (
        hdf5.numbers(file, f"p/{name}") for name in ("dx_spec", "lambda", "multi_slice_param/z_distance")
    )
    positions = hdf5.numbers(file, "outputs/probe_positions")
    return hdf5.Layout(
        ("object",),
        swapped=True,
        pixel_size_m=pair(size) if size is not None else None,
        spacing_m=_spacing(distance, shape[0]) if len(shape) == 3 else None,
        wavelength_m=_first(positive(wavelength, 1)),
        scanned=_scanned(positions.T if positions is not None else None, side),
    )


def recognises_v5(path: Path, head: bytes) -> bool:
    """Whether ``head``, a file's first bytes, are those of a v5 (to v7.2) file."""
    return head.startswith(b"MATLAB 5.0 MAT-f")


def refuse_v5(path: Path, dataset: str | None) -> Content:
    """Raises InputError: SciPy's reader of v5 files does not bear damaged ones (it can end the whole program)."""
    raise InputError(f"{path} is a MATLAB file of version 5 to 7.2: save it with -v7.3")


def _spacing(distance: Any, count: int) -> tuple[float, ...] | None:
    """fold_slice writes one distance more than there are gaps, the last to the detector's side."""
    if distance is None or np.size(distance) < 1:
        return None
    flat = np.ravel(distance)
    return positive(flat[: max(count - 1, 1)], count - 1)


def _scanned(positions: Any, shape: tuple) -> Box | None:
    """Positions (P, 2) are x, y in pixels from the middle of the object."""
    positions = np.asarray(positions) if positions is not None else np.empty(0)
    if positions.ndim != 2 or positions.shape[1] != 2 or positions.dtype.kind not in "fiu":
        return None
    return box_of(positions[:, 1] + shape[0] / 2, positions[:, 0] + shape[1] / 2, (shape[0], shape[1]))


def _first(values: tuple[float, ...] | None) -> float | None:
    return values[0] if values else None
