"""One table of all file families, and what every one of them is asked: what a file is, and what it holds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ddip_tf._types import Floats, StrPath
from ddip_tf.caution import Caution
from ddip_tf.errors import InputError
from ddip_tf.formats import arrays, axes, foreign, hdf5, tiff
from ddip_tf.formats.content import Content, Family
from ddip_tf.formats.readers import (
    adorym,
    matlab,
    npz,
    phaser,
    plain,
    ptychodus,
    ptylab,
    ptypy,
    ptyrad,
    py4dstem,
    signals,
    zspy,
)
from ddip_tf.slices.optics import HC_EV_M, electron_wavelength_m
from ddip_tf.slices.quantities import (
    ELECTRONS_UNDER_M,
    LARGEST_PIXEL_M,
    LARGEST_SPACING_M,
    LARGEST_WAVELENGTH_M,
    SMALLEST_M,
    show_length,
)

#: HDF5 files of programs: what finds their object
PROGRAMS = {
    "ptychodus": ptychodus.find,
    "ptyrad": ptyrad.find,
    "ptypy": ptypy.find,
    "py4dstem": py4dstem.find,
    "phaser": phaser.find,
    "ptylab": ptylab.find,
    "matlab": matlab.find,
    "signals": signals.find,
}
#: bytes at the start of a file by which it is recognised
HEAD_BYTES = 1024
#: shades that floats which are whole numbers span at least, if they were scaled: fewer are a mask, or counts
LEAST_GREYS = 16


def _named(file: Any, dataset: str) -> hdf5.Layout | None:
    """The layout of a dataset that a user names: a program's own object, or a signal."""
    name = dataset.strip("/")
    for find in PROGRAMS.values():
        try:
            layout = find(file)
        except InputError:
            continue  # the very reason to name a dataset
        if layout and name in layout.datasets and (layout.polar or len(layout.datasets) == 1):
            return replace(layout, datasets=(name,), polar=False)
    return signals.at(file, dataset)


#: in the order in which a file is asked what it is
FAMILIES = {
    "adorym": Family(adorym.recognises, adorym.read, adorym.change, adorym.companions),
    "tiff": Family(lambda _, head: tiff.recognises(head), plain.read_tiff, plain.change_tiff),
    "numpy": Family(lambda _, head: arrays.recognises(head), plain.read_numpy, plain.change_numpy),
    "zspy": Family(zspy.recognises, zspy.read),
    "npz": Family(npz.recognises, npz.read, npz.change),
    **{name: hdf5.family(find) for name, find in PROGRAMS.items()},
    "matlab5": Family(matlab.recognises_v5, matlab.refuse_v5),
    "hdf5": replace(hdf5.family(hdf5.nothing, _named), recognises=lambda _, head: hdf5.looks_like_hdf5(head)),
}


def read_images(file: StrPath) -> tuple[Floats, tuple[float, float] | None]:
    """All images (N, H, W) of one file as they are, complex included, and the (y, x) pixel size in metres.

    Raises InputError if the file is missing, unreadable or holds no image.
    """
    content = open_content(file)
    return content.images, content.pixel_size_m


def open_content(
    file: StrPath, family: str | None = None, dataset: str | None = None, slice_axis: str | None = None
) -> Content:
    """What one file holds: its images (N, H, W) as they are, complex included, and what it says of them.

    ``slice_axis``: ``first`` or ``last``, which of the array's axes counts the slices; found if None. Raises InputError
    if the file is missing, unreadable or holds no image, or nothing says which axis it is.
    """
    path = Path(file)
    content = FAMILIES[family_of(path, family, dataset)].read(path, dataset)
    return _sane(axes.settled(content, slice_axis, str(path)), path.name)


def change_content(path: Path, family: str, dataset: str | None, slice_axis: str | None, factor: np.ndarray) -> None:
    """Multiply, in place, the slices of a file by exp(``factor``), complex (N, H, W), as `open_content` shows them."""
    kind = FAMILIES[family]
    taken = kind.read(path, dataset).slice_axis
    shown = open_content(path, family, dataset, slice_axis).slice_axis
    if kind.change is None:
        raise InputError(f"ddip-tf does not write the format {family}")
    kind.change(path, dataset, axes.moved(factor, shown, taken))


