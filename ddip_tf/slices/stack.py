"""The stack of slice images that everything else works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ddip_tf._types import Box, Floats
from ddip_tf.caution import Caution
from ddip_tf.config import FitConfig
from ddip_tf.errors import InputError
from ddip_tf.slices.beside import Beside, halves_of, start_of
from ddip_tf.slices.numbering import Vacuum
from ddip_tf.slices.phase import Record
from ddip_tf.slices.quantities import show_lengths

SMALLEST_SIDE = 32


@dataclass(frozen=True)
class Source:
    """Where one slice came from: ``name`` of the file, its ``sha256``, the ``page`` within it, and how it was read.

    ``family``: name of the file family (`ddip_tf.formats.FAMILIES`); ``dataset``: where in the file, and
    ``slice_axis``: which axis counts the slices, if that was said.
    """

    name: str
    sha256: str
    page: int
    dtype: str
    family: str | None = None
    dataset: str | None = None
    slice_axis: str | None = None


@dataclass(frozen=True, repr=False)
class Guide:
    """A map of the slice ``index`` (counted from 0), known from elsewhere: ``image`` (H, W) in any unit."""

    index: int
    image: Floats
    name: str = ""
    sha256: str = ""

    def __repr__(self) -> str:
        return f"<Guide of slice {self.index + 1}: {self.image.shape}, {self.name or 'an array'}>"


@dataclass(frozen=True, repr=False)
class SliceStack:
    """Reconstructed images of all slices on one pixel grid.

    Parameters
    ----------
    images
        (N, H, W), phase in rad (any linear unit works), upstream slice first.
    pixel_size_m
        (y, x) pixel size in metres, or None where no file says.
    spacing_m
        (N − 1,) distances between neighbouring slices in metres, or None.
    sources
        one `Source` a slice; empty for arrays made in memory.
    crop
        ((y0, y1), (x0, x1)) of `images` within the files, or None for the whole.
    guides
        maps of single slices known from elsewhere, on the same grid.
    record
        how the images were made from complex objects; None for images that were real.
    amplitudes
        (N, H, W) log-amplitudes of the same slices, where they take part (`ddip_tf.transfer.log_amplitudes`).
    notes
        sentences on the files that the user should know.
    start
        what the reconstruction of the slices started from (`ddip_tf.transfer.start`); see `beside`.
    halves
        (M, N, H, W) reconstructions of halves of the scan (`ddip_tf.transfer.halves`); see `beside`.
    numbers
        (N,) of the slices in their file, from 1, by which they are called; 1 … N if left out.
    vacuum
        slices of the file that are the same everywhere, set aside: in `images` they are not.
    summed
        of every slice the numbers of those that it is the sum of (`ddip_tf.slices.sums`); empty where none is.
    wavelength_m, probe_angle_rad
        of the beam, and the half angle of its cone, or None.

    Raises
    ------
    InputError
        fewer than two slices, a side under 32 pixels, NaN or infinity, complex or constant images, a pixel size or
        spacing that is not positive.

    Examples
    --------
    >>> images = numpy.random.default_rng(0).normal(size=(2, 41, 37))
    >>> ddip_tf.SliceStack(images, pixel_size_m=(7e-9, 7e-9)).pick([1, 0]).cropped((0, 40), (2, 37))
    <ddip_tf.SliceStack: 2 slices of 40 x 35, pixels of 7 x 7 nm>
    """

    images: Floats
    pixel_size_m: tuple[float, float] | None = None
    spacing_m: tuple[float, ...] | None = None
    sources: tuple[Source, ...] = ()
    crop: Box | None = None
    record: Record | None = None
    guides: tuple[Guide, ...] = ()
    amplitudes: Floats | None = None
    notes: tuple[Caution, ...] = ()
    start: Beside | None = None
    halves: Beside | None = None
    numbers: tuple[int, ...] = ()
    vacuum: tuple[Vacuum, ...] = ()
    summed: tuple[tuple[int, ...], ...] = ()
    wavelength_m: float | None = None
    probe_angle_rad: float | None = None

    def __post_init__(self) -> None:
        images = np.asarray(self.images)
        if np.iscomplexobj(images):
            raise InputError("complex images: ddip_tf.read takes complex files; of an array give the phase in rad")
        if images.ndim != 3:
            raise InputError(f"slices must be an array (N, H, W), got shape {images.shape}")
        if len(images) < 2:
            raise InputError("only one slice: separation needs at least two, one file each or all in one file")
        if min(images.shape[1:]) < SMALLEST_SIDE:
            raise InputError(
                f"images are {images.shape[1]} x {images.shape[2]} pixels; each side must have at least {SMALLEST_SIDE}"
            )
        for name, sizes in (("pixel size", self.pixel_size_m), ("spacing", self.spacing_m)):
            if sizes is not None and not all(0 < size < np.inf for size in sizes):
                raise InputError(f"{name} must be a positive number of metres, not {sizes}")
        called = self.numbers or range(1, len(images) + 1)
        flat = [number for number, image in zip(called, images, strict=False) if image.min() == image.max()]
        with np.errstate(over="ignore"):
            images = images.astype(np.float32)
        for number, image in zip(called, images, strict=False):
            bad = int(np.count_nonzero(~np.isfinite(image)))
            if bad:
                raise InputError(
                    f"slice {number} has {bad} pixels that are NaN or infinite (as float32): "
                    "`crop` to where all are known, or replace them"
                )
            if number in flat:
                raise InputError(f"slice {number} is constant ({image.flat[0]:g} everywhere): leave it out (`slices`)")
            if image.min() == image.max():
                raise InputError(f"slice {number} varies by less than float32 resolves: subtract its offset first")
        for guide in self.guides:
            known, where = guide.image, f"the guide of slice {guide.index + 1}"
            if not 0 <= guide.index < len(images):
                raise InputError(f"{where} is of none: there are {len(images)} slices")
            if known.shape != images.shape[1:] or not np.isfinite(known).all() or known.min() == known.max():
                raise InputError(f"{where} must be finite, vary, and have the slices' shape")
        if self.amplitudes is not None and not (
            self.amplitudes.shape == images.shape and np.isfinite(self.amplitudes).all()
        ):
            raise InputError("log-amplitudes must be finite and have the slices' shape")
        numbers = tuple(self.numbers) or tuple(range(1, len(images) + 1))
        if len(set(numbers)) != len(images) or len(numbers) != len(images) or min(numbers) < 1:
            raise InputError(f"slices need a number each, from 1, not {numbers}")
        object.__setattr__(self, "images", images)
        object.__setattr__(self, "numbers", numbers)

    def __repr__(self) -> str:
        names = ", ".join(dict.fromkeys(source.name for source in self.sources))
        size = f", pixels of {show_lengths(self.pixel_size_m, ' x ')}" if self.pixel_size_m else ""
        of = f"{len(self)} slices of {self.shape[0]} x {self.shape[1]}{size}"
        return f"<ddip_tf.SliceStack: {of}{f', from {names}' if names else ''}>"

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) in pixels."""
        return self.images.shape[1], self.images.shape[2]

    def pick(self, indices: Sequence[int]) -> SliceStack:
        """The slices at ``indices`` (counted from 0), in that order; each keeps its number.

        Raises InputError for an index outside the stack or one given twice.
        """
        check_picks(indices, len(self))
        return replace(
            self,
            images=self.images[list(indices)],
            numbers=tuple(self.numbers[i] for i in indices),
            vacuum=(),
            summed=tuple(self.summed[i] for i in indices) if self.summed else (),
            spacing_m=spacing_of(self.spacing_m, indices),
            sources=tuple(self.sources[i] for i in indices) if self.sources else (),
            record=self.record.pick(list(indices)) if self.record else None,
            amplitudes=None if self.amplitudes is None else self.amplitudes[list(indices)],
            start=self.start and self.start.pick(indices),
            halves=self.halves and self.halves.pick(indices),
            guides=tuple(replace(g, index=list(indices).index(g.index)) for g in self.guides if g.index in indices),
        )

    def cropped(self, rows: tuple[int, int], columns: tuple[int, int]) -> SliceStack:
        """The part ``rows`` × ``columns`` (each start, end), in pixels of this stack.

        Raises InputError for a box that is empty or reaches outside the image.
        """
        check_box(rows, columns, self.shape)
        (y0, _), (x0, _) = self.crop or ((0, 0), (0, 0))
        box = ((rows[0] + y0, rows[1] + y0), (columns[0] + x0, columns[1] + x0))
        record = self.record.moved(rows[0], columns[0]) if self.record else None
        guides = tuple(replace(g, image=g.image[slice(*rows), slice(*columns)]) for g in self.guides)
        part = np.s_[:, slice(*rows), slice(*columns)]
        amplitudes = None if self.amplitudes is None else self.amplitudes[part]
        start, halves = (given and given.part(slice(*rows), slice(*columns)) for given in (self.start, self.halves))
        return replace(
            self,
            images=self.images[part],
            crop=box,
            record=record,
            guides=guides,
            amplitudes=amplitudes,
            start=start,
            halves=halves,
        )

    def beside(self, start: Floats | Beside | None = None, half: Floats | Beside | None = None) -> SliceStack:
        """The same slices with what is known beside them, on the same pixels and in the same unit.

        ``start`` (N, H, W): the initial guess from which their reconstruction started. ``half``: a reconstruction of
        the other half of the scan positions (N, H, W), where the slices are of one half; or of both (2, N, H, W), where
        they are of the whole scan.

        Raises InputError for shapes or units that cannot be right.

            >>> stack = ddip_tf.read("slice1.tif", "slice2.tif").beside(start=np.stack([single, np.zeros_like(single)]))
        """
        given = [x if x is None or isinstance(x, Beside) else Beside(np.asarray(x)) for x in (start, half)]
        return replace(
            self,
            start=self.start if given[0] is None else start_of(self.images, given[0]),
            halves=self.halves if given[1] is None else halves_of(self.images, given[1]),
        )

    def guided(self, guides: Sequence[Guide]) -> SliceStack:
        """The same slices with ``guides`` too, maps of the same area, resampled to the grid of the slices.

        Raises InputError for a map of a slice that is not there, or that is not finite or does not vary.
        """
        from skimage.transform import resize

        fitting = (replace(g, image=resize(np.asarray(g.image, np.float64), self.shape, order=1)) for g in guides)
        return replace(self, guides=(*self.guides, *fitting))


