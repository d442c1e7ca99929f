"""Adorym: a pair of TIFFs, ``obj_mag_…`` and ``obj_phase_…`` or ``obj_delta_…``, float32 (H, W, N), slice axis LAST.

TIFF readers show such a file as H pages of W x N pixels, or for N = 3 or 4 as a colour image.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ddip_tf.errors import InputError
from ddip_tf.formats import tiff
from ddip_tf.formats.content import Content, check_size, multiplied

#: more slices than this are an image's side, unless the file has a name of Adorym's
MOST_SLICES = 31
PARTS = ("mag", "phase")
NAMES = ("obj_mag", "obj_phase", "obj_delta", "obj_beta")


def recognises(path: Path, head: bytes) -> bool:
    """Whether a TIFF holds floats whose last axis is too short for an image's side, or by its name is Adorym's."""
    try:
        return tiff.recognises(head) and _shape(path) is not None
    except Exception:
        return False  # a damaged TIFF: the TIFF reader says so


def read(path: Path, dataset: str | None) -> Content:
    """Complex slices where the file of the pair's other half lies beside it, else the file's own numbers."""
    halves = {part: path.with_name(_renamed(path, part)) for part in PARTS} if _part(path) else {}
    if halves and all(half.is_file() for half in halves.values()):
        amplitude, phase = (_load(halves[part]) for part in PARTS)
        if amplitude.shape != phase.shape:
            raise InputError(f"{halves['mag']} and {halves['phase']} have different shapes")
        images = (amplitude * np.exp(1j * phase.astype(np.float64))).astype(np.complex64)
        return Content(images, slice_axis="last", axis_known=True)
    return Content(_load(path), slice_axis="last", axis_known=True)


def change(path: Path, dataset: str | None, factor: np.ndarray) -> None:
    """See `Family`: phases, or δ, gain the imaginary part; magnitudes are multiplied by exp of the real part."""
    for file in (path, *companions(path)):
        images = _load(file)
        real = _part(file) == "mag"
        changed = images * np.exp(factor.real) if real else multiplied(images, factor)
        _save(file, np.moveaxis(changed, 0, -1).astype(np.float32))


def companions(path: Path) -> tuple[Path, ...]:
    """The other half of the pair, if it is there."""
    part = _part(path)
    if part is None:
        return ()
    other = path.with_name(_renamed(path, PARTS[1 - PARTS.index(part)]))
    return (other,) if other.is_file() else ()


def _part(path: Path) -> str | None:
    return next((part for part in PARTS if f"obj_{part}" in path.name), None)


def _renamed(path: Path, part: str) -> str:
    return path.name.replace(f"obj_{_part(path)}", f"obj_{part}")


def _shape(path: Path) -> tuple[int, int, int] | None:
    with tiff.opened(path) as file:
        series = file.series[0]
        shape, kind = series.shape, series.dtype.kind
    most = MOST_SLICES if not path.name.startswith(NAMES) else shape[-1]
    last = len(shape) == 3 and kind == "f" and shape[-1] <= most and min(shape[:2]) > MOST_SLICES
    return tuple(shape) if last else None


def _load(path: Path) -> np.ndarray:
    """The slices (N, H, W) of one file. Raises InputError."""
    shape = _shape(path)
    if shape is None:
        raise InputError(f"{path} holds no float32 array (H, W, N) with the slice axis last")
    check_size(shape, np.dtype(np.float64), path.stat().st_size, str(path))
    with tiff.opened(path) as file:
        for page in file.pages:
            tiff.admit(path, page, len(file.pages))
        array = file.series[0].asarray().reshape(shape)
    return np.ascontiguousarray(np.moveaxis(array, -1, 0))


def _save(path: Path, array: np.ndarray) -> None:
    import tifffile

    tifffile.imwrite(path, array, photometric="minisblack")
