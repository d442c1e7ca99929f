"""What one file holds: the images of its slices, and what the file says of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ddip_tf._types import Box
from ddip_tf.caution import Caution
from ddip_tf.errors import InputError
from ddip_tf.formats import limits
from ddip_tf.slices.quantities import ANGSTROM_M

#: deflate packs at most 1032 bytes into one: an array much larger than its file was declared, not written
LARGEST_PACKING = 1100
#: a pixel, or a wavelength, written in metres is smaller than this, one in Å larger
SMALLEST_ANGSTROM = 1e-6


@dataclass(frozen=True)
class Content:
    """Images of one file.

    Attributes
    ----------
    images
        (N, H, W), upstream slice first, rows downwards: a complex transmission function, or real images (phase in rad).
    pixel_size_m
        (y, x) in metres, or None where the file does not say.
    spacing_m
        (N − 1,) distances between neighbouring slices in metres, or None.
    wavelength_m
        of the beam, or None.
    scanned
        the box that the centres of the probe positions span, clipped to the images, or None.
    probe_angle_rad
        half angle of the cone in which the beam meets the object, or None.
    electrons
        whether the beam is known to be of electrons (True) or photons (False), or None.
    slice_axis, axis_known
        which axis of the file's array, as its program shows it, was taken for the slices, ``first`` or ``last``; and
        whether the file says so (else it is the custom of such files, and `ddip_tf.formats.axes` may think better).
    notes
        sentences that the user should know.
    """

    images: np.ndarray
    pixel_size_m: tuple[float, float] | None = None
    spacing_m: tuple[float, ...] | None = None
    wavelength_m: float | None = None
    scanned: Box | None = None
    electrons: bool | None = None
    slice_axis: str = "first"
    axis_known: bool = False
    notes: tuple[Caution, ...] = ()
    probe_angle_rad: float | None = None


@dataclass(frozen=True)
class Family:
    """A file family.

    ``recognises(path, head)``, head its first bytes; ``read(path, dataset)``, dataset None for where the family
    keeps it; ``change(path, dataset, factor)`` multiplies the slices in the file, in place, by exp(factor), complex
    (N, H, W) (real images, which are phases, gain its imaginary part), or is None where ddip-tf cannot write;
    ``companions(path)`` are other files that belong to the one at path.
    """

    recognises: Callable[[Path, bytes], bool]
    read: Callable[[Path, str | None], Content]
    change: Callable[[Path, str | None, np.ndarray], None] | None = None
    companions: Callable[[Path], tuple[Path, ...]] = lambda path: ()


def neighbours_mixed(settings: str) -> Caution:
    """The note on a reconstruction whose ``settings`` (``kz_filter (beta 1)``) mix neighbouring slices by design."""
    said = (
        f"The reconstruction mixed neighbouring slices by design, with {settings}: the differences of slices that this "
        "took are not in the file, and are not put back; what it left looks like crosstalk."
    )
    return Caution("neighbours-mixed", said)


def as_slices(array: np.ndarray, where: str, modes_axis: int = 0) -> np.ndarray:
    """``array`` (H, W), (N, H, W) or (1, …, 1, N, H, W) as (N, H, W); of four axes ``modes_axis`` counts object modes.

    Raises InputError for any other shape, more than one mode, or no numbers.
    """
    if array.dtype.kind not in "fiubc":
        raise InputError(f"{where} is no image: its type is {array.dtype}")
    while array.ndim > 4 and len(array) == 1:
        array = array[0]
    if array.ndim == 4:
        if (modes := array.shape[modes_axis]) != 1:
            raise InputError(f"{where} holds {modes} object modes; ddip-tf works on one: save that one as .npy")
        array = array.squeeze(modes_axis)
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise InputError(f"{where} is no image: its shape is {array.shape}")
    return array if array.ndim == 3 else array[None]


def check_size(shape: tuple[int, ...], dtype: np.dtype, stored_bytes: int, where: str, *, read: bool = True) -> None:
    """Raises InputError for an array over the limit (`limits`) that is to be ``read``, or far larger than what is
    stored of it."""
    if read:
        limits.admit(where, shape, dtype)
    size = math.prod(map(int, shape)) * dtype.itemsize
    if size > 2**20 and size > LARGEST_PACKING * max(stored_bytes, 1):
        raise InputError(f"{where} declares {size / 2**20:.0f} MiB, but {stored_bytes} bytes are stored: damaged file?")


def multiplied(images: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """``images`` times exp(``factor``), both (N, H, W); real images, which are phases, gain the imaginary part."""
    if np.iscomplexobj(images):
        return (images * np.exp(factor)).astype(images.dtype)
    return images + factor.imag


def positive(values: object, count: int) -> tuple[float, ...] | None:
    """``values`` as ``count`` floats, one value repeated; None if they are not that many, or not all above zero."""
    try:
        found = np.ravel(np.asarray(values, float))
    except (TypeError, ValueError):
        return None
    if found.size == 1:
        found = np.repeat(found, count)
    good = found.size == count and bool(np.all(np.isfinite(found) & (found > 0)))
    return tuple(float(value) for value in found) if good and count else None


def gaps(values: object, count: int, unit_m: float = 1.0) -> tuple[float, ...] | None:
    """Metres between ``count`` slices, or None, from one value for all, count − 1, or count thicknesses in ``unit_m``.

    A slice's thickness is the way to the next one; that of the last leads to none, and may be infinite.
    """
    found = np.ravel(np.asarray(values)) if values is not None else np.empty(0)
    return times(positive(found[:-1] if found.size == count > 1 else found, count - 1), unit_m)


def times(values: tuple[float, ...] | None, unit_m: float) -> tuple[float, ...] | None:
    """``values``, if there are any, times a unit in metres."""
    return tuple(value * unit_m for value in values) if values else None


def one(values: object) -> float | None:
    """The only one of `positive` values, or None."""
    found = positive(values, 1)
    return found[0] if found else None


def metres_in(size: float | None, wavelength: float | None = None) -> float:
    """Metres in the unit of a file that writes electrons' lengths in Å and photons' in metres, by its magnitudes."""
    known = wavelength if wavelength is not None else size
    return ANGSTROM_M if known is not None and known > SMALLEST_ANGSTROM else 1.0


def pair(values: object) -> tuple[float, float] | None:
    """(y, x) of `positive` values, or None."""
    found = positive(values, 2)
    return (found[0], found[1]) if found else None


def pair_in(values: object, unit_m: float) -> tuple[float, float] | None:
    """(y, x) in metres of `pair` values in a unit, or None."""
    found = pair(values)
    return (found[0] * unit_m, found[1] * unit_m) if found else None


def box_of(y: np.ndarray, x: np.ndarray, shape: tuple[int, int]) -> Box | None:
    """The box of pixels that positions (P,) in pixels span, clipped to ``shape``; None for fewer than two."""
    try:
        y, x = (np.ravel(np.asarray(axis, float)) for axis in (y, x))
    except (TypeError, ValueError):
        return None
    if min(y.size, x.size) < 2 or not (np.all(np.isfinite(y)) and np.all(np.isfinite(x))):
        return None
    ends = [
        (max(0, int(np.floor(axis.min() + 1e-3))), min(side, int(np.ceil(axis.max() - 1e-3)) + 1))
        for axis, side in zip((y, x), shape, strict=True)
    ]
    return (ends[0], ends[1]) if all(start < end for start, end in ends) else None
