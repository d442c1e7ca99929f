"""Whether two slices lie on one another: how far one is shifted against the other."""

from __future__ import annotations

import numpy as np

from ddip_tf._types import Floats

#: in standard deviations of the cross-correlation: unlike slices reach 4 to 6.5 by chance, slices with ghosts 12 to 33
SURE_PEAK = 8.0
#: times the highest value farther than `AWAY` pixels from the peak: lattices and sparse shapes fit in several places,
#: with 1.0 to 1.5 times the next; ghosts fit in one, with 1.8 or more
ONE_PEAK, AWAY = 1.6, 8.0
#: times the value without any shift: shapes that merely touch move a peak by a pixel, and hardly raise it
HIGHER = 1.1
#: standard errors over `WINDOWS` x `WINDOWS` windows of the field by which slices fit better so than without a shift:
#: where unlike slices fit by chance they do so here and not there, by -1 to 3; shifts reach 9 and more
THROUGHOUT, WINDOWS = 5.0, 5
#: of the shorter side: slices of one field of view lie no farther apart; what fits there fits by chance
FARTHEST = 0.25


def shift_between(first: Floats, second: Floats) -> tuple[float, float] | None:
    """How far (y, x), in pixels, ``second`` (H, W) lies from ``first`` by what both hold; None if that is too little.

    `skimage.registration.phase_cross_correlation` of the fine structure (Gaussians of 1 and 6 px), to a tenth of a
    pixel; believed where the peak of the cross-correlation stands out of its scatter (`SURE_PEAK`), and above every
    other place (`ONE_PEAK`), no farther than `FARTHEST`. No shift, (0, 0), where it is no better than none on the whole
    (`HIGHER`), or not in most of the field (`THROUGHOUT`).
    """
    from scipy.fft import fft2, ifft2
    from scipy.ndimage import gaussian_filter
    from skimage.registration import phase_cross_correlation

    fine = np.stack([gaussian_filter(image, 1) - gaussian_filter(image, 6) for image in (first, second)])
    window = np.outer(*(np.hanning(side) for side in first.shape))
    spectra = [fft2(image * window) for image in fine]
    correlation = ifft2(spectra[0] * spectra[1].conj()).real
    if not correlation.max() > SURE_PEAK * correlation.std():
        return None
    y, x = (np.fft.fftfreq(side, 1 / side) for side in first.shape)
    peak = np.unravel_index(correlation.argmax(), correlation.shape)
    rolled = np.roll(correlation, (-peak[0], -peak[1]), (0, 1))
    if correlation.max() < ONE_PEAK * rolled[np.hypot(y[:, None], x) > AWAY].max():
        return None
    if correlation.max() < HIGHER * correlation[0, 0]:
        return 0.0, 0.0
    distance = int(y[peak[0]]), int(x[peak[1]])
    if np.hypot(*distance) > FARTHEST * min(first.shape):
        return None
    if not _throughout(fine[0], fine[1], distance):
        return 0.0, 0.0
    shift, _, _ = phase_cross_correlation(*spectra, upsample_factor=10, normalization=None, space="fourier")
    return -float(shift[0]), -float(shift[1])


def _throughout(first: Floats, second: Floats, shift: tuple[int, ...]) -> bool:
    """Do windows of ``first`` and ``second`` (H, W), half overlapping, fit better by a ``shift`` than without one?"""
    from scipy.fft import fft2, ifft2

    better, sides = [], [2 * side // (WINDOWS + 1) for side in first.shape]
    if any(abs(distance) >= side // 2 for distance, side in zip(shift, sides, strict=True)):
        return True  # windows do not reach as far
    window = np.outer(*(np.hanning(side) for side in sides))
    rows, columns = (
        np.linspace(0, side - part, WINDOWS, dtype=int) for side, part in zip(first.shape, sides, strict=True)
    )
    for y in rows:
        for x in columns:
            parts = [image[y : y + sides[0], x : x + sides[1]] * window for image in (first, second)]
            fits = ifft2(fft2(parts[0]) * fft2(parts[1]).conj()).real
            better.append((fits[shift] - fits[0, 0]) / max(np.linalg.norm(parts[0]) * np.linalg.norm(parts[1]), 1e-300))
    return float(np.mean(better)) > THROUGHOUT * float(np.std(better, ddof=1)) / WINDOWS
