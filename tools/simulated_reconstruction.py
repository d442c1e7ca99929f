"""A scan reconstructed by pty-chi, an independent program: its ghosts are its own.

Axes as in `simulated_scan`. Only this module needs torch and pty-chi, and imports them when it reconstructs.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from functools import lru_cache
from importlib.metadata import version
from types import ModuleType
from typing import Any, NamedTuple

import click
import numpy as np
from scipy import ndimage
from simulated_scan import Experiment, Scan, make_object, scan

INSTALL = (
    "pty-chi is missing: pip install torch (a CPU build will do), then pip install --no-deps ptychi, "
    "then pip install pydantic pandas tqdm scikit-learn matplotlib"
)
ADAM_STEP = 5e-3  # of object and probe
MAP_BLUR_PX, MAP_SHARE = 5.0, 0.9


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
    options = {
        "lsqml": api.LSQMLOptions,
        "epie": api.EPIEOptions,
        "rpie": api.RPIEOptions,
        "adam": api.AutodiffPtychographyOptions,
    }[experiment.engine]()
    options.data_options.wavelength_m = experiment.wavelength_m
    obj = options.object_options
    obj.pixel_size_m = experiment.pixel_size_m
    obj.slice_spacings_m = [experiment.spacing_m] * (len(start) - 1)
    obj.determine_position_origin_coords_by = api.ObjectPosOriginCoordsMethods.SPECIFIED
    obj.position_origin_coords = [side // 2 - 0.5 for side in start.shape[1:]]  # as in `diffract`
    if experiment.engine == "adam":
        for part in (obj, options.probe_options):
            part.optimizer, part.step_size = api.Optimizers.ADAM, ADAM_STEP
    if experiment.step is not None:
        obj.optimal_step_size_scaler = options.probe_options.optimal_step_size_scaler = experiment.step
    run = options.reconstructor_options
    run.num_epochs, run.batch_size, run.random_seed = experiment.epochs, experiment.batch, experiment.seed
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


def reconstruct(experiment: Experiment, scan: Scan, threads: int = 1) -> np.ndarray:
    """The object (N, H, W) that pty-chi finds from `scan.start`."""
    task = make_task(experiment, scan.pattern, scan.positions, scan.probe, scan.start, threads)
    task.run()
    return task.get_data_to_cpu("object", as_numpy=True).astype(np.complex64)


def first_object(experiment: Experiment, scan: Scan, threads: int = 1) -> np.ndarray:
    """The object (N, H, W) that the reconstruction starts from.

    flat: nothing but a little noise. The others rest on a reconstruction of one slice in place of all (half the
    epochs): half: 1/N of
    its phase in every slice; single: all of it in the first; map: in every slice but the first a map of what is in it
    (the true phase blurred by 5 px, as X-ray fluorescence gives it), in the first the rest, less 0.9 of the maps.
    """
    if experiment.start == "flat":
        return scan.start
    short = replace(experiment, epochs=max(1, experiment.epochs // 2))
    single = reconstruct(short, scan._replace(start=scan.start[:1]), threads)
    phase = np.angle(level(single, experiment.square)[0])
    phases = np.zeros(scan.truth.shape)
    if experiment.start == "half":
        phases[:] = phase / len(phases)
    elif experiment.start == "single":
        phases[0] = phase
    else:
        phases[1:] = ndimage.gaussian_filter(np.angle(scan.truth[1:]), (0, MAP_BLUR_PX, MAP_BLUR_PX))
        phases[0] = phase - MAP_SHARE * phases[1:].sum(0)
    return np.exp(1j * phases)


class Outcome(NamedTuple):
    """A reconstruction beside the truth."""

    obj: np.ndarray  # (N, H, W) levelled
    truth: np.ndarray  # (N, H, W)
    start: np.ndarray  # (N, H, W)
    positions: int


@lru_cache(maxsize=4)
def simulate(experiment: Experiment, threads: int = 1, alone: int | None = None) -> Outcome:
    """Scan and reconstruction of the whole sample, or of its slice number `alone` as if there were no other."""
    if alone is None:
        measured = scan(experiment)
    else:
        measured = scan(replace(experiment, scan_number=alone), make_object(experiment)[alone : alone + 1])
    start = first_object(experiment, measured, threads)
    obj = reconstruct(experiment, measured._replace(start=start), threads)
    return Outcome(level(obj, experiment.square), measured.truth, start, len(measured.positions))


def simulate_halves(experiment: Experiment, threads: int = 1) -> list[np.ndarray]:
    """Two reconstructions (N, H, W), levelled, of the same scan, each from every second position of it."""
    measured, found = scan(experiment), []
    for first in (0, 1):
        part = slice(first, None, 2)
        half = measured._replace(positions=measured.positions[part], pattern=measured.pattern[part])
        half = half._replace(start=first_object(experiment, half, threads))
        found.append(level(reconstruct(experiment, half, threads), experiment.square))
    return found


def phases(obj: np.ndarray, experiment: Experiment) -> np.ndarray:
    """Phase (N, H, W) of the scanned square, rad."""
    return np.angle(obj[:, *experiment.square])


def describe(experiment: Experiment, positions: int) -> dict[str, Any]:
    """meta.json's content about a scan and its reconstruction."""
    absorbing = f", beta/delta {experiment.beta_over_delta:g}" if experiment.beta_over_delta else ""
    name = {"lsqml": "LSQML", "epie": "ePIE", "rpie": "rPIE", "adam": "Adam"}[experiment.engine]
    return {
        "sample": " over ".join(experiment.sample) + absorbing,
        "energy_keV": experiment.energy_kev,
        "pixel_size_m": experiment.pixel_size_m,
        "spacing_m": experiment.spacing_m,
        "crop": [side for part in experiment.square for side in (part.start, part.stop)],
        "photons_per_position": experiment.photons,
        "positions": positions,
        "detector": experiment.detector,
        "reconstruction": f"pty-chi {version('ptychi')}, {name}, {experiment.epochs} epochs, batch {experiment.batch}, "
        f"probe known within {100 * experiment.probe_error:g} %",
        "seed": experiment.seed,
        "depths_of_focus": experiment.depths_of_focus,
        "experiment": asdict(experiment),
    }
