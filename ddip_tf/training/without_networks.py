"""Arrays in, arrays out: what `ddip_tf.fit` gives by default, without TensorFlow, Keras or files. NumPy and SciPy.

For programs that reconstruct with PyTorch, CuPy or anything else. Nothing here is global: threads may call at a time.
"""

from __future__ import annotations

import time

import numpy as np

from ddip_tf import environment
from ddip_tf._types import Box, Floats
from ddip_tf.config import FitConfig, preset
from ddip_tf.errors import InputError
from ddip_tf.formats.content import Content, multiplied
from ddip_tf.formats.stacking import stack_of
from ddip_tf.slices.ghosts import drop_rounding, refuse_unexplained, take_out
from ddip_tf.slices.phase import Conversion, convert
from ddip_tf.slices.separation import Solution
from ddip_tf.slices.stack import SliceStack, check_box
from ddip_tf.training import solving
from ddip_tf.training.result import completed, finished


def separate(
    images: Floats | SliceStack,
    config: FitConfig | None = None,
    *,
    start: Floats | None = None,
    half: Floats | None = None,
    threads: int | None = None,
) -> Solution:
    """Separate slices as `ddip_tf.fit` does, without TensorFlow: the same pictures, ghosts and warnings, no generators.

    Parameters
    ----------
    images
        (N, H, W), N ≥ 2 slices, upstream first, phase in rad (any linear unit works); or a `SliceStack`, which may say
        sizes, guides and more.
    config
        settings; those of ``preset("default")`` if None. ``preset("quick")`` leaves out the map of the solutions'
        spread, which takes most of the time, and gives the same pictures.
    start, half
        as in `ddip_tf.fit`.
    threads
        that solve at a time, all cores if None; how many changes nothing in the result.

    Returns
    -------
    Solution
        ``outputs``, ``ghosts`` (N, H, W) float32 in the unit of the input, ``warnings`` and what was found.

    Raises
    ------
    InputError
        images that are no slices (`SliceStack`), a start or halves that cannot be right, or settings that need
        networks: a mixing other than transfer, a prior other than tv.

    Examples
    --------
    >>> pair = numpy.random.default_rng(0).normal(size=(2, 41, 37)).cumsum(2)
    >>> solution = ddip_tf.separate(pair)
    >>> solution.outputs.shape, solution.outputs.dtype.name, solution.provenance["mixed"]
    ((2, 41, 37), 'float32', False)
    """
    began = time.perf_counter()
    config = config or preset("default")
    if config.mixing != "transfer" or config.trained:
        raise InputError("`separate` trains no networks: mixing transfer and prior tv; `fit` takes the others")
    stack = images if isinstance(images, SliceStack) else SliceStack(images)
    stack = stack if start is None and half is None else stack.beside(start, half)
    prepared = solving.prepared(stack, config, threads or environment.available_cores())
    solved = prepared.solved
    assert solved is not None
    solution = solving.told(solved, prepared.clean, config, solved.slices, solved.solution.decided)
    return completed(finished(solution, time.perf_counter() - began), stack, prepared.replaced)


