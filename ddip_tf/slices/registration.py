"""Whether two slices lie on one another: how far one is shifted against the other."""

from __future__ import annotations

import numpy as np

from ddip_tf._types import Floats

#: in standard deviations of the cross-correlation: unlike slices reach 4 to 6.5 by chance, slices with ghosts 12 to 33
SURE_PEAK = 8.0


def shift_between(first: Floats, second: Floats) -> tuple[float, float] | None:
    """How far (y, x), in pixels, ``second`` (H, W) lies from ``first`` by what both hold; None if that is too little.

    `skimage.registration.phase_cross_correlation` of the fine structure (Gaussians of 1 and 6 px), to a tenth of a
    pixel; believed where the peak of the cross-correlation stands out (`SURE_PEAK`).
    """
    from scipy.fft import fft2, ifft2
    from scipy.ndimage import gaussian_filter
    from skimage.registration import phase_cross_correlation

    window = np.outer(*(np.hanning(side) for side in first.shape))
    spectra = [fft2((gaussian_filter(image, 1) - gaussian_filter(image, 6)) * window) for image in (first, second)]
    correlation = ifft2(spectra[0] * spectra[1].conj()).real
    if not correlation.max() > SURE_PEAK * correlation.std():
        return None
    shift, _, _ = phase_cross_correlation(*spectra, upsample_factor=10, normalization=None, space="fourier")
    return -float(shift[0]), -float(shift[1])
