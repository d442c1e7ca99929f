"""fold_slice and PtychoShelves ``NiterN.mat``: v7.3, which is HDF5 with the axes reversed, and v5 (read only).

MATLAB's ``object`` is (H, W, N). Lengths in metres.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ddip_tf._typing import Box
from ddip_tf.errors import InputError
from ddip_tf.formats import hdf5
from ddip_tf.formats.content import Content, as_slices, box_of, pair, positive


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


def read_v5(path: Path, dataset: str | None) -> Content:
    """Content of a v5 file: ``object`` (H, W, N), or the variable ``dataset``. Raises InputError."""
    from scipy.io import loadmat

    name = dataset or "object"
    try:
        found = loadmat(path, simplify_cells=True, variable_names=[name, "p", "outputs"])
    except Exception as error:  # scipy raises many kinds
        raise InputError(f"{path} cannot be read as a MATLAB file: {' '.join(str(error).split())}") from error
    if not isinstance(found.get(name), np.ndarray):
        raise InputError(f"{path} holds no array {name!r} (--dataset)")
    array = found[name]
    images = as_slices(array.transpose(2, 0, 1) if array.ndim == 3 else array, f"{path}:{name}")
    about = found["p"] if isinstance(found.get("p"), dict) else {}
    layers = about.get("multi_slice_param")
    outputs = found["outputs"] if isinstance(found.get("outputs"), dict) else {}
    return Content(
        images,
        pair(about.get("dx_spec")),
        _spacing(layers.get("z_distance") if isinstance(layers, dict) else None, len(images)),
        _first(positive(about.get("lambda"), 1)),
        _scanned(outputs.get("probe_positions"), images.shape[1:]),
    )


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
