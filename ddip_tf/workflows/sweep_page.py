"""The page of a sweep: small multiples in the manner of the paper's Figs. 3, 4 and 6, in one HTML file."""

from __future__ import annotations

import base64
import functools
import html
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ddip_tf._types import Floats
from ddip_tf.archive.lock import replace_text
from ddip_tf.archive.manifest import MANIFEST
from ddip_tf.archive.run import Run
from ddip_tf.errors import RunError
from ddip_tf.quality import power_spectrum, repeatability
from ddip_tf.report import image_data
from ddip_tf.slices.display import display_range
from ddip_tf.workflows.suggestion import Suggestion

PAGE = "report.html"
#: pixels a side of the page's pictures, at most; larger images are shown as means over squares
MOST_SIDE = 512
Row = Mapping[str, Any]

STYLE = """body{font:14px/1.45 system-ui,sans-serif;margin:2em auto;max-width:76em;padding:0 1em;color:#222}
h1{font-size:1.5em}h2{font-size:1.15em;margin:2em 0 .4em}p{max-width:52em}
.row{display:grid;grid-template-columns:11em repeat(var(--n),minmax(0,15em));gap:.5em;margin:.5em 0;align-items:center}
figure{margin:0;position:relative}figure img{width:100%;display:block;image-rendering:pixelated}
figcaption{position:absolute;top:0;right:0;background:#000a;color:#fff;padding:0 .4em;font-size:12px}
table{border-collapse:collapse;font-size:12.5px}td,th{padding:.15em .6em;text-align:right;border-bottom:1px solid #ddd}
td:first-child,th:first-child,td:nth-child(2),th:nth-child(2){text-align:left;white-space:nowrap}.head{font-weight:600;font-size:12.5px}
.wide{overflow-x:auto}.bad{color:#a00}.pick{background:#efe}svg,.plot{max-width:34em;width:100%}"""


def write(rows: Sequence[Row], folder: Path, advice: Suggestion | None = None) -> Path:
    """``report.html`` of the sweep in ``folder``, from the rows of its table and its run folders.

    Every setting gets a row of pictures: the slices of its first seed, with α, and the last slice's power spectrum as
    (log10 P)^2.5; settings with two seeds or more also get deviation maps. ``advice`` stands on top.

    Raises RunError if it cannot be written.
    """
    finished = [row for row in rows if "fidelity" in row]
    failed = [row for row in rows if row["status"].startswith("failed")]
    state = f"{len(finished)} of {len(rows)} fits done" + (f", {len(failed)} failed" if failed else "")
    parts = [f"<h1>Sweep {html.escape(folder.name)}</h1><p>{state}.</p>"]
    if advice:
        said = f"{html.escape(advice.reason)} Figures without truth: look before you believe them."
        parts.append(f"<h2>Look first at {html.escape(advice.run)}</h2><p>{said}</p>")
    chosen = advice.run if advice else ""
    groups = by_setting(finished)
    if finished:
        parts.append(_study(groups, folder, chosen))
        parts.append(_uncertainty(groups, folder))
    parts.append(_table(rows, chosen))
    text = f"<!doctype html><html lang=en><meta charset=utf-8><title>Sweep {html.escape(folder.name)}</title>"
    return replace_text(folder / PAGE, f"{text}<style>{STYLE}</style>{''.join(parts)}</html>\n")


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


def _study(groups: Mapping[Any, list[Row]], folder: Path, chosen: str) -> str:
    first = folder / "runs" / next(iter(groups.values()))[0]["run"]
    count = Run(first).manifest["slices"]
    names = [*(f"slice {i + 1}" for i in range(count)), f"spectrum of slice {count}, (log10 P)^2.5"]
    head = "".join(f"<div class=head>{name}</div>" for name in ("", *names))
    lines = [
        _row(head, count + 1),
        _row("<div>input</div>" + _strip(first, _written_ns(first), "input", ""), count + 1),
    ]
    for setting, rows in groups.items():
        row = rows[0]
        run = folder / "runs" / row["run"]
        alpha = "|".join(f"{row[f'alpha{i + 1}']:.2f}" for i in range(count) if f"alpha{i + 1}" in row)
        more = f"<br>first of {len(rows)} seeds" if len(rows) > 1 else ""
        pick = " pick" if chosen in {one["run"] for one in rows} else ""
        strip = _strip(run, _written_ns(run), "output", f"α {alpha}" if alpha else "")
        lines.append(_row(f"<div>{label(setting)}{more}</div>{strip}", count + 1, pick))
    note = "Slices in [μ − 4σ, μ + 4σ]; α₁|α₂ at the upper right."
    return f"<h2>What γ and the mixing do</h2><p>{note}</p>{''.join(lines)}"


