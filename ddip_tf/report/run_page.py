"""The page of a run: slices to compare and to measure in, curves, warnings and how to reproduce, in one HTML file.

The template and its scripts are in ``page/``; charts are drawn by uPlot (MIT licence), which lies there too.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ddip_tf import config
from ddip_tf._types import Floats, StrPath
from ddip_tf.archive.lock import replace_text
from ddip_tf.archive.manifest import numbers_of
from ddip_tf.archive.run import Run, open_run
from ddip_tf.errors import InputError, RunError
from ddip_tf.report import halves, image_data, many_slices, page_pictures, run_charts, scales
from ddip_tf.report.render import render
from ddip_tf.report.text import command, mixing_model, model_name, repeats
from ddip_tf.slices.numbering import listed, numbered
from ddip_tf.slices.separation import filter_pair

PAGE = "report.html"
#: pixels of all slices together that a page shows as they are; beyond, it shows means over squares
MOST_PIXELS = 1_500_000

CAPTIONS = {
    "input": "input",
    "output": "output",
    "ghost": "ghost: what was taken out as the other slices'",
    "smoothed": "smoothed: what no slice explains, taken by the prior",
    "deviation": "standard deviation over fits, black is 0",
    "spread": "spread over solutions from other first guesses, black is 0",
    "other reading": "the slice, if the other reading of their units is the true one",
    "decided by data": "what the data decide by themselves; the rest is the prior's",
}
#: the ghost's where nothing else was taken out
ALL_TAKEN = "ghost: input − output, what was taken out"
#: with 16 bits: the page computes with them
MEASURED = ("input", "output", "smoothed")


def write(run: StrPath) -> Path:
    """``report.html`` of the run folder ``run``: needs no network, no TensorFlow, and no other file.

    Raises
    ------
    InputError
        no run folder, or a file of it cannot be read.
    RunError
        the page cannot be written.
    """
    run = open_run(run)
    try:
        text = render("run.html", **_contents(run))
    except InputError:  # a ValueError, which says itself what is wrong
        raise
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise RunError(f"{run} is damaged, no page of it: {type(error).__name__} {str(error)[:200]}") from error
    return replace_text(run.path / PAGE, text)


def _contents(run: Run) -> dict[str, Any]:
    """What the template shows, by name."""
    manifest, inputs = run.manifest, run.inputs
    learned = {} if run.repeated else run.mixing
    views = _further_views(run, learned)
    parts = _parts(run, learned)
    binned = math.ceil(math.sqrt(inputs.size / MOST_PIXELS))
    height, width = image_data.binned(inputs[0], binned).shape
    whole = scales.of_run(manifest)
    shown = replace(whole, shape=(height * binned, width * binned))  # what is over at the ends is left out
    members = manifest.get("runs", [])
    return {
        "name": run.path.absolute().name,
        "run": shlex.quote(run.path.name or "."),
        "summary": _summary(manifest, whole),
        "scale": shown,
        "warnings": run.cautions,
        "data": {
            "height": height,
            "width": width,
            "binned": binned,
            "unit": whole.unit,
            "pixel_size_m": run.pixel_size_m,
            "length_m": run.pixel_size_m and shown.bar_px * run.pixel_size_m[1],
            "slices": _slices(run, views, binned),
            "numbers": list(run.numbers),
            "charts": parts.charts,
            "small": parts.small,
        },
        "captions": CAPTIONS if run.smoothed is not None else {**CAPTIONS, "ghost": ALL_TAKEN},
        "handle": round(max(height, width) / 60, 2),
        "many": len(inputs) > many_slices.FEW,
        "sources": _sources(manifest),
        "aside": [f"slice {one.number} ({one.value:.4g} {whole.unit})" for one in run.vacuum],
        "uncertainty": _uncertainty(manifest, views),
        "members": members,
        "pages": {one["name"] for one in members if run.file(f"runs/{one['name']}/{PAGE}").exists()},
        "sections": parts.sections,
        "command": command(manifest),
        "config": config.FitConfig.from_dict(manifest["config"]).to_yaml(),
        "facts": _facts(manifest),
        "files": list(manifest["files"].items()),
    }


@dataclass
class _Parts:
    """Sections of the page under the slices; their charts and small pictures are counted through the page."""

    sections: list[tuple[Any, ...]] = field(default_factory=list)
    charts: list[run_charts.Chart] = field(default_factory=list)
    small: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self,
        heading: str,
        note: str,
        charts: Sequence[run_charts.Chart] = (),
        small: Sequence[dict[str, Any]] = (),
        table: Sequence[tuple[str, str]] = (),
    ) -> None:
        """A section, unless there is nothing to show in it."""
        if charts or small or note:
            firsts = (len(self.charts), len(charts)), (len(self.small), len(small))
            places = (list(range(first, first + count)) for first, count in firsts)
            self.sections.append((heading, note, table, *places))
            self.charts += charts
            self.small += small


def _parts(run: Run, learned: Mapping[str, Floats]) -> _Parts:
    """What was learned, losses, halves of the scan and spectra."""
    manifest, inputs, outputs, size = run.manifest, run.inputs, run.outputs, run.pixel_size_m
    parts = _Parts()
    parts.add("Mixing", *_mixing(manifest, learned), _models(manifest))
    parts.add("Loss", "", run_charts.losses(run.members or [run]))
    if measured := manifest.get("halves"):
        charts, table = run_charts.halves(measured, size, run.numbers), halves.table(measured, run.numbers)
        parts.add("Two halves of the scan", " ".join(halves.SENTENCES), charts, table=table)
    curves = run_charts.spectra(inputs, outputs, size, run.numbers)
    parts.add("Power spectra", SPECTRA, curves, page_pictures.spectra(inputs, outputs, size, run.numbers))
    return parts


def _slices(run: Run, views: Mapping[str, Floats], binned: int) -> list[dict[str, Any]]:
    """The pictures of each slice, by name, in means over ``binned`` pixels a side; nothing smoothed is no picture."""
    kinds = {"input": run.inputs, "output": run.outputs}
    kinds |= {} if run.smoothed is None else {"smoothed": run.smoothed}
    return [
        {
            name: _plane(image_data.binned(images[i], binned), name)
            for name, images in {**kinds, **views}.items()
            if name != "smoothed" or images[i].any()
        }
        for i in range(len(run.inputs))
    ]


SPECTRA = "Normalised by their sum. Pictures: (log10 P)^2.5, counted from 1e-10, zero frequency in the middle."


def _sources(manifest: Mapping[str, Any]) -> list[str]:
    """Of every slice its file, and which of the file's slices it sums."""
    names = [source["name"] for source in manifest["inputs"]] or [""] * manifest["slices"]
    groups = manifest.get("summed") or [()] * len(names)
    return [
        f"{name}, sum of slices {listed(group)}" if group else name for name, group in zip(names, groups, strict=True)
    ]


