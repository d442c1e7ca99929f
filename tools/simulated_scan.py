"""A multislice ptychography scan: the sample, the probe, the positions and the far-field patterns.

Axes: N slices (first along the beam first), H rows, W columns; P scan positions. Lengths within the scan and
the probe are in object pixels (px), spatial frequencies in cycles/pixel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy import fft
from simulated_pictures import EVERY_SAMPLE
from simulated_samples import smooth_noise

HC_KEV_M = 1.239841984e-9  # Planck's constant times the speed of light
ELECTRON_KEV = 510.99895  # rest energy
DETECTOR_PX = 96
PITCH_PX, JITTER_PX = 11.3, 2.0  # of the scan grid: 25 x 25 positions on 272 x 272 pixels
MARGIN_PX = 10  # object beyond what the outermost positions see
NUMERICAL_APERTURE = 0.05  # cycles/pixel, radius of the lens's pupil (0.7 mrad); at 0.16 slices hardly mix
BEAM_WIDTH_PX = 22  # geometric diameter of the defocused beam half-way through the sample
ENGINES = ("lsqml", "epie", "rpie", "adam")
STARTS = ("flat", "half", "single", "map")


@dataclass(frozen=True)
class Experiment:
    """What is scanned, how, and how it is reconstructed."""

    sample: tuple[str, ...] = ("discs", "particle")
    spacing_m: float = 30e-6
    energy_kev: float = 12.0
    pixel_size_m: float = 7.3e-9
    photons: float = 2e6
    size: int = 272
    beta_over_delta: float = 0.0
    probe_error: float = 0.05
    epochs: int = 150
    seed: int = 0
    electrons: bool = False
    shared: str = ""  # a kind of slice drawn once and added to every slice
    strength: tuple[float, ...] = ()  # factors on the slices' phases; none: 1
    aperture: float = NUMERICAL_APERTURE
    beam_width_px: float = BEAM_WIDTH_PX
    position_error_px: float = 0.0  # standard deviation of the positions that the reconstruction is told
    detector: int = DETECTOR_PX
    engine: str = "lsqml"  # of ENGINES
    start: str = "flat"  # of STARTS
    step: float | None = None  # of LSQML, on its optimal one; None: pty-chi's own, 0.9
    batch: int = 64
    scan_number: int = 0  # another number: the same sample and probe scanned anew, at other positions

    @property
    def wavelength_m(self) -> float:
        if self.electrons:
            return HC_KEV_M / np.sqrt(self.energy_kev * (self.energy_kev + 2 * ELECTRON_KEV))
        return HC_KEV_M / self.energy_kev

    @property
    def step_px2(self) -> float:
        """Wavelength x spacing / pixel size^2: the slices' distance in Fresnel diffraction."""
        return self.wavelength_m * self.spacing_m / self.pixel_size_m**2

    @property
    def depths_of_focus(self) -> float:
        """The slices' distance in depths of focus of one pixel (paper, eq. 1), 2 pixel^2 / (0.61^2 wavelength)."""
        return self.step_px2 * 0.61**2 / 2

    @property
    def edge(self) -> int:
        """Object around the scanned square, on every side, px."""
        return self.detector // 2 + MARGIN_PX

    @property
    def square(self) -> tuple[slice, slice]:
        """The scanned square's rows and columns."""
        return (slice(self.edge, self.edge + self.size),) * 2

    def at_depths_of_focus(self, depths: float) -> Experiment:
        """The same with slices `depths` depths of focus apart."""
        return replace(self, spacing_m=self.spacing_m * depths / self.depths_of_focus)


def draw_phases(experiment: Experiment, size: int) -> np.ndarray:
    """Phases (N, H, W) of the sample on size x size pixels, rad: X rays lag behind (<= 0), electrons run ahead."""
    rngs = [np.random.default_rng([experiment.seed, n]) for n in range(len(experiment.sample))]
    phases = np.stack([EVERY_SAMPLE[name](rng, size) for name, rng in zip(experiment.sample, rngs, strict=True)])
    if experiment.shared:
        phases += EVERY_SAMPLE[experiment.shared](np.random.default_rng([experiment.seed, len(phases), 1]), size)
    if experiment.strength:
        phases *= np.reshape(experiment.strength, (-1, 1, 1))
    return phases if experiment.electrons else -phases


def make_object(experiment: Experiment) -> np.ndarray:
    """Transmission functions (N, H, W), complex: exp(i phase - beta/delta |phase|)."""
    phases = draw_phases(experiment, experiment.size + 2 * experiment.edge)
    return np.exp(1j * phases - experiment.beta_over_delta * abs(phases))


