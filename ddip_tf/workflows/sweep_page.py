"""The page of a sweep: small multiples in the manner of the paper's Figs. 3, 4 and 6, in one HTML file.

Its template is in ``ddip_tf/report/page``, with the style of a run's page.
"""

from __future__ import annotations

import base64
import functools
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ddip_tf._types import Floats
from ddip_tf.archive.lock import replace_text
from ddip_tf.archive.manifest import MANIFEST, inside
from ddip_tf.archive.run import Run
from ddip_tf.errors import RunError
from ddip_tf.quality import repeatability
from ddip_tf.report import image_data, run_charts, scales
from ddip_tf.report.page_pictures import spectrum_picture
from ddip_tf.report.render import render
from ddip_tf.report.run_page import PAGE
from ddip_tf.workflows.suggestion import Suggestion

#: pixels a side of the page's pictures, at most; larger images are shown as means over squares
MOST_SIDE = 512
Row = Mapping[str, Any]


class Picture(NamedTuple):
    """A picture of the page, as text: its data, its bars (``scale`` None: no lengths), what stands below."""

    source: str
    proportion: float
    low: str
    high: str
    unit: str
    scale: scales.Scale | None
    caption: str
    note: str = ""


#: of pictures: what they are of, more about that, the pictures, and whether they are the run to look at first
Line = tuple[str, str, Sequence[Picture], bool]


def write(rows: Sequence[Row], folder: Path, advice: Suggestion | None = None) -> Path:
    """``report.html`` of the sweep in ``folder``, from the rows of its table and its run folders.

    Every setting gets a row of pictures: the slices of its first seed, with α, and the last slice's power spectrum as
    (log10 P)^2.5; settings with two seeds or more also get deviation maps. ``advice`` stands on top. Runs are links
    where they have a page.

    Raises RunError if it cannot be written.
    """
    finished = [row for row in rows if "fidelity" in row]
    failed = sum(row["status"].startswith("failed") for row in rows)
    groups, chosen = by_setting(finished), advice.run if advice else ""
    deviations, means = _uncertainty(groups, folder)
    columns = list(dict.fromkeys(name for row in sorted(rows, key=len, reverse=True) for name in row))
    unit = scales.of_run(Run(folder / "runs" / finished[0]["run"]).manifest).unit if finished else ""
    text = render(
        "sweep.html",
        name=f"Sweep {folder.name}",
        summary=[f"{len(finished)} of {len(rows)} fits done", *([f"{failed} failed"] if failed else [])],
        data={"charts": _means_charts(means, unit)},
        advice=advice,
        studied=_study(groups, folder, chosen) if finished else [],
        deviations=deviations,
        columns=columns,
        rows=[{"cells": [_cell(row.get(name)) for name in columns], "kind": _kind(row, chosen)} for row in rows],
        pages={row["run"] for row in rows if inside(folder, f"runs/{row['run']}/{PAGE}").exists()},
    )
    return replace_text(folder / PAGE, text)


def by_setting(rows: Sequence[Row]) -> dict[tuple[str, str, float | None], list[Row]]:
    """Rows by (preset, mixing, γ), each by seed, in the order of the table."""
    groups: dict[tuple[str, str, float | None], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["preset"], row["mixing"], row["gamma"]), []).append(row)
    return groups


def label(setting: tuple[str, str, float | None]) -> str:
    """``shallow, γ 0.1``."""
    return setting[1] if setting[2] is None else f"{setting[1]}, γ {setting[2]:g}"


def deviation_of(rows: Sequence[Row], folder: Path) -> tuple[Floats, int]:
    """Deviation (N, H, W) over the runs of one setting, and how many were left out. Raises RunError if none agree."""
    runs = [Run(folder / "runs" / row["run"]) for row in rows]
    outputs = [run.outputs for run in runs]
    members = repeatability.match(outputs, runs[0].inputs)
    return repeatability.combine(outputs, members)[1], sum(not member.used for member in members)


def _study(groups: Mapping[Any, list[Row]], folder: Path, chosen: str) -> list[Line]:
    first = folder / "runs" / next(iter(groups.values()))[0]["run"]
    count = Run(first).manifest["slices"]
    lines: list[Line] = [("input", "", _strip(first, _written_ns(first), "input"), False)]
    for setting, rows in groups.items():
        row = rows[0]
        run = folder / "runs" / row["run"]
        alphas = {i: f"α {row[f'alpha{i + 1}']:.2f}" for i in range(count) if f"alpha{i + 1}" in row}
        pictures = enumerate(_strip(run, _written_ns(run), "output"))
        strip = [one._replace(note=alphas.get(i, "")) for i, one in pictures]
        more = f"first of {len(rows)} seeds" if len(rows) > 1 else ""
        lines.append((label(setting), more, strip, chosen in {one["run"] for one in rows}))
    return lines


