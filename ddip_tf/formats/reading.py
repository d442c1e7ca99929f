"""From files to a stack: slices put together, picked, cropped, and made real."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ddip_tf._types import Box, Floats, StrPath
from ddip_tf.caution import Caution
from ddip_tf.errors import InputError
from ddip_tf.formats.content import Content
from ddip_tf.formats.families import family_of, files_of, open_content
from ddip_tf.formats.gaps import finite_box, vacuum
from ddip_tf.slices.beside import Beside
from ddip_tf.slices.numbering import Vacuum, listed
from ddip_tf.slices.phase import Conversion, convert, scanned_box, single_value
from ddip_tf.slices.stack import SMALLEST_SIDE, SliceStack, Source, check_box, check_picks, spacing_of

#: a slice that varies so many times as much as another is perhaps in another unit; degrees are 57 to a rad
UNLIKE = 30


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
    if slices is not None:
        check_picks(slices, len(images))
    picked = list(range(len(images)) if slices is None else slices)
    stack = np.stack([images[number] for number in picked])
    box, note = _box(stack, conversion.crop, found[0].scanned)
    part = stack[(slice(None), *(slice(*side) for side in box))] if box else stack
    empty = [index for index, image in enumerate(part) if vacuum(image)]
    kept = [index for index in range(len(part)) if index not in empty]
    values = [single_value(part[index], conversion.quantity) for index in empty]
    aside, said = _aside([picked[index] for index in empty], values, [picked[index] for index in kept], sources)
    picked, part = [picked[index] for index in kept], part[kept]
    record = None
    if np.iscomplexobj(part):
        part, record = convert(part, conversion)
    elif conversion.quantity != "phase":
        raise InputError(f"{sources[0].name} holds real images: there is no {conversion.quantity} to take from them")
    return SliceStack(
        part,
        pixel_size_m=size,
        spacing_m=spacing_of(spacing, picked),
        sources=tuple(sources[number] for number in picked),
        crop=box,
        record=record,
        notes=(*notes, *note, *said, *_unlike_scales(part)),
        numbers=tuple(number + 1 for number in picked),
        vacuum=aside,
        wavelength_m=found[0].wavelength_m if wavelength_m is None else wavelength_m,
        probe_angle_rad=found[0].probe_angle_rad if probe_angle_rad is None else probe_angle_rad,
    )


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
    part = np.stack([images[number] for number in numbers])
    if part.shape[1:] != stack.shape and stack.crop is not None:
        check_box(*stack.crop, part.shape[1:])
        part = part[:, slice(*stack.crop[0]), slice(*stack.crop[1])]
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


def _box(images: np.ndarray, wanted: Box | str, scanned: Box | None) -> tuple[Box | None, list[Caution]]:
    """The part of ``images`` (N, H, W) to work on, or None for all, and what to say of it. Raises InputError."""
    if not isinstance(wanted, str):
        check_box(*wanted, images.shape[1:])
        return wanted, []
    if wanted != "auto":
        return None, []
    rows, columns = box = scanned or ((0, images.shape[1]), (0, images.shape[2]))
    inner = finite_box(images[:, slice(*rows), slice(*columns)])
    if inner is not None:
        (y0, y1), (x0, x1) = inner
        box = ((rows[0] + y0, rows[0] + y1), (columns[0] + x0, columns[0] + x1))
        if _large(box):
            said = f"Pixels at the rim are NaN or infinite: cropped to {_words(box)}, a part without them (--crop)."
            return box, [Caution("cropped-to-finite", said)]
    if not np.iscomplexobj(images):
        return None, []
    found = scanned or (scanned_box(images) if np.isfinite(images).all() else None)
    return (found if found and _large(found) else None), []


def _aside(
    empty: Sequence[int], values: Sequence[float], kept: Sequence[int], sources: Sequence[Source]
) -> tuple[tuple[Vacuum, ...], list[Caution]]:
    """The slices at ``empty`` (from 0, in all the files), and what to say of them.

    Raises InputError where ``kept``, the others, are fewer than two.
    """
    if not empty:
        return (), []
    numbers = listed(sorted(number + 1 for number in empty))
    which = f"slice {numbers}" if len(empty) == 1 else f"slices {numbers}"
    if len(kept) < 2:
        others = f"only slice {kept[0] + 1} is" if kept else "no slice is"
        raise InputError(
            f"the same everywhere (vacuum): {which}; {others} left, and separation needs two slices at least"
        )
    aside = tuple(
        Vacuum(number + 1, value, sources[number].name, sources[number].page)
        for number, value in zip(empty, values, strict=True)
    )
    said = f"The same everywhere (vacuum), set aside, and as in the file in outputs and export: {which}."
    return aside, [Caution("vacuum-left-out", said)]


def _unlike_scales(images: np.ndarray) -> list[Caution]:
    """What to say of a slice of ``images`` (N, H, W) that varies much less than another."""
    spread = np.array([float(image.max()) - float(image.min()) for image in images])
    largest, smallest = int(spread.argmax()), int(spread.argmin())
    if not 0 < UNLIKE * spread[smallest] < spread[largest] < np.inf:
        return []
    said = (
        f"Slice {largest + 1} varies {spread[largest] / spread[smallest]:.0f} times as much as slice {smallest + 1}: "
        "are both in the same unit, such as rad?"
    )
    return [Caution("unlike-scales", said)]


def _large(box: Box) -> bool:
    return min(end - start for start, end in box) >= SMALLEST_SIDE


def _words(box: Box) -> str:
    return ",".join(f"{start}:{end}" for start, end in box)


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
