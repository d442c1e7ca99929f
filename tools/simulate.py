"""Simulate a multislice ptychography scan and reconstruct it with pty-chi: real crosstalk, known truth.

    python tools/simulate.py OUT --sample discs,particle --spacing 30e-6

A sample of N thin slices is scanned (multislice forward model, far-field detector, Poisson noise), and
pty-chi, an independent program, reconstructs it by LSQML from a nearly flat object and a probe that is a few
per cent off: the ghosts are the reconstruction's own. OUT gets slice1.tif ... (phase, rad), truth1.npy ...
(the true phase on the same pixels), object.npy (the whole reconstructed object) and meta.json.

Axes: N slices (first along the beam first), H rows, W columns; P scan positions. Lengths within the scan and
the probe are in object pixels (px), spatial frequencies in cycles/pixel.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import click
import numpy as np
import tifffile
from scipy import fft
from simulated_samples import SAMPLES, smooth_noise

HC_KEV_M = 1.239841984e-9  # Planck's constant times the speed of light
DETECTOR_PX = 96
PITCH_PX, JITTER_PX = 11.3, 2.0  # of the scan grid: 25 x 25 positions on 272 x 272 pixels
MARGIN_PX = 10  # object beyond what the outermost positions see
NUMERICAL_APERTURE = 0.05  # cycles/pixel, radius of the lens's pupil (0.7 mrad); at 0.16 slices hardly mix
BEAM_WIDTH_PX = 22  # geometric diameter of the defocused beam half-way through the sample
BATCH = 64
INSTALL = (
    "pty-chi is missing: pip install torch (a CPU build will do), then pip install --no-deps ptychi, "
    "then pip install pydantic pandas tqdm scikit-learn matplotlib"
)

# --- the experiment -----------------------------------------------------------------------------------------


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

    @property
    def wavelength_m(self) -> float:
        return HC_KEV_M / self.energy_kev

    @property
    def step_px2(self) -> float:
        """Wavelength x spacing / pixel size^2: the slices' distance in Fresnel diffraction."""
        return self.wavelength_m * self.spacing_m / self.pixel_size_m**2

    @property
    def edge(self) -> int:
        """Object around the scanned square, on every side, px."""
        return DETECTOR_PX // 2 + MARGIN_PX

    @property
    def square(self) -> tuple[slice, slice]:
        """The scanned square's rows and columns."""
        return (slice(self.edge, self.edge + self.size),) * 2


def make_object(experiment: Experiment) -> np.ndarray:
    """Transmission functions (N, H, W), complex: exp((i + beta/delta) phase), with phases <= 0."""
    size = experiment.size + 2 * experiment.edge
    rngs = [np.random.default_rng([experiment.seed, n]) for n in range(len(experiment.sample))]
    phase = [-SAMPLES[name](rng, size) for name, rng in zip(experiment.sample, rngs, strict=True)]
    return np.exp((1j + experiment.beta_over_delta) * np.stack(phase))


def scan_positions(size: int, rng: np.random.Generator) -> np.ndarray:
    """Jittered grid over the scanned square: (P, 2) offsets y, x from the object's middle, px."""
    line = np.linspace(-size / 2, size / 2, 1 + round(size / PITCH_PX))
    grid = np.stack(np.meshgrid(line, line, indexing="ij"), -1).reshape(-1, 2)
    grid += rng.uniform(-JITTER_PX, JITTER_PX, grid.shape)
    return grid - (grid.max(0) + grid.min(0)) / 2


def make_probe(photons: float, thickness_px2: float) -> np.ndarray:
    """Probe (H, W) where it enters the sample, behind the focus of a lens.

    `thickness_px2` is the sample's, wavelength x length / pixel size^2: the defocus is set for its middle.
    """
    k2 = _frequency_squared()
    pupil = np.clip((NUMERICAL_APERTURE - np.sqrt(k2)) * DETECTOR_PX + 0.5, 0, 1)
    defocus = BEAM_WIDTH_PX / (2 * NUMERICAL_APERTURE) - thickness_px2 / 2
    probe = fft.fftshift(fft.ifft2(pupil * np.exp(-1j * np.pi * defocus * k2)))
    return probe * np.sqrt(photons / DETECTOR_PX**2) / np.linalg.norm(probe)


def disturb_probe(probe: np.ndarray, error: float, rng: np.random.Generator) -> np.ndarray:
    """The probe (H, W) as the reconstruction is told it: off by smooth complex noise, `error` of its norm."""
    wrong = probe * (smooth_noise(rng, DETECTOR_PX, 8) + 1j * smooth_noise(rng, DETECTOR_PX, 8))
    return probe + wrong * error * np.linalg.norm(probe) / np.linalg.norm(wrong)


