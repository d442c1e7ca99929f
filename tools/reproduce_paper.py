"""The paper's studies on one pair of slices: γ (Figs. 3 and 4), edge resolution (Fig. 5), uncertainty (Fig. 6).

    python tools/reproduce_paper.py -o OUT --workers 2                                  # a part of the pair that ships
    python tools/reproduce_paper.py slice1.tif slice2.tif -o OUT --epochs 10000 --runs 20 --line 1:80,40:80,72 \\
        -- --crop 0:272,0:272

OUT gets two sweeps, shallow/ (all γ, --runs seeds) and kernel/ (one seed), each with a page of its own, and
report.html: what they gave beside what the paper says. What follows "--" goes to ddip-tf sweep. Call it again to go
on after an interruption. By default 16 fits of 64 x 96 pixels and 600 epochs, about ten minutes on two cores; in
full (10,000 epochs, 20 seeds, the whole slices) 84 fits: hours on a GPU, weeks on two cores.
"""

from __future__ import annotations

import csv
import html
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import numpy as np

import ddip_tf
from ddip_tf.archive.manifest import load_manifest
from ddip_tf.archive.run import archived
from ddip_tf.errors import InputError, RunError
from ddip_tf.quality.edge_resolution import edge_resolution
from ddip_tf.report import image_figures
from ddip_tf.report.render import source
from ddip_tf.workflows import sweep_page

DEMO = Path(ddip_tf.__file__).with_name("demo_data")
#: part of the pair that ships, and lines across edges in it: slice, then y0,x0:y1,x1
DEMO_CROP = ("--crop", "0:64,72:168")
DEMO_LINES = ("1:15,31:15,53", "2:14,46:34,46")
GAMMAS = {"shallow": "0.04,0.1,0.2,0.4", "kernel": "0.1,0.4,0.5,1.0"}
PROGRAM = "from ddip_tf.cli import main; main()"


def run_sweep(mixing: str, runs: int, files: tuple[str, ...], out: Path, epochs: int, extra: list[str]) -> None:
    """One sweep of the paper's settings, resumed if it is there."""
    settings = ["--preset", "paper", "--mixing", mixing, "--gamma", GAMMAS[mixing], "--epochs", str(epochs)]
    command = [sys.executable, "-c", PROGRAM, "sweep", *files, "-o", str(out / mixing), *settings]
    done = subprocess.run([*command, "--runs", str(runs), "--resume", *extra], check=False)
    if done.returncode:
        sys.exit(done.returncode)


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """The sweep's table, numbers as numbers."""
    with (folder / "summary.csv").open() as file:
        rows = list(csv.DictReader(file))
    words = ("run", "status", "preset", "mixing")
    return [{k: v if k in words else float(v) for k, v in row.items() if v} for row in rows]


def gamma_study(out: Path) -> str:
    """α at each γ beside what the paper says of it."""
    cells = []
    for mixing in GAMMAS:
        for row in rows_of(out / mixing):
            if row["seed"] == 0 and "alpha1" in row:
                a, b = row["alpha1"], row["alpha2"]
                cells.append([mixing, f"{row['gamma']:g}", f"{a:.2f}|{b:.2f}", f"{a / b:.2f}"])
    says = (
        "Paper: a large α₁ and a small α₂ at every setting; with shallow filters and too large a γ (0.4), α₁/α₂ "
        "falls. Best: kernel γ 0.4 to 0.5, shallow 0.1 to 0.2. Pictures and spectra: "
        "<a href='shallow/report.html'>shallow</a>, <a href='kernel/report.html'>kernel</a>."
    )
    return f"<h2>γ (Figs. 3, 4)</h2><p>{says}</p>" + table(["mixing", "γ", "α₁|α₂", "α₁/α₂"], cells)


