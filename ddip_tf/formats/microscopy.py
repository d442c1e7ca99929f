"""TIFF stacks as ImageJ, OME and tifffile write them: axes with names, several series, grey palettes, colour planes.

Of a file with more axes than slices, y and x, one of each is chosen by ``--dataset``: ``channel=0``, ``time=0``,
``series=0`` (counted from 0, more than one with commas between them); ``slices=channel`` says which axis counts the
slices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ddip_tf.caution import Caution
from ddip_tf.errors import InputError
from ddip_tf.formats import limits, tiff
from ddip_tf.formats.described import Sizes, described

#: what tifffile calls axes, and we
NAMES = {"Z": "z", "C": "channel", "T": "time", "S": "colour"}
WORDS = {"series", "slices", *NAMES.values()}
GREY, RGB, PALETTE = (0, 1, 32803, 34892), 2, 3


@dataclass(frozen=True)
class Stack:
    """``images`` (N, H, W) of a TIFF, as a view of ``array``, all its numbers; what it says of ``sizes``.

    ``series``: the number of the series, or None where pages stand for themselves; ``axis_known``: the file says which
    axis counts the slices; ``view`` takes the images from ``array`` or one of its shape.
    """

    images: np.ndarray
    array: np.ndarray
    view: Callable[[np.ndarray], np.ndarray]
    series: int | None
    axis_known: bool
    sizes: Sizes
    notes: tuple[Caution, ...]


def load(path: Path, dataset: str | None) -> Stack:
    """The slices of a TIFF file. Raises InputError for a damaged one, colours, or more axes than are chosen from."""
    chosen = choice(dataset)
    if "_ostack" in path.name.lower() and path.name.lower().startswith(("objp", "obja")):
        raise InputError(f"{path} holds PtyRAD's object modes, not slices: give its zstack, or the model's .hdf5")
    with tiff.opened(path) as file:
        for page in file.pages:
            tiff.admit(path, page, len(file.pages))
        first, series = file.pages.first, list(file.series)
        shapes = {each.shape for each in series}
        alone = len(series) > 1 and len(shapes) == 1 and len(series[0].shape) == 2  # one series a page
        number = int(chosen.get("series", 0))
        if len(series) > 1 and not alone and "series" not in chosen:
            said = ", ".join(f"{n}: {_sides(each.shape)}" for n, each in enumerate(series[:8]))
            raise InputError(
                f'{path} has pages of different shape, {len(series)} series ({said}): choose one (`dataset="series=0"`)'
            )
        if not 0 <= number < len(series):
            raise InputError(f"{path} has {len(series)} series, counted from 0: there is no {number}")
        one = series[number]
        if alone and "series" not in chosen:
            limits.admit(path, (len(series), *one.shape), one.dtype)
            axes, array = "I" + one.axes, np.stack([each.asarray(maxworkers=1) for each in series])
            place = None
        else:
            limits.admit(path, one.shape, one.dtype)
            axes, array, place = one.axes, one.asarray(maxworkers=1).reshape(one.shape), number
        array = _without_palette(path, first, array)
        sizes = described(file)
    view, known, notes = _view(path, axes, array.shape, array.dtype, chosen)
    return Stack(view(array), array, view, place, known, sizes, notes)


def choice(dataset: str | None) -> dict[str, str]:
    """``channel=0,series=1`` as a mapping. Raises InputError for other words."""
    found = {}
    for part in (dataset or "").split(",") if dataset else ():
        key, _, value = (word.strip().lower() for word in part.partition("="))
        key = {"c": "channel", "t": "time"}.get(key, key)
        good = value in NAMES.values() if key == "slices" else value.isdigit()
        if key not in WORDS or not good:
            raise InputError(
                f"of a TIFF `dataset` takes channel=0, time=0, z=0, series=0 or slices=channel, not {dataset!r}"
            )
        found[key] = value
    return found


def _view(
    path: Path, axes: str, shape: tuple[int, ...], kind: np.dtype, chosen: Mapping[str, str]
) -> tuple[Callable[[np.ndarray], np.ndarray], bool, tuple[Caution, ...]]:
    """What takes images (N, H, W) from an array of ``shape``; whether its slices are named; what to say."""
    long = [axis for axis, side in enumerate(shape) if side > 1 and axes[axis] not in "YX"]
    colour = axes.endswith("S") and "S" in [axes[axis] for axis in long]
    if colour and shape[-1] in (2, 3, 4) and kind.kind in "iub" and chosen.get("slices") != "colour":
        raise InputError(
            f"{path} is a colour image: give the phase as one grey channel (slices instead of colours: "
            '`dataset="slices=colour"`)'
        )
    index: list[Any] = [0 if side == 1 and axes[n] not in "YX" else slice(None) for n, side in enumerate(shape)]
    for axis in list(long):
        name = NAMES.get(axes[axis], "")
        if name in chosen:
            if int(chosen[name]) >= shape[axis]:
                raise InputError(f"{path} has {name} 0 to {shape[axis] - 1}: there is no {chosen[name]}")
            index[axis] = int(chosen[name])
            long.remove(axis)
    named = [axis for axis in long if NAMES.get(axes[axis]) == chosen.get("slices", "z")]
    if len(long) > 1 or (long and "slices" in chosen and not named):
        raise InputError(_too_many(path, axes, shape, long, chosen))
    notes: tuple[Caution, ...] = ()
    if long and not named and NAMES.get(axes[long[0]]) in ("channel", "time"):
        word, count = NAMES[axes[long[0]]], shape[long[0]]
        said = f"{path.name} calls its {count} images {word}s; taken as slices (one alone: --dataset {word}=0)."
        notes = (Caution("axis-taken-as-slices", said),)
    if long and NAMES.get(axes[long[0]]) == "colour" and not named:
        said = f"{path.name} keeps its {shape[long[0]]} images as planes of one colour image; taken as slices."
        notes = (Caution("axis-taken-as-slices", said),)
    taken = [axes[n] for n, step in enumerate(index) if isinstance(step, slice)]
    order = [n for n, name in enumerate(taken) if name not in "YX"] + [taken.index("Y"), taken.index("X")]

    def view(array: np.ndarray) -> np.ndarray:
        images = array[tuple(index)].transpose(order)
        return images if images.ndim == 3 else images[None]

    return view, bool(long) and NAMES.get(axes[long[0]]) in ("z", "colour", "channel", "time"), notes


def _too_many(path: Path, axes: str, shape: tuple[int, ...], long: list[int], chosen: Mapping[str, str]) -> str:
    said = " x ".join(f"{shape[axis]} {NAMES.get(axes[axis], 'without a name')}" for axis in long)
    pick = [name for axis in long if (name := NAMES.get(axes[axis])) not in (None, "z")]
    if "slices" in chosen:
        return f"{path} has no axis {chosen['slices']} of several: it has {said or 'none'}"
    if not pick:
        return f"{path} has images along more axes than slices ({said}), such as object modes: save one stack alone"
    flags = ",".join(f"{name}=0" for name in (pick[:-1] if len(pick) == len(long) else pick))
    return f'{path} has images along more axes than slices ({said}): choose (`dataset="{flags}"`)'


def _without_palette(path: Path, page: Any, array: np.ndarray) -> np.ndarray:
    """Numbers of a palette's greys in place of the entries' own; a palette that rises evenly is those."""
    if int(page.photometric) != PALETTE:
        return array
    red, green, blue = np.asarray(page.colormap)
    if not (np.array_equal(red, green) and np.array_equal(red, blue)):
        raise InputError(f"{path} has a palette of colours: give the phase as one grey channel")
    even = np.ptp(np.diff(red.astype(int))) <= 1 and red[-1] > red[0]
    return array if even else red[array]


def _sides(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