def diffract(obj: np.ndarray, probe: np.ndarray, positions: np.ndarray, step_px2: float) -> np.ndarray:
    """Far-field intensities (P, H, W) in photons of a scan of obj (N, H, W), zero frequency in the middle.

    Paraxial between slices: up to 2 mrad off the angular spectrum over 30 um at 12 keV and 7.3 nm.
    """
    k = fft.fftfreq(DETECTOR_PX)
    propagator = np.exp(-1j * np.pi * step_px2 * _frequency_squared())
    corner = np.array(obj.shape[1:]) // 2 - DETECTOR_PX // 2
    spectrum = fft.fft2(probe)
    pattern = np.empty((len(positions), DETECTOR_PX, DETECTOR_PX), np.float32)
    for p, position in enumerate(positions):
        whole = np.round(position).astype(int)
        dy, dx = position - whole
        wave = fft.ifft2(spectrum * np.exp(-2j * np.pi * (k[:, None] * dy + k * dx)))
        y, x = corner + whole
        for n, layer in enumerate(obj[:, y : y + DETECTOR_PX, x : x + DETECTOR_PX]):
            wave = layer * (fft.ifft2(propagator * fft.fft2(wave)) if n else wave)
        pattern[p] = np.abs(fft.fftshift(fft.fft2(wave))) ** 2
    return pattern


def _frequency_squared() -> np.ndarray:
    """|k|^2 (H, W) on the detector's grid in (cycles/pixel)^2, zero first."""
    k = fft.fftfreq(DETECTOR_PX)
    return k[:, None] ** 2 + k**2


# --- the reconstruction -------------------------------------------------------------------------------------


class MissingError(click.ClickException):
    exit_code = 2


def load_ptychi() -> tuple[ModuleType, type]:
    """pty-chi's `api` and its `PtychographyTask`; without pty-chi, exit code 2 and how to install it."""
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise MissingError(INSTALL) from error
    try:
        import torchvision.transforms  # noqa: F401
    except (ImportError, RuntimeError):
        # pty-chi imports torchvision for a blur not used here; its wheels don't load beside a CPU-only torch.
        stand_in = ModuleType("torchvision.transforms")
        stand_in.GaussianBlur = None  # type: ignore[attr-defined]
        sys.modules |= {"torchvision": ModuleType("torchvision"), stand_in.__name__: stand_in}
    try:
        from ptychi import api
        from ptychi.api.task import PtychographyTask
    except ImportError as error:
        raise MissingError(f"{INSTALL} ({error})") from error
    return api, PtychographyTask


