"""A map of one slice known from elsewhere, such as X-ray fluorescence: a soft tie where the data leave slices open.

Below the crossover the data hardly say which slice owns a structure, and a coarse map can. It is scaled to the sum of
the slices, which the data fix best, by least squares over the frequencies below the crossover, and then counts as one
more measurement of its slice there, with an error of `RELATIVE_ERROR` of the sum's power. Where the map's power falls
short of the sum's (it is blurred) it is believed that much less. A wrong map is believed as well: it can cost more than
a right one gains. Symbols as in `ddip_tf.nullspace`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ddip_tf import noise
from ddip_tf.smica import band_centres, frequencies

Array = np.ndarray
#: of a map, in amplitude: element maps count photons of one element, phases all electrons
RELATIVE_ERROR = 0.3


def ties(guides: Sequence[tuple[int, Array]], images: Array, crossover_px: float) -> tuple[Array, Array]:
    """Fisher information (H, W, N, N) and data (H, W, N) that maps add to those of the slices.

    Parameters
    ----------
    guides
        (slice counted from 0, map (H, W) in any unit, of the sign of the phase or the other).
    images
        (N, H, W) the mixed slices.
    crossover_px
        half a period, in pixels, above which the data do not decide; 0 leaves nothing to say.
    """
    from scipy.fft import dctn

    count, *shape = images.shape
    information, data = np.zeros((*shape, count, count)), np.zeros((*shape, count))
    if crossover_px <= 0:
        return information, data
    k, edge, bands = frequencies(*shape), 0.5 / crossover_px, band_centres(*shape)
    low = (k > 0) & (k <= edge)
    total, density = dctn(images.sum(0), norm="ortho"), noise.projected_power(images, bands) * count
    for index, known in guides:
        said = dctn(known - known.mean(), norm="ortho")
        gain = (total[low] * said[low]).sum() / (said[low] ** 2).sum()
        share = noise.projected_power(known[None], bands) / density
        trust = np.minimum(share / share[: max(1, int((bands <= edge).sum()))].max(), 1) / density
        weight = (
            np.interp(np.log(np.maximum(k, 1e-9)), np.log(bands), trust) / (1 + (k / edge) ** 8) / RELATIVE_ERROR**2
        )
        information[..., index, index] += weight
        data[..., index] += weight * gain * said
    return information, data