def scan_positions(size: int, rng: np.random.Generator) -> np.ndarray:
    """Jittered grid over the scanned square: (P, 2) offsets y, x from the object's middle, px."""
    line = np.linspace(-size / 2, size / 2, 1 + round(size / PITCH_PX))
    grid = np.stack(np.meshgrid(line, line, indexing="ij"), -1).reshape(-1, 2)
    grid += rng.uniform(-JITTER_PX, JITTER_PX, grid.shape)
    return grid - (grid.max(0) + grid.min(0)) / 2


def make_probe(
    photons: float,
    thickness_px2: float,
    aperture: float = NUMERICAL_APERTURE,
    width: float = BEAM_WIDTH_PX,
    detector: int = DETECTOR_PX,
) -> np.ndarray:
    """Probe (H, W) where it enters the sample, behind the focus of a lens.

    `thickness_px2` is the sample's, wavelength x length / pixel size^2: the defocus is set for its middle.
    """
    k2 = _frequency_squared(detector)
    pupil = np.clip((aperture - np.sqrt(k2)) * detector + 0.5, 0, 1)
    defocus = width / (2 * aperture) - thickness_px2 / 2
    probe = fft.fftshift(fft.ifft2(pupil * np.exp(-1j * np.pi * defocus * k2)))
    return probe * np.sqrt(photons / detector**2) / np.linalg.norm(probe)


def disturb_probe(probe: np.ndarray, error: float, rng: np.random.Generator) -> np.ndarray:
    """The probe (H, W) as the reconstruction is told it: off by smooth complex noise, `error` of its norm."""
    side = len(probe)
    wrong = probe * (smooth_noise(rng, side, 8) + 1j * smooth_noise(rng, side, 8))
    return probe + wrong * error * np.linalg.norm(probe) / np.linalg.norm(wrong)


def diffract(obj: np.ndarray, probe: np.ndarray, positions: np.ndarray, step_px2: float) -> np.ndarray:
    """Far-field intensities (P, H, W) in photons of a scan of obj (N, H, W), zero frequency in the middle.

    Paraxial between slices: up to 2 mrad off the angular spectrum over 30 um at 12 keV and 7.3 nm.
    """
    side = len(probe)
    k = fft.fftfreq(side)
    propagator = np.exp(-1j * np.pi * step_px2 * _frequency_squared(side))
    corner = np.array(obj.shape[1:]) // 2 - side // 2
    spectrum = fft.fft2(probe)
    pattern = np.empty((len(positions), side, side), np.float32)
    for p, position in enumerate(positions):
        whole = np.round(position).astype(int)
        dy, dx = position - whole
        wave = fft.ifft2(spectrum * np.exp(-2j * np.pi * (k[:, None] * dy + k * dx)))
        y, x = corner + whole
        for n, layer in enumerate(obj[:, y : y + side, x : x + side]):
            wave = layer * (fft.ifft2(propagator * fft.fft2(wave)) if n else wave)
        pattern[p] = np.abs(fft.fftshift(fft.fft2(wave))) ** 2
    return pattern


def _frequency_squared(side: int) -> np.ndarray:
    """|k|^2 (H, W) on the detector's grid in (cycles/pixel)^2, zero first."""
    k = fft.fftfreq(side)
    return k[:, None] ** 2 + k**2


class Scan(NamedTuple):
    """What is measured, and what a reconstruction starts from."""

    truth: np.ndarray  # (N, H, W) true object
    positions: np.ndarray  # (P, 2) as the reconstruction is told them
    pattern: np.ndarray  # (P, H, W) photons
    probe: np.ndarray  # (H, W) the first guess
    start: np.ndarray  # (N, H, W) a nearly flat object


def scan(experiment: Experiment, truth: np.ndarray | None = None) -> Scan:
    """The experiment's measurement, of its own sample or of the object `truth` (N, H, W)."""
    names = len(experiment.sample)
    rng = np.random.default_rng([experiment.seed, names, experiment.scan_number][: 3 if experiment.scan_number else 2])
    truth = make_object(experiment) if truth is None else truth
    positions = scan_positions(experiment.size, rng)
    probe = make_probe(
        experiment.photons,
        experiment.step_px2 * (len(truth) - 1),
        experiment.aperture,
        experiment.beam_width_px,
        experiment.detector,
    )
    pattern = rng.poisson(diffract(truth, probe, positions, experiment.step_px2))
    start = 1 + 0.01 * (rng.normal(size=truth.shape) + 1j * rng.normal(size=truth.shape))
    guess = disturb_probe(probe, experiment.probe_error, rng)
    told = positions + experiment.position_error_px * rng.normal(size=positions.shape)
    return Scan(truth, told, pattern, guess, start)
