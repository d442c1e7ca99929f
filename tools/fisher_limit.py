"""How well a scan with known truth can tell its slices at all: a Cramér-Rao bound for each band of k.

Photon counts of mean I have the Fisher information J^T diag(1/I) J on whatever I depends on by J. Here it depends on
two slices' cosine modes of one k at a time, everything else, the probe among it, being known. So this is a lower bound
of the bound: no estimator without bias can be better, and a real one, which knows less, may not come near. Estimators
with a bias, such as those that know that objects have few edges, or that start flat and stop early, can be.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy import fft
from simulated_scan import Experiment, diffract, make_object, make_probe, scan_positions

#: of the bands, cycles/pixel
EDGES = (0.0, 0.0125, 0.025, 0.05, 0.1, 0.2, 0.5)
MODES, STEP_RAD = 2, 1e-3


def frequencies(shape: tuple[int, int]) -> np.ndarray:
    """(H, W) k in cycles/pixel of the cosine modes (DCT-II)."""
    return np.hypot(*np.meshgrid(*(np.arange(side) / (2 * side) for side in shape), indexing="ij"))


def band_of(k: np.ndarray) -> list[np.ndarray]:
    """For each band the mask (H, W) of its modes; the constant is in none."""
    return [(k > low) & (k <= high) for low, high in pairwise(EDGES)]


def rms_by_band(images: np.ndarray) -> np.ndarray:
    """(N, B) share of the rms of images (N, H, W) that lies in each band: squares add up to the variance."""
    power = fft.dctn(images, axes=(1, 2), norm="ortho") ** 2 / images[0].size
    return np.sqrt([[image[mask].sum() for mask in band_of(frequencies(image.shape))] for image in power])


def limit(experiment: Experiment, seed: int = 0) -> np.ndarray:
    """(2, B) the least rms error, rad, that an unbiased estimate of each slice can have in each band."""
    rng = np.random.default_rng(seed)
    truth = make_object(experiment)
    shape = (experiment.size, experiment.size)
    positions = scan_positions(experiment.size, np.random.default_rng([experiment.seed, len(truth)]))
    probe = make_probe(
        experiment.photons, experiment.step_px2, experiment.aperture, experiment.beam_width_px, experiment.detector
    )
    mean = np.maximum(diffract(truth, probe, positions, experiment.step_px2), 1e-3)
    bands = []
    for mask in band_of(frequencies(shape)):
        where = np.argwhere(mask)
        variances = [
            _variances(experiment, truth, probe, positions, mean, mode)
            for mode in where[rng.choice(len(where), min(MODES, len(where)), replace=False)]
        ]
        bands.append(np.sqrt(mask.sum() * np.mean(variances, 0)))
    return np.stack(bands, 1)


def _variances(
    experiment: Experiment,
    truth: np.ndarray,
    probe: np.ndarray,
    positions: np.ndarray,
    mean: np.ndarray,
    mode: np.ndarray,
) -> np.ndarray:
    """(2,) least variance of the coefficient of one cosine mode, of unit rms on the scanned square, in each slice."""
    coefficients = np.zeros((experiment.size,) * 2)
    coefficients[tuple(mode)] = experiment.size
    wave = np.zeros(truth.shape[1:])
    wave[experiment.square] = fft.idctn(coefficients, norm="ortho")
    slopes = []
    for slice_ in range(2):
        ends = []
        for sign in (1, -1):
            moved = truth.copy()
            moved[slice_] *= np.exp(1j * sign * STEP_RAD * wave)
            ends.append(diffract(moved, probe, positions, experiment.step_px2).astype(float))
        slopes.append((ends[0] - ends[1]) / (2 * STEP_RAD))
    fisher = np.array([[(one * other / mean).sum() for other in slopes] for one in slopes])
    return np.diag(np.linalg.inv(fisher))
