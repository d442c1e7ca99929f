"""A map of one slice known from elsewhere, such as X-ray fluorescence: a soft tie where the data leave slices open.

Below the crossover the data hardly say which slice owns a structure, and a coarse map can. It is scaled to the sum of
the slices, which the data fix best, by least squares over the frequencies below the crossover, and then counts as one
more measurement of its slice there, with an error of `RELATIVE_ERROR` of the sum's power. Where the map's power falls
short of the sum's (it is blurred) it is believed that much less. A wrong map would cost more than a right one gains, so
a map that has nothing to do with its slice, as it comes out without any map, is left out (`related`). Symbols as in
`ddip_tf.transfer.solver`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ddip_tf._types import Array
from ddip_tf.caution import Caution
from ddip_tf.transfer.bands import band_centres, frequencies, interpolate, interpolate_power, projected_power

#: of a map, in amplitude: element maps count photons of one element, phases all electrons
RELATIVE_ERROR = 0.3
#: least coherence of a map with its slice below the crossover: of 6 simulated pairs, maps of the true slice have 0.46
#: or more, blurred by 8 px and with 5 % noise 0.41 or more, smooth random maps 0.34 or less in 95 of 100
RELATED = 0.4


def coherence(known: Array, y: Array, crossover_px: float) -> Array:
    """|coherence| of a map (H, W) with each of the slices y (N, H, W), (N,).

    Over all frequencies below the crossover, each ring weighing as much as it has coefficients and as far as the map,
    which may be blurred, has power there.
    """
    from scipy.fft import dctn

    k, edge, bands = frequencies(*known.shape), 0.5 / crossover_px, band_centres(*known.shape)
    low = (k > 0) & (k <= edge)
    below = max(1, int((bands <= edge).sum()))

    def whitened(image: Array) -> tuple[Array, Array]:
        """Coefficients of an image below the crossover over its own spectrum, and its power in the bands."""
        density = np.maximum(projected_power(image[None], bands), 1e-300)
        spectrum = dctn(image - image.mean(), norm="ortho")[low]
        return spectrum / np.sqrt(interpolate_power(k[low], bands, density)), density

    of_map, power_of_map = whitened(known)
    found = []
    for image in y:
        of_slice, power_of_slice = whitened(image)
        share = power_of_map / power_of_slice
        weight = interpolate(k[low], bands, np.minimum(share / share[:below].max(), 1))
        power = (weight * of_map**2).sum() * (weight * of_slice**2).sum()
        found.append(abs((weight * of_map * of_slice).sum()) / np.sqrt(max(power, 1e-300)))
    return np.array(found)


def related(
    guides: Sequence[tuple[int, Array]], y: Array, crossover_px: float
) -> tuple[list[tuple[int, Array]], list[Caution]]:
    """Those of the ``guides`` that have to do with their slices, and what is to be said of the others.

    ``y`` (N, H, W) are the slices as they come out without guides; where they are told apart at every frequency
    (``crossover_px`` 0) no map has a say.
    """
    if crossover_px <= 0:
        said = "The guides change nothing: the data tell the slices apart at every frequency."
        return [], [Caution("guides-change-nothing", said)] if guides else []
    kept, cautions = [], []
    for index, known in guides:
        found = coherence(known, y, crossover_px)
        other = int(found.argmax())
        resembles = other != index and found[other] > max(found[index] + 0.1, RELATED)
        if found[index] < RELATED:
            said = (
                f"The guide of slice {index + 1} was left out: it seems to have nothing to do with that slice "
                f"(coherence {found[index]:.2f}, at least {RELATED:g} is asked for)."
            )
            said += f" It resembles slice {other + 1}." if resembles else ""
            cautions.append(Caution("guide-left-out", said, index + 1))
            continue
        kept.append((index, known))
        if resembles:
            said = f"The guide of slice {index + 1} resembles slice {other + 1} more: does it belong to that one?"
            cautions.append(Caution("doubt-guide-of-another", said, index + 1))
    return kept, cautions


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
    total, density = dctn(images.sum(0), norm="ortho"), projected_power(images, bands) * count
    for index, known in guides:
        of_map = dctn(known - known.mean(), norm="ortho")
        gain = (total[low] * of_map[low]).sum() / (of_map[low] ** 2).sum()
        share = projected_power(known[None], bands) / density
        trust = np.minimum(share / share[: max(1, int((bands <= edge).sum()))].max(), 1) / density
        weight = interpolate(k, bands, trust) / (1 + (k / edge) ** 8) / RELATIVE_ERROR**2
        information[..., index, index] += weight
        data[..., index] += weight * gain * of_map
    return information, data