def make_task(
    experiment: Experiment,
    pattern: np.ndarray,
    positions: np.ndarray,
    probe: np.ndarray,
    start: np.ndarray,
    threads: int = 1,
) -> Any:
    """pty-chi's task, not yet run: intensities (P, H, W), positions (P, 2), first probe (H, W) and object (N, H, W)."""
    api, ptychography_task = load_ptychi()
    import torch

    torch.set_num_threads(threads)
    options = api.LSQMLOptions()
    options.data_options.wavelength_m = experiment.wavelength_m
    obj = options.object_options
    obj.pixel_size_m = experiment.pixel_size_m
    obj.slice_spacings_m = [experiment.spacing_m] * (len(start) - 1)
    obj.determine_position_origin_coords_by = api.ObjectPosOriginCoordsMethods.SPECIFIED
    obj.position_origin_coords = [side // 2 - 0.5 for side in start.shape[1:]]  # as in `diffract`
    run = options.reconstructor_options
    run.num_epochs, run.batch_size, run.random_seed = experiment.epochs, BATCH, experiment.seed
    run.allow_nondeterministic_algorithms = False
    run.default_device = api.Devices.CPU
    return ptychography_task(
        options,
        diffraction_data=pattern.astype(np.float32),
        object_data=start.astype(np.complex64),
        probe_data=probe.astype(np.complex64)[None, None],
        probe_position_y_px=positions[:, 0],
        probe_position_x_px=positions[:, 1],
    )


def level(obj: np.ndarray, square: tuple[slice, slice]) -> np.ndarray:
    """Take a constant and a ramp of the phase, which the data leave free, out of each slice of obj (N, H, W).

    Both are measured inside `square`, where the mean phase is zero afterwards.
    """
    y, x = np.mgrid[: obj.shape[1], : obj.shape[2]]
    plane = np.stack([np.ones(obj.shape[1:]), y, x], -1)
    levelled = []
    for image in obj:
        image = image * np.exp(-1j * np.angle(image[square].mean()))
        ramp, *_ = np.linalg.lstsq(plane[square].reshape(-1, 3), np.angle(image[square]).ravel())
        levelled.append(image * np.exp(-1j * plane @ ramp))
    return np.stack(levelled).astype(np.complex64)


class Scan(NamedTuple):
    """What is measured, and what a reconstruction starts from."""

    truth: np.ndarray  # (N, H, W) true object
    positions: np.ndarray  # (P, 2)
    pattern: np.ndarray  # (P, H, W) photons
    probe: np.ndarray  # (H, W) the first guess
    start: np.ndarray  # (N, H, W) the first object


def scan(experiment: Experiment) -> Scan:
    """The experiment's measurement."""
    rng = np.random.default_rng([experiment.seed, len(experiment.sample)])
    truth = make_object(experiment)
    positions = scan_positions(experiment.size, rng)
    probe = make_probe(experiment.photons, experiment.step_px2 * (len(truth) - 1))
    pattern = rng.poisson(diffract(truth, probe, positions, experiment.step_px2))
    start = 1 + 0.01 * (rng.normal(size=truth.shape) + 1j * rng.normal(size=truth.shape))
    return Scan(truth, positions, pattern, disturb_probe(probe, experiment.probe_error, rng), start)


def reconstruct(experiment: Experiment, scan: Scan, threads: int = 1) -> np.ndarray:
    """The object (N, H, W) that pty-chi finds."""
    task = make_task(experiment, scan.pattern, scan.positions, scan.probe, scan.start, threads)
    task.run()
    return task.get_data_to_cpu("object", as_numpy=True).astype(np.complex64)


def simulate(experiment: Experiment, threads: int = 1) -> tuple[np.ndarray, np.ndarray, int]:
    """The reconstructed and the true object, both (N, H, W), and the number of positions."""
    measured = scan(experiment)
    obj = reconstruct(experiment, measured, threads)
    return level(obj, experiment.square), measured.truth, len(measured.positions)


def write(out: Path, experiment: Experiment, obj: np.ndarray, truth: np.ndarray, positions: int) -> None:
    """slice*.tif and truth*.npy (scanned square, phase in rad), object.npy (N, H, W) and meta.json."""
    out.mkdir(parents=True, exist_ok=True)
    per_cm = (0.01 / experiment.pixel_size_m,) * 2
    for n, images in enumerate(zip(obj, truth, strict=True), start=1):
        phase, true = (np.angle(image[experiment.square]).astype(np.float32) for image in images)
        tifffile.imwrite(out / f"slice{n}.tif", phase, resolution=per_cm, resolutionunit="CENTIMETER")
        np.save(out / f"truth{n}.npy", true)
    np.save(out / "object.npy", obj)
    (out / "meta.json").write_text(json.dumps(describe(experiment, positions), indent=1) + "\n")


def describe(experiment: Experiment, positions: int) -> dict:
    """meta.json's content."""
    absorbing = f", beta/delta {experiment.beta_over_delta:g}" if experiment.beta_over_delta else ""
    return {
        "sample": " over ".join(experiment.sample) + absorbing,
        "energy_keV": experiment.energy_kev,
        "pixel_size_m": experiment.pixel_size_m,
        "spacing_m": experiment.spacing_m,
        "crop": [side for part in experiment.square for side in (part.start, part.stop)],
        "photons_per_position": experiment.photons,
        "positions": positions,
        "detector": DETECTOR_PX,
        "reconstruction": f"pty-chi {version('ptychi')}, LSQML, {experiment.epochs} epochs, batch {BATCH}, "
        f"probe known within {100 * experiment.probe_error:g} %",
        "seed": experiment.seed,
    }


def _names(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, ...]:
    names = tuple(value.split(","))
    if len(names) < 2 or not set(names) <= set(SAMPLES):
        raise click.BadParameter(f"give two or more of {', '.join(SAMPLES)}, with commas between")
    return names


POSITIVE = click.FloatRange(min=0, min_open=True)


@click.command(context_settings={"show_default": True})
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--sample", default="discs,particle", callback=_names, help="Slices along the beam, two or more.")
@click.option("--spacing", "spacing_m", type=POSITIVE, default=30e-6, help="Between neighbouring slices, m.")
@click.option("--energy", "energy_kev", type=POSITIVE, default=12.0, help="Photon energy, keV.")
@click.option("--pixel-size", "pixel_size_m", type=POSITIVE, default=7.3e-9, help="Of the object, m.")
@click.option("--photons", type=POSITIVE, default=2e6, help="At each position.")
@click.option("--size", type=click.IntRange(min=32), default=272, help="Side of the scanned square, pixels.")
@click.option("--beta-over-delta", type=click.FloatRange(min=0), default=0.0, help="Absorption.")
@click.option("--probe-error", type=click.FloatRange(min=0), default=0.05, help="Of the first probe.")
@click.option("--epochs", type=click.IntRange(min=1), default=150, help="Of the reconstruction.")
@click.option("--seed", type=click.IntRange(min=0), default=0)
@click.option("--threads", type=click.IntRange(min=1), default=1, help="Of PyTorch.")
def main(out: Path, threads: int, **settings: Any) -> None:
    """Simulate the scan of a SAMPLE of slices, reconstruct it with pty-chi, write slices and truth into OUT.

    Kinds of slices: discs, particle, zones, print, fibres, cells.
    """
    load_ptychi()
    experiment = Experiment(**settings)
    write(out, experiment, *simulate(experiment, threads))


if __name__ == "__main__":
    main()