def _plane(image: Floats, name: str) -> dict[str, Any]:
    plane = image_data.encode(image, 16 if name in MEASURED else 8)
    return plane | ({"top": scales.grey_range(image, name)[1]} if name in scales.FROM_ZERO else {})


def _further_views(run: Run, learned: Mapping[str, Floats]) -> dict[str, Floats]:
    """(N, H, W) each, by name: what else there is to see of every slice."""
    if run.repeated:
        return {"deviation": run.deviations}
    names = {"other reading": "other_reading", "spread": "spread", "decided by data": "decided"}
    return {view: learned[name] for view, name in names.items() if name in learned}


def _mixing(
    manifest: Mapping[str, Any], learned: Mapping[str, Floats]
) -> tuple[str, list[run_charts.Chart], list[dict[str, Any]]]:
    """A sentence on what the forward model learned, curves and kernels."""
    numbers, size, spacing = numbers_of(manifest), manifest["pixel_size_m"], manifest.get("spacing_m")
    if "transfer" in learned:
        note = "How much of each slice stands in the other, by spatial frequency; shaded: raw ± σ."
        if (crossover := manifest.get("crossover_px", 0)) > 0:
            note += f" Structure larger than about {crossover:.1f} pixels is told apart by the prior, not by the data."
        if model := mixing_model(manifest):
            note = f"{model[0].upper()}{model[1:]}. {note}"
        images = page_pictures.transfer(learned, size) if len(numbers) > many_slices.FEW else []
        if images:
            note = note.replace(
                "; shaded: raw ± σ", " and the distance of the two; shaded: least and most of the pairs"
            )
        return note, [run_charts.transfer(learned, size, numbers, spacing)], images
    if "matrix" not in learned:
        return "", [], []
    rows = "; ".join(
        f"slice {i}: " + ", ".join(f"{weight:.3f} of y{j}" for j, weight in zip(numbers, row, strict=True))
        for i, row in zip(numbers, learned["matrix"], strict=True)
    )
    kernels = {name: kernel for name, kernel in learned.items() if name.startswith("filter") and kernel.ndim == 2}
    note = f"Weights of eq. (3) at the end: {rows}."
    if manifest["config"]["mixing"] == "shallow":
        note += " The filters are networks: onnx/filter12.onnx, from slice 2 into slice 1, and so on."
    images = [
        page_pictures.small(kernel, f"kernel {_pair(name)}, {kernel.min():.3g} … {kernel.max():.3g}")
        for name, kernel in kernels.items()
    ]
    return note, [], images


