"""Power spectra of images, as the paper shows them (Fig. 4). NumPy only."""

from __future__ import annotations

import numpy as np

from ddip_tf._types import Floats
from ddip_tf.errors import InputError

#: least share of the integrated energy that the display tells from nothing
FLOOR = 1e-10


def power_spectrum(image: Floats) -> Floats:
    """|FFT|² of ``image`` (H, W) less its mean, over its sum; (H, W), zero frequency at [H // 2, W // 2].

    "Normalized by the integrated energy" (Du, Huang & Jacobsen 2021, §3.2). No window is applied.

    Raises InputError for an image that is not (H, W), real, finite and varying.
    """
    image = np.asarray(image)
    if image.ndim != 2 or np.iscomplexobj(image):
        raise InputError(f"a spectrum takes one real image (H, W), not {image.dtype} of shape {image.shape}")
    if not np.isfinite(image).all():
        raise InputError("the image has pixels that are NaN or infinite: no spectrum")
    power = np.abs(np.fft.fftshift(np.fft.fft2(image - image.mean(dtype=float)))) ** 2
    total = float(power.sum())
    if np.ptp(image) == 0 or not total > 0:
        raise InputError("the image is constant: no spectrum")
    return power / total


def display(power: Floats, floor: float = FLOOR) -> Floats:
    """(log10 P)^2.5 of a normalised spectrum ``power``, "to improve contrast" (ibid., Fig. 4); 0 and above.

    P is under 1 once normalised, and a negative logarithm has no real power of 2.5: P is counted in units of
    ``floor``, so that one floor gives one scale to all panels that are compared. What is under it shows as 0.
    """
    return np.log10(np.maximum(power / floor, 1.0)) ** 2.5


def radial(power: Floats, bands: int = 40) -> tuple[Floats, Floats]:
    """Mean power on rings of equal width: (K,) radii in cycles/pixel and (K,) means.

    ``power`` is (H, W) as `power_spectrum` gives it; rings that hold no pixel are left out, the last ends at ½.
    """
    ky, kx = (np.fft.fftshift(np.fft.fftfreq(side)) for side in power.shape)
    radius = np.hypot(ky[:, None], kx[None, :])
    ring = np.floor(radius / 0.5 * bands).astype(int)
    inside = (ring < bands) & (radius > 0)
    count, sums, radii = (
        np.bincount(ring[inside], weights, bands) for weights in (None, power[inside], radius[inside])
    )
    filled = count > 0
    return radii[filled] / count[filled], sums[filled] / count[filled]
