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
#: of the shorter side: slices of one field of view lie no farther apart; what fits there fits by chance
FARTHEST = 0.25


def shift_between(first: Floats, second: Floats) -> tuple[float, float] | None:
    """How far (y, x), in pixels, ``second`` (H, W) lies from ``first`` by what both hold; None if that is too little.

    `skimage.registration.phase_cross_correlation` of the fine structure (Gaussians of 1 and 6 px), to a tenth of a
    pixel; believed where the peak of the cross-correlation stands out of its scatter (`SURE_PEAK`), and above every
    other place (`ONE_PEAK`), no farther than `FARTHEST`. No shift, (0, 0), where it is no better than none (`HIGHER`).
    """
    from scipy.fft import fft2, ifft2
    from scipy.ndimage import gaussian_filter
    from skimage.registration import phase_cross_correlation

    window = np.outer(*(np.hanning(side) for side in first.shape))
    spectra = [fft2((gaussian_filter(image, 1) - gaussian_filter(image, 6)) * window) for image in (first, second)]
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
    if np.hypot(y[peak[0]], x[peak[1]]) > FARTHEST * min(first.shape):
        return None
    shift, _, _ = phase_cross_correlation(*spectra, upsample_factor=10, normalization=None, space="fourier")
    return -float(shift[0]), -float(shift[1])