def check_picks(indices: Sequence[int], count: int) -> None:
    """Raises InputError for an index outside ``count`` slices, counted from 0, or one given twice."""
    for index in indices:
        if not 0 <= index < count:
            raise InputError(f"no slice {index}: there are {count}, counted from 0")
    if len(set(indices)) < len(indices):
        raise InputError(f"a slice is picked twice: {','.join(map(str, indices))}")


def spacing_of(spacing_m: tuple[float, ...] | None, indices: Sequence[int]) -> tuple[float, ...] | None:
    """Distances between the slices at ``indices`` of a stack whose neighbours lie ``spacing_m`` (N − 1,) apart."""
    if spacing_m is None:
        return None
    depth = np.concatenate([[0.0], np.cumsum(spacing_m)])[list(indices)]
    return tuple(float(d) for d in np.abs(np.diff(depth)))


def check_box(rows: tuple[int, int], columns: tuple[int, int], shape: tuple[int, int]) -> None:
    """Raises InputError for a box that is empty, reversed or reaches outside an image of ``shape`` (H, W)."""
    for (start, end), side, axis in zip((rows, columns), shape, "yx", strict=True):
        if start >= end:
            what = f"reversed: did you mean {end}:{start}?" if start > end else "of no pixel: it ends where it begins"
            raise InputError(f"crop {start}:{end} of {axis} is {what}")
        if not 0 <= start < end <= side:
            raise InputError(f"crop {start}:{end} is outside the image, {axis} has pixels 0:{side}")


def check_beside(stack: SliceStack, config: FitConfig) -> None:
    """Raises InputError where a start or halves are given that the settings have no use for."""
    if config.mixing != "transfer" and (stack.start or stack.halves):
        raise InputError("`start` and `half` work with mixing transfer")
    if stack.start and (len(stack) != 2 or config.model != "auto" or config.normalisation == "diagonal"):
        raise InputError("`start` works with two slices, model auto and a normalisation other than diagonal")
    if stack.start and stack.amplitudes is not None:
        raise InputError("`start` works with one quantity: phase or amplitude")