def separate_object(
    obj: np.ndarray,
    config: FitConfig | None = None,
    *,
    scanned: Box | None = None,
    quantity: str = "phase",
    start: np.ndarray | None = None,
    pixel_size_m: float | None = None,
    spacing_m: float | None = None,
    wavelength_m: float | None = None,
    threads: int | None = None,
    despite_warnings: bool = False,
) -> tuple[np.ndarray, Solution]:
    """A complex object without the ghosts, on its full grid: what `fit` and ``ddip-tf export`` do through files.

    The scanned part of each slice becomes a phase without ramp, unwrapped; the slices are separated; each is multiplied
    by exp(−i ghost), blended in over 8 pixels at the rim of that part. Ramps, offsets, whole turns, amplitudes, and all
    outside stay as they were.

    Parameters
    ----------
    obj
        (N, H, W) complex transmission function, upstream slice first.
    config, threads
        as in `separate`.
    scanned
        ((y0, y1), (x0, x1)) pixels that the probe positions span; found from the amplitude if None.
    quantity
        ``phase``, or ``amplitude``: its logarithm is separated, and the phase stays.
    start
        (N, H, W) complex: the object from which the reconstruction of two slices started, if it was not flat.
    pixel_size_m, spacing_m, wavelength_m
        in metres, for warnings of slices that no data tell apart.
    despite_warnings
        whether a solution that leaves more than half of a slice's contrast unexplained is used all the same.

    Returns
    -------
    tuple
        the new object (N, H, W), of the type of ``obj``, and the `Solution` of its scanned part (``stack.crop``).

    Raises
    ------
    InputError
        as `separate`; an object that is not complex, pixels that are not finite, a box that is outside, or a solution
        that explains too little.

    Examples
    --------
    >>> rng = numpy.random.default_rng(0)
    >>> obj = numpy.exp(0.1j * rng.normal(size=(2, 61, 57)).cumsum(2)).astype("complex64")
    >>> new, solution = ddip_tf.separate_object(obj, scanned=((10, 50), (8, 47)))
    >>> new.shape, new.dtype.name, solution.outputs.shape
    ((2, 61, 57), 'complex64', (2, 40, 39))
    """
    obj = np.asarray(obj)
    sizes = {"pixel_size_m": pixel_size_m, "spacing_m": spacing_m, "wavelength_m": wavelength_m}
    stack = object_stack(obj, scanned, quantity, start, **sizes)
    solution = separate(stack, config, threads=threads)
    if not despite_warnings:
        refuse(solution)
    return multiplied(obj, factor_of(solution, obj, quantity)), solution


def refuse(solution: Solution) -> None:
    """Raise InputError for a solution that explains less than half of a slice."""
    shares = solution.provenance["unexplained"]
    refuse_unexplained(dict(zip(solution.stack.numbers, shares, strict=False)), "the separation")


def object_stack(
    obj: np.ndarray,
    scanned: Box | None = None,
    quantity: str = "phase",
    start: np.ndarray | None = None,
    *,
    pixel_size_m: float | None = None,
    spacing_m: float | None = None,
    wavelength_m: float | None = None,
) -> SliceStack:
    """The slices of a complex object (N, H, W) as `ddip_tf.read` makes them; parameters as of `separate_object`."""
    if not np.iscomplexobj(obj) or obj.ndim != 3:
        raise InputError(f"give a complex object (N, H, W), not {obj.dtype} of shape {obj.shape}")
    if scanned is not None:
        check_box(*scanned, obj.shape[1:])
    said = Content(
        obj,
        pixel_size_m=None if pixel_size_m is None else (pixel_size_m, pixel_size_m),
        spacing_m=None if spacing_m is None else (spacing_m,) * (len(obj) - 1),
        wavelength_m=wavelength_m,
        scanned=scanned,
    )
    stack = stack_of(list(obj), said, Conversion(quantity))
    if start is None:
        return stack
    if np.shape(start) != obj.shape:
        raise InputError(f"the start has shape {np.shape(start)}, the object {obj.shape}")
    rows, columns = stack.crop or ((0, obj.shape[1]), (0, obj.shape[2]))
    part = np.asarray(start)[[number - 1 for number in stack.numbers], slice(*rows), slice(*columns)]
    return stack.beside(start=convert(part, Conversion(quantity))[0])


def factor_of(solution: Solution, obj: np.ndarray, quantity: str = "phase") -> np.ndarray:
    """(N, H, W) complex: the log of what takes the ghosts of ``solution`` out of ``obj``; 0 outside its box."""
    stack = solution.stack
    box = stack.crop or ((0, obj.shape[1]), (0, obj.shape[2]))
    factor = np.zeros(obj.shape, np.complex128)
    for number, taken in zip(stack.numbers, solution.taken_out, strict=True):
        take_out(factor[number - 1], taken, box, phase=quantity == "phase", complex_object=True)
    drop_rounding(factor, obj)
    return factor
