"""Every method on every pair (or triple) with known truth: one table, one figure.

    python tools/quality.py FOLDER -o OUT --methods input,fastica,kernel,shallow,transfer --epochs 500

FOLDER holds slice1.tif, slice2.tif, … and truth1, truth2, … (.npy or .tif), or folders that do. OUT gets quality.md
(the table), quality.json and quality.png. Each method runs in a process of its own, one after the other, so that
seconds and peak memory are its own; seconds are of the separation alone, after imports.

    python tools/quality.py FOLDER -o OUT --kinds all --seeds 0-3

judges the default preset on kinds of simulated data instead (`simulate.py --list`), each in FOLDER/KIND-sSEED,
simulated if it is not there: gains, harm with its bounds, share of what an oracle gains (`quality_matrix`). It goes on
where it was stopped. `--kinds found` takes whatever cases lie in FOLDER; `--kinds judged` the list that was written
down before it was run (`judged_lists.LISTS`).
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np
from oracle import transfer
from quality_matrix import run_matrix

from ddip_tf import config
from ddip_tf.errors import InputError
from ddip_tf.formats import read
from ddip_tf.quality import with_truth
from ddip_tf.report.figures import add_length
from ddip_tf.report.scales import Scale, of_stack
from ddip_tf.slices import SliceStack

PAPER = ("linear", "kernel", "shallow")
PRIORS = {"transfer": "tv", "transfer-dip": "dip", "transfer-null-dip": "null-dip", "transfer-deep": "deep"}
METHODS = ("input", "fastica", *PAPER, *PRIORS)
HC_KEV_M = 1.239841984e-9  # Planck's constant times the speed of light
BAND = (0.01, 0.12)  # cycles/pixel: where T(k) is held against the one fitted from truth


def separate(method: str, stack: SliceStack, epochs: int, threads: int | None) -> tuple[np.ndarray, dict[str, Any]]:
    """Slices (N, H, W) by a method, and the profiles of T(k) where it has one."""
    if method == "input":
        return stack.images, {}
    if method == "fastica":
        return fastica(stack.images), {}
    from ddip_tf import fit

    if method in PAPER:
        settings = config.preset("paper", mixing=method, epochs=epochs)
    else:
        settings = config.preset("deep" if method == "transfer-deep" else "default", prior=PRIORS[method])
    separation = fit(stack, settings, threads=threads)
    return separation.outputs, {
        name: separation.mixing[name] for name in ("k", "transfer") if name in separation.mixing
    }


def fastica(images: np.ndarray) -> np.ndarray:
    """The classical blind separation, on whole images (Hyvärinen 1999); components matched to slices by correlation."""
    from itertools import permutations

    from sklearn.decomposition import FastICA

    count = len(images)
    found = FastICA(count, random_state=0, whiten="unit-variance").fit_transform(images.reshape(count, -1).T).T
    like = np.corrcoef(found, images.reshape(count, -1))[:count, count:]
    order = max(permutations(range(count)), key=lambda p: sum(abs(like[p[i], i]) for i in range(count)))
    matched = zip(found[list(order)], images, strict=True)
    return np.stack([with_truth.affine_fit(component.reshape(image.shape), image) for component, image in matched])


def run(folder: Path, method: str, epochs: int, threads: int | None) -> tuple[dict[str, Any], np.ndarray]:
    """One method on one folder, in this process: a row of the table, and the images (N, H, W)."""
    import resource

    stack, truth = load(folder)
    if method in (*PAPER, *PRIORS):
        from ddip_tf import fit  # noqa: F401  (imports are not timed)
    began = time.perf_counter()
    images, mixing = separate(method, stack, epochs, threads)
    seconds = time.perf_counter() - began
    row: dict[str, Any] = {
        "pair": folder.name,
        "method": method if method not in PAPER else f"{method} ({epochs} epochs)",
        "slices": [asdict(one) for one in with_truth.score(images, truth)],
        "seconds": round(seconds, 2),
        "peak_memory_MB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    if mixing:
        inside = (mixing["k"] > BAND[0]) & (mixing["k"] < BAND[1])
        off = ~np.eye(len(stack), dtype=bool)
        difference = (mixing["transfer"] - transfer(stack.images, truth, mixing["k"])[1])[inside][:, off]
        row["transfer_error"] = round(float(np.sqrt(np.mean(difference**2))), 4)
    return row, images


def load(folder: Path) -> tuple[SliceStack, np.ndarray]:
    """Slices and truth (N, H, W) of a folder."""
    slices = sorted(folder.glob("slice*.tif"))
    truths = sorted(folder.glob("truth*.npy")) or sorted(folder.glob("truth*.tif"))
    if len(slices) != len(truths):
        raise InputError(f"{folder} has {len(slices)} slices and {len(truths)} truths")
    return read(*slices), read(*truths).images


def markdown(rows: list[dict[str, Any]]) -> str:
    """The table."""
    lines = [
        "| pair | method | slice | PSNR (dB) | SSIM | corr | leak | abs. error | T(k) error | s | MB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        for number, one in enumerate(row["slices"], 1):
            lines.append(
                f"| {row['pair']} | {row['method']} | {number} | {one['psnr']:.2f} | {one['ssim']:.3f} | "
                f"{one['correlation']:.3f} | {one['leak']:+.3f} | {one['error']:.4f} | "
                f"{row.get('transfer_error', '–')} | {row['seconds']} | {row['peak_memory_MB']} |"
            )
    return "\n".join(lines) + "\n"


def draw(path: Path, pictures: dict[str, dict[str, np.ndarray]], measures: dict[str, Scale]) -> None:
    """Every slice of every pair as a row, every method and the truth as a column."""
    from matplotlib.figure import Figure

    from ddip_tf.slices.display import display_range

    rows = [(pair, i) for pair, columns in pictures.items() for i in range(len(columns["truth"]))]
    names = list(next(iter(pictures.values())))
    figure = Figure(figsize=(2.2 * len(names), 2.3 * len(rows)), layout="constrained", dpi=80)
    axes = figure.subplots(len(rows), len(names), squeeze=False)
    for line, (pair, i) in zip(axes, rows, strict=True):
        for axis, name in zip(line, names, strict=True):
            image = pictures[pair][name][i]
            low, high = display_range(image)
            axis.imshow(image, cmap="gray", vmin=low, vmax=high)
            axis.set_axis_off()
            axis.set_title(f"{pair} {i + 1}: {name}", fontsize=7)
            add_length(axis, measures[pair], size=7)
    figure.savefig(path)


def draw_spacing(path: Path, rows: list[dict[str, Any]], folders: list[Path]) -> None:
    """PSNR and leak of every slice against the slices' distance, in um and in depths of focus (paper, eq. 1)."""
    from matplotlib.figure import Figure

    from ddip_tf.slices.optics import depth_of_focus_m

    about = {folder.name: json.loads((folder / "meta.json").read_text()) for folder in folders}
    figure = Figure(figsize=(9.6, 3.6), layout="constrained", dpi=100)
    axes = figure.subplots(1, 2)
    one = next(iter(about.values()))
    depth = depth_of_focus_m(one["pixel_size_m"], HC_KEV_M / one["energy_keV"])
    for method, style in zip(dict.fromkeys(row["method"] for row in rows), ("o--", "s-", "^-", "v-"), strict=False):
        mine = sorted((about[r["pair"]]["spacing_m"], r["slices"]) for r in rows if r["method"] == method)
        for i in range(len(mine[0][1])):
            spacing = [1e6 * at for at, _ in mine]
            label, colour = f"{method}, slice {i + 1}", f"C{i}"
            axes[0].plot(spacing, [found[i]["psnr"] for _, found in mine], style, color=colour, label=label)
            axes[1].plot(spacing, [abs(found[i]["leak"]) for _, found in mine], style, color=colour, label=label)
    for axis, name in zip(axes, ("PSNR (dB)", "|leak|"), strict=True):
        axis.set(xscale="log", xlabel="distance of the slices (µm)", ylabel=name)
        above = axis.secondary_xaxis("top", functions=(lambda x: 1e-6 * x / depth, lambda x: 1e6 * x * depth))
        above.set_xlabel("in depths of focus of one pixel")
    axes[1].set_ylim(0, 2)
    axes[0].legend(frameon=False, fontsize=8)
    figure.savefig(path)