def _models(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The models of mixing that were held against each other, best first, under a line of headings."""
    best_first = sorted(manifest.get("model_evidence", {}).items(), key=lambda item: -item[1])
    numbers = numbers_of(manifest)
    rows = [(numbered(model_name(name), numbers), f"{nats:+.1f} nats") for name, nats in best_first]
    return [("model", "evidence over none"), *rows] if rows else []


def _pair(name: str) -> str:
    """``1 ← 2`` for ``filter12``; a name that does not tell its pair as it is."""
    pair = filter_pair(name)
    return f"{pair[0] + 1} ← {pair[1] + 1}" if pair else name


def _summary(manifest: Mapping[str, Any], scale: scales.Scale) -> list[str]:
    settings, (height, width) = manifest["config"], manifest["shape"]
    by_transfer = settings["mixing"] == "transfer"
    prior = [f"prior {settings['prior']}"] if by_transfer else [f"γ {manifest.get('gamma')}"]
    last = [f"{name} {value:.3g}" for name, value in manifest["final"].items() if name in ("fidelity", "exclusion")]
    words = [
        f"{manifest['slices']} slices of {height} × {width}",
        *([f"field of view {scale.field}"] if scale.field else []),
    ]
    words += [
        f"values {'in ' if scale.unit != scales.AS_GIVEN else ''}{scale.unit}",
        f"mixing {settings['mixing']}",
        *prior,
    ]
    words += [] if manifest["epochs_done"] < 2 else [f"{manifest['epochs_done']} epochs"]
    return [*words, f"seed {settings['seed']}", *last, f"{manifest['status']} in {manifest['wall_time_s']:.0f} s"]


def _uncertainty(manifest: Mapping[str, Any], views: Mapping[str, Floats]) -> list[str]:
    sentences = []
    if "runs" in manifest:
        sentences.append(f"Outputs are the {repeats(manifest)} (in the unit of the input).")
    if "spread" in views:
        named = zip(numbers_of(manifest), views["spread"], strict=True)
        means = ", ".join(f"slice {i} {image.mean():.3g}" for i, image in named)
        sentences.append(f"Spread of the solutions that fit the data as well, mean over pixels: {means}.")
    if sentences:
        sentences.append(
            "Maps are beside each slice. They show what other starts change, not what all starts get wrong."
        )
    return sentences


def _facts(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    threads = manifest.get("threads") or {}
    facts = [(name, str(version)) for name, version in manifest["versions"].items()]
    facts += [("platform", manifest["platform"]), ("device", str(manifest.get("device", "?")))]
    facts += [(f"threads {name}", str(count)) for name, count in threads.items()]
    files: dict[str, list[int]] = {}
    for number, source in zip(numbers_of(manifest), manifest["inputs"], strict=False):
        files.setdefault(f"{source.get('sha256', '?')} {source['name']}", []).append(number)
    for file, numbers in files.items():
        facts.append((f"sha256 of slice{'s' if len(numbers) > 1 else ''} {listed(numbers)}", file))
    return facts
