"""Sums of neighbouring slices, where there are more of them than can be told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ddip_tf._types import Floats
from ddip_tf.caution import Caution
from ddip_tf.errors import InputError
from ddip_tf.slices.beside import Beside
from ddip_tf.slices.numbering import listed
from ddip_tf.slices.phase import Record
from ddip_tf.slices.stack import SliceStack


def summed(stack: SliceStack, count: int) -> SliceStack:
    """The sums of ``count`` neighbours each; the last of what is left, if that are fewer.

    Phases and log-amplitudes of thin slices add. A sum is called by the number of its first slice, lies in the middle
    of its slices, and is told by a note. Guides, which are of single slices, are not carried over.

    Raises InputError for fewer than two neighbours, or where fewer than two sums would be left.

    Examples
    --------
    >>> stack = ddip_tf.SliceStack(numpy.random.default_rng(0).normal(size=(5, 41, 37)), spacing_m=(1e-9,) * 4)
    >>> sums = summed(stack, 2)
    >>> sums.images.shape, sums.numbers, sums.summed, sums.spacing_m
    ((3, 41, 37), (1, 3, 5), ((1, 2), (3, 4), (5,)), (2e-09, 1.5e-09))
    """
    if count < 2:
        raise InputError(f"sums are of two slices or more, not {count}")
    if len(stack) <= count:
        raise InputError(f"sums of {count} of {len(stack)} slices leave fewer than two: take fewer at once")
    groups = [range(first, min(first + count, len(stack))) for first in range(0, len(stack), count)]
    numbers = tuple(tuple(stack.numbers[i] for i in group) for group in groups)
    last = "" if len(groups[-1]) == count else f" (the last of {len(groups[-1])})"
    said = (
        f"{len(groups)} sums of {count} neighbouring slices{last} are separated, called by the first of each: "
        f"{', '.join(listed(group) for group in numbers)}."
    )
    return replace(
        stack,
        images=_sums(stack.images, groups),
        numbers=tuple(group[0] for group in numbers),
        summed=numbers,
        spacing_m=_between(stack.spacing_m, groups),
        sources=tuple(stack.sources[group[0]] for group in groups) if stack.sources else (),
        record=stack.record and _record(stack.record, groups),
        amplitudes=None if stack.amplitudes is None else _sums(stack.amplitudes, groups),
        start=stack.start and _beside(stack.start, groups),
        halves=stack.halves and _beside(stack.halves, groups),
        guides=(),
        notes=(*stack.notes, Caution("slices-summed", said)),
    )


def _sums(images: Floats, groups: Sequence[range]) -> Floats:
    """Over groups of the third axis from the end."""
    parts = [images[..., list(group), :, :].sum(-3, dtype=np.float64) for group in groups]
    return np.stack(parts, -3).astype(images.dtype)


def _beside(given: Beside, groups: Sequence[range]) -> Beside:
    return Beside(_sums(given.images, groups), given.sources)


def _record(record: Record, groups: Sequence[range]) -> Record:
    planes = [np.sum([record.planes[i] for i in group], 0) for group in groups]
    return Record(
        record.quantity,
        tuple((float(plane[0]), float(plane[1]), float(plane[2])) for plane in planes),
        tuple(any(record.unwrapped[i] for i in group) for group in groups),
    )


def _between(spacing_m: tuple[float, ...] | None, groups: Sequence[range]) -> tuple[float, ...] | None:
    """From the middle of each group to that of the next."""
    if spacing_m is None:
        return None
    depth = np.concatenate([[0.0], np.cumsum(spacing_m)])
    middles = [depth[list(group)].mean() for group in groups]
    return tuple(float(f"{gap:.12g}") for gap in np.diff(middles))