def _uncertainty(groups: Mapping[Any, list[Row]], folder: Path) -> str:
    lines, means = [], {}
    for setting, rows in groups.items():
        if len(rows) < 2:
            continue
        names = tuple(row["run"] for row in rows)
        written = tuple(_written_ns(folder / "runs" / name) for name in names)
        found = _deviation_maps(folder, names, written)
        if isinstance(found, str):
            lines.append(f"<p class=bad>{label(setting)}: {found}</p>")
            continue
        maps, means[setting], confused = found
        left_out = f"<br>{confused} confused, left out" if confused else ""
        head = f"<div>{label(setting)}<br>{len(rows)} seeds{left_out}</div>"
        lines.append(_row(head + maps, len(means[setting])))
    if not lines:
        return ""
    plot = f"<p><img class=plot alt='mean deviation against γ' src='{_means_plot(means)}'></p>" if means else ""
    note = "Standard deviation over seeds at each pixel, in the unit of the input; black is 0, one scale a row."
    return f"<h2>Uncertainty: other random starts</h2><p>{note}</p>{''.join(lines)}{plot}"


def _means_plot(means: Mapping[Any, Floats]) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.4, 3.2), layout="constrained", dpi=100)
    axis = figure.subplots()
    for preset, mixing in dict.fromkeys((p, m) for p, m, gamma in means if gamma is not None):
        curve = {gamma: values for (p, m, gamma), values in means.items() if (p, m) == (preset, mixing)}
        gammas = sorted(curve)
        for i in range(len(curve[gammas[0]])):
            axis.plot(gammas, [curve[gamma][i] for gamma in gammas], "o-", label=f"{mixing}, slice {i + 1}")
    axis.set(xlabel="γ", ylabel="mean standard deviation", ylim=(0, None))
    if axis.lines:
        axis.legend(frameon=False, fontsize=8)
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return _data_uri(stream.getvalue())


def _table(rows: Sequence[Row], chosen: str) -> str:
    columns = list(dict.fromkeys(name for row in sorted(rows, key=len, reverse=True) for name in row))
    lines = ["<tr>" + "".join(f"<th>{name.replace('_', ' ')}</th>" for name in columns) + "</tr>"]
    for row in rows:
        cells = [_cell(name, row.get(name)) for name in columns]
        kind = "pick" if row["run"] == chosen else "bad" if row["status"].startswith("failed") else ""
        lines.append(f"<tr class='{kind}'>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return f"<h2>All fits</h2><div class=wide><table>{''.join(lines)}</table></div>"


def _cell(name: str, value: Any) -> str:
    text = "" if value is None else f"{value:.4g}" if isinstance(value, float) else html.escape(str(value))
    return f"<a href='runs/{text}/report.html'>{text}</a>" if name == "run" else text


def _row(content: str, columns: int, kind: str = "") -> str:
    return f"<div class='row{kind}' style='--n:{columns}'>{content}</div>"


# The page is written after every fit: what is kept of a run, or of a setting's runs, is text, and their arrays go.
# `written_ns` tells a run that was done again.


@functools.lru_cache(maxsize=256)
def _strip(run: Path, written_ns: int, kind: str, note: str) -> str:
    """Pictures of a run's ``input`` or ``output``, with the last slice's power spectrum."""
    opened = Run(run)
    images = opened.inputs if kind == "input" else opened.outputs
    shown = [_figure(_png(image, *display_range(image)), note) for image in images]
    power = (
        power_spectrum.display(power_spectrum.power_spectrum(images[-1]))
        if np.ptp(images[-1])
        else np.zeros_like(images[-1])
    )
    return "".join([*shown, _figure(_png(power, 0.0, float(power.max())), "")])


@functools.lru_cache(maxsize=256)
def _deviation_maps(folder: Path, names: tuple[str, ...], written_ns: tuple[int, ...]) -> tuple[str, Floats, int] | str:
    """Maps of `deviation_of` the runs ``names``, means (N,), how many were left out; or why there are none."""
    try:
        deviation, confused = deviation_of([{"run": name} for name in names], folder)
    except RunError as error:
        return str(error)
    means = deviation.mean((1, 2))
    top = float(np.percentile(deviation, 99.5))
    pairs = zip(deviation, means, strict=True)
    return "".join(_figure(_png(one, 0.0, top), f"mean {mean:.3g}") for one, mean in pairs), means, confused


def _written_ns(run: Path) -> int:
    return (run / MANIFEST).stat().st_mtime_ns


def _figure(source: str, note: str) -> str:
    return f"<figure><img alt='' src='{source}'>" + (f"<figcaption>{note}</figcaption>" if note else "") + "</figure>"


def _png(image: Floats, low: float, high: float) -> str:
    from matplotlib.image import imsave

    stream, shown = io.BytesIO(), image_data.binned(image, math.ceil(max(image.shape) / MOST_SIDE))
    imsave(stream, shown, cmap="gray", vmin=low, vmax=max(high, low + 1e-30), format="png")
    return _data_uri(stream.getvalue())


def _data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()
