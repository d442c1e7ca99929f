"""fold_slice and PtychoShelves ``NiterN.mat`` v7.3, which is HDF5 with the axes reversed.

MATLAB's ``object`` is (H, W, N), or (H, W, modes, N). Lengths are metres for X-rays and Å for electrons, as
fold_slice's own scripts plot them (``scale = p.dx_spec; % electron`` and ``unit_label = 'A'``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ddip_tf._types import Box
from ddip_tf.caution import Caution
from ddip_tf.errors import InputError
from ddip_tf.formats import hdf5
from ddip_tf.formats.content import Content, box_of, metres_in, neighbours_mixed, one, pair, pair_in, positive, times


def find(file: Any) -> hdf5.Layout | None:
    """``/object`` (N, W, H) of a v7.3 file, with the struct ``p`` beside it. Raises InputError for object modes."""
    if hdf5.get(file, "object") is None or hdf5.get(file, "p") is None:
        return None
    shape = hdf5.shape_of(file, "object")
    size, wavelength, distance = (
        hdf5.numbers(file, f"p/{name}") for name in ("dx_spec", "lambda", "multi_slice_param/z_distance")
    )
    gaps = np.ravel(distance)[np.isfinite(np.ravel(distance))] if distance is not None else np.empty(0)
    if len(shape) == 3 and shape[0] > 1 and not gaps.size:
        raise InputError(
            f"{file.filename} holds {shape[0]} object modes: it has no distances between slices "
            '(p.multi_slice_param.z_distance); if they are slices say `dataset="object"`'
        )
    pixel, length = pair(size), one(wavelength)
    unit = metres_in(max(pixel) if pixel else None, length)
    positions = hdf5.numbers(file, "outputs/probe_positions")
    return hdf5.Layout(
        ("object",),
        order=hdf5.REVERSED,
        modes_axis=1,
        pixel_size_m=pair_in(pixel, unit),
        spacing_m=times(_spacing(gaps, shape[0]), unit) if len(shape) > 2 else None,
        wavelength_m=length * unit if length else None,
        scanned=_scanned(positions.T if positions is not None else None, (shape[-1], shape[-2])),
        electrons=unit != 1.0 if pixel or length else None,
        slice_axis="last",
        notes=_notes(file) if len(shape) > 2 else (),
    )


def _notes(file: Any) -> tuple[Caution, ...]:
    """On ``regularize_layers``, which weakens differences of slices in every iteration (regulation_multilayers.m).

    It is a parameter of engines: in the cell ``p.engines`` of PtychoShelves' own files, in ``par`` of some of
    fold_slice's, and in others not at all.
    """
    places = ["par", "p", *hdf5.referenced(file, "p/engines")]
    found = [one(hdf5.numbers(file, f"{place}/regularize_layers")) for place in places]
    strength = max((value for value in found if value), default=None)
    return () if strength is None else (neighbours_mixed(f"fold_slice's regularize_layers ({strength:.4g})"),)


def recognises_v5(path: Path, head: bytes) -> bool:
    """Whether ``head``, a file's first bytes, are those of a v5 (to v7.2) file."""
    return head.startswith(b"MATLAB 5.0 MAT-f")


def refuse_v5(path: Path, dataset: str | None) -> Content:
    """Raises InputError: SciPy's reader of v5 files does not bear damaged ones (it can end the whole program)."""
    raise InputError(f"{path} is a MATLAB file of version 5 to 7.2: save it with -v7.3")


def _spacing(distance: np.ndarray, count: int) -> tuple[float, ...] | None:
    """fold_slice writes more distances than there are gaps: also behind the last slice, and on to the detector."""
    return positive(distance[: max(count - 1, 1)], count - 1) if distance.size else None


def _scanned(positions: Any, shape: tuple) -> Box | None:
    """Positions (P, 2) are x, y in pixels from the middle of the object."""
    positions = np.asarray(positions) if positions is not None else np.empty(0)
    if positions.ndim != 2 or positions.shape[1] != 2 or positions.dtype.kind not in "fiu":
        return None
    return box_of(positions[:, 1] + shape[0] / 2, positions[:, 0] + shape[1] / 2, (shape[0], shape[1]))