def resolution_study(out: Path, lines: tuple[str, ...]) -> str:
    """FWHM at each line, of the input and of the shallow γ = 0.1 output."""
    run = out / "shallow/runs/shallow-g0.1-s0"
    size = load_manifest(run)["pixel_size_m"]
    inputs, outputs = archived(run)
    cells, pictures = [], []
    for number, text in enumerate(lines, 1):
        index, *points = text.split(":")
        start, end = ((float(y), float(x)) for y, x in (point.split(",") for point in points))
        row = [f"slice {index}, {text.partition(':')[2]}"]
        for kind, images in (("input", inputs), ("output", outputs)):
            image = images[int(index) - 1]
            try:
                edge = edge_resolution(image, start, end, band=5, pixel_size_m=size)
            except InputError as error:
                row.append(str(error))
                continue
            row.append(image_figures.width_of(edge))
            name = f"edge{number}-{kind}.png"
            image_figures.draw_edge(image, (start, end), edge, out / name, size)
            pictures.append(f"<p>{row[0]}, {kind}</p><img src='{name}' alt='' width=620>")
        cells.append(row)
    says = "Paper (ZP/NiO, shallow, γ 0.1): slice 1 6.1 nm; slice 2 67.9 nm where a ghost lay, 8.0 nm elsewhere."
    body = table(["line", "FWHM of the input", "FWHM of the output"], cells)
    return f"<h2>Edge resolution (Fig. 5)</h2><p>{says}</p>{body}{''.join(pictures)}"


def uncertainty_study(out: Path) -> str:
    """Mean deviation over seeds against γ, in units of the input's range."""
    groups = sweep_page.by_setting([row for row in rows_of(out / "shallow") if "fidelity" in row])
    cells = []
    for setting, rows in groups.items():
        inputs, _ = archived(out / "shallow/runs" / rows[0]["run"])
        try:
            deviation, confused = sweep_page.deviation_of(rows, out / "shallow")
        except RunError as error:
            cells.append([f"{setting[2]:g}", str(len(rows)), str(error), ""])
            continue
        means = deviation.mean((1, 2)) / np.ptp(inputs)
        cells.append([f"{setting[2]:g}", str(len(rows)), " | ".join(f"{m:.4f}" for m in means), str(confused)])
    says = (
        "Paper (Au/NiO, 20 runs a γ, slice 2): the mean deviation rises from γ 0.04 to 0.4 and is about 0.04 at 0.2, "
        "where the image mean is 0.68; none of 80 runs confused the slices."
    )
    head = ["γ", "seeds", "mean deviation, slice 1 | slice 2 … (range of the inputs: 1)", "confused"]
    return f"<h2>Uncertainty (Fig. 6)</h2><p>{says}</p>{table(head, cells)}"


def table(head: list[str], rows: list[list[str]]) -> str:
    """An HTML table of text."""
    lines = ["<tr>" + "".join(f"<th>{cell}</th>" for cell in head) + "</tr>"]
    lines += ["<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows]
    return f"<table>{''.join(lines)}</table>"


@click.command(help=__doc__.split("\n")[0] if __doc__ else None)
@click.argument("files", nargs=-1)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder for sweeps and page.")
@click.option("--epochs", default=600, show_default=True, help="The paper: 10000.")
@click.option("--runs", default=3, show_default=True, type=click.IntRange(min=2), help="Seeds a γ (Fig. 6); 20.")
@click.option("--workers", default=1, show_default=True, help="Fits at a time.")
@click.option("--line", "lines", multiple=True, metavar="SLICE:Y0,X0:Y1,X1", help="Across an edge; may be repeated.")
def main(files: tuple[str, ...], output: Path, epochs: int, runs: int, workers: int, lines: tuple[str, ...]) -> None:
    cut = next((i for i, file in enumerate(files) if file.startswith("--")), len(files))
    slices, extra = files[:cut], [*files[cut:], "--workers", str(workers)]
    shipped = not slices
    if shipped and "--crop" not in extra:
        extra = [*DEMO_CROP, *extra]
    slices = slices or (str(DEMO / "slice1.tif"), str(DEMO / "slice2.tif"))
    output.mkdir(parents=True, exist_ok=True)
    run_sweep("shallow", runs, slices, output, epochs, extra)
    run_sweep("kernel", 1, slices, output, epochs, extra)
    parts = [gamma_study(output), resolution_study(output, lines or (DEMO_LINES if shipped else ()))]
    parts.append(uncertainty_study(output))
    names = html.escape(", ".join(Path(file).name for file in slices))
    intro = (
        f"<h1>The paper's studies on {names}</h1><p>{epochs} epochs, {runs} seeds a γ (paper: 10,000 and 20), other "
        "data than the paper's: compare trends, not values. Paper: Du, Huang &amp; Jacobsen, "
        "J. Synchrotron Rad. 28 (2021).</p>"
    )
    text = f"<!doctype html><meta charset=utf-8><title>The paper's studies</title><style>{source('page.css')}</style>"
    (output / "report.html").write_text(f"{text}<main>{intro}{''.join(parts)}</main>")
    click.echo(output / "report.html")


if __name__ == "__main__":
    main()
