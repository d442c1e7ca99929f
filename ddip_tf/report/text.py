"""What a run folder holds, a law says and a fit did, in lines of text; of files: `ddip_tf.report.file_text`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ddip_tf._types import StrPath
from ddip_tf.archive.manifest import numbers_of
from ddip_tf.archive.run import open_run
from ddip_tf.methods import networks_trained
from ddip_tf.report import halves, many_slices
from ddip_tf.slices.numbering import listed, numbered
from ddip_tf.slices.optics import frequency
from ddip_tf.slices.quantities import show_length
from ddip_tf.slices.separation import numbered_pair
from ddip_tf.transfer.model_lead import CLEAR, lead

if TYPE_CHECKING:
    from ddip_tf.slices.stack import SliceStack
    from ddip_tf.transfer.estimate import Transfer


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


def transfer(
    found: Transfer,
    pixel_size_m: tuple[float, float] | None = None,
    numbers: Sequence[int] = (),
    spacing_m: Sequence[float] | None = None,
) -> str:
    """T(k) as a table, what was assumed, and from which feature size on the data tell the slices apart.

    Slices go by their ``numbers`` (1 … N if left out); of many the table is by distance.
    """
    count = found.matrix.shape[-1]
    numbers = numbers or range(1, count + 1)
    k, unit = frequency(found.k, pixel_size_m)
    many = count > many_slices.FEW
    names = [] if many else [(i, j) for i in range(count) for j in range(count) if i != j]
    heads = (f"T{numbered_pair(numbers, i, j)} (raw ± σ)" for i, j in names)
    lines = [f"k ({unit})".rjust(14) + "".join(head.rjust(24) for head in heads)]
    if many:
        lines = many_slices.strength_table(found.matrix, k, unit, numbers, spacing_m)
    for band, frequency_of_band in enumerate([] if many else k):
        cells = []
        for i, j in names:
            raw, sigma = found.raw[band, i, j], found.sigma[band, i, j]
            cells.append(
                f"{found.matrix[band, i, j]:+.2f} ({raw:+.2f} ± {sigma:.2f})"
                if sigma < 1
                else f"{found.matrix[band, i, j]:+.2f} (undetermined)"
            )
        lines.append(f"{frequency_of_band:14.4g}" + "".join(cell.rjust(24) for cell in cells))
    if not found.mixed:
        lines.append("No mixing found: these slices are separate already.")
    elif found.crossover_px > 0:
        feature = f"{found.crossover_px:.1f} pixels"
        if pixel_size_m:
            feature += f" ({show_length(found.crossover_px * float(np.mean(pixel_size_m)), 3)})"
        lines.append(f"Features smaller than about {feature} are told apart by the data; larger ones need a prior.")
    assumed = {"sum": "columns sum to one (the projected phase is kept)", "diagonal": "unit diagonal"}
    lines.append(f"Assumed: {assumed.get(found.normalisation, found.normalisation)}.")
    return "\n".join([*lines, *(f"Warning: {numbered(caution.text, numbers)}" for caution in found.warnings)])


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
    if nats >= 0:
        said += f", {nats:.0f} nats ahead of the next"
    elif -nats < CLEAR:
        said += f"; {model_name(rival)} leads by {-nats:.1f} nats only"
    else:
        said += f"; {model_name(rival)} leads by {-nats:.0f} nats, but is not believed: see the warnings"
    if "gains" in facts:
        return f"{said}; slices in units of their own, {', '.join(f'{gain:.2f}' for gain in facts['gains'])}"
    gain = facts.get("gain", 1.0)
    said = said if gain == 1 else f"{said}; slice 1 in a unit of its own, {gain:.2f} of slice 2's"
    return numbered(said, facts.get("numbers") or ())


def work_done(manifest: Mapping[str, Any]) -> str:
    """What a fit did: ``750 epochs``, or the model of mixing, that T(k) was estimated, and what came of it."""
    epochs = f"{manifest['epochs_done']} epochs"
    if manifest["config"]["mixing"] != "transfer":
        return epochs
    model = mixing_model(manifest)
    return f"{model}\n{_transfer_used(manifest, epochs)}" if model else _transfer_used(manifest, epochs)


def _transfer_used(manifest: Mapping[str, Any], epochs: str) -> str:
    if not manifest.get("mixed", True):
        return "T(k) estimated, nothing to separate"
    if _trained(manifest):
        return f"T(k) estimated, networks trained for {epochs}"
    return "T(k) estimated and solved"


def _trained(manifest: Mapping[str, Any]) -> bool:
    """Whether networks have a part in the slices: one that goes on from a solution (prior deep) may have none."""
    return networks_trained(manifest["config"]) and manifest.get("network_weight") != 0


def repeats(manifest: Mapping[str, Any]) -> str:
    """How many repeated fits went into a mean, and how far they deviate."""
    used = sum(member["used"] for member in manifest["runs"])
    deviations = ", ".join(
        f"slice {i} {value:.3g}" for i, value in zip(numbers_of(manifest), manifest["mean_deviation"], strict=True)
    )
    return f"mean of {used} of {len(manifest['runs'])} fits; mean standard deviation: {deviations}"


def run(path: StrPath) -> str:
    """What a run folder was made from, how, and how it ended. Raises InputError if it is none."""
    opened = open_run(path)
    manifest = opened.manifest
    config = manifest["config"]
    names = _names(manifest["inputs"]) or "arrays"
    fitted = f", prior {config['prior']}" if config["mixing"] == "transfer" else f", γ {manifest.get('gamma')}"
    if _trained(manifest) and (config["mixing"] != "transfer" or manifest.get("mixed", True)):
        fitted += f", {manifest['epochs_done']} epochs, seed {config['seed']}"
    model = mixing_model(manifest)
    lines = [
        f"{path}: {manifest['slices']} slices of {manifest['shape'][0]} x {manifest['shape'][1]}, from {names}"
        + whose(manifest),
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


def whose(manifest: Mapping[str, Any]) -> str:
    """Which slices of their file they are, in brackets; empty where they are all, one by one."""
    numbers, groups = numbers_of(manifest), manifest.get("summed")
    if groups:
        return f" (sums of slices {', '.join(listed(group) for group in groups)})"
    return "" if numbers == tuple(range(1, len(numbers) + 1)) else f" (slices {listed(numbers)} of it)"


def _pages(manifest: Mapping[str, Any]) -> str:
    """What ``--slices`` took of the one file of a fit, vacuum among it: ``0,3``, or ``8:12`` for many in a row."""
    if groups := manifest.get("summed"):
        pages = [number - 1 for group in groups for number in group]
    else:
        pages = [int(source.get("page", 0)) for source in manifest["inputs"]]
    aside = [one["page"] for one in manifest.get("vacuum") or ()]
    pages = sorted(pages + aside) if aside else pages
    in_a_row = pages == list(range(pages[0], pages[-1] + 1))
    return f"{pages[0]}:{pages[-1] + 1}" if in_a_row and len(pages) > many_slices.FEW else ",".join(map(str, pages))


def _names(sources: list[Mapping[str, Any]]) -> str:
    """The files of sources, each once."""
    return ", ".join(dict.fromkeys(str(source["name"]) for source in sources))


def command(manifest: Mapping[str, Any]) -> str:
    """The command that does a fit again, with its settings as run.yaml; files by name, ``--steps`` as they were."""
    sources = manifest["inputs"]
    names = list(dict.fromkeys(source["name"] for source in sources)) or ["slice1.tif", "slice2.tif"]
    words = ["ddip-tf", "fit", *names, "--config", "run.yaml"]
    if len(names) == 1:
        words += ["--slices", _pages(manifest)]
    if groups := manifest.get("summed"):
        words += ["--bin-slices", str(len(groups[0]))]
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
