"""Resolution at an edge: an error function fitted to a line profile (paper, Fig. 5). NumPy and SciPy only."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from ddip_tf._types import Floats
from ddip_tf.errors import InputError

#: FWHM of a Gaussian over its standard deviation
FWHM = float(2 * np.sqrt(2 * np.log(2)))
#: samples that a profile needs: four parameters, and some to tell noise by
SHORTEST = 8
#: an edge narrower than this many pixels is not resolved by them: its fitted width may be anything below
NARROWEST_PX = 1.3


@dataclass(frozen=True)
class Edge:
    """An error function fitted to a profile across an edge.

    value(s) = level + step/2 · erf((s − position) / (√2 σ)), and FWHM = 2√(2 ln 2) σ is that of its derivative.

    Attributes
    ----------
    distance_px, profile, fitted
        (S,) place along the line in pixels; mean over the band; the fit.
    position_px
        of the edge, along the line.
    step
        height of the edge, in the image's unit.
    fwhm_px, fwhm_error_px
        width and its standard error (of the fit: it knows noise, not a crooked edge).
    fwhm_m, fwhm_error_m
        the same in metres; None where no pixel size is known.
    resolved
        False where the edge is narrower than pixels can tell (`NARROWEST_PX`): the fitted width then means nothing.
    """

    distance_px: Floats
    profile: Floats
    fitted: Floats
    position_px: float
    step: float
    fwhm_px: float
    fwhm_error_px: float
    fwhm_m: float | None
    fwhm_error_m: float | None
    resolved: bool


def edge_resolution(
    image: Floats,
    start: tuple[float, float],
    end: tuple[float, float],
    *,
    band: int = 1,
    pixel_size_m: tuple[float, float] | None = None,
) -> Edge:
    """Width of the edge that the line from ``start`` to ``end`` crosses in ``image`` (H, W).

    The method of Huang et al., Acta Cryst. A 75, 336 (2019), used in Fig. 5 of Du, Huang & Jacobsen (2021).

    Parameters
    ----------
    start, end
        (y, x) in pixels; [0, 0] is the centre of the first pixel.
    band
        how many parallel lines, a pixel apart, are averaged; the middle one is the given line.
    pixel_size_m
        (y, x) pixel size in metres.

    Raises
    ------
    InputError
        the band leaves the image, is too short, or shows no edge.
    """
    from scipy.optimize import OptimizeWarning, curve_fit

    distance, values = profile(image, start, end, band)
    low, high = (float(v) for v in np.percentile(values, (5, 95)))
    # the steepest place of a lightly smoothed profile, and rise over slope, are where the fit begins
    slopes = np.gradient(np.convolve(np.pad(values, 1, mode="edge"), (0.25, 0.5, 0.25), "valid"))
    at = int(np.abs(slopes).argmax())
    width = float(np.clip((high - low) / max(abs(slopes[at]), 1e-30) / 2.5, 0.5, distance[-1] / 4))
    begin = ((low + high) / 2, (high - low) * np.sign(slopes[at] or 1.0), distance[at], width)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OptimizeWarning)  # no covariance: the error is infinite, said below
            found, covariance = curve_fit(_erf_step, distance, values, begin, maxfev=5000)
    except RuntimeError as error:
        raise InputError("no edge on this line: the error function does not fit the profile") from error
    level, step, position, sigma = (float(v) for v in found)
    fwhm, fwhm_error = FWHM * abs(sigma), FWHM * float(np.sqrt(covariance[3, 3]))
    fitted = _erf_step(distance, level, step, position, sigma)
    noise = float(np.std(values - fitted, ddof=4))
    if not 0 < position < distance[-1] or fwhm > 2 * distance[-1] or abs(step) < 3 * noise:
        raise InputError("no edge on this line: draw it across one, with a stretch of both sides")
    resolved = bool(fwhm > NARROWEST_PX and np.isfinite(fwhm_error) and fwhm_error < fwhm)
    unit = _metres_per_pixel(start, end, pixel_size_m)
    return Edge(
        distance_px=distance,
        profile=values,
        fitted=fitted,
        position_px=position,
        step=step if sigma > 0 else -step,
        fwhm_px=fwhm,
        fwhm_error_px=fwhm_error,
        fwhm_m=None if unit is None else fwhm * unit,
        fwhm_error_m=None if unit is None else fwhm_error * unit,
        resolved=resolved,
    )


def profile(
    image: Floats, start: tuple[float, float], end: tuple[float, float], band: int = 1
) -> tuple[Floats, Floats]:
    """Places along a line in pixels, about one apart, and the image there, averaged over ``band`` lines; both (S,).

    Arguments and errors are those of `edge_resolution`; values between pixels are by cubic splines, which (unlike
    linear interpolation) widen an edge by less than 1 % from a FWHM of 2 pixels on.
    """
    from scipy.ndimage import map_coordinates

    image = np.asarray(image, np.float64)
    if image.ndim != 2:
        raise InputError(f"a profile takes one image (H, W), not shape {image.shape}")
    if band < 1:
        raise InputError(f"band is {band}; the least is 1")
    begin, direction = np.asarray(start, float), np.subtract(end, start, dtype=float)
    length = float(np.hypot(*direction))
    count = round(length) + 1
    if count < SHORTEST:
        raise InputError(f"the line is {length:.1f} pixels long; it needs at least {SHORTEST - 1}")
    distance = np.linspace(0, length, count)
    along = direction / length
    across = np.array([-along[1], along[0]]) * (np.arange(band) - (band - 1) / 2)[:, None]
    points = begin + along * distance[:, None] + across[:, None]  # (band, S, 2)
    if points.min() < 0 or (points > np.subtract(image.shape, 1)).any():
        raise InputError(f"the line with its band leaves the image of {image.shape[0]} x {image.shape[1]} pixels")
    values = map_coordinates(image, np.moveaxis(points, -1, 0), order=3, mode="nearest").mean(0)
    if not np.isfinite(values).all():
        raise InputError("the image has pixels that are NaN or infinite: no profile")
    return distance, values


def _erf_step(s: Floats, level: float, step: float, position: float, sigma: float) -> Floats:
    from scipy.special import erf

    return level + step / 2 * erf((s - position) / (np.sqrt(2) * sigma))


def _metres_per_pixel(
    start: tuple[float, float], end: tuple[float, float], size: tuple[float, float] | None
) -> float | None:
    """Length of one pixel step along the line."""
    if size is None:
        return None
    direction = np.subtract(end, start, dtype=float)
    return float(np.hypot(*(direction * size)) / np.hypot(*direction))
