"""What a file or a run folder holds, in lines of text."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ddip_tf._types import StrPath
from ddip_tf.archive.run import open_run
from ddip_tf.errors import InputError
from ddip_tf.formats import family_of, open_content
from ddip_tf.formats.content import Content
from ddip_tf.formats.gaps import finite_box, vacuum
from ddip_tf.methods import networks_trained
from ddip_tf.report import halves
from ddip_tf.slices.optics import HC_EV_M, depth_of_focus_m, electron_wavelength_m, frequency
from ddip_tf.slices.quantities import ELECTRONS_UNDER_M, beam, show_length, show_lengths
from ddip_tf.slices.separation import pair_name
from ddip_tf.transfer.model_lead import lead

if TYPE_CHECKING:
    from ddip_tf.slices.stack import SliceStack
    from ddip_tf.transfer.estimate import Transfer


def file(
    path: StrPath,
    family: str | None = None,
    dataset: str | None = None,
    slice_axis: str | None = None,
    *,
    energy: str | None = None,
    electrons: bool = False,
    wavelength_m: float | None = None,
    pixel_size_m: float | None = None,
    spacing_m: float | None = None,
    resolution_m: float | None = None,
) -> str:
    """Format, shape, quantity, pixel size, spacing, wavelength, depth of focus and value ranges of a file.

    Lengths in metres, ``energy`` as `ddip_tf.quantities.beam` takes it; what is given wins over what the file says.
    Raises InputError if the file is unreadable, or an energy and a wavelength are given.
    """
    content = open_content(path, family, dataset, slice_axis)
    images = content.images
    size = (pixel_size_m, pixel_size_m) if pixel_size_m else content.pixel_size_m
    spacing = (spacing_m,) * (len(images) - 1) if spacing_m else content.spacing_m
    wavelength, whose = _beam(content, size, energy, electrons, wavelength_m)
    last = ", slice axis last" if content.slice_axis == "last" else ""
    lines = [
        f"{Path(path).name}: {len(images)} image(s) of {images.shape[1]} x {images.shape[2]}, {images.dtype}, "
        f"format {family_of(path, family, dataset)}{last}",
        "quantity   " + _quantity(images.dtype),
        "pixel size " + (show_lengths(size, " x ") if size else "not stated"),
        "spacing    " + (show_lengths(spacing) if spacing else "not stated"),
        "wavelength " + (f"{show_length(wavelength)}{whose}" if wavelength else "not stated"),
    ]
    if content.scanned:
        (y0, y1), (x0, x1) = content.scanned
        lines.append(f"scanned    {y0}:{y1},{x0}:{x1}")
    lines += depth_of_focus(wavelength, resolution_m or (max(size) if size else None), spacing)
    lines += [f"slice {number}: {_values(image)}" for number, image in enumerate(images, 1)]
    if not np.isfinite(images).all():
        box = finite_box(images)
        where = f"--crop {','.join(f'{start}:{end}' for start, end in box)}" if box else "--crop to a part without them"
        lines.append(f"Pixels that are NaN or infinite are not separated: {where}.")
    return "\n".join([*lines, *(f"Note: {sentence}" for sentence in content.notes)])


def _beam(
    content: Content, size: tuple[float, float] | None, energy: str | None, electrons: bool, wavelength_m: float | None
) -> tuple[float | None, str]:
    """The wavelength in metres, and what to say of the beam."""
    if energy and wavelength_m:
        raise InputError("--energy and --wavelength say the same thing: give one of them")
    if wavelength_m:
        return wavelength_m, ""
    likely = electrons or bool(content.electrons) or bool(size and max(size) < ELECTRONS_UNDER_M)
    if energy:
        found = beam(energy, electrons=likely)
        return (
            found.wavelength_m,
            f" ({'electrons' if found.electrons else 'photons'}, {found.energy_ev / 1e3:.5g} keV)",
        )
    if electrons and content.electrons is False and content.wavelength_m:
        return electron_wavelength_m(HC_EV_M / content.wavelength_m), " (electrons)"
    return content.wavelength_m, {True: " (electrons)", False: " (photons)", None: ""}[content.electrons]


def _quantity(kind: np.dtype) -> str:
    if kind.kind == "c":
        return "complex objects: phase in rad, and magnitude"
    return "real images, taken as phase in rad" if kind.kind == "f" else "whole numbers: scaled, not rad"


def _values(image: np.ndarray) -> str:
    """Ranges of an image (H, W), of its finite pixels."""
    known = image[np.isfinite(image)]
    missing = image.size - known.size
    gap = f", NaN or infinite in {missing} pixels ({100 * missing / image.size:.0f} %)" if missing else ""
    if not known.size:
        return gap[2:]
    values = np.abs(known) if np.iscomplexobj(image) else known
    kind = "magnitude " if np.iscomplexobj(image) else ""
    low, mean, high, spread = (float(f(values)) for f in (np.min, np.mean, np.max, np.std))
    phase = f", phase {np.angle(known).min():.3g} … {np.angle(known).max():.3g} rad" if kind else ""
    same = ", the same everywhere: left out of a fit" if vacuum(image) else ""
    return f"{kind}{low:.4g} … {high:.4g}, mean {mean:.4g}, deviation {spread:.4g}{phase}{gap}{same}"


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
    lines = [f"depth of focus {show_length(depth, 3)} (eq. 1) at a resolution of {show_length(resolution_m, 3)}"]
    if spacing_m:
        closest = min(spacing_m)
        share = closest / depth
        fresnel = show_length(float(np.sqrt(wavelength_m * closest)), 3)
        verdict = (
            "under one: the data hardly tell these slices apart"
            if share < 1
            else f"expect ghosts of structure larger than a few times √(λ · spacing) = {fresnel}"
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
            feature += f" ({show_length(law.crossover_px * float(np.mean(pixel_size_m)), 3)})"
        lines.append(f"Features smaller than about {feature} are told apart by the data; larger ones need a prior.")
    assumed = {"sum": "columns sum to one (the projected phase is kept)", "diagonal": "unit diagonal"}
    lines.append(f"Assumed: {assumed.get(law.normalisation, law.normalisation)}.")
    return "\n".join([*lines, *(f"Warning: {caution}" for caution in law.warnings)])


#: what the models of mixing assume, by the names that a manifest has (`ddip_tf.transfer.ladder`)
MODELS = {
    "none": "none",
    "one-sided 2": "a ghost of slice 1 in slice 2",
    "one-sided 1": "a ghost of slice 2 in slice 1",
    "free start": "free start (columns of T sum to one)",
    "full": "any T",
}


def model_name(name: str) -> str:
    """A model of mixing in words."""
    return MODELS.get(name, name)


def mixing_model(facts: Mapping[str, Any]) -> str | None:
    """``mixing model: …``, how far it leads and the gain it found, of a manifest or a provenance; None for other fits.

    A model that is not clear enough is not taken: then none is, though it comes second.
    """
    chosen = facts.get("model", "")
    ahead = lead(chosen, facts.get("model_evidence", {}))
    if ahead is None:
        return None
    nats, rival = ahead
    said = f"mixing model: {model_name(chosen)}"
    said += (
        f", {nats:.0f} nats ahead of the next" if nats >= 0 else f"; {model_name(rival)} leads by {-nats:.1f} nats only"
    )
    if "gains" in facts:
        return f"{said}; slices in units of their own, {', '.join(f'{gain:.2f}' for gain in facts['gains'])}"
    gain = facts.get("gain", 1.0)
    return said if gain == 1 else f"{said}; slice 1 in a unit of its own, {gain:.2f} of slice 2's"


def work_done(manifest: Mapping[str, Any]) -> str:
    """What a fit did: ``750 epochs``, or the model of mixing, that T(k) was estimated, and what came of it."""
    epochs = f"{manifest['epochs_done']} epochs"
    if manifest["config"]["mixing"] != "transfer":
        return epochs
    model = mixing_model(manifest)
    return f"{model}\n{_law_used(manifest, epochs)}" if model else _law_used(manifest, epochs)


def _law_used(manifest: Mapping[str, Any], epochs: str) -> str:
    if not manifest.get("mixed", True):
        return "T(k) estimated, nothing to separate"
    if networks_trained(manifest["config"]):
        return f"T(k) estimated, networks trained for {epochs}"
    return "T(k) estimated and solved"


def repeats(manifest: Mapping[str, Any]) -> str:
    """How many repeated fits went into a mean, and how far they deviate."""
    used = sum(member["used"] for member in manifest["runs"])
    deviations = ", ".join(f"slice {i} {value:.3g}" for i, value in enumerate(manifest["mean_deviation"], 1))
    return f"mean of {used} of {len(manifest['runs'])} fits; mean standard deviation: {deviations}"


def run(path: StrPath) -> str:
    """What a run folder was made from, how, and how it ended. Raises InputError if it is none."""
    opened = open_run(path)
    manifest = opened.manifest
    config = manifest["config"]
    names = ", ".join(source["name"] for source in manifest["inputs"]) or "arrays"
    fitted = f", prior {config['prior']}" if config["mixing"] == "transfer" else f", γ {manifest.get('gamma')}"
    if networks_trained(config) and (config["mixing"] != "transfer" or manifest.get("mixed", True)):
        fitted += f", {manifest['epochs_done']} epochs, seed {config['seed']}"
    model = mixing_model(manifest)
    lines = [
        f"{path}: {manifest['slices']} slices of {manifest['shape'][0]} x {manifest['shape'][1]}, from {names}",
        f"status     {manifest['status']} in {manifest['wall_time_s']:.0f} s",
        f"mixing     {config['mixing']}{fitted}",
        *([f"model      {model.removeprefix('mixing model: ')}"] if model else []),
        "final      " + ", ".join(f"{name} {value:.4g}" for name, value in manifest["final"].items()),
        *([f"repeats    {repeats(manifest)}"] if "runs" in manifest else []),
        *([f"start      {_names(manifest['start'])}"] if manifest.get("start") else []),
        *halves.lines(manifest),
        f"made with  ddip-tf {manifest['versions'].get('ddip-tf', '?')} on {manifest['platform']}",
        *(f"Warning: {caution}" for caution in opened.cautions),
    ]
    return "\n".join(lines)


def _names(sources: list[Mapping[str, Any]]) -> str:
    """The files of sources, each once."""
    return ", ".join(dict.fromkeys(str(source["name"]) for source in sources))


def command(manifest: Mapping[str, Any]) -> str:
    """The command that does a fit again, with its settings as run.yaml; files by name, ``--steps`` as they were."""
    sources = manifest["inputs"]
    names = list(dict.fromkeys(source["name"] for source in sources)) or ["slice1.tif", "slice2.tif"]
    words = ["ddip-tf", "fit", *names, "--config", "run.yaml"]
    if len(names) == 1:
        words += ["--slices", ",".join(str(source.get("page", 0)) for source in sources)]
    datasets = {str(source["dataset"]) for source in sources if source.get("dataset")}
    words += ["--dataset", *datasets] if len(datasets) == 1 else []
    words += ["--slice-axis", str(sources[0]["slice_axis"])] if sources and sources[0].get("slice_axis") else []
    if crop := manifest.get("crop"):
        words += ["--crop", ",".join(f"{start}:{end}" for start, end in crop)]
    if record := manifest.get("from_complex"):
        words += ["--quantity", str(record["quantity"])]
    for guide in manifest.get("guides") or ():
        words += ["--guide", f"slice{guide['slice']}={guide['name']}"]
    for flag in ("start", "half"):
        for name in dict.fromkeys(str(source["name"]) for source in manifest.get(flag) or ()):
            words += [f"--{flag}", name]
    if "runs" in manifest:
        words += ["--runs", str(len(manifest["runs"]))]
    return shlex.join(words)