def _uncertainty(groups: Mapping[Any, list[Row]], folder: Path) -> tuple[list[Line | str], dict[Any, Floats]]:
    """Maps of every setting of several seeds, or why there are none; and their means (N,) by setting."""
    lines: list[Line | str] = []
    means = {}
    for setting, rows in groups.items():
        if len(rows) < 2:
            continue
        names = tuple(row["run"] for row in rows)
        found = _deviation_maps(folder, names, tuple(_written_ns(folder / "runs" / name) for name in names))
        if isinstance(found, str):
            lines.append(f"{label(setting)}: {found}")
            continue
        maps, means[setting], confused = found
        left_out = f", {confused} confused, left out" if confused else ""
        lines.append((label(setting), f"{len(rows)} seeds{left_out}", maps, False))
    return lines, means


def _means_charts(means: Mapping[Any, Floats], unit: str) -> list[run_charts.Chart]:
    """Mean deviation of every slice against γ, where the settings have one."""
    gammas = np.array(sorted({gamma for _, _, gamma in means if gamma is not None}))
    if not gammas.size:
        return []
    lines = []
    for preset, mixing in dict.fromkeys((p, m) for p, m, gamma in means if gamma is not None):
        curve = {gamma: values for (p, m, gamma), values in means.items() if (p, m) == (preset, mixing)}
        for i in range(len(next(iter(curve.values())))):
            found = np.array([curve[gamma][i] if gamma in curve else np.nan for gamma in gammas])
            lines.append(run_charts.line(f"{mixing}, slice {i + 1}", found) | {"marked": True})
    return [run_charts.chart("Mean standard deviation against γ", ("γ", gammas), f"deviation ({unit})", lines)]


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _kind(row: Row, chosen: str) -> str:
    return "pick" if row["run"] == chosen else "bad" if row["status"].startswith("failed") else ""


# The page is written after every fit: what is kept of a run, or of a setting's runs, is text, and their arrays go.
# `written_ns` tells a run that was done again.


@functools.lru_cache(maxsize=256)
def _strip(run: Path, written_ns: int, kind: str) -> tuple[Picture, ...]:
    """Pictures of a run's ``input`` or ``output``, with the last slice's power spectrum."""
    opened = Run(run)
    scale = scales.of_run(opened.manifest)
    images = opened.inputs if kind == "input" else opened.outputs
    shown = [
        _picture(image, scales.grey_range(image), scale, f"{kind} {number}") for number, image in enumerate(images, 1)
    ]
    if not np.ptp(images[-1]):
        return tuple(shown)
    power, words = spectrum_picture(images[-1], f"spectrum of {kind} {len(images)}", scale.pixel_size_m)
    one = _picture(power, (0.0, float(power.max())), scale, words)
    return (*shown, one._replace(scale=None, unit="(log10 P)^2.5"))


@functools.lru_cache(maxsize=256)
def _deviation_maps(
    folder: Path, names: tuple[str, ...], written_ns: tuple[int, ...]
) -> tuple[tuple[Picture, ...], Floats, int] | str:
    """Maps of `deviation_of` the runs ``names``, means (N,), how many were left out; or why there are none."""
    try:
        deviation, confused = deviation_of([{"run": name} for name in names], folder)
    except RunError as error:
        return str(error)
    means, scale = deviation.mean((1, 2)), scales.of_run(Run(folder / "runs" / names[0]).manifest)
    limits = scales.grey_range(deviation, "deviation")
    pairs = enumerate(zip(deviation, means, strict=True), 1)
    maps = tuple(_picture(one, limits, scale, f"slice {number}, mean {mean:.3g}") for number, (one, mean) in pairs)
    return maps, means, confused


def _written_ns(run: Path) -> int:
    return (run / MANIFEST).stat().st_mtime_ns


def _picture(image: Floats, limits: tuple[float, float], scale: scales.Scale, caption: str) -> Picture:
    from matplotlib.image import imsave

    low, high = limits
    stream, shown = io.BytesIO(), image_data.binned(image, math.ceil(max(image.shape) / MOST_SIDE))
    imsave(stream, shown, cmap="gray", vmin=low, vmax=max(high, low + 1e-30), format="png")
    source = "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
    proportion = round(shown.shape[1] / shown.shape[0] / scale.aspect, 5)
    return Picture(source, proportion, f"{low:.3g}", f"{high:.3g}", scale.unit, scale, caption)
