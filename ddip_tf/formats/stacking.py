"""From images and what is said of them to a stack: slices picked, cropped to the scanned area, and made real."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ddip_tf._types import Box
from ddip_tf.caution import Caution
from ddip_tf.errors import InputError
from ddip_tf.formats import mapped
from ddip_tf.formats.content import Content
from ddip_tf.formats.gaps import finite_box, vacuum
from ddip_tf.slices.numbering import Vacuum, listed
from ddip_tf.slices.phase import Conversion, convert, scanned_box, single_value
from ddip_tf.slices.stack import SMALLEST_SIDE, SliceStack, Source, check_box, check_picks, spacing_of

#: a slice that varies so many times as much as another is perhaps in another unit; degrees are 57 to a rad
UNLIKE = 30


def stack_of(
    images: Sequence[np.ndarray],
    said: Content,
    conversion: Conversion,
    slices: Sequence[int] | None = None,
    sources: Sequence[Source] = (),
) -> SliceStack:
    """The stack of all ``images`` (H, W), or of the ``slices`` among them, counted from 0.

    ``said``: sizes, beam, scanned area and notes, of all images. ``sources``: one each, or none for arrays. Raises
    InputError.
    """
    if slices is not None:
        check_picks(slices, len(images))
    picked = list(range(len(images)) if slices is None else slices)
    if isinstance(conversion.crop, str):  # found on the whole images
        stack = mapped.pick(images, picked)
        box, note = _box(stack, conversion.crop, said.scanned)
        part = stack[(slice(None), *(slice(*side) for side in box))] if box else stack
    else:
        box, note = conversion.crop, []
        check_box(*box, np.shape(images[0]))
        part = mapped.pick(images, picked, box)
    empty = [index for index, image in enumerate(part) if vacuum(image)]
    kept = [index for index in range(len(part)) if index not in empty]
    values = [single_value(part[index], conversion.quantity) for index in empty]
    aside, left_out = _aside([picked[index] for index in empty], values, [picked[index] for index in kept], sources)
    picked, part = [picked[index] for index in kept], part[kept] if empty else part
    record = None
    if np.iscomplexobj(part):
        part, record = convert(part, conversion)
    elif conversion.quantity != "phase":
        raise InputError(f"{sources[0].name} holds real images: there is no {conversion.quantity} to take from them")
    return SliceStack(
        part,
        pixel_size_m=said.pixel_size_m,
        spacing_m=spacing_of(said.spacing_m, picked),
        sources=tuple(sources[number] for number in picked) if sources else (),
        crop=box,
        record=record,
        notes=(*said.notes, *note, *left_out, *_unlike_scales(part)),
        numbers=tuple(number + 1 for number in picked),
        vacuum=aside,
        wavelength_m=said.wavelength_m,
        probe_angle_rad=said.probe_angle_rad,
    )


def _box(images: np.ndarray, wanted: str, scanned: Box | None) -> tuple[Box | None, list[Caution]]:
    """The part of ``images`` (N, H, W) to work on, or None for all, and what to say of it."""
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
        Vacuum(
            number + 1, value, sources[number].name if sources else "array", sources[number].page if sources else number
        )
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
