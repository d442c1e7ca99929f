"""From files to a stack: what they hold and say, put together (`stacking` makes the stack of it)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ddip_tf._types import Floats, StrPath
from ddip_tf.errors import InputError
from ddip_tf.formats import mapped
from ddip_tf.formats.content import Content
from ddip_tf.formats.families import family_of, files_of, open_content
from ddip_tf.formats.stacking import stack_of
from ddip_tf.slices.beside import Beside
from ddip_tf.slices.phase import Conversion, convert
from ddip_tf.slices.stack import SliceStack, Source, check_box


def read(
    *files: StrPath,
    pixel_size_m: float | None = None,
    family: str | None = None,
    dataset: str | None = None,
    conversion: Conversion | None = None,
    slice_axis: str | None = None,
    slices: Sequence[int] | None = None,
    spacing_m: float | None = None,
    wavelength_m: float | None = None,
    probe_angle_rad: float | None = None,
) -> SliceStack:
    """Read slice images into a stack: one file a slice, upstream first, or ONE file that holds all slices.

    Parameters
    ----------
    files
        files of any family in `FAMILIES`: images, or the complex object of a reconstruction program.
    pixel_size_m, spacing_m
        pixel size, and distance between neighbouring slices, in metres where the files do not say; win over what they
        say.
    wavelength_m, probe_angle_rad
        of the beam, and the half angle of its cone, likewise.
    family, dataset
        name in `FAMILIES`, and where in the file the object lies; found by themselves if None.
    conversion
        how complex objects become images, and the crop; phase of the scanned area if None.
    slice_axis
        ``first`` or ``last``: which axis of one file's array counts the slices; found if None.
    slices
        the slices to take, counted from 0; all if None. Nothing is asked of the others.

    Returns
    -------
    SliceStack
        float32 images (N, H, W), each with its number in the file (`SliceStack.numbers`). Slices that are the same
        everywhere are set aside (`SliceStack.vacuum`), which a note says.

    Raises
    ------
    InputError
        a file is missing, unreadable or no image; shapes differ; fewer than two slices, or than two that are not the
        same everywhere; some files complex, some not.

    Examples
    --------
    >>> ddip_tf.read("slice1.tif", "slice2.tif")
    <ddip_tf.SliceStack: 2 slices of 96 x 101, pixels of 7.3 x 7.3 nm, from slice1.tif, slice2.tif>
    """
    conversion = conversion or Conversion()
    images, sources, found = _pages(files, family, dataset, slice_axis)
    size = _pixel_size(found) if pixel_size_m is None else (pixel_size_m, pixel_size_m)
    spacing = (spacing_m,) * (len(images) - 1) if spacing_m is not None else found[0].spacing_m
    notes = [note for content in found for note in content.notes]
    said = replace(
        found[0],
        pixel_size_m=size,
        spacing_m=spacing,
        wavelength_m=found[0].wavelength_m if wavelength_m is None else wavelength_m,
        probe_angle_rad=found[0].probe_angle_rad if probe_angle_rad is None else probe_angle_rad,
        notes=tuple(notes),
    )
    return stack_of(images, said, conversion, slices, sources)


def read_beside(
    stack: SliceStack,
    *files: StrPath,
    halves: bool = False,
    family: str | None = None,
    dataset: str | None = None,
    conversion: Conversion | None = None,
    slice_axis: str | None = None,
) -> Beside:
    """Read what is known beside the slices of ``stack``, picked, cropped and converted as they were.

    One file a slice, or one file with all; for `SliceStack.beside`: a start, or with ``halves`` one half or both, all
    images of the first before those of the second. Files of the whole field are cropped as the slices were.

    Raises
    ------
    InputError
        as `read`; or shapes or numbers of images that do not belong to the slices.
    """
    conversion = conversion or Conversion()
    images, sources, _ = _pages(files, family, dataset, slice_axis, several=halves)
    sets = len(files) if len(images) > len(files) else max(1, len(images) // len(stack))
    each, count = len(images) // sets, len(stack)
    pages = [source.page for source in stack.sources]
    picked = list(range(each)) if each == count else pages
    if sets > 1 + halves or sets * each != len(images) or len(picked) != count or max(picked) >= each:
        what = "halves" if halves else "start"
        raise InputError(f"{count} slices, but {len(images)} images for the {what}: give one a slice, of each half")
    numbers = [first + number for first in range(0, len(images), each) for number in picked]
    box = None
    if images[0].shape != stack.shape and stack.crop is not None:
        check_box(*stack.crop, images[0].shape)
        box = stack.crop
    part = mapped.pick(images, numbers, box)
    if part.shape[1:] != stack.shape:
        raise InputError(f"shapes differ: slices are {_shape(stack.images[0])}, {sources[0].name} is {_shape(part[0])}")
    if np.iscomplexobj(part):
        if stack.record is None:
            raise InputError(f"{sources[0].name} is complex, the slices are not: give its phase, in their unit")
        part, _ = convert(part, conversion)
    return Beside(part.reshape(sets, count, *stack.shape) if halves else part, tuple(sources[n] for n in numbers))


def _pages(
    files: Sequence[StrPath],
    family: str | None,
    dataset: str | None,
    slice_axis: str | None,
    *,
    several: bool = False,
) -> tuple[list[np.ndarray], list[Source], list[Content]]:
    """All images of the files, of one shape and kind, where each came from, and what the files say.

    ``several``: whether several files may hold several images each.
    """
    images: list[np.ndarray] = []
    sources: list[Source] = []
    found: list[Content] = []
    for file in files:
        path = Path(file)
        content = open_content(path, family, dataset, slice_axis)
        pages = content.images
        if len(files) > 1 and len(pages) > 1 and not several:
            raise InputError(f"{path} holds {len(pages)} images: give one image a file, or this file alone")
        digest, kind, name = _digest(path), str(pages.dtype), family_of(path, family, dataset)
        sources += [Source(path.name, digest, n, kind, name, dataset, slice_axis) for n in range(len(pages))]
        images += list(pages)
        found.append(content)
    if not images:
        raise InputError("no slice images given")
    for image, source in zip(images, sources, strict=True):
        if image.shape != images[0].shape:
            raise InputError(
                f"shapes differ: {sources[0].name} is {_shape(images[0])}, {source.name} is {_shape(image)}"
            )
        if np.iscomplexobj(image) != np.iscomplexobj(images[0]):
            raise InputError(f"{sources[0].name} and {source.name}: one is complex, the other is not")
    return images, sources, found


def _pixel_size(found: Sequence[Content]) -> tuple[float, float] | None:
    """(y, x) in metres, as the files say, if any does. Raises InputError where they do not agree."""
    known = [content.pixel_size_m for content in found if content.pixel_size_m]
    if any(not np.allclose(size, known[0], rtol=1e-3, atol=0) for size in known):
        raise InputError("the files name different pixel sizes; state the right one (`pixel_size_m`)")
    return known[0] if known else None


def _digest(path: Path) -> str:
    """SHA-256 of a file, or of all files of a folder that counts as one."""
    if not path.is_dir():
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    digest = hashlib.sha256()
    for file in files_of(path):
        digest.update(file.relative_to(path).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _shape(image: Floats) -> str:
    return " x ".join(map(str, image.shape))
