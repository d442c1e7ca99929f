"""What a file or a run folder holds, in lines of text."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ddip_tf._types import StrPath
from ddip_tf.archive.run import open_run
from ddip_tf.formats import family_of, open_content
from ddip_tf.slices.optics import HC_EV_M, depth_of_focus_m, frequency
from ddip_tf.slices.separation import pair_name

if TYPE_CHECKING:
    from ddip_tf.slices.stack import SliceStack
    from ddip_tf.transfer.estimate import Transfer


def file(
    path: StrPath,
    family: str | None = None,
    dataset: str | None = None,
    *,
    energy_kev: float | None = None,
    pixel_size_m: float | None = None,
    spacing_m: float | None = None,
    resolution_m: float | None = None,
) -> str:
    """Format, shape, type, pixel size, spacing, depth of focus and value ranges of a file.

    Lengths in metres; what is given wins over what the file says. Raises InputError if it is unreadable.
    """
    content = open_content(path, family, dataset)
    images = content.images
    size = (pixel_size_m, pixel_size_m) if pixel_size_m else content.pixel_size_m
    spacing = (spacing_m,) * (len(images) - 1) if spacing_m else content.spacing_m
    wavelength = HC_EV_M / (1e3 * energy_kev) if energy_kev else content.wavelength_m
    lines = [
        f"{Path(path).name}: {len(images)} image(s) of {images.shape[1]} x {images.shape[2]}, {images.dtype}, "
        f"format {family_of(path, family, dataset)}"
    ]
    lines.append("pixel size " + (f"{size[0] * 1e9:.4g} x {size[1] * 1e9:.4g} nm" if size else "not stated"))
    lines.append("spacing    " + (f"{_lengths(spacing)} µm" if spacing else "not stated"))
    lines.append("wavelength " + (f"{wavelength * 1e9:.4g} nm" if wavelength else "not stated"))
    if content.scanned:
        (y0, y1), (x0, x1) = content.scanned
        lines.append(f"scanned    {y0}:{y1},{x0}:{x1}")
    lines += depth_of_focus(wavelength, resolution_m or (max(size) if size else None), spacing)
    for number, image in enumerate(images, 1):
        values = np.abs(image) if np.iscomplexobj(image) else image
        kind = "magnitude " if np.iscomplexobj(image) else ""
        low, mean, high, spread = (float(f(values)) for f in (np.min, np.mean, np.max, np.std))
        phase = f", phase {np.angle(image).min():.3g} … {np.angle(image).max():.3g} rad" if kind else ""
        lines.append(f"slice {number}: {kind}{low:.4g} … {high:.4g}, mean {mean:.4g}, deviation {spread:.4g}{phase}")
    return "\n".join(lines)


def depth_of_focus(
    wavelength_m: float | None, resolution_m: float | None, spacing_m: tuple[float, ...] | None
) -> list[str]:
    """Depth of focus 2 δ² / (0.61² λ) (paper, eq. 1), the spacing in units of it, and what that lets one expect.

    Structure is common to both slices as long as diffraction over the spacing hardly changes it: larger than a few
    times √(λ · spacing).
    """
    if not (wavelength_m and resolution_m):
        return []
    depth = depth_of_focus_m(resolution_m, wavelength_m)
    lines = [f"depth of focus {depth * 1e6:.3g} µm (eq. 1) at a resolution of {resolution_m * 1e9:.3g} nm"]
    if spacing_m:
        closest = min(spacing_m)
        share = closest / depth
        fresnel = np.sqrt(wavelength_m * closest)
        verdict = (
            "under one: the data hardly tell these slices apart"
            if share < 1
            else f"expect ghosts of structure larger than a few times √(λ · spacing) = {fresnel * 1e9:.3g} nm"
        )
        lines.append(f"slices lie {share:.3g} depths of focus apart; {verdict}")
    return lines


def conversion(stack: SliceStack) -> str:
    """How the images of ``stack`` were made from complex objects, in one line."""
    if stack.record is None:
        return "images as they were in the files"
    text = f"from complex objects: {stack.record.quantity}"
    if stack.crop:
        (y0, y1), (x0, x1) = stack.crop
        text += f" of {y0}:{y1},{x0}:{x1}"
    ramp = max(abs(slope) for plane in stack.record.planes for slope in plane[1:])
    text += f", ramps up to {ramp:.2g} rad/pixel taken out" if ramp else ""
    unwrapped = [str(number) for number, done in enumerate(stack.record.unwrapped, 1) if done]
    return text + (f", slice {', '.join(unwrapped)} unwrapped" if unwrapped else "")


def _lengths(lengths_m: tuple[float, ...]) -> str:
    return ", ".join(f"{length * 1e6:.4g}" for length in lengths_m)


def transfer(law: Transfer, pixel_size_m: tuple[float, float] | None = None) -> str:
    """T(k) as a table, what was assumed, and from which feature size on the data tell the slices apart."""
    count = law.matrix.shape[-1]
    k, unit = frequency(law.k, pixel_size_m)
    names = [(i, j) for i in range(count) for j in range(count) if i != j]
    lines = [f"k ({unit})".rjust(14) + "".join(f"T{pair_name(i, j)} (raw ± σ)".rjust(24) for i, j in names)]
    for band, frequency_of_band in enumerate(k):
        cells = []
        for i, j in names:
            raw, sigma = law.raw[band, i, j], law.sigma[band, i, j]
            cells.append(
                f"{law.matrix[band, i, j]:+.2f} ({raw:+.2f} ± {sigma:.2f})"
                if sigma < 1
                else f"{law.matrix[band, i, j]:+.2f} (undetermined)"
            )
        lines.append(f"{frequency_of_band:14.4g}" + "".join(cell.rjust(24) for cell in cells))
    if not law.mixed:
        lines.append("No mixing found: these slices are separate already.")
    elif law.crossover_px > 0:
        feature = f"{law.crossover_px:.1f} pixels"
        if pixel_size_m:
            feature += f" ({law.crossover_px * np.mean(pixel_size_m) * 1e9:.0f} nm)"
        lines.append(f"Features smaller than about {feature} are told apart by the data; larger ones need a prior.")
    assumed = {"sum": "columns sum to one (the projected phase is kept)", "diagonal": "unit diagonal"}
    lines.append(f"Assumed: {assumed.get(law.normalisation, law.normalisation)}.")
    return "\n".join([*lines, *(f"Warning: {sentence}" for sentence in law.warnings)])


def work_done(manifest: Mapping[str, Any]) -> str:
    """What a fit did: ``750 epochs``, or that T(k) was estimated, and what came of it."""
    epochs = f"{manifest['epochs_done']} epochs"
    if manifest["config"]["mixing"] != "transfer":
        return epochs
    if not manifest.get("mixed", True):
        return "T(k) estimated, nothing to separate"
    if manifest["config"].get("prior", "tv") != "tv":
        return f"T(k) estimated, networks trained for {epochs}"
    return "T(k) estimated and solved"


def repeats(manifest: Mapping[str, Any]) -> str:
    """How many repeated fits went into a mean, and how far they deviate."""
    used = sum(member["used"] for member in manifest["runs"])
    deviations = ", ".join(f"slice {i} {value:.3g}" for i, value in enumerate(manifest["mean_deviation"], 1))
    return f"mean of {used} of {len(manifest['runs'])} fits; mean standard deviation: {deviations}"


def run(path: StrPath) -> str:
    """What a run folder was made from, how, and how it ended. Raises InputError if it is none."""
    manifest = open_run(path).manifest
    config = manifest["config"]
    names = ", ".join(source["name"] for source in manifest["inputs"]) or "arrays"
    prior = config.get("prior", "tv")
    fitted = f", prior {prior}" if config["mixing"] == "transfer" else f", γ {manifest.get('gamma')}"
    if config["mixing"] != "transfer" or (prior != "tv" and manifest.get("mixed", True)):
        fitted += f", {manifest['epochs_done']} epochs, seed {config['seed']}"
    lines = [
        f"{path}: {manifest['slices']} slices of {manifest['shape'][0]} x {manifest['shape'][1]}, from {names}",
        f"status     {manifest['status']} in {manifest['wall_time_s']:.0f} s",
        f"mixing     {config['mixing']}{fitted}",
        "final      " + ", ".join(f"{name} {value:.4g}" for name, value in manifest["final"].items()),
        *([f"repeats    {repeats(manifest)}"] if "runs" in manifest else []),
        f"made with  ddip-tf {manifest['versions'].get('ddip-tf', '?')} on {manifest['platform']}",
        *(f"Warning: {sentence}" for sentence in manifest["warnings"]),
    ]
    return "\n".join(lines)


def command(manifest: Mapping[str, Any]) -> str:
    """The command that does a fit again, with its settings as run.yaml; files by name, ``--steps`` as they were."""
    sources = manifest["inputs"]
    names = list(dict.fromkeys(source["name"] for source in sources)) or ["slice1.tif", "slice2.tif"]
    words = ["ddip-tf", "fit", *names, "--config", "run.yaml"]
    if len(names) == 1:
        words += ["--slices", ",".join(str(source.get("page", 0)) for source in sources)]
    datasets = {str(source["dataset"]) for source in sources if source.get("dataset")}
    words += ["--dataset", *datasets] if len(datasets) == 1 else []
    if crop := manifest.get("crop"):
        words += ["--crop", ",".join(f"{start}:{end}" for start, end in crop)]
    if record := manifest.get("from_complex"):
        words += ["--quantity", str(record["quantity"])]
    for guide in manifest.get("guides") or ():
        words += ["--guide", f"slice{guide['slice']}={guide['name']}"]
    if "runs" in manifest:
        words += ["--runs", str(len(manifest["runs"]))]
    return shlex.join(words)