def family_of(file: StrPath, family: str | None = None, dataset: str | None = None) -> str:
    """The name of a file's family, found from its content unless ``family`` says it.

    Raises InputError if the file is missing or no family knows it, or ``family`` is no name.
    """
    path = Path(file)
    if family is not None and family not in FAMILIES:
        raise InputError(f"no format {family!r}; there are {', '.join(FAMILIES)}")
    head = _head(path)
    if family is not None:
        return family
    if dataset is not None and hdf5.looks_like_hdf5(head):
        return "hdf5"
    for name, candidate in FAMILIES.items():
        if candidate.recognises(path, head):
            return name
    raise InputError(foreign.complaint(path, head, tuple(FAMILIES)))


def _head(path: Path) -> bytes:
    if path.is_dir() and (path / ".zgroup").is_file():
        return b""  # a zarr store, the only folder that counts as a file
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is a directory or device, not a file")
    try:
        with path.open("rb") as stream:
            return stream.read(HEAD_BYTES)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error


def files_of(path: Path) -> Iterator[Path]:
    """The file itself, or all files of a folder that counts as one, in order."""
    if not path.is_dir():
        yield path
        return
    for folder, _, names in sorted(os.walk(path)):
        yield from (Path(folder) / name for name in sorted(names))


def _sane(content: Content, name: str) -> Content:
    """``content`` with the notes that its numbers call for, and without lengths that cannot be."""
    notes: list[Caution] = []
    lengths: dict[str, Any] = {}
    for field, most, word in (
        ("pixel_size_m", LARGEST_PIXEL_M, "pixel size"),
        ("spacing_m", LARGEST_SPACING_M, "spacing"),
    ):
        sizes = getattr(content, field)
        if sizes and not all(SMALLEST_M <= size <= most for size in sizes):
            lengths[field] = None
            flag = "--" + field.removesuffix("_m").replace("_", "-")
            said = f"{name} states a {word} of {show_length(max(sizes))}, which cannot be; left out ({flag})."
            notes.append(Caution("impossible-length", said))
    if content.wavelength_m and not SMALLEST_M <= content.wavelength_m <= LARGEST_WAVELENGTH_M:
        lengths["wavelength_m"] = None
        said = f"{name} states a wavelength of {show_length(content.wavelength_m)}, which cannot be; left out."
        notes.append(Caution("impossible-length", said))
    if content.electrons is False and content.wavelength_m and max(content.pixel_size_m or (1.0,)) < ELECTRONS_UNDER_M:
        energy = HC_EV_M / content.wavelength_m
        lengths |= {"wavelength_m": electron_wavelength_m(energy), "electrons": True}
        said = f"Pixels of {name} are of electrons: its energy of {energy / 1e3:.4g} keV is taken as theirs."
        notes.append(Caution("electrons-assumed", said))
    images = content.images
    if images.dtype.kind in "iub" or _all_whole(images):
        said = (
            f"{name} holds {_whole(images.dtype)}, as pictures do: values are scaled, not rad, and perhaps each slice "
            "by itself, so that contrasts of slices cannot be compared. A file of floats (the raw phase) is better."
        )
        notes.append(Caution("scaled-values", said))
    elif images.dtype.kind == "f" and images.size and _extremes(images) == (0, 1):
        notes.append(Caution("scaled-values", f"The values of {name} run exactly from 0 to 1: scaled, not rad."))
    return replace(content, notes=(*content.notes, *notes), **lengths)


def _all_whole(images: np.ndarray) -> bool:
    """Are floats whole numbers, and more than a mask's?"""
    if images.dtype.kind != "f" or not images.size:
        return False
    first = images[(0,) * (images.ndim - 1)]  # one row tells a phase, without a pass over what may be gigabytes
    if not (first == np.round(first)).all() or not all(np.isfinite(image).all() for image in images):
        return False
    low, high = _extremes(images)
    return high - low >= LEAST_GREYS and all((image == np.round(image)).all() for image in images)


def _extremes(images: np.ndarray) -> tuple[float, float]:
    """Least and largest value, found one image at a time: they may be more than memory holds."""
    return min(float(image.min()) for image in images), max(float(image.max()) for image in images)


def _whole(kind: np.dtype) -> str:
    if kind.kind == "f":
        return "whole numbers only"
    return "two values" if kind.kind == "b" else f"{8 * kind.itemsize}-bit integers"