@click.command(help=__doc__.split("\n")[0] if __doc__ else None)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder for table and figure.")
@click.option("--methods", default="input,fastica,transfer", show_default=True, help=f"Of {', '.join(METHODS)}.")
@click.option("--epochs", default=500, show_default=True, help="Of the paper's mixings.")
@click.option("--threads", type=int, help="CPU threads.")
@click.option("--spacing", is_flag=True, help="Also draw spacing.png: quality against meta.json's spacing_m.")
@click.option(
    "--kinds", metavar="NAME,…", help="Judge the default preset on these kinds: all, judged, found, names or patterns."
)
@click.option("--seeds", default="0-3", show_default=True, help="Of the kinds.")
@click.option("--fit-command", metavar="COMMAND", help="How to fit a kind; left out: in this process.")
@click.option("--simulator", metavar="PYTHON", help="The Python that has pty-chi; left out: this one.")
def main(
    folder: Path,
    output: Path,
    methods: str,
    epochs: int,
    threads: int | None,
    spacing: bool,
    kinds: str | None,
    seeds: str,
    fit_command: str | None,
    simulator: str | None,
) -> None:
    if kinds:
        run_matrix(folder, output, kinds, seeds, fit_command, simulator)
        return
    if not folder.is_dir():
        raise click.UsageError(f"there is no folder {folder}")
    chosen = methods.split(",")
    if unknown := set(chosen) - set(METHODS):
        raise click.UsageError(f"no method {', '.join(sorted(unknown))}; there are {', '.join(METHODS)}")
    folders = [folder] if (folder / "slice1.tif").exists() else sorted(p.parent for p in folder.glob("*/slice1.tif"))
    spawn = multiprocessing.get_context("spawn")
    rows, pictures, measures = [], {}, {}
    for pair in folders:
        stack, truth = load(pair)
        pictures[pair.name], measures[pair.name] = {"truth": truth}, of_stack(stack)
        for method in chosen:
            with ProcessPoolExecutor(1, mp_context=spawn) as fresh:
                row, images = fresh.submit(run, pair, method, epochs, threads).result()
            rows.append(row)
            pictures[pair.name][method] = images
            print(markdown([row]).split("\n", 2)[2], end="", flush=True)
    output.mkdir(parents=True, exist_ok=True)
    (output / "quality.md").write_text(markdown(rows))
    (output / "quality.json").write_text(json.dumps(rows, indent=1))
    draw(output / "quality.png", pictures, measures)
    if spacing:
        draw_spacing(output / "spacing.png", rows, folders)


if __name__ == "__main__":
    sys.exit(main())
